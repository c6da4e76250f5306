//! A check: what it looks for, what it needs, and how it is measured.

use std::time::Duration;

use super::growth::{Earlier, Growth};
use super::{Culprit, Evidence, Finding, Machine, Others, Sharers};
use crate::model::{Gap, Need, OwnedSocket, Protocol, StateSet};

/// How severe a finding is, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// It fails now, or soon.
    Critical,
    /// It will fail if it continues.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word for it, in JSON and elsewhere.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// What a check is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Subject {
    /// Sockets of TCP in these states: it can be made for one service.
    Tcp(StateSet),
    /// Sockets of UDP.
    Udp,
    /// The owners of sockets.
    Owners,
    /// What all sockets of the machine, or of its network namespace, share.
    Machine,
}

/// A check: what it looks for, from when on that is a finding, and how it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The fixed name of the finding, in JSON and elsewhere.
    pub kind: &'static str,
    /// The threshold; several are a line each.
    pub threshold: fn() -> String,
    /// Why it is there.
    pub reason: &'static str,
    /// What it is about.
    pub subject: Subject,
    /// What it needs and does not have on this machine.
    pub needs: fn(&Machine<'_>) -> Option<Need>,
    /// Measures it, small counts too, so that two snapshots can be compared.
    pub measure: fn(&Looks<'_>) -> Vec<Measurement>,
    /// Whether a single snapshot leaves open what a second one, a second later, would decide.
    pub wants_second: fn(&Machine<'_>) -> bool,
}

/// For a check that can be made wherever sockets can be read.
pub(super) const fn nothing(_: &Machine<'_>) -> Option<Need> {
    None
}

/// For a check of timers, which some systems do not show.
pub(super) const fn socket_details(machine: &Machine<'_>) -> Option<Need> {
    if machine.snapshot.capabilities.socket_details { None } else { Some(Need::System) }
}

/// For a check of the queues of listeners, which /proc/net does not show either.
#[must_use]
pub fn backlogs(machine: &Machine<'_>) -> Option<Need> {
    let is_from_proc =
        |gap: &Gap| matches!(gap, Gap::NetlinkRefused { .. } | Gap::NoHandler { protocol: "TCP" });
    let from_proc = machine.snapshot.gaps.iter().any(is_from_proc);
    socket_details(machine).or_else(|| from_proc.then_some(Need::Kernel("sock_diag (netlink)")))
}

/// For a check that a single snapshot decides.
pub(super) const fn never(_: &Machine<'_>) -> bool {
    false
}

/// A machine at one moment, and at another where there are two.
#[derive(Clone, Copy, Debug)]
pub struct Looks<'a> {
    /// The machine at the moment that is measured.
    pub machine: &'a Machine<'a>,
    /// The same machine earlier, and how long before.
    pub earlier: Option<(&'a Machine<'a>, Duration)>,
    /// The same machine later, where the earlier moment is measured.
    later: Option<&'a Machine<'a>>,
}

impl<'a> Looks<'a> {
    /// At one moment, and at an earlier one where there is one.
    #[must_use]
    pub const fn new(
        machine: &'a Machine<'a>,
        earlier: Option<(&'a Machine<'a>, Duration)>,
    ) -> Self {
        Self { machine, earlier, later: None }
    }

    /// The earlier moment, measured as the later one is.
    pub(super) fn before(self) -> Option<(Self, Duration)> {
        let (machine, over) = self.earlier?;
        Some((Self { machine, earlier: None, later: Some(self.machine) }, over))
    }

    /// The machine at the other moment.
    pub(super) fn other_machine(&self) -> Option<&'a Machine<'a>> {
        self.earlier.map(|(machine, _)| machine).or(self.later)
    }

    /// The same socket at the other moment.
    pub(super) fn other(&self, row: &OwnedSocket) -> Option<&'a OwnedSocket> {
        self.other_machine()?.find(&row.socket)
    }

    /// How much a socket has dropped since the earlier moment. The kernel's counter wraps. One that did not
    /// exist then has dropped everything since.
    pub(super) fn dropped_since(&self, row: &OwnedSocket) -> Option<u32> {
        let (earlier, _) = self.earlier?;
        let before = match earlier.find(&row.socket) {
            Some(before) => before.socket.drops?,
            None if earlier.snapshot.gaps.iter().any(Gap::may_hide_rows) => return None,
            None => 0,
        };
        Some(row.socket.drops?.wrapping_sub(before))
    }

    /// The socket at the earlier and at the later moment.
    pub(super) fn pair<'b>(
        &self,
        row: &'b OwnedSocket,
    ) -> Option<(&'b OwnedSocket, &'b OwnedSocket)>
    where
        'a: 'b,
    {
        let other = self.other(row)?;
        Some(if self.earlier.is_some() { (other, row) } else { (row, other) })
    }

    /// Whether the same socket is in the same state at both moments.
    pub(super) fn lasts(&self, row: &OwnedSocket) -> bool {
        self.other(row).is_some_and(|other| other.socket.state == row.socket.state)
    }
}

impl Check {
    /// What it needs and does not have; nothing where it can be made.
    pub(super) fn need(self, machine: &Machine<'_>) -> Option<Need> {
        if machine.is_asked_for(self.subject) {
            return (self.needs)(machine);
        }
        Some(if self.subject == Subject::Machine { Need::WholeMachine } else { Need::OtherSockets })
    }

    /// The protocols whose tables it counts in: where one of these was not read completely, it says
    /// nothing certain.
    #[must_use]
    pub fn protocols(self) -> &'static [Protocol] {
        match self.kind {
            "conntrack-full" | "open-files" | "tcp-memory" | "orphans" => &[],
            "udp-drops" => &[Protocol::Udp],
            "descriptors-nearly-used" => &[Protocol::Tcp, Protocol::Udp],
            _ => &[Protocol::Tcp],
        }
    }

    /// The measurements that reach the threshold.
    pub(super) fn findings(self, looks: Looks<'_>) -> Vec<Finding> {
        let earlier = looks.before();
        let earlier =
            earlier.map(|(looks, over)| Earlier::new(looks.machine, (self.measure)(&looks), over));
        let finding = |measurement: Measurement| {
            let growth = earlier.as_ref().and_then(|earlier| Growth::of(&measurement, earlier));
            let evidence = &measurement.evidence;
            let severity = evidence.severity(measurement.count, growth.as_ref())?;
            Some(Finding {
                kind: self.kind,
                severity,
                measurement,
                growth,
                others: Others::default(),
            })
        };
        // What none of the sockets that were asked for is part of was only compared with them.
        let measured = (self.measure)(&looks).into_iter().filter(|one| one.chosen != Some(0));
        measured.filter_map(finding).collect()
    }
}

/// Something measured, whether it reaches the threshold or not.
#[derive(Debug)]
pub struct Measurement {
    /// Who is responsible.
    pub culprit: Culprit,
    /// What the threshold counts.
    pub count: usize,
    /// How many of its sockets were asked for, where a group is measured whole.
    pub chosen: Option<usize>,
    /// Which other processes hold the sockets.
    pub sharers: Sharers,
    /// What else was measured.
    pub evidence: Box<dyn Evidence>,
}

impl Measurement {
    pub(super) fn new(culprit: Culprit, count: usize, evidence: impl Evidence + 'static) -> Self {
        let (sharers, chosen) = (Sharers::default(), None);
        Self { culprit, count, chosen, sharers, evidence: Box::new(evidence) }
    }

    /// With how many of these sockets were asked for: a group of which some were is measured whole.
    pub(super) fn of_group<'a>(
        self,
        rows: impl IntoIterator<Item = &'a OwnedSocket>,
        machine: &Machine<'_>,
    ) -> Self {
        Self { chosen: machine.is_narrowed().then(|| machine.chosen_of(rows)), ..self }
    }

    /// With the other holders of these sockets.
    pub(super) fn of_rows<'a>(self, rows: impl IntoIterator<Item = &'a OwnedSocket>) -> Self {
        Self { sharers: Sharers::of(rows, self.culprit), ..self }
    }
}

/// A warning, where the threshold is reached.
pub(super) fn warning(is_reached: bool) -> Option<Severity> {
    is_reached.then_some(Severity::Warning)
}

/// Whether `count` is at least this many percent of `of`, which is something.
pub(super) const fn reaches(count: u64, percent: u64, of: u64) -> bool {
    of > 0 && count.saturating_mul(100) >= of.saturating_mul(percent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::CHECKS;

    #[test]
    fn checks_that_count_no_sockets_are_named_as_they_are() {
        let without = |protocols: usize| {
            let counts = |check: &&Check| check.protocols().len() == protocols;
            CHECKS.iter().filter(counts).map(|check| check.kind).collect::<Vec<_>>()
        };
        assert_eq!(without(0), ["conntrack-full", "open-files", "tcp-memory", "orphans"]);
        assert_eq!(without(2), ["descriptors-nearly-used"]);
        let of_udp = CHECKS.iter().filter(|check| check.protocols() == [Protocol::Udp]);
        assert_eq!(of_udp.map(|check| check.kind).collect::<Vec<_>>(), ["udp-drops"]);
    }

    #[test]
    fn the_worst_comes_first() {
        assert!(Severity::Critical < Severity::Warning && Severity::Warning < Severity::Note);
    }
}
