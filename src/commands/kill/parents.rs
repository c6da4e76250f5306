//! What is known of the ancestors of owners, with their command lines, each asked for once.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::model::{About, Pid, Process};
use crate::platform::System;

/// At most this many are queried: only the parents of what is reported matter, and one user may have
/// processes without end.
const ASKED: usize = 256;

/// Processes with their command lines.
pub(super) struct Parents<'a, S> {
    system: &'a S,
    known: RefCell<BTreeMap<Pid, Option<Rc<Process>>>>,
}

impl<'a, S: System> Parents<'a, S> {
    /// None is known yet.
    pub(super) const fn new(system: &'a S) -> Self {
        Self { system, known: RefCell::new(BTreeMap::new()) }
    }

    /// A process as it is now, or was when it was asked for first.
    pub(super) fn get(&self, pid: Pid) -> Option<Rc<Process>> {
        if let Some(known) = self.known.borrow().get(&pid) {
            return known.clone();
        }
        if self.known.borrow().len() >= ASKED {
            return None;
        }
        let found = self.system.processes(&BTreeSet::from([pid]), About::Everything);
        let found = found.into_iter().find(|(found, _)| *found == pid);
        let found = found.map(|(_, process)| Rc::new(process));
        self.known.borrow_mut().insert(pid, found.clone());
        found
    }

    /// The parent of a process: one that was there before it.
    pub(super) fn parent_of(&self, child: &Process) -> Option<Rc<Process>> {
        let parent = self.get(child.parent?)?;
        let is_newcomer = parent.birth.zip(child.birth).is_some_and(|(parent, own)| parent > own);
        (!is_newcomer && parent.pid != child.pid).then_some(parent)
    }
}
