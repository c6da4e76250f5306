//! Which processes portwho never ends, and why.

use crate::commands::shared::installed::role;
use crate::commands::shared::installed::{Identity, Programs};
use crate::model::{Capabilities, Pid, Process, ProcessKind, Role};

/// Why a process is not ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// PID 0 and, with its other holders, everything that says "the kernel".
    Kernel,
    /// PID 1: killing it stops the system.
    FirstProcess,
    /// The first process holds the socket for others to come: socket activation.
    SocketActivation(SocketUnit),
    /// portwho itself.
    Itself,
    /// The shell, terminal or session that portwho runs in.
    Ancestor,
    /// It forwards a container's port, or runs containers.
    Container,
    /// Ending it crashes Windows.
    Critical,
    /// It hosts several Windows services, of which only one is meant.
    SharedHost,
    /// It hosts the service that forwards the port, which is given back by deleting a rule.
    PortProxy,
    /// It was born after the socket, so it may have the PID of another that made it.
    Younger,
    /// Nothing is known of it, where that may mean that the system needs it.
    Unidentified,
}

/// The systemd unit that holds a socket for a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SocketUnit {
    /// That of the service that another holder, by its PID, belongs to.
    OfHolder(Pid),
    /// Not known from here.
    Unknown,
}

/// Why `pid` is not to be ended, if it is not. `others` hold the same sockets.
pub(super) fn refusal<'a, O: Iterator<Item = &'a Process>>(
    pid: Pid,
    process: Option<&Process>,
    others: impl Fn() -> O,
    own_ancestors: &[Pid],
    programs: &Programs,
    system: Capabilities,
) -> Option<Refusal> {
    match pid {
        Pid(0) => return Some(Refusal::Kernel),
        _ if system.first_process == Some(pid) => return Some(first_process(process, others())),
        _ if system.kernel_pids.contains(&pid) => return Some(Refusal::Kernel),
        _ if own_ancestors.first() == Some(&pid) => return Some(Refusal::Itself),
        _ if own_ancestors.contains(&pid) => return Some(Refusal::Ancestor),
        _ => {}
    }
    let process = process?;
    match process.kind {
        ProcessKind::Kernel => Some(Refusal::Kernel),
        ProcessKind::Critical => Some(Refusal::Critical),
        ProcessKind::Ordinary => match role(process, programs, system) {
            Some((Role::Container, Identity::Proven)) => Some(Refusal::Container),
            Some((Role::Critical, Identity::Proven)) => Some(Refusal::Critical),
            // A user's own manager holds sockets for the user's services to come.
            Some((Role::Manager, Identity::Proven)) => Some(first_process(Some(process), others())),
            // Every svchost hosts a service: where none is known, they could not be listed.
            Some((Role::ServiceHost, Identity::Proven)) if process.services.is_empty() => {
                Some(Refusal::SharedHost)
            }
            _ => (process.services.len() > 1).then_some(Refusal::SharedHost),
        },
    }
}

/// The same, where the process forwards a port: deleting a rule frees that, and ending the process stops
/// whatever else it hosts and forwards.
pub(super) fn or_port_proxy(refusal: Option<Refusal>, forwards: bool) -> Option<Refusal> {
    match refusal {
        None | Some(Refusal::SharedHost) if forwards => Some(Refusal::PortProxy),
        refusal => refusal,
    }
}

fn first_process<'a>(
    process: Option<&Process>,
    mut others: impl Iterator<Item = &'a Process>,
) -> Refusal {
    let of_service = others.find(|other| !other.services.is_empty());
    let is_systemd = process.is_some_and(|process| process.name.as_bytes() == b"systemd");
    match of_service {
        Some(holder) => Refusal::SocketActivation(SocketUnit::OfHolder(holder.pid)),
        None if is_systemd => Refusal::SocketActivation(SocketUnit::Unknown),
        None => Refusal::FirstProcess,
    }
}

#[cfg(test)]
mod tests {
    use std::iter;

    use super::*;

    #[test]
    fn the_first_process_itself_and_ancestors_are_refused() {
        let own_ancestors = [Pid(500), Pid(400), Pid(1)];
        let programs = Programs::none(Capabilities::LINUX);
        let refused = |pid| {
            refusal(Pid(pid), None, iter::empty, &own_ancestors, &programs, Capabilities::LINUX)
        };
        assert_eq!(refused(0), Some(Refusal::Kernel));
        assert_eq!(refused(1), Some(Refusal::FirstProcess));
        assert_eq!(refused(400), Some(Refusal::Ancestor));
        assert_eq!(refused(500), Some(Refusal::Itself));
        assert_eq!(refused(812), None);
        assert_eq!(refused(4), None);
        let on_windows =
            refusal(Pid(4), None, iter::empty, &own_ancestors, &programs, Capabilities::WINDOWS);
        assert_eq!(on_windows, Some(Refusal::Kernel));
    }
}
