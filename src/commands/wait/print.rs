//! What a wait came to, printed: one line or one JSON object on stdout, gaps on stderr.

use std::collections::BTreeSet;
use std::time::Duration;

use super::ask::{Question, Seen};
use super::judge::{Failure, Standing};
use super::wanted::Wanted;
use crate::cli::Condition;
use crate::commands::{Broken, Outcome, Output};
use crate::model::{Gap, Owner, Pid, Protocol};
use crate::query::{Obstacle, PortVerdict, Row, Rows};
use crate::render::WaitJson;
use crate::text::endpoints::local_endpoint;
use crate::text::ports::remains::{Remains, Reuse};
use crate::text::wait::{self as text, Free, Spot};
use crate::text::{gaps, owners};

/// What there is to tell.
#[derive(Debug)]
pub(super) struct Report<'a> {
    pub(super) question: &'a Question,
    pub(super) seen: &'a Seen,
    pub(super) standing: Standing,
    /// The owners that were waited for and do not exist.
    pub(super) absent: Vec<String>,
    /// How long it took.
    pub(super) after: Duration,
    /// Whether it looked once only, and did not wait.
    pub(super) is_single: bool,
    pub(super) json: bool,
}

impl Report<'_> {
    /// Prints it, and says how the wait ended.
    pub(super) fn print(&self, output: &mut Output) -> anyhow::Result<Outcome> {
        let outcome = self.outcome();
        let written = if outcome == Outcome::Failure { Ok(()) } else { self.write(output) };
        for remark in self.remarks(outcome) {
            output.remark(remark);
        }
        match written {
            // A reader that left does not make the ports open.
            Err(error) if !error.is::<Broken>() => Err(error),
            _ => Ok(outcome),
        }
    }

    fn outcome(&self) -> Outcome {
        match self.standing {
            Standing::Reached => Outcome::Success,
            // It may be what was asked for, and nobody can tell.
            Standing::Waiting if self.question.unknown(self.seen).next().is_some() => {
                Outcome::Failure
            }
            Standing::Waiting => Outcome::Negative,
            Standing::Failed(_) => Outcome::Failure,
        }
    }

    fn write(&self, output: &mut Output) -> anyhow::Result<()> {
        if self.json {
            let ports = self.question.verdicts(self.seen);
            return output.result(|out| self.json().write(&self.rows(), &ports, out));
        }
        let line = self.line();
        output.result(|out| writeln!(out, "{line}"))
    }

    const fn json(&self) -> WaitJson {
        let reached = matches!(self.standing, Standing::Reached);
        WaitJson { reached, condition: self.question.condition.word(), after: self.after }
    }

    fn rows(&self) -> Rows<'_> {
        let Question { filter, .. } = self.question;
        Rows { rows: self.question.matching(self.seen), snapshot: &self.seen.snapshot, filter }
    }

    /// The one line for a person.
    fn line(&self) -> String {
        match (self.question.condition, &self.standing) {
            (Condition::Open, Standing::Reached) => {
                let owners = self.owners(&self.question.matching(self.seen));
                text::open(&self.question.spots(), self.after, &owners)
            }
            (Condition::Open, _) => self.not_open(),
            (Condition::Free, Standing::Reached) => self.free(),
            (Condition::Free, _) => self.not_free(),
        }
    }

    fn not_open(&self) -> String {
        let unmet = spots(&self.question.unmet(self.seen));
        let snapshot = &self.seen.snapshot;
        let listens = |row: Row<'_>| {
            text::listens(&owners::owner(row, snapshot), &local_endpoint(&row.socket, snapshot))
        };
        let others: BTreeSet<String> =
            self.question.others(self.seen).into_iter().map(listens).collect();
        text::not_open(&unmet, self.waited(), &others.into_iter().collect::<Vec<_>>())
    }

    fn free(&self) -> String {
        let verdicts = self.question.verdicts(self.seen).told;
        let met = self.seen.table.sockets.iter().filter(|socket| self.question.is_met(socket));
        let remains = Remains::of(met, self.seen.snapshot.capabilities).with(Reuse::Unknown);
        text::free(&Free {
            spots: &self.question.spots(),
            after: self.after,
            remains: &remains,
            connections: self.question.connections(self.seen),
            is_unseen: verdicts.iter().any(PortVerdict::is_unseen),
        })
    }

    fn not_free(&self) -> String {
        let held = self.question.held(self.seen);
        let holders: Vec<Row<'_>> = self.question.matching(self.seen);
        let holders: Vec<Row<'_>> =
            holders.into_iter().filter(|row| row.socket.takes_port()).collect();
        text::not_free(&held, self.waited(), &self.owners(&holders))
    }

    /// Nothing where it did not wait.
    fn waited(&self) -> Option<Duration> {
        (!self.is_single).then_some(self.after)
    }

    /// The processes that own these rows, each once, and what is known of the owners of others.
    fn owners(&self, rows: &[Row<'_>]) -> Vec<String> {
        let snapshot = &self.seen.snapshot;
        let pids: BTreeSet<Pid> = rows.iter().flat_map(|row| row.owner.pids()).collect();
        let is_unnamed = |row: &&Row<'_>| !matches!(row.owner, Owner::Processes(_));
        let unnamed = rows.iter().filter(is_unnamed).map(|row| owners::owner(row, snapshot));
        let unnamed: BTreeSet<String> = unnamed.collect();
        pids.into_iter().map(|pid| owners::process(pid, snapshot)).chain(unnamed).collect()
    }

    /// What is told on stderr: why it failed, and what could not be seen.
    fn remarks(&self, outcome: Outcome) -> Vec<String> {
        let failure = match &self.standing {
            Standing::Failed(Failure::Excluded { asked, protocol, family, range }) => {
                Some(text::excluded(*asked, *protocol, *family, range))
            }
            Standing::Failed(Failure::Unread) | Standing::Reached => None,
            Standing::Waiting if outcome != Outcome::Failure => None,
            Standing::Failed(Failure::Hidden) | Standing::Waiting => {
                Some(text::unknown_owner(&spots(&self.question.unmet(self.seen))))
            }
        };
        let absent = self.absent.iter().cloned();
        failure.into_iter().chain(absent).chain(self.needs_rights()).chain(self.gaps()).collect()
    }

    /// A bind takes rights that this process lacks: another may have them.
    fn needs_rights(&self) -> Option<String> {
        if self.question.condition == Condition::Open || self.standing != Standing::Reached {
            return None;
        }
        let verdicts = self.question.verdicts(self.seen).told;
        let below =
            verdicts.iter().flat_map(|verdict| &verdict.obstacles).find_map(|it| match it {
                Obstacle::Privileged(below) => Some(*below),
                Obstacle::Excluded(..) => None,
            })?;
        let spots = self.question.spots().into_iter();
        let spots: Vec<Spot> = spots.filter(|spot| spot.asked.port < below).collect();
        Some(text::needs_rights(&spots, below))
    }

    /// That some TCP sockets may be bound without listening matters only to a bind that seems possible.
    fn gaps(&self) -> Vec<String> {
        let Question { condition, filter, .. } = self.question;
        let is_bind = *condition == Condition::Free && self.standing == Standing::Reached;
        let is_tcp_bind = is_bind && filter.asks_for(Protocol::Tcp);
        let of_table = self.seen.table.gaps.iter();
        let of_owners = self.seen.snapshot.gaps.iter();
        let of_owners = of_owners.filter(|gap| !self.seen.table.gaps.contains(gap));
        let told = of_table.chain(of_owners).filter(|gap| is_tcp_bind || !gap.is_about_bound());
        told.map(|gap: &Gap| gaps::line(gap)).collect()
    }
}

fn spots(wanted: &[&Wanted]) -> Vec<Spot> {
    wanted.iter().map(|one| one.spot).collect()
}
