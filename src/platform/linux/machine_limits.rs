//! What all programs share and can use up: /proc/sys and /proc/net, of this thread's network
//! namespace.

use rustix::fs::CWD;
use rustix::io::Errno;

use super::proc_dir::read_file;
use crate::model::{MachineLimits, Reading, TcpMemory, Usage};
use crate::platform::decode::{machine_limits, proc_counters, sysctl};

/// Reads them.
pub(super) fn read() -> MachineLimits {
    MachineLimits {
        tracked: tracked(),
        tcp_memory: tcp_memory(),
        orphans: orphans(),
        files: decoded("/proc/sys/fs/file-nr", machine_limits::files),
    }
}

/// The files are there when netfilter tracks connections.
fn tracked() -> Reading<Usage> {
    match (conntrack("count"), conntrack("max")) {
        (Reading::Read(used), Reading::Read(most)) => Reading::Read(Usage { used, most }),
        (Reading::Refused, _) | (_, Reading::Refused) => Reading::Refused,
        _ if is_there("/proc/sys/net/ipv4") => Reading::Absent,
        _ => Reading::Unreported,
    }
}

fn conntrack(name: &str) -> Reading<u64> {
    decoded(&format!("/proc/sys/net/netfilter/nf_conntrack_{name}"), sysctl::number::<u64>)
}

fn tcp_memory() -> Reading<TcpMemory> {
    let bounds = match decoded("/proc/sys/net/ipv4/tcp_mem", machine_limits::tcp_bounds) {
        Reading::Read(bounds) => Some(bounds),
        _ => None,
    };
    decoded("/proc/thread-self/net/protocols", |text| {
        machine_limits::tcp_memory(text).map(|memory| TcpMemory { bounds, ..memory })
    })
}

/// The orphans of all namespaces are counted together. The limit is a file of the first one alone.
fn orphans() -> Reading<Usage> {
    let orphans = |text: &str| proc_counters::sockstat(text, "TCP:", "orphan");
    let used = decoded("/proc/thread-self/net/sockstat", orphans);
    match (used, decoded("/proc/sys/net/ipv4/tcp_max_orphans", sysctl::number::<u64>)) {
        (Reading::Read(used), Reading::Read(most)) => Reading::Read(Usage { used, most }),
        (Reading::Refused, _) | (_, Reading::Refused) => Reading::Refused,
        (Reading::Read(_), _) if is_there("/proc/sys/net/ipv4") => Reading::FirstNamespace,
        _ => Reading::Unreported,
    }
}

/// What a file says.
fn decoded<T>(path: &str, decode: impl FnOnce(&str) -> Option<T>) -> Reading<T> {
    match read_file(CWD, path) {
        Ok(bytes) => std::str::from_utf8(&bytes)
            .ok()
            .and_then(decode)
            .map_or(Reading::Unreported, Reading::Read),
        Err(Errno::ACCESS | Errno::PERM) => Reading::Refused,
        Err(_) => Reading::Unreported,
    }
}

fn is_there(path: &str) -> bool {
    rustix::fs::stat(path).is_ok()
}
