//! The system underneath: its traits, one for each subject, and one folder for each system that
//! implements them.
//!
//! Nothing here filters for the user, formats or prints. What comes as bytes is decoded in
//! [`decode`], by pure functions that are compiled and tested on every system.

mod bind;
mod close;
mod command;
pub mod decode;
mod ending;
mod error;
mod file;
#[cfg(target_os = "linux")]
mod linux;
mod replace;
mod system;
#[cfg(windows)]
mod windows;

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Gap, Namespace, OwnedSocket, OwnersFrom, Socket};

pub use close::CloseError;
pub use ending::Ending;
pub use error::{PlatformError, reason};
pub use file::{new_file, small_file, stdout_again, stdout_is_read};
#[cfg(target_os = "linux")]
pub use linux::Linux as ThisSystem;
pub use replace::{Readers, replace_file};
pub use system::{
    Control, Names, OpenProcess, Pause, Ports, Processes, Sockets, System, SystemRequest,
};
#[cfg(windows)]
pub use windows::Windows as ThisSystem;

#[cfg(not(any(target_os = "linux", windows)))]
compile_error!("portwho has platform layers for Linux and for Windows; this is another system");

/// Sockets, and what could not be read of them.
#[derive(Debug, Default)]
pub struct SocketTable {
    /// The sockets, each once, in no particular order.
    pub sockets: Vec<Socket>,
    /// What could not be read.
    pub gaps: Vec<Gap>,
}

/// Sockets of other network namespaces, and what those are called.
#[derive(Debug, Default)]
pub struct NamespaceTable {
    /// The sockets, each with its namespace, and what could not be read.
    pub table: SocketTable,
    /// The namespaces that could be found, by inode number.
    pub namespaces: BTreeMap<u64, Namespace>,
    /// Those whose sockets could be read.
    pub read: BTreeSet<u64>,
    /// Whether every process could be asked for its namespace.
    pub complete: bool,
}

/// Sockets with their owners, and what could not be seen of those.
#[derive(Debug, Default)]
pub struct OwnerTable {
    /// The sockets that were given, in no particular order, without those that closed meanwhile.
    pub sockets: Vec<OwnedSocket>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
    /// By which way they were searched; none where the table of sockets names them, or none was.
    pub from: Option<OwnersFrom>,
    /// The inodes of those of which the kernel counts as many references as these owners have descriptors.
    /// [`all_there`](crate::platform::Sockets::all_there) proves that they are all; of any other there may
    /// be more.
    pub counted: BTreeSet<u64>,
}
