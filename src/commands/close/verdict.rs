//! What became of the sockets, in words and as an outcome.

use std::collections::{BTreeMap, BTreeSet};

use super::act::CloseResult;
use super::description;
use super::group::Group;
use crate::cli::CloseRequest;
use crate::commands::Outcome;
use crate::model::{Capabilities, Owner, Snapshot, Socket};
use crate::platform::CloseError;
use crate::query::Row;
use crate::text::advice::Remedy;
use crate::text::close::{self as text, Counts, NotClosed};
use crate::text::{api, ports, remedies};

/// What the verdicts on a group depend on.
pub(super) struct Context<'a> {
    /// The group.
    pub(super) group: &'a Group<'a>,
    /// What was typed.
    pub(super) request: &'a CloseRequest,
    /// Whether more privileges cannot be had by `sudo`.
    pub(super) privileged: bool,
    /// What was seen before.
    pub(super) snapshot: &'a Snapshot,
}

/// The verdicts on a group: on what has gone, and on what has not, by reason. `results` has one for
/// each of its sockets, in their order.
pub(super) fn of_group(context: &Context<'_>, results: Vec<CloseResult>) -> Vec<(Outcome, String)> {
    let mut closed = Closed::default();
    let mut failures: BTreeMap<(Outcome, String), Vec<Row<'_>>> = BTreeMap::new();
    for (row, result) in context.group.sockets.iter().zip(results) {
        match result {
            CloseResult::Closed { port_stays } => closed.add(&row.socket, port_stays),
            CloseResult::AlreadyClosed => closed.already += 1,
            result => {
                let why = why(&row.socket, &result, context);
                let outcome = outcome(&why);
                failures.entry((outcome, text::not_closed(&why))).or_default().push(row);
            }
        }
    }
    let done = closed.text(context).map(|text| (Outcome::Success, text));
    let failed = failures.into_iter().map(|((outcome, why), sockets)| {
        let what = description::sockets_of(&sockets, context.group, context.snapshot);
        (outcome, text::about(&what, &why))
    });
    done.into_iter().chain(failed).collect()
}

/// What has gone of a group.
#[derive(Default)]
struct Closed {
    count: usize,
    already: usize,
    /// The ports that stay with the process.
    ports: BTreeSet<u16>,
}

impl Closed {
    fn add(&mut self, socket: &Socket, port_stays: bool) {
        self.count += 1;
        if port_stays {
            self.ports.insert(socket.local.port);
        }
    }

    fn text(&self, context: &Context<'_>) -> Option<String> {
        let all = context.group.sockets.len();
        let counts = Counts { closed: self.count, already: self.already, all };
        match (self.count, self.already) {
            (0, 0) => None,
            (0, _) => {
                let owner = description::owner(context.group, context.snapshot);
                Some(text::already_closed(counts, &owner))
            }
            _ => {
                Some(text::closed(counts, &self.owner(context), context.snapshot.capabilities.api))
            }
        }
    }

    fn owner(&self, context: &Context<'_>) -> text::Owner {
        let name = description::owner(context.group, context.snapshot);
        match context.group.owner() {
            Some(Owner::Processes(_)) => text::Owner::Processes {
                name,
                several: context.group.pids().len() > 1,
                ports: (!self.ports.is_empty()).then(|| ports::named(&self.ports)),
            },
            Some(Owner::Kernel(reason)) => text::Owner::Kernel(*reason),
            _ => text::Owner::Other(name),
        }
    }
}

/// What changed before it could be closed is no failure.
const fn outcome(why: &NotClosed) -> Outcome {
    match why {
        NotClosed::Changed => Outcome::Negative,
        _ => Outcome::Failure,
    }
}

/// Why a socket is still there.
fn why(socket: &Socket, result: &CloseResult, context: &Context<'_>) -> NotClosed {
    let Capabilities { shell, api, .. } = context.snapshot.capabilities;
    match result {
        CloseResult::Changed => NotClosed::Changed,
        CloseResult::Refused(CloseError::NotPermitted) if context.privileged => {
            NotClosed::BeyondRights(api::beyond_rights_to_close(api))
        }
        CloseResult::Refused(CloseError::NotPermitted) => {
            NotClosed::NotPermitted(Remedy::privileged(context.request.command(shell, &[])))
        }
        CloseResult::Refused(error @ CloseError::NoDestroy) => {
            let has_process = matches!(context.group.owner(), Some(Owner::Processes(_)));
            NotClosed::NoDestroy(error.to_string(), has_process)
        }
        CloseResult::Refused(error @ CloseError::OtherKind) => {
            NotClosed::OtherKind(error.to_string())
        }
        CloseResult::Refused(error) => NotClosed::Other(error.to_string()),
        _ if socket.state.is_none() && socket.foreign.is_none() => {
            let port = BTreeSet::from([socket.local.port]);
            NotClosed::PortStays(remedies::kill_ports(shell, &["-u"], &port).into())
        }
        _ => NotClosed::Survived,
    }
}
