//! The system underneath: one trait, and one folder for each system that implements it.
//!
//! Nothing here filters for the user, formats or prints. What comes as bytes is decoded in
//! [`decode`], by pure functions that are compiled and tested on every system.

mod bind;
mod close;
mod command;
pub mod decode;
mod ending;
mod error;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(windows)]
mod windows;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::time::Duration;

use crate::model::{
    About, Creator, Endpoint, Gap, Os, OwnedSocket, Particulars, Pid, PortRules, Process, Protocol,
    Reach, Scope, Signal, Socket, TcpSettings, Uid, Untrusted,
};

pub use close::CloseError;
pub use ending::Ending;
pub use error::{PlatformError, reason};
#[cfg(target_os = "linux")]
pub use linux::Linux as ThisSystem;
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
    /// The names of the namespaces that could be found, by inode number.
    pub names: BTreeMap<u64, Untrusted>,
    /// Whether every process could be asked for its namespace.
    pub complete: bool,
}

/// Sockets with their owners, and what could not be seen of those.
#[derive(Debug, Default)]
pub struct OwnerTable {
    /// The sockets that were given, in their order.
    pub sockets: Vec<OwnedSocket>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

/// What portwho needs of a system.
pub trait System {
    /// A process that was opened, so that its PID can no longer mean another one.
    type Process: OpenProcess;

    /// Which system it is.
    fn os(&self) -> Os;

    /// The sockets in `scope`, or more.
    ///
    /// # Errors
    /// When no table could be read at all. A table among several is a gap.
    fn sockets(&self, scope: &Scope) -> Result<SocketTable, PlatformError>;

    /// The sockets in `scope`, or more, of other network namespaces than portwho's own, as far as
    /// `reach` tells.
    ///
    /// # Errors
    /// When the namespaces cannot be listed, or the sockets of one cannot be read.
    fn sockets_elsewhere(
        &self,
        scope: &Scope,
        reach: Reach,
    ) -> Result<NamespaceTable, PlatformError>;

    /// Finds who holds each of `sockets`.
    fn owners(&self, sockets: Vec<Socket>) -> OwnerTable;

    /// Describes the processes among `pids` that still exist, as far as is asked for, or more.
    fn processes(&self, pids: &BTreeSet<Pid>, about: About) -> BTreeMap<Pid, Process>;

    /// The particulars of those among `pids` that still exist.
    fn particulars(&self, pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Particulars>;

    /// What is known of those who created sockets, by the sockets' cgroups; nothing for a group
    /// that is not visible from here, and nothing on systems without them.
    fn creators(&self, cgroups: &BTreeSet<u64>) -> BTreeMap<u64, Creator>;

    /// What the system has to say of ports beside their sockets.
    fn port_rules(&self, protocol: Protocol) -> PortRules;

    /// Binds a socket of `protocol` to `end`, on `interface` where one is meant, as a server would,
    /// and lets go of it at once.
    ///
    /// # Errors
    /// The system's answer, where it is no.
    fn try_bind(
        &self,
        protocol: Protocol,
        end: Endpoint,
        interface: Option<u32>,
    ) -> io::Result<()> {
        bind::attempt(protocol, end, interface)
    }

    /// How the system's TCP is set, and what it has counted.
    fn tcp_settings(&self) -> TcpSettings;

    /// The name of a user; none where it has none.
    fn user_name(&self, uid: Uid) -> Option<Untrusted>;

    /// The names of network interfaces, for those of `indices` that have one.
    fn interface_names(&self, indices: &BTreeSet<u32>) -> BTreeMap<u32, Untrusted>;

    /// The index of a network interface, by its name.
    fn interface_index(&self, name: &str) -> Option<u32>;

    /// The ports of a service, by its name or alias in the system's services file.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    fn service_ports(&self, name: &str) -> Result<Vec<u16>, PlatformError>;

    /// Whether this process has all the rights that `sudo` would give: root, or elevated.
    fn is_privileged(&self) -> bool;

    /// This process, then its parent, and so on up to the first.
    fn lineage(&self) -> Vec<Pid>;

    /// How `signal` would end the process: systems without signals have their own ways.
    fn ending(&self, pid: Pid, signal: Signal) -> Ending;

    /// Whether the console obeys escapes, where stdout is one.
    fn console_takes_escapes(&self) -> bool;

    /// Opens a process, to end it and to wait for it. `birth` is that of the one that is meant.
    ///
    /// # Errors
    /// [`PlatformError::NoSuchProcess`] when it has exited, be the PID another's or not.
    fn open_process(&self, pid: Pid, birth: Option<u64>) -> Result<Self::Process, PlatformError>;

    /// Closes each of `sockets` itself, while its process lives on; the answers are in their
    /// order. A success says that the system took it on: only a new look tells that it is gone.
    fn close_sockets(&self, sockets: &[&Socket]) -> Vec<Result<(), CloseError>>;
}

/// A process that was opened. What is done to it is done to no other, even if its PID is given
/// to a new process meanwhile.
pub trait OpenProcess {
    /// Whether this very process holds any of `sockets` at this moment.
    ///
    /// # Errors
    /// [`PlatformError::NoSuchProcess`] when it has exited; otherwise when its descriptors
    /// cannot be read.
    fn holds_any(&self, sockets: &[&Socket]) -> Result<bool, PlatformError>;

    /// Ends it, or asks it to end, in the way that was announced.
    ///
    /// # Errors
    /// [`PlatformError::NoSuchProcess`] when it has exited, [`PlatformError::NotPermitted`],
    /// and [`PlatformError::NoSafeSignal`] where it could only be sent by bare PID.
    fn end(&self, ending: Ending) -> Result<(), PlatformError>;

    /// Waits until the whole process has exited, all threads included, `timeout` at most.
    /// Returns whether it has.
    ///
    /// # Errors
    /// When the system refuses to wait.
    fn wait_exit(&self, timeout: Duration) -> Result<bool, PlatformError>;
}
