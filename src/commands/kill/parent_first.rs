//! The process that restarts the holders: signaled before them.

use std::collections::BTreeSet;
use std::io;
use std::time::{Duration, Instant};

use super::confirmed::Confirmed;
use super::result::KillResult;
use super::signaling::OpenedHolders;
use super::starter::Starter;
use crate::model::Pid;
use crate::platform::{Ending, OpenProcess, PlatformError, System};
use crate::text::kill::parents as text;

impl<P: OpenProcess> OpenedHolders<P> {
    /// Ends the process that restarts the holders, where there is one to be ended and a holder still runs
    /// below it. False where it runs on: what it restarts is left alone then.
    pub(super) fn end_starter<S: System<Process = P>>(
        &mut self,
        confirmed: &Confirmed<'_, S>,
        ending: Ending,
        timeout: Duration,
    ) -> bool {
        if self.starter.is_none() {
            return true;
        }
        let holding = self.holding(confirmed);
        let Some((starter, process)) = &self.starter else { return true };
        let pid = starter.pid;
        if holding.is_empty() || self.results.contains_key(&pid) {
            return true;
        }
        let result = match process.wait_exit(Duration::ZERO) {
            Ok(true) => KillResult::AlreadyExited,
            Ok(false) => {
                end_ancestor(starter, process, &holding, confirmed.system(), ending, timeout)
            }
            Err(error) => KillResult::Failed(error),
        };
        let has_exited = matches!(result, KillResult::Exited | KillResult::AlreadyExited);
        if !matches!(result, KillResult::Failed(_)) {
            self.signaled.insert(pid);
        }
        self.last_exit = has_exited.then(Instant::now).or(self.last_exit);
        self.results.insert(pid, result);
        has_exited
    }
}

/// Signals an ancestor of the `holding`, if it still is one of each, and waits for its exit.
fn end_ancestor<P: OpenProcess>(
    starter: &Starter,
    process: &P,
    holding: &BTreeSet<Pid>,
    system: &impl System,
    ending: Ending,
    timeout: Duration,
) -> KillResult {
    if !holding.iter().any(|owner| starter.is_still_above(*owner, system)) {
        let why = io::Error::other(text::NOTHING_SENT);
        return KillResult::Failed(PlatformError::Io { what: text::CHANGED.to_owned(), why });
    }
    if let Err(error) = process.end(ending) {
        return KillResult::of_error(error);
    }
    match process.wait_exit(timeout) {
        Ok(true) => KillResult::Exited,
        Ok(false) => KillResult::StarterSurvived { stopped: process.stopped() },
        Err(error) => KillResult::Failed(error),
    }
}
