//! A process as it is shown.

use std::fmt;
use std::time::SystemTime;

use super::{Container, Untrusted};

/// A process id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Pid(pub u32);

impl fmt::Display for Pid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A user id.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Uid(pub u32);

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What `tasklist` calls the session.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Session {
    /// On Linux the controlling terminal, or else the systemd unit; on Windows the station.
    pub name: Option<Untrusted>,
    /// On Linux the session id of setsid(2), on Windows that of the terminal services.
    pub id: Option<u32>,
}

/// A service that a process belongs to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Service {
    /// The systemd unit or the Windows service.
    pub name: Untrusted,
    /// Whether a user's own manager runs it (`systemctl --user`).
    pub of_user: bool,
}

/// What a process is to its system.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum ProcessKind {
    /// An ordinary process.
    #[default]
    Ordinary,
    /// The kernel in the guise of a process: a kernel thread, Windows' System and Idle.
    Kernel,
    /// A process whose end is the system's (Windows' critical processes).
    Critical,
}

/// What the system kept to itself of a process, so that a field without a value does not mean that
/// there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Withheld {
    /// Its user, its program or its command line, where they were asked for.
    pub details: bool,
    /// Which services it hosts.
    pub services: bool,
}

/// A process that owns sockets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Process {
    /// Its id.
    pub pid: Pid,
    /// When it was born, in the system's own finest unit (clock ticks after the boot, or 100 ns
    /// since 1601): together with the PID it identifies a process permanently.
    pub birth: Option<u64>,
    /// The process that started it, or that inherited it.
    pub parent: Option<Pid>,
    /// The image name, as long as it can be known.
    pub name: Untrusted,
    /// The command line, one text for each argument.
    pub command: Vec<Untrusted>,
    /// Whether the command line goes on after what was read of it, be that nothing.
    pub command_cut: bool,
    /// The path of the program.
    pub executable: Option<Untrusted>,
    /// The (effective) user's number, on systems that number users.
    pub uid: Option<Uid>,
    /// Whether the names of its unit and container may be a user's choice, because their cgroup is below one that
    /// is no slice.
    pub is_delegated: bool,
    /// Whether it was started by another user than the one whose rights it has (set-user-ID).
    pub is_set_user_id: bool,
    /// The user in whose slice of the system it runs (`user-1000.slice`), whatever its own number.
    pub slice_user: Option<Uid>,
    /// The name of the (effective) user, or the number where it has no name.
    pub user: Option<Untrusted>,
    /// The resident set, in bytes.
    pub memory_bytes: Option<u64>,
    /// When it was started.
    pub started: Option<SystemTime>,
    /// Its session.
    pub session: Session,
    /// The systemd unit it belongs to, or the Windows services that it hosts.
    pub services: Vec<Service>,
    /// The container it runs in; of a port forwarder, the one that it serves.
    pub container: Option<Container>,
    /// Whether it is a process at all, and how much depends on it.
    pub kind: ProcessKind,
    /// What could not be read of it.
    pub withheld: Withheld,
}

impl Process {
    /// A process of which no more is known than its PID and its name.
    #[must_use]
    pub const fn named(pid: Pid, name: Untrusted) -> Self {
        Self {
            pid,
            birth: None,
            parent: None,
            name,
            command: Vec::new(),
            command_cut: false,
            executable: None,
            uid: None,
            is_set_user_id: false,
            slice_user: None,
            is_delegated: false,
            user: None,
            memory_bytes: None,
            started: None,
            session: Session { name: None, id: None },
            services: Vec::new(),
            container: None,
            kind: ProcessKind::Ordinary,
            withheld: Withheld { details: false, services: false },
        }
    }
}
