//! How a system's TCP is set.

/// The settings that findings are judged by, and counters since the boot. What the system does not
/// tell is none. Names are those of Linux (the kernel's ip-sysctl.rst, snmp_counter.rst).
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpSettings {
    /// `tcp_max_tw_buckets`: as many TIME_WAIT are kept.
    pub max_time_wait: Option<u64>,
    /// `tcp_tw_reuse`: 0 never, 1 for every destination, 2 for the loopback interface.
    pub time_wait_reuse: Option<u8>,
    /// `tcp_tw_reuse_delay`, in milliseconds: a younger TIME_WAIT is not reused.
    pub time_wait_reuse_delay_ms: Option<u32>,
    /// `tcp_timestamps`: 0 is off. Without them no TIME_WAIT is reused.
    pub timestamps: Option<u8>,
    /// `tcp_syncookies`: 0 off, 1 when a queue is full, 2 always.
    pub syncookies: Option<u8>,
    /// `somaxconn`: no backlog is longer.
    pub max_backlog: Option<u64>,
    /// `tcp_abort_on_overflow`: whether a full accept queue resets, rather than ignores.
    pub abort_on_overflow: Option<u8>,
    /// `tcp_orphan_retries`: how often the FIN of a closed socket is retransmitted; 0 stands for 8.
    pub orphan_retries: Option<u8>,
    /// What was counted.
    pub counters: TcpCounters,
}

/// What a system's TCP has counted since it was booted, or since the network namespace exists.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TcpCounters {
    /// `ListenOverflows`: connections that found the accept queue full.
    pub listen_overflows: Option<u64>,
    /// `ListenDrops`: connections dropped by a listener, those included.
    pub listen_drops: Option<u64>,
    /// `SyncookiesSent`: handshakes answered without remembering them.
    pub syncookies_sent: Option<u64>,
    /// `SyncookiesRecv`: those of these handshakes that were completed.
    pub syncookies_received: Option<u64>,
    /// `TCPTimeWaitOverflow`: connections that found no room among the TIME_WAIT.
    pub time_wait_overflows: Option<u64>,
    /// TIME_WAIT now, with the FIN_WAIT_2 that no process holds: the kernel counts both against
    /// `tcp_max_tw_buckets`.
    pub time_wait: Option<u64>,
    /// Sockets that no process holds and that are not TIME_WAIT, now.
    pub orphans: Option<u64>,
    /// Sockets of TCP in all network namespaces, now: those that no table has are among them, and neither
    /// TIME_WAIT nor handshakes.
    pub allocated: Option<u64>,
}
