//! Who holds each socket: the search for owners, and what it means to find nothing.
//!
//! Inodes of sockets are searched for in the descriptors of /proc, or, where there are very many and the
//! kernel allows it, by its own iterators (`way`, `by_kernel`, `confirm`, `proof`). The walk first reads the table
//! of every process once, on several threads (`walk`, `searcher`, `descriptors`). What is still
//! without an owner is searched for deeper: in threads with a table of their own (`own_tables`)
//! and in the files of io_urings (`rings`). Both are bounded for each user (`budgets`), and what
//! the budgets leave out is reported as a gap. Last, a socket without an owner is asked for again:
//! one that has closed leaves no row, and the sockets that took its port are searched for in its
//! place, in the end in a few processes at a time (`settle`, `doubt`).

mod budgets;
mod by_kernel;
mod confirm;
mod descriptors;
mod doubt;
mod everywhere;
mod findings;
mod likely;
mod own_tables;
mod parallel;
mod ports;
mod proof;
mod rings;
mod search;
mod searcher;
mod settle;
mod sharers;
mod sharing;
mod walk;
mod way;
mod whole;

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use rustix::thread::{CapabilitySet, capabilities};

pub(super) use self::descriptors::{Table, can_be_named};
use self::doubt::Wanted;
use self::everywhere::{NotAnswered, Unsearched};
pub(super) use self::likely::among;
pub(super) use self::proof::all_there;
pub(super) use self::search::Inodes;
pub(super) use self::searcher::{
    LINKS_OF_ONE_THREAD, LONGEST_LINK, is_path_alone, read_link, socket_inode,
};
use self::settle::{ASKED_AGAIN, Settled, settle};
use self::walk::Walk;
pub(super) use self::way::Way;
pub(super) use self::whole::{held_by, is_exiting, is_socket};
use super::{proc_dir, user_name};
use crate::model::{
    Gap, Hiding, LeftOut, OwnedSocket, Owner, OwnersFrom, Socket, Uid, Whereabouts,
};
use crate::platform::OwnerTable;

/// Finds the owners of `sockets`, and of what took the port of one that closed meanwhile, as far as
/// it is `wanted`. Without a socket that a process could hold nothing is walked.
///
/// # Errors
/// Where the kernel was asked to search, and does not answer. That /proc cannot be read is a gap.
pub(super) fn find(
    sockets: Vec<Socket>,
    wanted_later: Wanted<'_>,
    way: &Arc<Way>,
) -> Result<OwnerTable, NotAnswered> {
    let own = rustix::process::geteuid();
    let reads_all = may_read_all();
    let is_mine = |socket: &Socket| reads_all || socket.uid == Some(Uid(own.as_raw()));
    let inodes = sockets.iter().filter_map(|socket| socket.inode);
    let wanted: Inodes = inodes.filter(|&inode| inode != 0).collect();
    let mut gaps = Vec::new();
    let mut found = Walk::by(way);
    let is_searched = !wanted.is_empty();
    if is_searched {
        let mine = sockets.iter().filter(|socket| is_mine(socket));
        let mine = mine.filter_map(|socket| Some((socket.inode?, socket.uid)));
        let mine = mine.filter(|(inode, _)| *inode != 0).collect();
        match found.search(&wanted, &mine) {
            Ok(()) => {}
            Err(Unsearched::NotAnswered(why)) => return Err(why),
            Err(Unsearched::Unlisted(why)) => {
                gaps.push(Gap::ProcessesUnreadable { why: why.to_string() });
                found.refused = true;
            }
        }
    }
    let Settled { sockets, changing } = settle(sockets, &mut found, &is_mine, wanted_later)?;
    let owned = |socket: Socket| OwnedSocket { owner: owner(&socket, &found, &changing), socket };
    let sockets: Vec<OwnedSocket> = sockets.into_iter().map(owned).collect();
    // Where no process could be listed, that is the reason for every owner that is hidden.
    if gaps.is_empty() {
        let is_cut = found.budgets.left_out().values().any(|what| what.count() > 0);
        gaps.extend(hidden(&sockets, is_cut));
        gaps.extend(changing_hands(&sockets, &changing));
        let is_whole = reads_all && found.silent_rings == 0;
        gaps.extend(not_found(&sockets, &changing, place(is_cut, is_whole)));
        gaps.extend(unsearched(&found));
    }
    let from = if found.by_kernel { OwnersFrom::Bpf } else { OwnersFrom::Proc };
    let counted = found.holders.counted;
    Ok(OwnerTable { sockets, gaps, from: is_searched.then_some(from), counted })
}

/// What closed before it was searched may be anybody's: nobody knows that its owner cannot be seen.
fn owner(socket: &Socket, found: &Walk, changing: &Inodes) -> Owner {
    if let Some(reason) = socket.kernel_reason() {
        return Owner::Kernel(reason);
    }
    let inode = socket.inode.unwrap_or_default();
    match found.holders.get(inode) {
        Some(holders) => Owner::Processes(holders.into()),
        None if found.refused && !changing.contains(&inode) => Owner::Hidden,
        None => Owner::NotFound,
    }
}

/// The gap of the sockets whose owner may not be seen, with the users they belong to. Where the search
/// `is_cut`, the rights are not what is missing.
fn hidden(sockets: &[OwnedSocket], is_cut: bool) -> Option<Gap> {
    let hidden = || sockets.iter().filter(|row| row.owner == Owner::Hidden);
    let names: BTreeMap<_, _> =
        hidden().filter_map(|row| row.socket.uid).map(|uid| (uid, user_name(uid))).collect();
    let users = names.into_iter().map(|(uid, name)| name.unwrap_or_else(|| uid.to_string().into()));
    let count = hidden().count();
    let why = match rustix::process::geteuid().is_root() {
        false => Hiding::Rights,
        true if is_cut => Hiding::Unsearched,
        true => Hiding::EvenFromRoot,
    };
    (count > 0).then(|| Gap::OwnersHidden { count, users: users.collect(), why })
}

/// How many users whose budgets are spent get a gap of their own.
const USERS_TOLD: usize = 5;

/// Where owners may be that were not found.
fn unsearched(found: &Walk) -> impl Iterator<Item = Gap> {
    let mut left_out: Vec<(Uid, LeftOut)> = found.budgets.left_out().into_iter().collect();
    left_out.sort_by_key(|(_, what)| Reverse(what.count()));
    let mut gaps = Vec::new();
    for (user, what) in left_out.iter().take(USERS_TOLD) {
        let user = user_name(*user).unwrap_or_else(|| user.to_string().into());
        gaps.push(Gap::SearchBounded { user: Some(user), left_out: *what });
    }
    let mut rest = LeftOut::default();
    left_out.iter().skip(USERS_TOLD).for_each(|(_, what)| rest.add(*what));
    let rest = Gap::SearchBounded { user: None, left_out: rest };
    let rings = Gap::RingsUnread { count: found.silent_rings };
    gaps.into_iter().chain([rest, rings]).filter(|gap| gap.count() > Some(0))
}

/// The gap of the successors that closed before they were searched.
fn changing_hands(sockets: &[OwnedSocket], changing: &Inodes) -> Option<Gap> {
    let count = sockets.iter().filter(|row| is_among(changing, row)).count();
    (count > 0).then_some(Gap::ChangingHands { count })
}

fn is_among(inodes: &Inodes, row: &OwnedSocket) -> bool {
    row.socket.inode.is_some_and(|inode| inodes.contains(&inode))
}

fn not_found(sockets: &[OwnedSocket], changing: &Inodes, place: Whereabouts) -> Option<Gap> {
    let rows = sockets.iter().filter(|row| row.owner == Owner::NotFound);
    let rows: Vec<&OwnedSocket> = rows.filter(|row| !is_among(changing, row)).collect();
    let count = rows.len();
    // Others may have closed since, or passed to another process: they were not asked for again.
    let is_settled = count <= ASKED_AGAIN && rows.iter().all(|row| row.socket.netns.is_none());
    let place = match place {
        Whereabouts::NoProcess if !is_settled => Whereabouts::Anywhere,
        place => place,
    };
    (count > 0).then_some(Gap::OwnersNotFound { count, place })
}

/// Where an owner may be that no process is which was searched: `is_whole` where everything was, as far as
/// this PID namespace goes.
fn place(is_cut: bool, is_whole: bool) -> Whereabouts {
    match proc_dir::is_first_pid_namespace() {
        _ if is_cut => Whereabouts::Unsearched,
        Some(false) => Whereabouts::OutsidePidNamespace,
        Some(true) if is_whole => Whereabouts::NoProcess,
        _ => Whereabouts::Anywhere,
    }
}

/// Whether this user may read every process as a rule, and not only those of its own: root, and who has the
/// rights of the units.
fn may_read_all() -> bool {
    let rights = CapabilitySet::SYS_PTRACE | CapabilitySet::DAC_READ_SEARCH;
    rustix::process::geteuid().is_root()
        || capabilities(None).is_ok_and(|sets| sets.effective.contains(rights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Protocol};

    #[test]
    fn only_what_was_searched_may_be_hidden() {
        let local = Endpoint::new([127, 0, 0, 1].into(), 80);
        let of_inode = |inode| Socket { inode: Some(inode), ..Socket::at(Protocol::Udp, local) };
        let changing = Inodes::from_iter([4711]);
        for (inode, refused, expected) in [
            (4711, true, Owner::NotFound),
            (4711, false, Owner::NotFound),
            (4712, true, Owner::Hidden),
            (4712, false, Owner::NotFound),
        ] {
            let found = Walk { refused, ..Walk::default() };
            assert_eq!(owner(&of_inode(inode), &found, &changing), expected, "{inode} {refused}");
        }
    }
}
