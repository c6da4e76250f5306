//! The rules on ports: `ip-sysctl` in the kernel's documentation.

use rustix::fs::{Access, AtFlags, CWD};
use rustix::thread::{CapabilitySet, capabilities};

use super::proc_dir::read_file;
use crate::model::PortRules;
use crate::platform::decode::sysctl;

/// Reads the rules of this thread's network namespace.
pub(super) fn read() -> PortRules {
    let unprivileged = sysctl_text("ip_unprivileged_port_start");
    let unprivileged = unprivileged.and_then(|text| sysctl::number(&text));
    let ephemeral = sysctl_text("ip_local_port_range");
    let reserved = sysctl_text("ip_local_reserved_ports");
    PortRules {
        privileged_below: unprivileged.filter(|_| !may_bind_all()),
        ephemeral: ephemeral.and_then(|text| sysctl::range(&text)),
        reserved: reserved.map(|text| sysctl::ranges(&text)).unwrap_or_default(),
        ..PortRules::default()
    }
}

/// Whether CAP_NET_BIND_SERVICE is ours in the user namespace that the network namespace belongs to
/// (user_namespaces(7)). The machine's own is known by its map of users. Below it the kernel says
/// so in another way: it lets us write a setting of the network only with such rights there.
fn may_bind_all() -> bool {
    let effective = capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_BIND_SERVICE));
    let users = read_file(CWD, c"/proc/self/uid_map").unwrap_or_default();
    let is_first = users.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let is_first = is_first.eq([&b"0"[..], b"0", b"4294967295"]);
    effective && (is_first || may_write_port_start())
}

fn may_write_port_start() -> bool {
    let setting = c"/proc/sys/net/ipv4/ip_unprivileged_port_start";
    rustix::fs::accessat(CWD, setting, Access::WRITE_OK, AtFlags::EACCESS).is_ok()
}

fn sysctl_text(name: &str) -> Option<String> {
    let file = read_file(CWD, format!("/proc/sys/net/ipv4/{name}")).ok()?;
    String::from_utf8(file).ok()
}
