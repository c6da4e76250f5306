//! Connections with both sides on this machine, of which one side has closed.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::check::nothing;
use super::close_wait_place::{CommonEnd, CommonEnds};
use super::half_closed::{self, HalfClosed};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{OwnedSocket, StateSet, TcpState, Untrusted};
use crate::text::advice::Remedy;
use crate::text::api::{close_call, read_call};
use crate::text::counted;

pub(super) const CHECK: Check = Check {
    kind: "half-closed-pair",
    threshold: || "any that lasts and is not in use (a note)".to_owned(),
    reason: "it shows which of two local processes has to close; one that still sends is in use",
    subject: Subject::Tcp(StateSet::of(&[TcpState::CloseWait])),
    needs: nothing,
    measure,
    wants_second: has_young,
};

#[derive(Debug)]
struct HalfClosedPair {
    /// What they have in common, seen from the side that has not closed.
    common_end: CommonEnd,
    /// Who waits in FIN_WAIT_2.
    waiting: Culprit,
}

/// The pairs of each two processes: which has to close, and which waits.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    pairs(looks.machine, |row| half_closed::of(row, looks) == HalfClosed::Lasting)
}

/// Whether some may pass.
fn has_young(machine: &Machine<'_>) -> bool {
    let looks = Looks::new(machine, None);
    !pairs(machine, |row| half_closed::of(row, &looks) == HalfClosed::Young).is_empty()
}

fn pairs(machine: &Machine<'_>, is_wanted: impl Fn(&OwnedSocket) -> bool) -> Vec<Measurement> {
    let common_ends = CommonEnds::of(machine);
    let mut groups: BTreeMap<(Culprit, Culprit, CommonEnd), Vec<&OwnedSocket>> = BTreeMap::new();
    let lasting = machine.rows(&[TcpState::CloseWait]).filter(|row| is_wanted(row));
    for row in lasting {
        // An orphan has a timeout of its own.
        if let Some(peer) = machine.waiting_peer(row) {
            let culprit = machine.culprit(row);
            let end = common_ends.end(row, culprit, machine);
            groups.entry((culprit, machine.culprit(peer), end)).or_default().push(row);
        }
    }
    let measured = groups.into_iter().map(|((culprit, waiting, common_end), rows)| {
        let pair = HalfClosedPair { common_end, waiting };
        Measurement::new(culprit, rows.len(), pair).of_rows(rows)
    });
    measured.collect()
}

impl Evidence for HalfClosedPair {
    fn subject(&self) -> String {
        format!("{} {:?}", self.common_end.words(), self.waiting)
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        (count > 0).then_some(Severity::Note)
    }

    fn what(&self, case: &Case<'_>) -> String {
        format!(
            "it must call {} for {} {}; the peer waits in FIN_WAIT_2: {}",
            close_call(case.capabilities().api),
            counted(case.count(), "connection"),
            self.common_end.words(),
            self.waiting.name(case.machine)
        )
    }

    fn details(&self, _case: &Case<'_>) -> Vec<String> {
        vec!["both sides are on this machine".to_owned()]
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let list = case.portwho(&["--state", "CLOSE_WAIT"]);
        list.words(case.pid_option()).words(self.common_end.options()).into()
    }

    fn fix(&self, case: &Case<'_>) -> String {
        let api = case.capabilities().api;
        let (close, read) = (close_call(api), read_call(api));
        format!(
            "if it lasts, the side that has not closed should call {close} when {read} returns 0; \
             if it still sends, nothing is wrong"
        )
    }

    fn json(&self, case: &Case<'_>) -> Value {
        let (name, end) = self.common_end.json();
        json!({
            name: end,
            "waiting_pid": self.waiting.pid().map(|pid| pid.0),
            "waiting_image": self.waiting.image(case.machine).map(Untrusted::to_lossy),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_a_note() {
        let pair = HalfClosedPair { common_end: CommonEnd::Port(80), waiting: Culprit::Nobody };
        assert_eq!(pair.severity(0, None), None);
        assert_eq!(pair.severity(1, None), Some(Severity::Note));
    }
}
