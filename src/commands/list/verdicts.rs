//! The sentences on ports that nothing holds, from the verdicts on them.

use super::answer::Vacant;
use crate::model::{Capabilities, Families};
use crate::query::{LocalSet, Obstacle, PortNote, PortVerdict};
use crate::text::ports::remains::{Remains, Reuse};
use crate::text::ports::vacancy::{self as text, Addition, State};
use crate::text::shell::ShellCommand;
use crate::text::{ports, remedies};

impl Vacant<'_> {
    /// A sentence for each port that nothing holds.
    pub(super) fn sentences(
        &self,
        local: &LocalSet,
        families: Families,
        system: Capabilities,
    ) -> Vec<String> {
        match self {
            Self::Each(each) => {
                let sentence = |verdicts: &Vec<_>| sentence(verdicts, families, system);
                each.iter().map(sentence).collect()
            }
            Self::Many(many) => {
                let some = (many.vacant < many.asked).then_some((many.vacant, many.asked));
                vec![text::of_many(
                    local,
                    &text::Vacancies {
                        some,
                        first_free: many.first_free,
                        all_seen: !many.is_unseen,
                        first_unprivileged: many.first_unprivileged,
                    },
                )]
            }
        }
    }
}

fn sentence(verdicts: &[PortVerdict<'_>], families: Families, system: Capabilities) -> String {
    let met = || verdicts.iter().flat_map(|one| one.met.iter().copied());
    let connections = verdicts.iter().map(PortVerdict::connections).sum();
    let addition = match (met().next().is_some(), connections) {
        (true, 0) => Addition::None,
        (true, count) => Addition::Connections(count),
        (false, _) => addition(verdicts, system),
    };
    text::verdict(&text::Vacancy {
        spot: verdicts.first().map(name).unwrap_or_default(),
        protocol: match verdicts {
            [one] => Some(one.protocol),
            _ => None,
        },
        // An address has a family of its own.
        family: families.only().filter(|_| verdicts.iter().all(|one| one.asked.address.is_none())),
        state: state(verdicts),
        remains: Remains::of(met(), system).with(reuse(verdicts)),
        try_bind: try_bind(verdicts, system).into(),
        addition,
    })
}

fn name(verdict: &PortVerdict<'_>) -> String {
    ports::spot(verdict.asked.port, verdict.asked.address)
}

/// What is known of the old sockets from the binds that were tried.
fn reuse(verdicts: &[PortVerdict<'_>]) -> Reuse {
    if verdicts.iter().all(|one| one.attempt.is_none()) {
        Reuse::Unknown
    } else if verdicts.iter().any(|one| one.refusal().is_some()) {
        Reuse::Unset
    } else {
        Reuse::Unsaid
    }
}

fn try_bind(verdicts: &[PortVerdict<'_>], system: Capabilities) -> ShellCommand {
    let asked = verdicts.first().map(|one| ports::typed_port(one.asked)).unwrap_or_default();
    remedies::list(system.shell, ["--try-bind".to_owned(), asked])
}

/// How sure it is that the port is free.
fn state(verdicts: &[PortVerdict<'_>]) -> State {
    let is_met = verdicts.iter().any(|one| !one.met.is_empty());
    let is_tried = verdicts.iter().any(|one| one.attempt.is_some());
    let is_local = verdicts.iter().all(|one| one.asked.is_local_for_sure());
    let obstacles = obstacles(verdicts);
    if !obstacles.is_empty() {
        State::BindFails(obstacles)
    } else if verdicts.iter().any(may_be_held) {
        State::NotSeen
    } else if is_met || verdicts.iter().any(PortVerdict::is_unseen) || !(is_local || is_tried) {
        State::NotInUse
    } else {
        State::Free
    }
}

/// Whether a socket may hold the port that cannot be seen.
fn may_be_held(verdict: &PortVerdict<'_>) -> bool {
    verdict.hidden_by.iter().any(|gap| !gap.is_about_rules())
}

/// Why a bind fails: the rules for the first protocol, or else the system's own answer.
fn obstacles(verdicts: &[PortVerdict<'_>]) -> Vec<text::Obstacle> {
    let ruled = verdicts.first().map(rules).unwrap_or_default();
    if !ruled.is_empty() {
        return ruled;
    }
    let refusal = verdicts.iter().find_map(PortVerdict::refusal);
    refusal.map(|refusal| text::Obstacle::Refused(refusal.reason.clone())).into_iter().collect()
}

fn rules(verdict: &PortVerdict<'_>) -> Vec<text::Obstacle> {
    let protocol = verdict.protocol;
    let obstacles = verdict.obstacles.iter().cloned().map(|obstacle| match obstacle {
        Obstacle::Privileged(first) => text::Obstacle::Privileged(first),
        Obstacle::Excluded(family, range) => text::Obstacle::Excluded(range, protocol, family),
    });
    obstacles.collect()
}

fn addition(verdicts: &[PortVerdict<'_>], system: Capabilities) -> Addition {
    match verdicts.iter().find_map(|one| one.note.clone()) {
        None => Addition::None,
        Some(PortNote::Reserved) => Addition::Reserved(system.api),
        Some(PortNote::Ephemeral(range)) => Addition::Ephemeral(range),
    }
}
