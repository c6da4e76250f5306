//! Whether a process still holds what it was to be ended for.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use super::watch;
use crate::model::{Endpoint, Gap, Scope, Socket, StateSet};
use crate::platform::{OpenProcess, PlatformError, System};
use crate::text::kill::verdicts as text;

/// How long a dump is believed. The processes that are signaled together share it: a dump takes as
/// long as the port has sockets, and there may be thousands of both.
const FRESH: Duration = Duration::from_millis(20);

/// How long dumps may take that serve a single process each, in all; the first ones take what they
/// take.
const ALONE: Duration = Duration::from_secs(2);

/// How many come first.
const FIRST_ALONE: usize = 64;

/// How often a process is searched whose sockets change meanwhile.
const ATTEMPTS: usize = 16;

/// The sockets of a group as they were confirmed.
pub(super) struct Confirmed<'a, S> {
    sockets: &'a [&'a Socket],
    system: &'a S,
    last: RefCell<Option<Rc<Dump<'a>>>>,
    alone: Cell<(usize, Duration)>,
}

/// What a dump of the ports has shown.
struct Dump<'a> {
    /// When it was complete.
    at: Instant,
    /// The sockets that hold their ports.
    holding: Vec<&'a Socket>,
    inodes: FxHashSet<u64>,
}

impl<'a, S: System> Confirmed<'a, S> {
    /// These sockets, searched in the tables of `system`.
    pub(super) fn new(sockets: &'a [&'a Socket], system: &'a S) -> Self {
        let (last, alone) = (RefCell::new(None), Cell::default());
        Self { sockets, system, last, alone }
    }

    /// The system.
    pub(super) const fn system(&self) -> &'a S {
        self.system
    }

    /// Whether the process holds one of them at this moment, and that one still holds its port:
    /// one of its known descriptors is, after a dump that is young, the socket of that dump. Where
    /// none is, all its descriptors are searched, between two dumps that agree: a process may have so
    /// many that the socket changes meanwhile.
    ///
    /// # Errors
    /// [`PlatformError::NoSuchProcess`] when it has exited; otherwise when its descriptors or the
    /// tables cannot be read.
    pub(super) fn is_held_by(&self, process: &S::Process) -> Result<bool, PlatformError> {
        let dump = self.dump()?;
        if process.holds_known(&|inode| dump.inodes.contains(&inode)) {
            return Ok(true);
        }
        let mut holding = dump.holding.clone();
        for _ in 0..ATTEMPTS {
            if !process.holds_any(&holding)? {
                return Ok(false);
            }
            let dump = self.dump()?;
            if process.holds_known(&|inode| dump.inodes.contains(&inode)) {
                return Ok(true);
            }
            let again = self.still_holding_for_one(&holding)?;
            if again.len() == holding.len() {
                return Ok(true);
            }
            holding = again;
        }
        Err(unknown(text::KEEPS_CHANGING))
    }

    /// A dump that is young.
    fn dump(&self) -> Result<Rc<Dump<'a>>, PlatformError> {
        let last = self.last.borrow().clone();
        if let Some(dump) = last.filter(|dump| dump.at.elapsed() < FRESH) {
            return Ok(dump);
        }
        let holding = self.still_holding(self.sockets)?;
        let inodes = holding.iter().filter_map(|socket| socket.inode).collect();
        let dump = Rc::new(Dump { at: Instant::now(), holding, inodes });
        *self.last.borrow_mut() = Some(Rc::clone(&dump));
        Ok(dump)
    }

    /// The same for one process, whose socket has no descriptor that can be looked at again.
    fn still_holding_for_one(
        &self,
        sockets: &[&'a Socket],
    ) -> Result<Vec<&'a Socket>, PlatformError> {
        let (count, spent) = self.alone.get();
        if count >= FIRST_ALONE && spent > ALONE {
            return Err(unknown(text::TOO_MANY_TO_CHECK));
        }
        let start = Instant::now();
        let holding = self.still_holding(sockets);
        self.alone.set((count + 1, spent + start.elapsed()));
        holding
    }

    /// Those of the sockets that hold their ports. All sockets of the port are dumped: an exact
    /// request finds no BOUND socket, and may meet another member of a SO_REUSEPORT group.
    fn still_holding(&self, sockets: &[&'a Socket]) -> Result<Vec<&'a Socket>, PlatformError> {
        if sockets.is_empty() {
            return Ok(Vec::new());
        }
        let scope: Scope = watch::scope(&sockets.iter().copied(), StateSet::HOLDING);
        let now = self.system.sockets(&scope)?;
        let mut at: FxHashMap<(Endpoint, Option<u64>), Vec<&Socket>> = FxHashMap::default();
        for socket in &now.sockets {
            at.entry((socket.local, socket.inode)).or_default().push(socket);
        }
        let holding = sockets.iter().copied().filter(|socket| {
            let mut same = at.get(&(socket.local, socket.inode)).into_iter().flatten();
            same.any(|later| socket.still_holds(later))
        });
        let holding: Vec<&Socket> = holding.collect();
        if holding.len() < sockets.len() && now.gaps.iter().any(Gap::may_hide_rows) {
            return Err(unknown(text::TABLE_UNREADABLE));
        }
        Ok(holding)
    }
}

fn unknown(why: &str) -> PlatformError {
    PlatformError::Io { what: text::UNKNOWN_HOLD.to_owned(), why: io::Error::other(why.to_owned()) }
}
