//! Processes, owners and containers, named in a sentence.

use std::collections::BTreeSet;

use super::escape::brief;
use super::names::Names;
use crate::model::{Container, OwnedSocket, Owner, Pid, Process, Snapshot, Socket};

/// `nginx (PID 812)`.
#[must_use]
pub fn process(pid: Pid, snapshot: &Snapshot) -> String {
    match snapshot.processes.get(&pid) {
        Some(process) => format!("{} (PID {pid})", name(process)),
        None => format!("PID {pid}"),
    }
}

/// `nginx (PID 812), nginx (PID 813)`; of many the first ten, `and 190 more`.
#[must_use]
pub fn processes(pids: impl IntoIterator<Item = Pid>, snapshot: &Snapshot) -> String {
    Names::of(pids, |pid| process(pid, snapshot)).to_string()
}

/// `nginx (PID 812, user root, nginx.service)`: all that identifies it.
#[must_use]
pub fn identity(pid: Pid, snapshot: &Snapshot) -> String {
    let Some(process) = snapshot.processes.get(&pid) else { return format!("PID {pid}") };
    let user = process.user.as_ref().map(|name| format!(", user {}", brief(name)));
    let service = process.services.iter().map(|service| format!(", {}", brief(&service.name)));
    let (user, service) = (user.unwrap_or_default(), service.collect::<String>());
    let container = process.container.as_ref().map(|found| format!(", {}", container(found)));
    let container = container.unwrap_or_default();
    format!("{} (PID {pid}{user}{service}{container})", name(process))
}

/// A process may give itself an empty name.
fn name(process: &Process) -> String {
    let name = brief(&process.name);
    if name.is_empty() { "an unnamed process".to_owned() } else { name }
}

/// Who holds a socket, or as much as can be said.
#[must_use]
pub fn owner(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    match &row.owner {
        Owner::Processes(_) => processes(row.owner.pids(), snapshot),
        Owner::Kernel(reason) => format!("the kernel ({})", reason.word()),
        Owner::Hidden => hidden(&row.socket, snapshot),
        Owner::NotFound => {
            let (place, candidates) =
                (place(&row.socket, snapshot), candidates(&row.socket, snapshot));
            format!("an owner{place} that was not found{candidates}")
        }
        Owner::Exited(pid) => {
            format!("children of PID {pid} (which has exited) that inherited it")
        }
    }
}

/// What a table has in the place of a name, for a row without a process that is known:
/// `(time-wait)`, `(root, nginx.service)`, `(PID 812 exited)`.
#[must_use]
pub fn unnamed(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    let socket = &row.socket;
    match &row.owner {
        Owner::Kernel(reason) => format!("({})", reason.word()),
        Owner::Exited(pid) => format!("(PID {pid} exited)"),
        Owner::Processes(_) | Owner::Hidden | Owner::NotFound => {
            let user = socket.uid.map(|uid| brief(&snapshot.user_name(uid)));
            let creator = snapshot.creator(socket);
            let service = creator.and_then(|creator| creator.service.as_ref());
            let inside = creator.and_then(|creator| creator.container.as_ref());
            let inside = inside
                .map(|inside| format!("{} {}", inside.runtime.word(), brief(&known_as(inside))));
            let place = inside.or_else(|| service.map(|service| brief(&service.name)));
            let known: Vec<String> = user.into_iter().chain(place).collect();
            if known.is_empty() {
                "(unknown)".to_owned()
            } else {
                format!("({})", known.join(", "))
            }
        }
    }
}

/// `root in nginx.service (most likely one of PIDs 812, 813)`: what every user may know.
fn hidden(socket: &Socket, snapshot: &Snapshot) -> String {
    let user = socket.uid.map(|uid| brief(&snapshot.user_name(uid)));
    let (place, candidates) = (place(socket, snapshot), candidates(socket, snapshot));
    // Root may read almost every process, so what is hidden from root may have no process at all.
    let nobody = snapshot.privileged && place.is_empty() && candidates.is_empty();
    let nobody = if nobody { " or the kernel itself" } else { "" };
    match user {
        Some(user) if place.is_empty() => format!("a process of {user}{nobody}{candidates}"),
        Some(user) => format!("{user}{place}{candidates}"),
        None => format!("a hidden process{nobody}{place}{candidates}"),
    }
}

/// ` in nginx.service`, or nothing.
fn place(socket: &Socket, snapshot: &Snapshot) -> String {
    let creator = snapshot.creator(socket);
    let service = creator.and_then(|creator| creator.service.as_ref()).map(|service| {
        let of_user = if service.of_user { " (a systemd user unit)" } else { "" };
        format!(" in {}{of_user}", brief(&service.name))
    });
    let inside = creator.and_then(|creator| creator.container.as_ref());
    let inside = inside.map(|inside| format!(" in {}", container(inside)));
    inside.or(service).unwrap_or_default()
}

/// How many candidates are named.
const CANDIDATES_NAMED: usize = 4;

/// ` (most likely one of PIDs 812, 813)`, or nothing.
fn candidates(socket: &Socket, snapshot: &Snapshot) -> String {
    let creator = snapshot.creator(socket);
    let candidates = creator.map(|creator| creator.candidates.as_slice()).unwrap_or_default();
    match candidates {
        [] => String::new(),
        [one] => format!(" (most likely PID {one})"),
        several if several.len() > CANDIDATES_NAMED => {
            format!(" (most likely one of {} processes)", several.len())
        }
        several => {
            format!(" (most likely one of {})", pids(&several.iter().copied().collect()))
        }
    }
}

/// `the Docker container web`.
#[must_use]
pub fn container(container: &Container) -> String {
    format!("the {} container {}", container.runtime.title(), brief(&known_as(container)))
}

/// A container's name, or else its short id.
#[must_use]
pub fn known_as(container: &Container) -> crate::model::Untrusted {
    container.name.clone().unwrap_or_else(|| container.short_id())
}

/// `PID 812`, `PIDs 812, 813`.
#[must_use]
pub fn pids(pids: &BTreeSet<Pid>) -> String {
    let numbers: Vec<String> = pids.iter().map(ToString::to_string).collect();
    let noun = if numbers.len() == 1 { "PID" } else { "PIDs" };
    format!("{noun} {}", numbers.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Capabilities;

    #[test]
    fn a_process_without_a_name_is_named_by_its_pid() {
        let named = |(pid, name): (u32, &str)| (Pid(pid), Process::named(Pid(pid), name.into()));
        let processes = [(7, ""), (8, "web")].map(named).into();
        let snapshot = Snapshot { processes, ..Snapshot::empty(Capabilities::LINUX) };
        assert_eq!(process(Pid(7), &snapshot), "an unnamed process (PID 7)");
        assert_eq!(process(Pid(8), &snapshot), "web (PID 8)");
        assert_eq!(process(Pid(9), &snapshot), "PID 9");
    }
}
