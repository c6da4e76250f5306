//! What to type instead, on each system.

use crate::model::{Container, Os, Pid, Process, Runtime};
use crate::render::escape::Escaped;

/// How to run `command` with more rights: `sudo portwho kill 80`.
pub(super) fn more_rights(os: Os, command: &str) -> String {
    match os {
        Os::Linux => format!("sudo {command}"),
        Os::Windows => format!("in an elevated prompt: {command}"),
    }
}

/// Why not even all rights suffice.
pub(super) const fn beyond_rights(os: Os) -> &'static str {
    match os {
        Os::Linux => "not permitted, even as root: it takes CAP_KILL",
        Os::Windows => "not permitted, even elevated: the process is protected",
    }
}

/// Why not even all rights suffice to close a socket.
pub(super) const fn beyond_rights_to_close(os: Os) -> &'static str {
    match os {
        Os::Linux => "not permitted, even as root: it takes CAP_NET_ADMIN",
        Os::Windows => "not permitted, even elevated",
    }
}

/// How to end a process by hand, at once.
pub(super) fn end_by_hand(os: Os, pid: Pid) -> String {
    match os {
        Os::Linux => format!("kill -9 {pid}"),
        Os::Windows => format!("taskkill /F /PID {pid}"),
    }
}

/// How to stop the service that a process belongs to; none where it belongs to none, or to
/// several: `systemctl stop nginx.service`.
pub(super) fn stop_service(os: Os, process: &Process) -> Option<String> {
    let [service] = process.services.as_slice() else { return None };
    match os {
        Os::Linux => service
            .name
            .as_bytes()
            .ends_with(b".service")
            .then(|| format!("{} stop {}", systemctl(service.of_user), Escaped(&service.name))),
        Os::Windows => {
            let name = Escaped(&service.name).to_string();
            let quote = if name.contains(' ') { "\"" } else { "" };
            Some(format!("sc.exe stop {quote}{name}{quote}"))
        }
    }
}

/// How to stop a container: `docker stop web`.
pub(super) fn stop_container(container: &Container) -> String {
    let (stop, handle) = (container.runtime.stop(), Escaped(&container.handle()).to_string());
    match container.runtime {
        Runtime::Lxc => format!("{stop} {handle}, or lxc stop {handle}"),
        Runtime::Kubernetes | Runtime::Containerd | Runtime::CriO => {
            format!("{stop} {handle} (Kubernetes starts it again: delete its pod)")
        }
        _ => format!("{stop} {handle}"),
    }
}

/// The command that speaks to the manager of a unit: the system's, or a user's own.
pub(super) const fn systemctl(of_user: bool) -> &'static str {
    if of_user { "systemctl --user" } else { "systemctl" }
}

/// Which driver holds a port in the name of Windows' System, PID 4, as far as the port tells.
pub(super) const fn driver(port: u16) -> &'static str {
    match port {
        445 => "it is the file server, SMB: sc.exe stop LanmanServer",
        137..=139 => "it is NetBIOS over TCP/IP: switch it off in the adapter's settings",
        _ => "a driver holds it, most often HTTP.sys: netsh http show servicestate",
    }
}
