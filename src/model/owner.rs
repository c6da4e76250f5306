//! Which processes hold a socket, or why none can be named.

use super::{Pid, TableOwner};

/// A process that holds a socket, by one of its descriptors.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Holder {
    /// The process.
    pub pid: Pid,
    /// The descriptor's number in that process; none where the system does not report it.
    pub descriptor: Option<u32>,
}

/// By which way owners are to be searched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum OwnerSearch {
    /// By the one that pays.
    #[default]
    Auto,
    /// In /proc.
    Proc,
    /// By the kernel's own iterators, or not at all.
    Bpf,
}

/// By which way owners were searched.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum OwnersFrom {
    /// In /proc alone.
    Proc,
    /// By the kernel's own iterators, and in /proc what these cannot tell.
    Bpf,
}

impl OwnersFrom {
    /// The word for it in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Proc => "proc",
            Self::Bpf => "bpf",
        }
    }
}

/// Why no process holds a socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KernelReason {
    /// The connection is closed; the kernel waits for stray segments.
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

/// What is known now of a PID that a socket table names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Presence {
    /// No process has it.
    Absent,
    /// A process has it, born then, as far as that may be known; in the unit of
    /// [`TableOwner::created`].
    Present(Option<u64>),
}

/// How far two stamps of the system may lie apart that were made at once: Windows' clock goes
/// on in steps of up to 16 ms; in 100 ns.
const CLOCK_STEP: u64 = 200_000;

/// Who holds a socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Owner {
    /// These, a holder for each process and descriptor, ascending.
    Processes(Box<[Holder]>),
    /// No process can have it.
    Kernel(KernelReason),
    /// A process does, and this user may not see which.
    Hidden,
    /// Readable everywhere and found nowhere.
    NotFound,
    /// The process that created it has exited and left it to others, who cannot be named.
    Exited(Pid),
}

impl Owner {
    /// The process that a table names, if it is still the one that it was: one born after the
    /// socket only has the PID of the one that made it.
    #[must_use]
    pub fn by_table(named: TableOwner, presence: Presence) -> Self {
        match presence {
            Presence::Absent => Self::Exited(named.pid),
            Presence::Present(birth) if named.precedes(birth) => Self::Exited(named.pid),
            Presence::Present(_) => Self::of_process(named.pid),
        }
    }

    /// A process whose descriptors are not known.
    #[must_use]
    pub fn of_process(pid: Pid) -> Self {
        Self::Processes([Holder { pid, descriptor: None }].into())
    }

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

impl TableOwner {
    /// Whether the socket was made before a process was born then, in the unit of
    /// [`TableOwner::created`]. Not where either is not known.
    #[must_use]
    pub fn precedes(self, birth: Option<u64>) -> bool {
        birth.zip(self.created).is_some_and(|(birth, made)| birth > made.saturating_add(CLOCK_STEP))
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

    #[test]
    fn a_newcomer_is_never_taken_for_the_process_that_made_the_socket() {
        let owner =
            |created, presence| Owner::by_table(TableOwner { pid: Pid(812), created }, presence);
        let exited = Owner::Exited(Pid(812));
        assert_eq!(owner(Some(100), Presence::Absent), exited);
        let late = 100 + CLOCK_STEP + 1;
        assert_eq!(owner(Some(100), Presence::Present(Some(late))), exited);
        for (created, birth) in [(Some(100), Some(late - 1)), (None, Some(late)), (Some(100), None)]
        {
            let same = owner(created, Presence::Present(birth));
            assert_eq!(same, Owner::of_process(Pid(812)), "{created:?} {birth:?}");
        }
    }
}
