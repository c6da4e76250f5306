//! What kill says before it acts: who it is, and why it refuses.

use std::collections::BTreeSet;

use super::plan::Group;
use super::refusal::{Refusal, SocketUnit};
use crate::commands::who;
use crate::model::{OwnedSocket, Pid, Process, Snapshot, StateSet, TcpState, Untrusted};
use crate::platform::Signal;
use crate::query::Row;
use crate::render::escape::Escaped;
use crate::render::local_end;

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
    let named = roots.iter().map(|&pid| identity(pid, snapshot)).collect::<Vec<_>>().join(", ");
    let mut lines = vec![format!("{} is held by {named}", ends.join(", "))];
    let others: BTreeSet<Pid> = group.holders.difference(roots).copied().collect();
    if !others.is_empty() {
        lines.push(format!("  held also by {}", who::processes(others, snapshot)));
    }
    let left_out: BTreeSet<Pid> = group.everybody().difference(&group.holders).copied().collect();
    if !left_out.is_empty() {
        lines.push(format!("  and by {}, not asked for", who::processes(left_out, snapshot)));
    }
    lines.extend(other_ports(group, snapshot));
    lines.extend(clients(group, snapshot));
    let restarts: BTreeSet<String> =
        roots.iter().filter_map(|pid| restarts(*pid, lineage, snapshot)).collect();
    lines.extend(restarts);
    lines
}

/// `nginx (PID 812, user root, nginx.service)`.
fn identity(pid: Pid, snapshot: &Snapshot) -> String {
    let Some(process) = snapshot.processes.get(&pid) else { return format!("PID {pid}") };
    let user = process.user.as_ref().map(|name| format!(", user {}", Escaped(name)));
    let service = process.service.as_ref().map(|name| format!(", {}", Escaped(name)));
    let (user, service) = (user.unwrap_or_default(), service.unwrap_or_default());
    format!("{} (PID {pid}{user}{service})", Escaped(&process.name))
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
    format!("{} {verb}", who::count(count, "client"))
}

/// What may start the process again. The shell that portwho was typed into does not.
fn restarts(pid: Pid, lineage: &[Pid], snapshot: &Snapshot) -> Option<String> {
    let process = snapshot.processes.get(&pid)?;
    if let Some(stop) = stop_command(process) {
        return Some(format!("  systemd may start it again: {stop}"));
    }
    let parent = process.parent.filter(|parent| *parent != Pid(1) && !lineage.contains(parent))?;
    Some(format!("  its parent {} may start it again", who::process(parent, snapshot)))
}

/// `systemctl stop nginx.service`, for a process of a service.
pub(super) fn stop_command(process: &Process) -> Option<String> {
    let unit = process.service.as_ref()?;
    unit.as_bytes().ends_with(b".service").then(|| format!("systemctl stop {}", Escaped(unit)))
}

/// Why `pid` is refused, and what to type instead.
pub(super) fn refusal(pid: Pid, why: Refusal, group: &Group<'_>, snapshot: &Snapshot) -> String {
    let name = who::process(pid, snapshot);
    let ports = group.ports();
    let port = ports.first().copied().unwrap_or_default();
    match why {
        Refusal::Kernel => format!("refused: {name} belongs to the kernel"),
        Refusal::FirstProcess => {
            format!("refused: {name} is the first process, and everything ends with it")
        }
        Refusal::SocketActivation(unit) => {
            let stop = socket_unit(unit, snapshot);
            format!("refused: {name} holds the socket for socket activation: {stop}")
        }
        Refusal::Itself => format!("refused: {name} is portwho itself"),
        Refusal::Ancestor => {
            format!("refused: {name} is an ancestor of portwho: the shell or session it runs in")
        }
        Refusal::Container => format!(
            "refused: {name} serves a container: stop that instead, with docker ps --filter \
             publish={port} and docker stop NAME, or likewise with podman"
        ),
    }
}

fn socket_unit(unit: SocketUnit, snapshot: &Snapshot) -> String {
    let service = match unit {
        SocketUnit::Unknown => None,
        SocketUnit::OfHolder(pid) => {
            snapshot.processes.get(&pid).and_then(|process| process.service.as_ref())
        }
    };
    let name = service.map(Untrusted::as_bytes).and_then(|name| name.strip_suffix(b".service"));
    match name {
        Some(name) => format!("systemctl stop {}.socket", Escaped(&Untrusted::new(name))),
        None => "see systemctl list-sockets, then systemctl stop X.socket".to_owned(),
    }
}

/// `Terminate nginx (PID 812)?`
pub(super) fn question(roots: &BTreeSet<Pid>, signal: Signal, snapshot: &Snapshot) -> String {
    let named = who::processes(roots.iter().copied(), snapshot);
    match signal {
        Signal::Term => format!("Terminate {named}?"),
        Signal::Kill => format!("Kill {named} with SIGKILL?"),
        other => format!("Send {other} to {named}?"),
    }
}
