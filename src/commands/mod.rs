//! The verbs: a file, or a folder, for each; and what several of them share.

mod close;
mod complete;
mod doctor;
mod explain;
mod generate;
mod kill;
mod list;
mod metrics;
mod shared;
mod wait;
mod watch;

use std::process::ExitCode;

use anyhow::bail;

use crate::cli::Request;
use crate::model::OwnerSearch;
use crate::platform::System;
use crate::text::errors;

pub use complete::complete;
pub use shared::output::{Broken, Output, Terminals};

/// How a command ended, by the exit codes of the manual.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Outcome {
    /// 0: a row was shown; every target is gone and the port is free; what was waited for has come;
    /// doctor found nothing wrong.
    Success,
    /// 1: the answer is no: nothing matched, nothing held the port, time is up, or doctor has
    /// findings.
    Negative,
    /// 2: failed, refused, survived, taken again, or not everything could be read.
    Failure,
    /// 130, as shells report it: Ctrl-C ended it before there was an answer, or ended a watch.
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        Self::from(match outcome {
            Outcome::Success => 0,
            Outcome::Negative => 1,
            Outcome::Failure => 2,
            Outcome::Interrupted => 130,
        })
    }
}

/// Runs what was asked for. Unlike [`run`], it may show a view that is redrawn, or serve metrics: for that
/// several threads share the system.
///
/// # Errors
/// As [`run`].
pub fn start<S: System + Sync>(
    request: Request,
    system: &'static S,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    match request {
        Request::Watch(request) => {
            can_search(request.filters.selection.owners, system)?;
            watch::start(&request, system, output)
        }
        Request::Metrics(request) => {
            can_search(request.owners, system)?;
            metrics::start(&request, system, output)
        }
        other => run(other, system, output),
    }
}

/// Refuses a way to search for owners where the system names them itself.
fn can_search(owners: Option<OwnerSearch>, system: &impl System) -> anyhow::Result<()> {
    if owners.is_some() && !system.capabilities().owner_search {
        bail!(errors::NO_OWNER_SEARCH);
    }
    Ok(())
}

/// Runs what was asked for.
///
/// # Errors
/// When the command could not do what it was asked, with what and why. A reader that left is
/// [`Broken`] somewhere in the chain.
pub fn run(request: Request, system: &impl System, output: &mut Output) -> anyhow::Result<Outcome> {
    can_search(request.owners(), system)?;
    match request {
        Request::List(request) => list::run(&request, system, output),
        Request::Kill(request) => kill::run(&request, system, output),
        Request::Close(request) => close::run(&request, system, output),
        Request::Doctor(request) => doctor::run(&request, system, output),
        Request::Metrics(request) => metrics::run(&request, system, output),
        Request::Wait(request) => wait::run(&request, system, output),
        Request::Watch(request) => watch::run(&request, system, output),
        Request::Explain(request) => explain::run(request, system, output),
        Request::Generate(what) => generate::run(what, output),
    }
}
