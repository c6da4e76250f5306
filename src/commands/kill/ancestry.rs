//! What processes have in common, and which processes they descend from.

use std::collections::BTreeMap;

use crate::model::{Pid, Process, Session, Untrusted};

/// What two holders of one socket have in common when they are workers of one server.
pub(super) type WorkerKey<'a> = (&'a Untrusted, &'a Untrusted, Membership<'a>);

/// Where a process belongs.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Membership<'a> {
    Session(u32),
    Unit(&'a Untrusted, bool),
}

/// The user, the program, and the session or the unit; nothing where one of them is unknown.
pub(super) fn worker_keys(process: &Process) -> Vec<WorkerKey<'_>> {
    let (Some(user), Some(program)) = (&process.user, &process.executable) else {
        return Vec::new();
    };
    // Session 0 is that of all processes whose leader is outside of this PID namespace.
    let session = match process.session {
        Session { id: Some(id), .. } if id != 0 => Some(Membership::Session(id)),
        _ => None,
    };
    let unit = process.services.first().map(|unit| Membership::Unit(&unit.name, unit.of_user));
    session.into_iter().chain(unit).map(|membership| (user, program, membership)).collect()
}

/// So many generations are followed: more than any server has.
const GENERATIONS: usize = 4096;

/// The known ancestors of a process, the nearest first. One that is younger than its child only has
/// the PID of the parent.
pub(super) fn ancestors(
    pid: Pid,
    processes: &BTreeMap<Pid, Process>,
) -> impl Iterator<Item = Pid> + '_ {
    let parent = |child: &&Process| {
        let parent = processes.get(&child.parent?)?;
        let is_newcomer =
            parent.birth.zip(child.birth).is_some_and(|(parent, child)| parent > child);
        Some(parent).filter(|_| !is_newcomer)
    };
    let first = processes.get(&pid).and_then(|process| parent(&process));
    std::iter::successors(first, move |process| parent(process))
        .take(GENERATIONS)
        .map(|process| process.pid)
        .filter(move |&ancestor| ancestor != pid)
}
