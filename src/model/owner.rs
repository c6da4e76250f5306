//! Who holds a socket, or why nobody can be named.

use super::Pid;

/// A process that holds a socket, by one of its descriptors.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Holder {
    /// The process.
    pub pid: Pid,
    /// The descriptor's number in that process; none where the system does not tell.
    pub descriptor: Option<u32>,
}

/// Why no process holds a socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KernelReason {
    /// The connection is over; the kernel waits for stray segments.
    TimeWait,
    /// The handshake is not complete.
    SynReceived,
    /// Complete, and waiting in a listener's queue for accept(2).
    NotAccepted,
    /// Closed by its process, still being torn down.
    Orphaned,
}

impl KernelReason {
    /// The word for it in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::TimeWait => "time-wait",
            Self::SynReceived => "syn-received",
            Self::NotAccepted => "not-accepted",
            Self::Orphaned => "orphaned",
        }
    }
}

/// Who holds a socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Owner {
    /// These, a holder for each process and descriptor, ascending.
    Processes(Box<[Holder]>),
    /// Nobody can.
    Kernel(KernelReason),
    /// Somebody does, and this user may not look.
    Hidden,
    /// Readable everywhere and found nowhere.
    NotFound,
    /// The process that created it has exited and left it to others, who cannot be named.
    Exited(Pid),
}

impl Owner {
    /// The holders; none unless they are known.
    #[must_use]
    pub fn holders(&self) -> &[Holder] {
        match self {
            Self::Processes(holders) => holders,
            _ => &[],
        }
    }

    /// The processes that hold the socket, ascending, each once.
    pub fn pids(&self) -> impl Iterator<Item = Pid> + '_ {
        self.holders().chunk_by(|a, b| a.pid == b.pid).filter_map(|same| Some(same.first()?.pid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_two_descriptors_is_one_owner() {
        let holder = |pid, fd| Holder { pid: Pid(pid), descriptor: Some(fd) };
        let owner = Owner::Processes([holder(7, 3), holder(7, 4), holder(9, 3)].into());
        assert_eq!(owner.pids().collect::<Vec<_>>(), [Pid(7), Pid(9)]);
        assert_eq!(Owner::Hidden.pids().count(), 0);
    }
}
