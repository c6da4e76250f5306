//! What to type instead, on each system.

use crate::cli::shell_word;
use crate::model::{Container, Os, Pid, Process, Runtime, Untrusted};
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
            .then(|| format!("{} stop {}", systemctl(service.of_user), word(&service.name))),
        Os::Windows => {
            let name = Escaped(&service.name).to_string();
            let quote = if name.contains(' ') { "\"" } else { "" };
            Some(format!("sc.exe stop {quote}{name}{quote}"))
        }
    }
}

/// How to stop a container: `docker stop web`. Names are foreign text, and this is typed by root.
pub(super) fn stop_container(container: &Container) -> String {
    let handle = word(&container.handle());
    let stop = format!("{} {handle}", container.runtime.stop());
    let stop = match container.runtime {
        Runtime::Lxc => format!("{stop}, or lxc stop {handle}"),
        Runtime::Kubernetes | Runtime::Containerd | Runtime::CriO => {
            format!("{stop} (Kubernetes starts it again: delete its pod)")
        }
        _ => stop,
    };
    if container.of_user { format!("as the user who runs it: {stop}") } else { stop }
}

/// Foreign text as a word of a command line.
pub(super) fn word(text: &Untrusted) -> String {
    shell_word(&Escaped(text).to_string())
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
