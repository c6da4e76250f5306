//! What kill says before it acts: who it is, and why it refuses.

use std::collections::BTreeSet;

use super::plan::{Group, Plan, roots};
use super::refusal::{Refusal, SocketUnit};
use super::related::is_foreign;
use crate::cli::KillRequest;
use crate::commands::{remedy, who};
use crate::model::{
    Container, Os, OwnedSocket, Pid, ShellCommand, Signal, Snapshot, StateSet, TcpState,
};
use crate::platform::Ending;
use crate::query::{Filter, Row};
use crate::render::escape::Escaped;
use crate::render::{counted, local_end};

/// Who holds the sockets of `group`: a line for whom is signalled first, indented lines for
/// what hangs on it.
pub(super) fn description(
    group: &Group<'_>,
    roots: &BTreeSet<Pid>,
    lineage: &[Pid],
    snapshot: &Snapshot,
) -> Vec<String> {
    let ends: BTreeSet<String> =
        group.sockets.iter().map(|row| local_end(&row.socket, snapshot)).collect();
    let ends: Vec<String> = ends.into_iter().collect();
    let named =
        roots.iter().map(|&pid| who::identity(pid, snapshot)).collect::<Vec<_>>().join(", ");
    let verb = if ends.len() == 1 { "is" } else { "are" };
    let mut lines = vec![format!("{} {verb} held by {named}", ends.join(", "))];
    let others: BTreeSet<Pid> = group.holders.difference(roots).copied().collect();
    if !others.is_empty() {
        lines.push(format!("  held also by {}", who::processes(others, snapshot)));
    }
    let not_ended = |pid: &Pid| !group.holders.contains(pid) && !group.unrelated.contains(pid);
    let left_out: BTreeSet<Pid> = group.everybody().into_iter().filter(not_ended).collect();
    if !left_out.is_empty() {
        lines.push(format!("  and by {}, not asked for", who::processes(left_out, snapshot)));
    }
    lines.extend(foreign(group, snapshot));
    if !group.unrelated.is_empty() {
        let named: Vec<String> =
            group.unrelated.iter().map(|&pid| who::identity(pid, snapshot)).collect();
        let verb = if named.len() == 1 { "is" } else { "are" };
        lines.push(format!("  and by {}, which {verb} unrelated", named.join(", ")));
    }
    lines.extend(other_ports(group, snapshot));
    lines.extend(clients(group, snapshot));
    // What serves a container is refused, with what to do instead.
    if !matches!(group.refusal, Some((_, Refusal::Container))) {
        let restarts: BTreeSet<String> =
            roots.iter().filter_map(|pid| restarts(*pid, lineage, snapshot)).collect();
        lines.extend(restarts);
    }
    lines
}

/// Whose the sockets are, where they were made by another user than hold them here, who may have
/// passed them on.
fn foreign(group: &Group<'_>, snapshot: &Snapshot) -> Option<String> {
    let is_foreign = |row: &&Row<'_>| {
        let mut holders = row.owner.pids().filter(|pid| group.holders.contains(pid));
        holders.any(|pid| is_foreign(&row.socket, snapshot.processes.get(&pid)))
    };
    let users = group.sockets.iter().filter(is_foreign).filter_map(|row| row.socket.uid);
    let users: BTreeSet<String> =
        users.map(|uid| Escaped(&snapshot.user_name(uid)).to_string()).collect();
    let users = users.into_iter().collect::<Vec<_>>().join(", ");
    (!users.is_empty()).then(|| format!("  its socket belongs to user {users}"))
}

/// `port 80: unrelated processes hold it: ...`, and how to say which of them are meant.
pub(super) fn contested(
    port: u16,
    plan: &Plan<'_>,
    filter: &Filter,
    request: &KillRequest,
    snapshot: &Snapshot,
) -> String {
    let first = |group: &Group<'_>| {
        let roots = roots(&group.holders, &snapshot.processes);
        roots.into_iter().map(|pid| who::identity(pid, snapshot)).collect::<Vec<_>>()
    };
    let seen = plan.on_port(port).flat_map(first);
    let unseen = plan.unseen.iter().filter(|row| row.socket.local.port == port);
    let unseen = unseen.map(|row| who::owner(row, snapshot));
    let named: Vec<String> = seen.chain(unseen).collect();
    let command = request.command(&["-y"], &who::typed_on(port, filter.local.as_ref()));
    format!(
        "port {port}: unrelated processes hold it: {}; choose with --pid, --name or --user; to end \
         all of them, run: {command}",
        named.join(", ")
    )
}

/// The container that a process runs in, or that it serves.
fn container_of(pid: Pid, snapshot: &Snapshot) -> Option<&Container> {
    snapshot.processes.get(&pid)?.container.as_ref()
}

fn other_ports(group: &Group<'_>, snapshot: &Snapshot) -> Option<String> {
    let own = group.ports();
    let held_by_group = |row: &Row<'_>| row.owner.pids().any(|pid| group.holders.contains(&pid));
    let others: BTreeSet<u16> = snapshot
        .sockets
        .iter()
        .filter(|row| row.socket.holds_port() && held_by_group(row))
        .map(|row| row.socket.local.port)
        .filter(|port| !own.contains(port))
        .collect();
    (!others.is_empty()).then(|| format!("  it also holds {}", who::ports(&others)))
}

/// Connections that end with the process: those on its ports, TIME_WAIT left aside.
fn clients(group: &Group<'_>, snapshot: &Snapshot) -> Option<String> {
    let ports = group.ports();
    let alive = StateSet::SYNCHRONIZED.without(StateSet::of(&[TcpState::TimeWait]));
    let is_client = |row: &&OwnedSocket| {
        let socket = &row.socket;
        ports.contains(&socket.local.port)
            && socket.state.is_some_and(|state| alive.contains(state))
    };
    let count = snapshot.sockets.iter().filter(is_client).count();
    (count > 0).then(|| format!("  {} connected to it", clients_are(count)))
}

fn clients_are(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(count, "client"))
}

/// What may start the process again. The shell that portwho was typed into does not.
fn restarts(pid: Pid, lineage: &[Pid], snapshot: &Snapshot) -> Option<String> {
    let process = snapshot.processes.get(&pid)?;
    if let Some(container) = &process.container {
        let stop = remedy::stop_container(container);
        return Some(format!("  its container may start it again: {stop}"));
    }
    if let Some(stop) = remedy::stop_service(snapshot.os, process) {
        return Some(format!("  its service may start it again: {stop}"));
    }
    let parent = process.parent.filter(|parent| *parent != Pid(1) && !lineage.contains(parent))?;
    Some(format!("  its parent {} may start it again", who::process(parent, snapshot)))
}

/// Why `pid` is refused, and what to type instead.
pub(super) fn refusal(pid: Pid, why: Refusal, group: &Group<'_>, snapshot: &Snapshot) -> String {
    let name = who::process(pid, snapshot);
    let ports = group.ports();
    let port = ports.first().copied().unwrap_or_default();
    let served = container_of(pid, snapshot)
        .map(|served| format!("{}: {}", who::container(served), remedy::stop_container(served)));
    if let (Refusal::Container, Some(served)) = (why, served) {
        return format!("refused: {name} serves {served}");
    }
    match why {
        Refusal::Kernel if snapshot.os == Os::Windows => {
            format!("refused: {name} is the kernel: {}", remedy::driver(port))
        }
        Refusal::Kernel => format!("refused: {name} belongs to the kernel"),
        Refusal::Critical => format!("refused: {name} is critical: Windows ends with it"),
        Refusal::SharedHost => format!("refused: {name} {}", shared_host(pid, snapshot)),
        Refusal::FirstProcess if group.everybody().len() > 1 => format!(
            "refused: {name} is the first process and holds the socket too: in a container, stop \
             the container; for socket activation, systemctl stop X.socket"
        ),
        Refusal::FirstProcess => format!(
            "refused: {name} is the first process, and everything ends with it: in a container, \
             stop the container"
        ),
        Refusal::SocketActivation(unit) => {
            let stop = socket_unit(unit, snapshot);
            format!("refused: {name} holds the socket for socket activation: {stop}")
        }
        Refusal::Itself => format!("refused: {name} is portwho itself"),
        Refusal::Ancestor => {
            format!("refused: {name} is an ancestor of portwho: the shell or session it runs in")
        }
        Refusal::Container if snapshot.os == Os::Windows => format!(
            "refused: {name} forwards the port of a container or of WSL: stop that instead, with \
             docker ps --filter publish={port} and docker stop NAME, or wsl --shutdown"
        ),
        Refusal::Container => format!(
            "refused: {name} serves a container: stop that instead, with docker ps --filter \
             publish={port} and docker stop NAME, or likewise with podman"
        ),
    }
}

/// An svchost with several services: the one that is meant has to be stopped by its name.
fn shared_host(pid: Pid, snapshot: &Snapshot) -> String {
    let services = snapshot.processes.get(&pid).map(|process| process.services.as_slice());
    let names: Vec<String> = services
        .unwrap_or_default()
        .iter()
        .map(|service| Escaped(&service.name).to_string())
        .collect();
    let proxy = if names.iter().any(|name| name.eq_ignore_ascii_case("iphlpsvc")) {
        "; for a forwarded port: netsh interface portproxy show all"
    } else {
        ""
    };
    if names.is_empty() {
        return "hosts services that cannot be listed: stop the one that is meant by its name: \
                sc.exe stop NAME"
            .to_owned();
    }
    format!("hosts several services: {}: sc.exe stop NAME{proxy}", names.join(", "))
}

fn socket_unit(unit: SocketUnit, snapshot: &Snapshot) -> String {
    let service = match unit {
        SocketUnit::Unknown => None,
        SocketUnit::OfHolder(pid) => {
            snapshot.processes.get(&pid).and_then(|process| process.services.first())
        }
    };
    let name = service.and_then(|service| service.name.as_bytes().strip_suffix(b".service"));
    let of_user = service.is_some_and(|service| service.of_user);
    let stop = |name: &[u8]| {
        let unit = [name, b".socket"].concat();
        ShellCommand::systemctl(of_user, "stop").operand(&unit).into_text()
    };
    let see = || "see systemctl list-sockets, then systemctl stop X.socket".to_owned();
    name.and_then(stop).unwrap_or_else(see)
}

/// How many of those that may follow are named.
const FOLLOWERS_NAMED: usize = 3;

/// What is about to happen: who is ended first, who may follow, and how.
pub(super) struct Course<'a> {
    /// Those that are ended first.
    pub(super) roots: &'a BTreeSet<Pid>,
    /// All that may be ended in turn, the roots among them.
    pub(super) holders: &'a BTreeSet<Pid>,
    /// How.
    pub(super) ending: Ending,
    /// Their names.
    pub(super) snapshot: &'a Snapshot,
}

impl Course<'_> {
    /// `Terminate nginx (PID 812)?`
    pub(super) fn question(&self) -> String {
        let (named, then) = (self.named(), self.followers());
        match self.ending {
            Ending::Signal(Signal::Term) => format!("Terminate {named}{then}?"),
            Ending::Signal(Signal::Kill) => format!("Kill {named} with SIGKILL{then}?"),
            Ending::Signal(other) => format!("Send {other} to {named}{then}?"),
            Ending::CloseWindow => format!("Terminate {named} by closing its windows{then}?"),
            Ending::Terminate => {
                format!("Terminate {named} at once, without a chance to save{then}?")
            }
        }
    }

    /// `would send SIGTERM to nginx (PID 812)`.
    pub(super) fn intention(&self) -> String {
        let (named, then) = (self.named(), self.followers());
        match self.ending {
            Ending::Signal(signal) => format!("would send {signal} to {named}{then}"),
            Ending::CloseWindow => format!("would ask {named} to close its windows{then}"),
            Ending::Terminate => format!("would terminate {named} at once{then}"),
        }
    }

    fn named(&self) -> String {
        who::processes(self.roots.iter().copied(), self.snapshot)
    }

    /// `, then nginx (PID 813) if it still holds the port`.
    fn followers(&self) -> String {
        let others: Vec<Pid> = self.holders.difference(self.roots).copied().collect();
        let named = match others.len() {
            0 => return String::new(),
            1..=FOLLOWERS_NAMED => who::processes(others.iter().copied(), self.snapshot),
            count => format!("{count} others that share it"),
        };
        let verb = if others.len() == 1 { "it still holds" } else { "they still hold" };
        format!(", then {named} if {verb} the port")
    }
}
