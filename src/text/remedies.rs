//! What to type instead, on each system.

use super::shell::ShellCommand;
use crate::model::{Container, Os, Pid, Process, Runtime};

/// Why not even all rights suffice.
#[must_use]
pub const fn beyond_rights(os: Os) -> &'static str {
    match os {
        Os::Linux => "not permitted, even as root: it takes CAP_KILL",
        Os::Windows => "not permitted, even elevated: the process is protected",
    }
}

/// Why not even all rights suffice to close a socket.
#[must_use]
pub const fn beyond_rights_to_close(os: Os) -> &'static str {
    match os {
        Os::Linux => "not permitted, even as root: it takes CAP_NET_ADMIN",
        Os::Windows => "not permitted, even elevated",
    }
}

/// How to end a process by hand, at once.
#[must_use]
pub fn end_by_hand(os: Os, pid: Pid) -> String {
    match os {
        Os::Linux => format!("kill -9 {pid}"),
        Os::Windows => format!("taskkill /F /PID {pid}"),
    }
}

/// How to stop the service that a process belongs to; none where it belongs to none, or to
/// several: `systemctl stop nginx.service`.
#[must_use]
pub fn stop_service(os: Os, process: &Process) -> Option<String> {
    let [service] = process.services.as_slice() else { return None };
    let name = service.name.as_bytes();
    let stop = match os {
        Os::Linux if !name.ends_with(b".service") => return None,
        Os::Linux => ShellCommand::systemctl(service.of_user, "stop"),
        Os::Windows => ShellCommand::new(os, "sc.exe stop"),
    };
    stop.operand(name).into_text()
}

/// How to stop a container: `docker stop web`. Names are foreign text, and this is typed by root.
#[must_use]
pub fn stop_container(container: &Container) -> String {
    let handle = container.handle();
    let command = |words: &str| ShellCommand::new(Os::Linux, words);
    let stop = command(container.runtime.stop());
    let stop = match container.runtime {
        // Its name is the argument of an option.
        Runtime::Lxc => stop.word(handle.as_bytes()),
        _ => stop.operand(handle.as_bytes()),
    };
    let stop = stop.into_text().unwrap_or_default();
    let stop = match container.runtime {
        Runtime::Lxc => {
            let other = command("lxc stop").operand(handle.as_bytes()).into_text();
            format!("{stop}, or {}", other.unwrap_or_default())
        }
        Runtime::Kubernetes | Runtime::Containerd | Runtime::CriO => {
            format!("{stop} (Kubernetes starts it again: delete its pod)")
        }
        _ => stop,
    };
    if container.of_user { format!("as the user who runs it: {stop}") } else { stop }
}

/// Which driver holds a port in the name of Windows' System, PID 4, as far as the port tells.
#[must_use]
pub const fn driver(port: u16) -> &'static str {
    match port {
        445 => "it is the file server, SMB: sc.exe stop LanmanServer",
        137..=139 => "it is NetBIOS over TCP/IP: switch it off in the adapter's settings",
        _ => "a driver holds it, most often HTTP.sys: netsh http show servicestate",
    }
}
