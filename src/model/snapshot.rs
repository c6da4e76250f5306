//! Everything that was seen in one look.

use std::collections::BTreeMap;

use super::{Gap, Owner, Pid, Process, Socket, Uid, Untrusted};

/// The system that was looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Os {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
}

impl Os {
    /// Its name in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }
}

/// A socket and who holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnedSocket {
    /// The socket.
    pub socket: Socket,
    /// Who holds it.
    pub owner: Owner,
}

/// Everything that was seen in one look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// The system that was looked at.
    pub os: Os,
    /// The sockets with their owners.
    pub sockets: Vec<OwnedSocket>,
    /// The processes that own them.
    pub processes: BTreeMap<Pid, Process>,
    /// The names of the sockets' users.
    pub users: BTreeMap<Uid, Untrusted>,
    /// The names of the sockets' interfaces, by index.
    pub interfaces: BTreeMap<u32, Untrusted>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Snapshot {
    /// Whether a PID only stands for the kernel: Windows' Idle and System.
    #[must_use]
    pub fn is_kernel(&self, pid: Pid) -> bool {
        self.os == Os::Windows && matches!(pid, Pid(0 | 4))
    }

    /// The user's name, or the number where it has none.
    #[must_use]
    pub fn user_name(&self, uid: Uid) -> Untrusted {
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string().into())
    }
}
