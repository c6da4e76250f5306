//! What all programs of a machine share and can use up.

/// What was read, or why it was not.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Reading<T> {
    /// It was read.
    Read(T),
    /// There is nothing to read: what it would limit does not exist here.
    Absent,
    /// Only the machine's first network namespace shows it.
    FirstNamespace,
    /// This user may not read it.
    Refused,
    /// The system does not report it.
    #[default]
    Unreported,
}

/// How much of something is used, and how much of it there may be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Usage {
    /// How much is used.
    pub used: u64,
    /// The limit.
    pub most: u64,
}

/// The memory that TCP uses for data in all sockets of the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpMemory {
    /// Whether there is so little left that the kernel keeps the buffers of all sockets small.
    pub is_scarce: bool,
    /// How much is used, in pages.
    pub pages: Option<u64>,
    /// `tcp_mem`, in pages: below the first it is no longer scarce, above the second it is, and
    /// there is no more than the third. None outside the initial network namespace.
    pub bounds: Option<[u64; 3]>,
}

/// What all programs of a machine, or of a network namespace, share and can use up.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct MachineLimits {
    /// The connections that netfilter tracks in this network namespace: `nf_conntrack_count` and
    /// `nf_conntrack_max`.
    pub tracked: Reading<Usage>,
    /// The memory of TCP.
    pub tcp_memory: Reading<TcpMemory>,
    /// Sockets that no process holds, and `tcp_max_orphans`.
    pub orphans: Reading<Usage>,
    /// Open files, and `file-max`.
    pub files: Reading<Usage>,
}
