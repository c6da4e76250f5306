//! The settings and counters of TCP: /proc/sys/net and /proc/net, of this thread's network
//! namespace.

use super::proc_dir::read_file;
use crate::model::{TcpCounters, TcpSettings};
use crate::platform::decode::{proc_counters, sysctl};

/// Reads them. What this kernel does not have is none.
pub(super) fn read() -> TcpSettings {
    TcpSettings {
        max_time_wait: setting("ipv4/tcp_max_tw_buckets"),
        time_wait_reuse: setting("ipv4/tcp_tw_reuse"),
        time_wait_reuse_delay_ms: setting("ipv4/tcp_tw_reuse_delay"),
        timestamps: setting("ipv4/tcp_timestamps"),
        syncookies: setting("ipv4/tcp_syncookies"),
        max_backlog: setting("core/somaxconn"),
        abort_on_overflow: setting("ipv4/tcp_abort_on_overflow"),
        orphan_retries: setting("ipv4/tcp_orphan_retries"),
        counters: counters(),
    }
}

fn setting<T: std::str::FromStr>(name: &str) -> Option<T> {
    sysctl::number(&text(&format!("/proc/sys/net/{name}"))?)
}

fn counters() -> TcpCounters {
    let netstat = text("/proc/thread-self/net/netstat").unwrap_or_default();
    let sockstat = text("/proc/thread-self/net/sockstat").unwrap_or_default();
    let counter = |name| proc_counters::netstat(&netstat, "TcpExt:", name);
    TcpCounters {
        listen_overflows: counter("ListenOverflows"),
        listen_drops: counter("ListenDrops"),
        syncookies_sent: counter("SyncookiesSent"),
        syncookies_received: counter("SyncookiesRecv"),
        time_wait_overflows: counter("TCPTimeWaitOverflow"),
        time_wait: proc_counters::sockstat(&sockstat, "TCP:", "tw"),
        orphans: proc_counters::sockstat(&sockstat, "TCP:", "orphan"),
        allocated: proc_counters::sockstat(&sockstat, "TCP:", "alloc"),
    }
}

fn text(path: &str) -> Option<String> {
    String::from_utf8(read_file(rustix::fs::CWD, path).ok()?).ok()
}
