//! The labels of owners: who is responsible for a socket, as far as its account may tell it.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::account::{Account, Charged, Name};
use super::budget::{Admitted, VALUES, Wanted};
use super::remembered::{Kind, Remembered};
use super::{LabelSet, LabelValue, Look};
use crate::findings::{Culprit, Machine};
use crate::model::{OwnedSocket, Pid};

/// The owners of a look.
pub(super) struct Owners<'a> {
    look: &'a Look<'a>,
    admitted: Admitted<Account, Name>,
    /// Processes are described once: one may have thousands of sockets.
    known: RefCell<FxHashMap<Pid, Rc<Charged>>>,
}

impl<'a> Owners<'a> {
    pub(super) fn new(look: &'a Look<'a>, remembered: &mut Remembered) -> Self {
        let mut owners = Self { look, admitted: Admitted::none(), known: RefCell::default() };
        let mut wanted = Wanted::new(Kind::Owner);
        let mut seen: FxHashSet<Pid> = FxHashSet::default();
        for (machine, row) in look.rows() {
            let culprit = machine.culprit(row);
            if culprit.pid().is_some_and(|pid| !seen.insert(pid)) {
                continue;
            }
            let charged = owners.charged(culprit, machine, row);
            if !charged.is_nobody() {
                wanted.add(charged.account.clone(), charged.name.clone(), charged.is_systems);
            }
        }
        owners.admitted = wanted.admit(remembered, look.taken, |_| VALUES);
        owners
    }

    /// How many sets of labels were merged.
    pub(super) const fn merged(&self) -> usize {
        self.admitted.merged
    }

    /// Who is charged for a socket.
    pub(super) fn of_row(&self, machine: &Machine<'_>, row: &OwnedSocket) -> Rc<Charged> {
        self.charged(machine.culprit(row), machine, row)
    }

    /// Who is charged for a finding.
    pub(super) fn of_culprit(&self, culprit: Culprit, machine: &Machine<'_>) -> Rc<Charged> {
        let process = culprit.pid().and_then(|pid| self.of_process(pid, machine));
        process.unwrap_or_else(|| Rc::new(Charged::of_culprit(culprit)))
    }

    fn charged(&self, culprit: Culprit, machine: &Machine<'_>, row: &OwnedSocket) -> Rc<Charged> {
        let process = culprit.pid().and_then(|pid| self.of_process(pid, machine));
        process.unwrap_or_else(|| Rc::new(Charged::without_process(culprit, row, machine)))
    }

    /// Who is charged for a process; none where it was not described.
    pub(super) fn of_process(&self, pid: Pid, machine: &Machine<'_>) -> Option<Rc<Charged>> {
        if let Some(known) = self.known.borrow().get(&pid) {
            return Some(Rc::clone(known));
        }
        let process = machine.snapshot.processes.get(&pid)?;
        let program = self.look.programs.get(&pid);
        let charged = Rc::new(Charged::process(process, program, machine));
        self.known.borrow_mut().insert(pid, Rc::clone(&charged));
        Some(charged)
    }

    /// The labels, added to others: those of what was not admitted are `other`'s.
    pub(super) fn extend(&self, labels: &mut LabelSet, charged: &Charged) {
        let Name { process, unit, container } = self.shown(charged);
        labels.push(("process", process));
        labels.push(("unit", unit));
        labels.push(("container", container));
    }

    fn shown(&self, charged: &Charged) -> Name {
        let Charged { account, name, .. } = charged;
        if self.admitted.contains(account, name) || charged.is_nobody() {
            return name.clone();
        }
        let is_shown = |same: &dyn Fn(&Name) -> bool| self.admitted.of(account).any(same);
        let is_constant = [LabelValue::NONE, LabelValue::USERS].contains(&name.unit);
        let is_unit_known = is_constant || is_shown(&|shown| shown.unit == name.unit);
        let is_container_known = name.container == account.container
            || is_shown(&|shown| shown.container == name.container);
        let or_other =
            |is_known, value: &LabelValue| if is_known { value.clone() } else { LabelValue::OTHER };
        Name {
            process: LabelValue::OTHER,
            unit: or_other(is_unit_known, &name.unit),
            container: or_other(is_container_known, &name.container),
        }
    }
}
