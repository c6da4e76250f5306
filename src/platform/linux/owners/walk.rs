//! The walk over /proc/PID/fd: which process holds which socket.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::super::proc_dir::{Entries, open_proc};
use super::budgets::Budgets;
use super::descriptors::can_be_named;
use super::everywhere::Unsearched;
use super::findings::{Findings, Holders, OwnTable, Part, Ring, Sharer};
use super::parallel::search_all;
use super::rings;
use super::search::{Inodes, Search, user_of};
use super::searcher::Searcher;
use super::sharers::{Payers, Sharers, name};
use super::way::Way;
use crate::model::{Pid, Uid};

/// How often the tables of processes are searched: those whose sharer has gone meanwhile, again.
const ROUNDS: usize = 3;

/// Inode numbers of sockets, with the users they belong to.
pub(super) type InodesOfUsers = FxHashMap<u64, Option<Uid>>;

/// What the walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The holders of each inode.
    pub(super) holders: Holders,
    /// Whether some process could not be searched.
    pub(super) refused: bool,
    /// What each user's processes may still cost.
    pub(super) budgets: Budgets,
    /// How many io_urings did not report what is registered there.
    pub(super) silent_rings: usize,
    /// By which way all processes are searched.
    pub(super) way: Arc<Way>,
    /// Whether the kernel itself searched them.
    pub(super) by_kernel: bool,
}

impl Walk {
    /// Nothing is found yet.
    pub(super) fn by(way: &Arc<Way>) -> Self {
        Self { way: Arc::clone(way), ..Self::default() }
    }

    /// Searches every process for the holders of `wanted`. Those that are also `mine`, so that they
    /// ought to be found, and are not, are searched again in every thread and every io_uring.
    ///
    /// # Errors
    /// When /proc cannot be read at all, or the kernel was asked to search, and does not answer.
    pub(super) fn search(
        &mut self,
        wanted: &Inodes,
        mine: &InodesOfUsers,
    ) -> Result<(), Unsearched> {
        let processes = Processes::list()?;
        let (mut findings, sharers) =
            processes.search_everywhere(wanted, &self.budgets, &self.way)?;
        let mut holders = findings.holders();
        let missing = || mine.iter().filter(|(inode, _)| holders.get(**inode).is_none());
        let inodes: Inodes = missing().map(|(inode, _)| *inode).collect();
        if !inodes.is_empty() {
            self.budgets.put_first(missing().filter_map(|(_, user)| *user).collect());
            let rings = std::mem::take(&mut findings.rings);
            let mut search = Search::new(&inodes, &self.budgets, processes.can_be_named);
            search.sharers = sharers;
            findings.absorb(processes.search_deeply(&search, rings));
            let counted = std::mem::take(&mut holders.counted);
            holders = findings.holders();
            holders.counted = counted;
        }
        self.holders.add(holders);
        self.refused |= findings.refused || !processes.are_all;
        self.silent_rings = self.silent_rings.max(findings.silent_rings);
        self.by_kernel |= findings.by_kernel;
        Ok(())
    }
}

/// The processes to search.
pub(super) struct Processes {
    pub(super) proc: OwnedFd,
    pub(super) pids: Vec<Pid>,
    /// Whether that is all of them: PID 1 always exists, so where it is not listed, /proc hides
    /// processes (hidepid in proc(5)).
    are_all: bool,
    /// See [`can_be_named`].
    pub(super) can_be_named: bool,
}

impl Processes {
    /// Lists them.
    ///
    /// # Errors
    /// When /proc cannot be read at all.
    pub(super) fn list() -> io::Result<Self> {
        let proc = open_proc()?;
        let mut entries = Entries::new();
        let pids = entries.numbers(&proc).map(|number| number.map(Pid));
        let pids = pids.collect::<Result<Vec<_>, _>>()?;
        let can_be_named = can_be_named(&proc);
        Ok(Self { proc, are_all: pids.contains(&Pid(1)), pids, can_be_named })
    }

    /// These alone, whether there are others or not.
    ///
    /// # Errors
    /// When /proc cannot be opened.
    pub(super) fn these(pids: &[Pid]) -> io::Result<Self> {
        let proc = open_proc()?;
        let can_be_named = can_be_named(&proc);
        Ok(Self { proc, pids: pids.to_vec(), are_all: false, can_be_named })
    }

    /// Their PIDs, ascending.
    pub(super) fn pids(&self) -> &[Pid] {
        &self.pids
    }

    /// Searches the tables of `pids`.
    pub(super) fn search_these(
        &self,
        pids: &[Pid],
        wanted: &Inodes,
        budgets: &Budgets,
    ) -> Findings {
        self.search(pids, wanted, budgets).0
    }

    /// Searches the tables of `pids`, and returns which processes share one.
    pub(super) fn search(
        &self,
        pids: &[Pid],
        wanted: &Inodes,
        budgets: &Budgets,
    ) -> (Findings, Sharers) {
        let (findings, unsettled) = self.search_tables(pids, wanted, budgets);
        self.settle_sharers(findings, unsettled, wanted, budgets)
    }

    /// Names those who share a table, and searches again where the one whose table was read is gone.
    pub(super) fn settle_sharers(
        &self,
        mut findings: Findings,
        mut unsettled: Vec<Sharer>,
        wanted: &Inodes,
        budgets: &Budgets,
    ) -> (Findings, Sharers) {
        let payers = Payers { proc: &self.proc, budgets };
        let mut sharers = Sharers::new();
        for round in 1..=ROUNDS {
            name(&mut findings, &mut unsettled, &mut sharers, &payers);
            if unsettled.is_empty() || round == ROUNDS {
                break;
            }
            let pids: Vec<Pid> = unsettled.iter().map(|sharer| sharer.pid).collect();
            let (found, rest) = self.search_tables(&pids, wanted, budgets);
            findings.absorb(found);
            unsettled = rest;
        }
        for sharer in &unsettled {
            payers.leave_out(sharer, 1);
        }
        (findings, sharers)
    }

    /// Searches each table once, and returns which processes share one.
    pub(super) fn search_tables(
        &self,
        pids: &[Pid],
        wanted: &Inodes,
        budgets: &Budgets,
    ) -> (Findings, Vec<Sharer>) {
        self.search_tables_of(pids, &Search::new(wanted, budgets, self.can_be_named))
    }

    pub(super) fn search_tables_of(
        &self,
        pids: &[Pid],
        search: &Search<'_>,
    ) -> (Findings, Vec<Sharer>) {
        let visit = |searcher: &mut Searcher<'_>, pid: &Pid| searcher.visit(&self.proc, *pid);
        let mut findings = search_all(pids, search, visit);
        let mut parts = std::mem::take(&mut findings.left_over);
        put_in_order(&mut parts, search.budgets);
        findings.absorb(search_all(&parts, search, |searcher, part| {
            searcher.visit_part(&self.proc, part);
        }));
        let sharers = std::mem::take(&mut findings.sharers);
        (findings, sharers)
    }

    /// Searches the other threads of each, and all io_urings.
    fn search_deeply(&self, search: &Search<'_>, mut rings: Vec<Ring>) -> Findings {
        let mut findings = search_all(&self.pids, search, |searcher, pid| {
            searcher.visit_threads(&self.proc, *pid);
        });
        let mut tables = std::mem::take(&mut findings.own_tables);
        let turn = |table: &OwnTable| search.budgets.turn(table.user);
        tables.sort_by_key(|table| (turn(table), table.is_likely_shared, table.size));
        findings.absorb(search_all(&tables, search, |searcher, table| {
            searcher.visit_own_table(&self.proc, table);
        }));
        rings.append(&mut findings.rings);
        self.tell_users(&mut rings);
        let rings = rings::settle(rings, search.budgets);
        findings.absorb(search_all(&rings, search, |searcher, ring| {
            searcher.visit_ring(&self.proc, ring);
        }));
        findings
    }

    /// Finds out whose rings look like root's.
    fn tell_users(&self, rings: &mut [Ring]) {
        let mut known: FxHashMap<Pid, Uid> = FxHashMap::default();
        for ring in rings.iter_mut().filter(|ring| ring.user.0 == 0) {
            let user = known.entry(ring.pid);
            ring.user = *user.or_insert_with(|| user_of(&self.proc, ring.pid, ring.user));
        }
    }
}

/// Those who come first first, and then those of whom the least is left.
fn put_in_order(parts: &mut [Part], budgets: &Budgets) {
    let mut left: FxHashMap<Uid, u64> = FxHashMap::default();
    for part in parts.iter() {
        *left.entry(part.user).or_default() += u64::from(part.size.max(1));
    }
    let left = |user: Uid| left.get(&user).copied().unwrap_or_default();
    parts.sort_by_key(|part| (budgets.turn(part.user), left(part.user), part.user));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Holder;

    #[test]
    fn an_own_socket_is_found_with_its_descriptor() {
        use std::os::fd::AsRawFd;
        use std::os::linux::fs::MetadataExt;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let descriptor = listener.as_raw_fd().cast_unsigned();
        let path = format!("/proc/self/fd/{descriptor}");
        let inode = std::fs::metadata(path).unwrap().st_ino();
        let wanted = Inodes::from_iter([inode]);
        let mine = wanted.iter().map(|inode| (*inode, None)).collect();
        let mut found = Walk::default();
        found.search(&wanted, &mine).unwrap();
        let own = Holder { pid: Pid(std::process::id()), descriptor: Some(descriptor) };
        assert_eq!(found.holders.get(inode), Some(&[own][..]));
    }
}
