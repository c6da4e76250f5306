//! What is said of a process that is refused.

use std::collections::BTreeSet;

use super::plan::Group;
use super::refusal::{Refusal, SocketUnit};
use crate::model::{Container, Pid, Shell, Snapshot};
use crate::text::advice::Remedy;
use crate::text::escape::Escaped;
use crate::text::kill::refusals::{self as text, Refused};
use crate::text::shell::ShellCommand;
use crate::text::{owners, remedies};

/// Why `pid` is refused, and what to run instead.
pub(super) fn refused(pid: Pid, why: Refusal, group: &Group<'_>, snapshot: &Snapshot) -> String {
    text::refused(&owners::process(pid, snapshot), &reason(pid, why, group, snapshot))
}

/// A process of which nothing is known is refused.
pub(super) fn unidentified(pid: Pid) -> String {
    text::refused(&format!("PID {pid}"), &Refused::Unidentified)
}

fn reason(pid: Pid, why: Refusal, group: &Group<'_>, snapshot: &Snapshot) -> Refused {
    let port = group.ports.first().copied().unwrap_or_default();
    match why {
        Refusal::Kernel if snapshot.capabilities.drivers_hold_sockets() => {
            Refused::Driver(remedies::driver(port, &snapshot.urls_on(port)))
        }
        Refusal::Kernel => Refused::Kernel,
        Refusal::Critical => Refused::Critical,
        Refusal::Unidentified => Refused::Unidentified,
        Refusal::Younger => Refused::Younger(pid),
        Refusal::SharedHost => shared_host(pid, group, snapshot),
        Refusal::PortProxy => Refused::PortProxy(
            snapshot.proxies_of(pid).into_iter().cloned().collect(),
            snapshot.privileged,
        ),
        Refusal::FirstProcess => Refused::Init { shares: group.all_holders.len() > 1 },
        Refusal::SocketActivation(unit) => Refused::SocketActivation(stop_unit(unit, snapshot)),
        Refusal::Itself => Refused::Itself,
        Refusal::Ancestor => Refused::Ancestor,
        Refusal::Container => match container_of(pid, snapshot) {
            Some(container) => Refused::KnownContainer {
                container: owners::container(container),
                stop: remedies::stop_container(container),
            },
            None if snapshot.capabilities.wsl => Refused::ContainerOrWsl(port),
            None => Refused::Container(port),
        },
    }
}

/// The one service that created all of the sockets, or all that it hosts.
fn shared_host(pid: Pid, group: &Group<'_>, snapshot: &Snapshot) -> Refused {
    let services = services(pid, snapshot);
    let own = group.sockets.iter().filter(|row| row.owner.pids().any(|owner| owner == pid));
    let creators: BTreeSet<_> = own.map(|row| row.socket.service.as_ref()).collect();
    let creator = creators.first().copied().flatten().filter(|_| creators.len() == 1);
    let stop = creator.and_then(|service| {
        let stop = ShellCommand::new(Shell::Windows, "sc.exe stop");
        stop.operand(service.as_bytes()).typable()
    });
    match creator.zip(stop) {
        Some((service, stop)) => Refused::ServiceInHost(
            services,
            Escaped(service).to_string(),
            Remedy::with_rights(stop, snapshot.privileged),
        ),
        None => Refused::SharedHost(pid, services),
    }
}

/// The container that a process runs in, or that it serves.
fn container_of(pid: Pid, snapshot: &Snapshot) -> Option<&Container> {
    snapshot.processes.get(&pid)?.container.as_ref()
}

fn services(pid: Pid, snapshot: &Snapshot) -> Vec<String> {
    let services = snapshot.processes.get(&pid).map(|process| process.services.as_slice());
    let services = services.unwrap_or_default().iter();
    services.map(|service| Escaped(&service.name).to_string()).collect()
}

/// What stops the socket unit, where its service is known.
fn stop_unit(unit: SocketUnit, snapshot: &Snapshot) -> Option<Remedy> {
    let SocketUnit::OfHolder(pid) = unit else { return None };
    remedies::stop_socket_unit(snapshot.processes.get(&pid)?).map(Remedy::from)
}
