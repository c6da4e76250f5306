//! From what was seen to whether the wait is over. Pure: the same sockets give the same answer.

use std::collections::BTreeSet;

use super::ask::{Question, Seen};
use super::wanted::Wanted;
use crate::cli::Condition;
use crate::model::{Family, Gap, Owner, PortRange, Protocol, Socket};
use crate::platform::SocketTable;
use crate::query::{
    AskedPort, Obstacle, PortEvidence, PortVerdict, PortVerdicts, Protocols, Row, SocketsByPort,
    Verdict, Way,
};
use crate::text::wait::Spot;

/// How far a wait has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// The condition holds.
    Reached,
    /// It does not hold yet.
    Waiting,
    /// It can never be told, or it never will.
    Failed(Failure),
}

/// Why waiting is of no use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    /// A table cannot be read: the gaps say which.
    Unread,
    /// Who listens may not be seen, and that was asked for.
    Hidden,
    /// The system keeps a port back.
    Excluded {
        /// The port.
        asked: AskedPort,
        /// Its protocol.
        protocol: Protocol,
        /// The family whose list has the range.
        family: Family,
        /// The range that it is in.
        range: PortRange,
    },
}

/// Whether a closer look may find the condition to hold, or to be unknown, by the sockets that
/// listen. Owners and rules are not known here.
pub(super) fn is_worth_a_look(question: &Question, listeners: &SocketTable) -> bool {
    let is_unread = listeners.gaps.iter().any(Gap::may_hide_rows);
    is_unread
        || match question.condition {
            Condition::Open => {
                let seen = listeners.sockets.iter();
                let admitted = seen.filter(|socket| question.filter.admits_socket(socket));
                question.missing(&admitted.collect()).next().is_none()
            }
            Condition::Free => {
                let evidence = question.evidence(listeners);
                let ends = question.wanted.iter().flat_map(|one| &one.ends);
                // Of a long range most ports need no verdict.
                let mut used = ends.filter(|end| !evidence.sockets.on(end.port).is_empty());
                !used.any(|end| is_held(*end, &evidence))
            }
        }
}

/// How far the wait has come.
pub(super) fn standing(question: &Question, seen: &Seen) -> Standing {
    match question.condition {
        Condition::Open => open(question, seen),
        Condition::Free => free(question, seen),
    }
}

fn open(question: &Question, seen: &Seen) -> Standing {
    if question.unmet(seen).is_empty() {
        Standing::Reached
    } else if seen.snapshot.gaps.iter().any(Gap::may_hide_rows) {
        Standing::Failed(Failure::Unread)
    } else if question.unknown(seen).any(|row| row.owner == Owner::Hidden) {
        Standing::Failed(Failure::Hidden)
    } else {
        Standing::Waiting
    }
}

fn free(question: &Question, seen: &Seen) -> Standing {
    let evidence = question.evidence(&seen.table);
    let excluded = verdicts(question, &evidence).find_map(|verdict| excluded(&verdict));
    if let Some(excluded) = excluded {
        Standing::Failed(excluded)
    } else if seen.table.gaps.iter().any(Gap::may_hide_rows) {
        Standing::Failed(Failure::Unread)
    } else if verdicts(question, &evidence).any(|verdict| verdict.has_holder()) {
        Standing::Waiting
    } else {
        Standing::Reached
    }
}

fn excluded(verdict: &PortVerdict<'_>) -> Option<Failure> {
    verdict.obstacles.iter().find_map(|obstacle| match obstacle {
        Obstacle::Excluded(family, range) => {
            let (asked, protocol) = (verdict.asked, verdict.protocol);
            Some(Failure::Excluded { asked, protocol, family: *family, range: range.clone() })
        }
        Obstacle::Privileged(_) => None,
    })
}

fn is_held(end: AskedPort, evidence: &PortEvidence<'_>) -> bool {
    evidence.verdicts(end, Protocols::BOTH).iter().any(PortVerdict::has_holder)
}

fn verdicts<'a>(
    question: &Question,
    evidence: &PortEvidence<'a>,
) -> impl Iterator<Item = PortVerdict<'a>> {
    let ends = question.wanted.iter().flat_map(|one| &one.ends);
    ends.flat_map(|end| evidence.verdicts(*end, Protocols::BOTH))
}

impl Question {
    /// The ports on which none of `listeners` listens, each at its ends.
    fn missing<'a>(&'a self, listeners: &SocketsByPort<'_>) -> impl Iterator<Item = &'a Wanted> {
        self.wanted.iter().filter(|one| !one.ends.iter().any(|end| is_served(*end, listeners)))
    }

    /// The ports on which nothing listens that was asked for.
    pub(super) fn unmet(&self, seen: &Seen) -> Vec<&Wanted> {
        let rows = self.matching(seen);
        self.missing(&rows.iter().map(|row| &row.socket).collect()).collect()
    }

    /// The rows that were asked for: what listens at the ends, or is in the way of a bind there.
    pub(super) fn matching<'a>(&self, seen: &'a Seen) -> Vec<Row<'a>> {
        let counts = |row: &Row<'a>| {
            let mut ends = self.wanted.iter().flat_map(|one| &one.ends);
            self.filter.admits(row, &seen.snapshot)
                && match self.condition {
                    Condition::Open => ends.any(|end| listens_at(*end, &row.socket)),
                    Condition::Free => self.is_met(&row.socket),
                }
        };
        seen.snapshot.sockets.iter().filter(counts).collect()
    }

    /// What listens at the ends of ports that are unmet, and may be what was asked for: its owner
    /// cannot be told.
    pub(super) fn unknown<'a>(&self, seen: &'a Seen) -> impl Iterator<Item = Row<'a>> {
        let is_asked = self.filter.is_by_owner();
        let ends: Vec<AskedPort> =
            self.unmet(seen).into_iter().flat_map(|one| one.ends.clone()).collect();
        seen.snapshot.sockets.iter().filter(move |row| {
            let is_unknown =
                matches!(row.owner, Owner::Hidden | Owner::NotFound | Owner::Exited(_));
            is_asked && is_unknown && ends.iter().any(|end| listens_at(*end, &row.socket))
        })
    }

    /// What else listens on the ports that are unmet: elsewhere, or for somebody else.
    pub(super) fn others<'a>(&self, seen: &'a Seen) -> Vec<Row<'a>> {
        let unmet = self.unmet(seen);
        let ports = unmet.iter().flat_map(|one| &one.ends).map(|end| (end.port, end.protocol));
        let ports: BTreeSet<(u16, Option<Protocol>)> = ports.collect();
        let is_there = |row: &Row<'a>| {
            ports.contains(&(row.socket.local.port, Some(row.socket.protocol)))
                && row.socket.is_listening()
        };
        seen.snapshot.sockets.iter().filter(is_there).collect()
    }

    /// The verdicts on all the ports; of many those that are not free.
    pub(super) fn verdicts<'a>(&'a self, seen: &'a Seen) -> PortVerdicts<'a> {
        let evidence = self.evidence(&seen.table);
        let is_many = self.wanted.len() > AskedPort::MOST;
        let mut ports = PortVerdicts::default();
        for verdict in verdicts(self, &evidence) {
            let is_free = verdict.verdict() == Verdict::Free;
            ports.free_count += usize::from(is_free);
            if !(is_free && is_many) {
                ports.told.push(verdict);
            }
        }
        ports
    }

    /// The ports that something holds.
    pub(super) fn held(&self, seen: &Seen) -> Vec<Spot> {
        let evidence = self.evidence(&seen.table);
        let held =
            self.wanted.iter().filter(|one| one.ends.iter().any(|end| is_held(*end, &evidence)));
        held.map(|one| one.spot).collect()
    }

    /// How many connections have the ports that are not being torn down.
    pub(super) fn connections(&self, seen: &Seen) -> usize {
        let evidence = self.evidence(&seen.table);
        verdicts(self, &evidence).map(|verdict| verdict.connections()).sum()
    }

    /// What the ports are judged by.
    fn evidence<'a>(&'a self, table: &'a SocketTable) -> PortEvidence<'a> {
        PortEvidence {
            sockets: table.sockets.iter().collect(),
            families: self.families,
            narrower_blocks: self.narrower_blocks,
            gaps: &table.gaps,
            rules: &self.rules,
            attempts: &[],
            elsewhere: Vec::new(),
        }
    }
}

/// Whether one of `listeners` takes what comes to this end.
fn is_served(end: AskedPort, listeners: &SocketsByPort<'_>) -> bool {
    listeners.on(end.port).iter().any(|socket| listens_at(end, socket))
}

fn listens_at(end: AskedPort, socket: &Socket) -> bool {
    socket.is_listening() && matches!(end.way(socket), Some(Way::Same | Way::Covers))
}
