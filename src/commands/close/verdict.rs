//! What became of it, in words and as an outcome.

use std::collections::{BTreeMap, BTreeSet};

use super::act::Fate;
use super::plan::Group;
use super::words;
use crate::cli::CloseRequest;
use crate::commands::{Outcome, remedy, who};
use crate::model::{Os, Owner, Snapshot, Socket};
use crate::platform::CloseError;
use crate::query::Row;
use crate::render::counted;

/// What is known when a group has been dealt with.
pub(super) struct Case<'a> {
    /// The group.
    pub(super) group: &'a Group<'a>,
    /// What was typed.
    pub(super) request: &'a CloseRequest,
    /// Whether more rights cannot be had by `sudo`.
    pub(super) privileged: bool,
    /// What was seen before.
    pub(super) snapshot: &'a Snapshot,
}

/// The verdicts on a group: on what is gone, and on what is not, by reason. `fates` has one for
/// each of its sockets, in their order.
pub(super) fn of_group(case: &Case<'_>, fates: Vec<Fate>) -> Vec<(Outcome, String)> {
    let mut gone = Gone::default();
    let mut failures: BTreeMap<(Outcome, String), Vec<Row<'_>>> = BTreeMap::new();
    for (row, fate) in case.group.sockets.iter().zip(fates) {
        match fate {
            Fate::Closed { port_stays } => gone.add(&row.socket, port_stays),
            Fate::GoneAlready => gone.by_themselves += 1,
            fate => failures.entry(why(&row.socket, &fate, case)).or_default().push(row),
        }
    }
    let done = gone.text(case).map(|text| (Outcome::Success, text));
    let failed = failures.into_iter().map(|((outcome, why), sockets)| {
        let what = words::sockets_of(&sockets, case.group, case.snapshot);
        (outcome, format!("{what}: {why}"))
    });
    done.into_iter().chain(failed).collect()
}

/// What is gone of a group.
#[derive(Default)]
struct Gone {
    closed: usize,
    by_themselves: usize,
    /// The ports that stay with the process.
    ports: BTreeSet<u16>,
}

impl Gone {
    fn add(&mut self, socket: &Socket, port_stays: bool) {
        self.closed += 1;
        if port_stays {
            self.ports.insert(socket.local.port);
        }
    }

    fn text(&self, case: &Case<'_>) -> Option<String> {
        let whole = words::whole(case.group, case.snapshot);
        match (self.closed, self.by_themselves) {
            (0, 0) => None,
            (0, went) => Some(format!("{went} of {whole} went by {}", themselves(went))),
            (closed, _) => Some(format!("closed {closed} of {}", self.rest(case))),
        }
    }

    /// `12 sockets; app-server (PID 812) keeps their descriptors until it calls close()`.
    fn rest(&self, case: &Case<'_>) -> String {
        let went = match self.by_themselves {
            0 => String::new(),
            went => format!(", {went} went by {}", themselves(went)),
        };
        if !matches!(case.group.owner(), Some(Owner::Processes(_))) {
            return format!("{}{went}", words::whole(case.group, case.snapshot));
        }
        let sockets = counted(case.group.sockets.len(), "socket");
        let owner = words::owner(case.group, case.snapshot);
        let (handle, call) = match case.snapshot.os {
            Os::Linux => ("descriptor", "close()"),
            Os::Windows => ("handle", "closesocket()"),
        };
        let (keep, until) = match case.group.pids().count() {
            1 => ("keeps", "it calls"),
            _ => ("keep", "they call"),
        };
        let handles =
            if self.closed == 1 { format!("its {handle}") } else { format!("their {handle}s") };
        let ports = match self.ports.len() {
            0 => String::new(),
            _ => format!(" and {}", who::ports(&self.ports)),
        };
        format!("{sockets}{went}; {owner} {keep} {handles}{ports} until {until} {call}")
    }
}

const fn themselves(count: usize) -> &'static str {
    if count == 1 { "itself" } else { "themselves" }
}

/// Why a socket is still there, and what that means for the exit code.
fn why(socket: &Socket, fate: &Fate, case: &Case<'_>) -> (Outcome, String) {
    let os = case.snapshot.os;
    let why = match fate {
        Fate::Changed => {
            let text = "left alone: no longer what was asked for".to_owned();
            return (Outcome::Negative, text);
        }
        Fate::Refused(CloseError::NotPermitted) if case.privileged => {
            remedy::beyond_rights_to_close(os).to_owned()
        }
        Fate::Refused(CloseError::NotPermitted) => {
            let command = remedy::more_rights(os, &case.request.command(&[]));
            format!("not permitted: {command}")
        }
        Fate::Refused(CloseError::NoDestroy) => match case.group.owner() {
            Some(Owner::Processes(_)) => {
                format!("{}; ending their process closes them", CloseError::NoDestroy)
            }
            _ => CloseError::NoDestroy.to_string(),
        },
        Fate::Refused(CloseError::OtherKind) => format!(
            "{} (Linux those of UDP since 4.9, those in TIME_WAIT and FIN_WAIT_2 without a \
             process since 6.0)",
            CloseError::OtherKind
        ),
        Fate::Refused(error) => error.to_string(),
        _ if socket.state.is_none() && socket.foreign.is_none() => {
            let command = words::kill("-u", &BTreeSet::from([socket.local.port]));
            format!("its port was bound by number, and stays with its process: {command}")
        }
        _ => "still there, although the system accepted the order".to_owned(),
    };
    (Outcome::Failure, format!("not closed: {why}"))
}
