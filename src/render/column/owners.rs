//! Cells that say who holds a socket.

use crate::model::{OwnedSocket, Owner, Process, Snapshot, Untrusted};
use crate::text::escape::{Escaped, shortened};
use crate::text::owners::unnamed;

/// How many PIDs a cell lists.
const PIDS_LISTED: usize = 4;
/// How many image names a cell lists.
const IMAGES_LISTED: usize = 3;

/// Up to four PIDs; `812 +7` for more; 0 where no process can hold the socket, and `?` where a
/// process holds it that is not known.
pub(super) fn pids(owner: &Owner) -> String {
    match owner {
        Owner::Kernel(_) => "0".to_owned(),
        Owner::Hidden | Owner::NotFound | Owner::Exited(_) => "?".to_owned(),
        Owner::Processes(_) => {
            let pids: Vec<String> = owner.pids().map(|pid| pid.to_string()).collect();
            match pids.split_first() {
                Some((first, others)) if others.len() >= PIDS_LISTED => {
                    format!("{first} +{}", others.len())
                }
                _ => pids.join(","),
            }
        }
    }
}

/// A cell of PIDs in fewer columns: the first of them and how many more there are, which is cut only
/// where even that has no room.
pub(super) fn shortened_pids(cell: &str, width: usize) -> String {
    let first = match cell.split_once(',') {
        Some((first, others)) => format!("{first} +{}", others.split(',').count()),
        None => cell.to_owned(),
    };
    shortened(&first, width.max(1))
}

/// Up to three image names, each once, in the order of the PIDs: `nginx`, `nginx,php-fpm,node +2`.
/// In parentheses why there are none: `(time-wait)`, `(root, nginx.service)`.
pub(super) fn images(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    let Owner::Processes(_) = row.owner else { return unnamed(row, snapshot) };
    let names = distinct(row, snapshot, |process| Some(&process.name));
    let listed: Vec<String> =
        names.iter().take(IMAGES_LISTED).map(|name| Escaped(name).to_string()).collect();
    match names.len().saturating_sub(IMAGES_LISTED) {
        // It has exited since.
        _ if names.is_empty() => "?".to_owned(),
        0 => listed.join(","),
        more => format!("{} +{more}", listed.join(",")),
    }
}

/// What the owners have, each once, in the order of their PIDs.
fn distinct<'a>(
    row: &OwnedSocket,
    snapshot: &'a Snapshot,
    part: impl Fn(&'a Process) -> Option<&'a Untrusted>,
) -> Vec<&'a Untrusted> {
    let mut found: Vec<&Untrusted> = Vec::new();
    for process in row.owner.pids().filter_map(|pid| snapshot.processes.get(&pid)) {
        if let Some(text) = part(process).filter(|text| !found.contains(text)) {
            found.push(text);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        Capabilities, Creator, Endpoint, Holder, KernelReason, Pid, Protocol, Service, Socket, Uid,
    };

    fn held_by(numbers: &[u32]) -> Owner {
        let holder = |pid: &u32| Holder { pid: Pid(*pid), descriptor: Some(3) };
        Owner::Processes(numbers.iter().map(holder).collect())
    }

    fn row(owner: Owner) -> OwnedSocket {
        let socket = Socket {
            uid: Some(Uid(33)),
            cgroup: Some(7),
            ..Socket::at(Protocol::Tcp, Endpoint::new([0, 0, 0, 0].into(), 80))
        };
        OwnedSocket { socket, owner }
    }

    #[test]
    fn the_pid_cell_lists_the_owners_or_marks_why_not() {
        let cell = |numbers: &[u32]| pids(&held_by(numbers));
        assert_eq!(cell(&[812]), "812");
        assert_eq!(cell(&[812, 812, 813, 814, 815]), "812,813,814,815");
        assert_eq!(cell(&[812, 813, 814, 815, 816, 817, 818, 819]), "812 +7");
        assert_eq!(pids(&Owner::Kernel(KernelReason::TimeWait)), "0");
        assert_eq!(pids(&Owner::Hidden), "?");
        assert_eq!(pids(&Owner::NotFound), "?");
    }

    #[test]
    fn pids_are_counted_before_one_is_cut() {
        assert_eq!(shortened_pids("812,813,814", 8), "812 +2");
        assert_eq!(shortened_pids("812 +7", 5), "812 …");
        assert_eq!(shortened_pids("4194303", 0), "…");
    }

    #[test]
    fn the_image_cell_has_each_name_once_and_three_at_most() {
        let names = ["nginx", "nginx", "php-fpm", "a\nb", "node", "redis"];
        let pids = || (1_u32..).map(Pid);
        let process = |(pid, name): (Pid, &str)| (pid, Process::named(pid, name.into()));
        let snapshot = Snapshot {
            processes: pids().zip(names).map(process).collect(),
            ..Snapshot::empty(Capabilities::LINUX)
        };
        let cell = |numbers: &[u32]| images(&row(held_by(numbers)), &snapshot);
        assert_eq!(cell(&[2]), "nginx");
        assert_eq!(cell(&[1, 2]), "nginx");
        assert_eq!(cell(&[1, 2, 3, 4]), "nginx,php-fpm,a\\nb");
        assert_eq!(cell(&[1, 2, 3, 4, 5, 6]), "nginx,php-fpm,a\\nb +2");
        assert_eq!(cell(&[9]), "?", "it has exited");
    }

    #[test]
    fn the_image_cell_says_why_there_is_no_name() {
        let service = Service { name: "nginx.service".into(), of_user: false };
        let creator = Creator { service: Some(service), ..Creator::default() };
        let mut snapshot = Snapshot::empty(Capabilities::LINUX);
        let cell = |owner, snapshot: &Snapshot| images(&row(owner), snapshot);
        assert_eq!(cell(Owner::Kernel(KernelReason::TimeWait), &snapshot), "(time-wait)");
        assert_eq!(cell(Owner::Hidden, &snapshot), "(33)");
        snapshot.users.insert(Uid(33), "www-data".into());
        assert_eq!(cell(Owner::NotFound, &snapshot), "(www-data)");
        snapshot.creators.insert(7, creator);
        assert_eq!(cell(Owner::Hidden, &snapshot), "(www-data, nginx.service)");
        assert_eq!(cell(Owner::Exited(Pid(7)), &snapshot), "(PID 7 exited)");
    }
}
