//! Cells that say who holds a socket.

use std::time::SystemTime;

use rustc_hash::FxHashSet;

use crate::model::{OwnedSocket, Owner, Process, Snapshot, Untrusted};
use crate::render::command_line::command_line;
use crate::text::durations;
use crate::text::escape::Escaped;
use crate::text::owners::unnamed;

/// How many PIDs or descriptors a cell lists.
const NUMBERS_LISTED: usize = 4;
/// The name of a process that has exited since it was found to be an owner.
const EXITED: &str = "?";
/// How many image names a cell lists.
const IMAGES_LISTED: usize = 3;

/// Up to four PIDs; `812 +7` for more; 0 where no process can hold the socket, and `?` where a
/// process holds it that is not known.
pub(super) fn pids(owner: &Owner) -> String {
    match owner {
        Owner::Kernel(_) => "0".to_owned(),
        Owner::Hidden | Owner::NotFound | Owner::Exited(_) => "?".to_owned(),
        Owner::Processes(_) => few(owner.pids()),
    }
}

/// Every PID.
pub(super) fn all_pids(owner: &Owner) -> String {
    match owner {
        Owner::Processes(_) => all(owner.pids()),
        _ => pids(owner),
    }
}

/// The descriptors of the owners, in the order of their PIDs, listed as PIDs are; nothing where no
/// descriptor is known.
pub(super) fn descriptors(owner: &Owner) -> String {
    few(descriptors_of(owner))
}

/// Every descriptor.
pub(super) fn all_descriptors(owner: &Owner) -> String {
    all(descriptors_of(owner))
}

fn descriptors_of(owner: &Owner) -> impl Iterator<Item = u32> + '_ {
    owner.holders().iter().filter_map(|holder| holder.descriptor)
}

fn all(numbers: impl Iterator<Item: ToString>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(",")
}

/// Up to four; of more, which may be very many, the first, and how many others there are.
fn few(mut numbers: impl Iterator<Item: ToString>) -> String {
    let first: Vec<String> =
        numbers.by_ref().take(NUMBERS_LISTED).map(|number| number.to_string()).collect();
    match (first.split_first(), numbers.count()) {
        (Some((first, others)), more @ 1..) => format!("{first} +{}", others.len() + more),
        _ => first.join(","),
    }
}

/// A list of numbers in fewer columns: the first of them and how many more there are.
pub(super) fn counted(cell: String) -> String {
    match cell.split_once(',') {
        Some((first, others)) => format!("{first} +{}", others.split(',').count()),
        None => cell,
    }
}

/// Up to three image names, each once, in the order of the PIDs: `nginx`, `nginx,php-fpm,node +2`.
/// In parentheses why there are none: `(time-wait)`, `(root, nginx.service)`.
pub(super) fn images(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    images_of(row, snapshot, IMAGES_LISTED)
}

/// Every image name.
pub(super) fn all_images(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    images_of(row, snapshot, usize::MAX)
}

fn images_of(row: &OwnedSocket, snapshot: &Snapshot, listed: usize) -> String {
    match &row.owner {
        // By far the most frequent, and there may be a hundred thousand of them.
        Owner::Processes(holders) if holders.len() == 1 => {
            let name = owners(row, snapshot).next().map(|owner| image(&owner.name));
            let name = name.unwrap_or_else(|| EXITED.to_owned());
            return match &row.socket.service {
                Some(service) => format!("{name} ({})", Escaped(service)),
                None => name,
            };
        }
        Owner::Processes(_) => {}
        _ => return unnamed(row, snapshot),
    }
    let names = distinct(owners(row, snapshot).map(|process| &process.name));
    match names.len().saturating_sub(listed) {
        _ if names.is_empty() => EXITED.to_owned(),
        0 => joined(&names),
        more => format!("{} +{more}", joined(names.get(..listed).unwrap_or_default())),
    }
}

/// The users of the owners; of a socket whose owners are not known, its own.
pub(super) fn users(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    let users = distinct(owners(row, snapshot).filter_map(|process| process.user.as_ref()));
    match row.socket.uid {
        // The kernel has forgotten whose it was, and says root.
        _ if matches!(row.owner, Owner::Kernel(_)) => String::new(),
        Some(uid) if users.is_empty() => Escaped(&snapshot.user_name(uid)).to_string(),
        _ => joined(&users),
    }
}

/// The services of the owners; of a socket whose owners are not known, that of its creator.
pub(super) fn services(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    if let Some(service) = &row.socket.service {
        return Escaped(service).to_string();
    }
    let of_owners = owners(row, snapshot).flat_map(|process| &process.services);
    let creator = snapshot.creator(&row.socket).filter(|_| row.owner.holders().is_empty());
    let of_creator = creator.and_then(|creator| creator.service.as_ref());
    joined(&distinct(of_owners.chain(of_creator).map(|service| &service.name)))
}

/// The command line of the first owner.
pub(super) fn first_command(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    owners(row, snapshot).next().and_then(command_line).unwrap_or_default()
}

/// The command line of the first owner, and how many others there are: `nginx -g daemon +2`.
pub(super) fn command(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    let first = first_command(row, snapshot);
    match owners(row, snapshot).count().saturating_sub(1) {
        0 => first,
        others if first.is_empty() => format!("+{others}"),
        others => format!("{first} +{others}"),
    }
}

/// How long the socket has existed, where the system tells when it was created; otherwise how long the
/// oldest owner has been running.
pub(super) fn age(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    let oldest = || owners(row, snapshot).filter_map(|process| process.started).min();
    let started = row.socket.created().or_else(oldest);
    let since = started.and_then(|started| SystemTime::now().duration_since(started).ok());
    since.map(durations::age).unwrap_or_default()
}

fn joined(texts: &[&Untrusted]) -> String {
    texts.iter().map(|text| image(text)).collect::<Vec<_>>().join(",")
}

fn image(name: &Untrusted) -> String {
    or_dash(Escaped(name).to_string())
}

/// A process may give itself an empty name.
pub(in crate::render) fn or_dash(name: String) -> String {
    if name.is_empty() { "-".to_owned() } else { name }
}

/// The owners that are known, in the order of their PIDs.
fn owners<'a>(row: &'a OwnedSocket, snapshot: &'a Snapshot) -> impl Iterator<Item = &'a Process> {
    row.owner.pids().filter_map(|pid| snapshot.processes.get(&pid))
}

/// Each once, in their order. One socket may have very many owners.
fn distinct<'a>(texts: impl Iterator<Item = &'a Untrusted>) -> Vec<&'a Untrusted> {
    let mut known = FxHashSet::default();
    texts.filter(|text| known.insert(*text)).collect()
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
    fn pids_are_counted_and_never_cut() {
        for (cell, expected) in
            [("812,813,814", "812 +2"), ("812 +7", "812 +7"), ("4194303", "4194303"), ("?", "?")]
        {
            assert_eq!(counted(cell.to_owned()), expected);
        }
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
        let nameless = [(Pid(1), Process::named(Pid(1), "".into()))].into();
        let snapshot = Snapshot { processes: nameless, ..Snapshot::empty(Capabilities::LINUX) };
        assert_eq!(images(&row(held_by(&[1])), &snapshot), "-");
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
