//! The rules on ports: `ip-sysctl` in the kernel's documentation.

use rustix::thread::{CapabilitySet, capabilities};

use super::proc_dir::read_file;
use crate::model::{PortRange, PortRules};
use crate::platform::decode::sysctl;

/// Reads the rules of this thread's network namespace.
pub(super) fn read() -> PortRules {
    let may_bind_all = capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_BIND_SERVICE));
    let unprivileged = sysctl_text("ip_unprivileged_port_start");
    let unprivileged = unprivileged.and_then(|text| sysctl::number(&text));
    let ephemeral = sysctl_text("ip_local_port_range");
    let reserved = sysctl_text("ip_local_reserved_ports");
    PortRules {
        privileged_below: unprivileged.filter(|_| !may_bind_all),
        ephemeral: ephemeral.and_then(|text| sysctl::range(&text)),
        reserved: reserved.map(|text| sysctl::ranges(&text)).unwrap_or_default(),
        excluded: Vec::<PortRange>::new(),
    }
}

fn sysctl_text(name: &str) -> Option<String> {
    let file = read_file(rustix::fs::CWD, format!("/proc/sys/net/ipv4/{name}")).ok()?;
    String::from_utf8(file).ok()
}
