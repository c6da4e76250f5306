//! The signals: through processes that were opened first, and only after a second check.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::confirmed::Confirmed;
use super::known::known_descriptors;
use super::plan::Group;
use super::result::KillResult;
use super::starter::Starter;
use super::waves::wave;
use crate::model::{Pid, Process, Stopped};
use crate::platform::{Ending, OpenProcess, PlatformError, System};

/// The holders of a group, opened: from here on a PID that is reused cannot mislead.
#[derive(Debug)]
pub(super) struct OpenedHolders<P> {
    pub(super) living: BTreeMap<Pid, P>,
    /// The process that restarts them, opened too.
    pub(super) starter: Option<(Starter, P)>,
    pub(super) signaled: BTreeSet<Pid>,
    pub(super) results: BTreeMap<Pid, KillResult>,
    /// When the last one was seen to exit.
    pub(super) last_exit: Option<Instant>,
}

impl<P: OpenProcess> OpenedHolders<P> {
    /// Opens every holder of the group.
    pub(super) fn new(
        group: &Group<'_>,
        processes: &BTreeMap<Pid, Process>,
        system: &impl System<Process = P>,
    ) -> Self {
        let mut opened = Self {
            living: BTreeMap::new(),
            starter: None,
            signaled: BTreeSet::new(),
            results: BTreeMap::new(),
            last_exit: None,
        };
        let mut known = known_descriptors(group);
        for &pid in &group.holders {
            let birth = processes.get(&pid).and_then(|process| process.birth);
            match system.open_process(pid, birth) {
                Ok(mut process) => {
                    process.know(&known.remove(&pid).unwrap_or_default());
                    opened.living.insert(pid, process);
                }
                Err(error) => {
                    opened.results.insert(pid, KillResult::of_error(error));
                }
            }
        }
        opened
    }

    /// Opens the process that restarts them too, which is ended first.
    ///
    /// # Errors
    /// When it has exited, or cannot be opened.
    pub(super) fn open_starter(
        &mut self,
        starter: Starter,
        system: &impl System<Process = P>,
    ) -> Result<(), PlatformError> {
        let process = system.open_process(starter.pid, starter.birth)?;
        self.starter = Some((starter, process));
        Ok(())
    }

    /// Those that could be opened.
    pub(super) fn living(&self) -> impl Iterator<Item = Pid> {
        self.living.keys().copied()
    }

    /// What became of each process so far.
    pub(super) const fn results(&self) -> &BTreeMap<Pid, KillResult> {
        &self.results
    }

    /// Whether every one of them has exited or released its sockets, so that the port should be free.
    pub(super) fn all_released(&self) -> bool {
        !self.results.is_empty() && self.results.values().all(KillResult::has_released)
    }

    /// How long after `start` the last of those that exited did so.
    pub(super) fn took_since(&self, start: Instant) -> Duration {
        self.last_exit.map_or(Duration::ZERO, |exit| exit.saturating_duration_since(start))
    }

    /// Those that were signaled, and still run and hold their sockets.
    pub(super) fn holding_survivors(&self) -> BTreeSet<Pid> {
        let survivors = self.results.iter().filter(|(_, result)| result.is_holding_survivor());
        survivors.map(|(pid, _)| *pid).collect()
    }

    /// What keeps a survivor from running.
    pub(super) fn stopped(&self, pid: Pid) -> Option<&Stopped> {
        match self.results.get(&pid)? {
            KillResult::Survived { stopped, .. } | KillResult::StarterSurvived { stopped } => {
                stopped.as_ref()
            }
            _ => None,
        }
    }

    /// Those that still run and hold, signaled or not.
    pub(super) fn unfinished(&self) -> BTreeSet<Pid> {
        self.results
            .iter()
            .filter(|(_, result)| result.is_unfinished())
            .map(|(pid, _)| *pid)
            .collect()
    }

    /// Signals the group in waves: first those whose parent does not hold the sockets, then
    /// those that still do, and all of these in the last wave. Called again, it continues with those that
    /// survived or were not signaled.
    pub(super) fn terminate<S: System<Process = P>>(
        &mut self,
        confirmed: &Confirmed<'_, S>,
        processes: &BTreeMap<Pid, Process>,
        ending: Ending,
        timeout: Duration,
    ) {
        self.results.retain(|_, result| !result.is_unfinished());
        if !self.end_starter(confirmed, ending, timeout) {
            return self.leave_rest(confirmed);
        }
        let deadline = Instant::now() + timeout;
        for number in 1.. {
            let wave = wave(number, self.holding(confirmed), processes);
            if wave.is_empty() {
                self.wait_for_rest(deadline);
                return;
            }
            self.signal_wave(&wave, confirmed, ending);
            self.wait_for(&wave, confirmed, Instant::now() + timeout);
            let has_exited = |pid| self.results.get(pid).is_some_and(KillResult::has_exited);
            if !wave.iter().all(|pid| has_exited(pid) || self.has_released(*pid)) {
                self.leave_rest(confirmed);
                return;
            }
        }
    }

    fn has_released(&self, pid: Pid) -> bool {
        matches!(self.results.get(&pid), Some(KillResult::Released))
    }

    /// Those that have not ended and hold one of the sockets at this moment. Before the first
    /// signal of the group, one that holds none has released it.
    pub(super) fn holding<S: System<Process = P>>(
        &mut self,
        confirmed: &Confirmed<'_, S>,
    ) -> BTreeSet<Pid> {
        let none_signaled = self.signaled.is_empty();
        let mut holding = BTreeSet::new();
        for (pid, process) in &self.living {
            if self.results.contains_key(pid) {
                continue;
            }
            match confirmed.is_held_by(process) {
                Ok(true) => {
                    holding.insert(*pid);
                }
                Ok(false) if none_signaled => {
                    self.results.insert(*pid, KillResult::Released);
                }
                Ok(false) => {}
                Err(PlatformError::NoSuchProcess(_)) if !none_signaled => {
                    self.results.insert(*pid, KillResult::Exited);
                }
                Err(error) => {
                    self.results.insert(*pid, KillResult::of_error(error));
                }
            }
        }
        holding
    }

    /// Checks each again, immediately before the signal.
    fn signal_wave<S: System<Process = P>>(
        &mut self,
        wave: &BTreeSet<Pid>,
        confirmed: &Confirmed<'_, S>,
        ending: Ending,
    ) {
        for pid in wave {
            let Some(process) = self.living.get(pid) else { continue };
            let sent = match confirmed.is_held_by(process) {
                Ok(true) => process.end(ending),
                Ok(false) => {
                    self.results.insert(*pid, KillResult::Released);
                    continue;
                }
                Err(error) => Err(error),
            };
            match sent {
                Ok(()) => {
                    self.signaled.insert(*pid);
                }
                Err(error) => {
                    self.results.insert(*pid, KillResult::of_error(error));
                }
            }
        }
    }

    /// Waits for those of the wave that were signaled; all share the time.
    fn wait_for<S: System<Process = P>>(
        &mut self,
        wave: &BTreeSet<Pid>,
        confirmed: &Confirmed<'_, S>,
        deadline: Instant,
    ) {
        for pid in wave {
            let Some(process) = self.living.get(pid) else { continue };
            if self.results.contains_key(pid) {
                continue;
            }
            let result = match process.wait_exit(left_until(deadline)) {
                Ok(true) => KillResult::Exited,
                Ok(false) => match confirmed.is_held_by(process) {
                    Ok(holds) => KillResult::Survived { holds, stopped: process.stopped() },
                    Err(PlatformError::NoSuchProcess(_)) => KillResult::Exited,
                    Err(error) => KillResult::Failed(error),
                },
                Err(error) => KillResult::Failed(error),
            };
            if matches!(result, KillResult::Exited) {
                self.last_exit = Some(Instant::now());
            }
            self.results.insert(*pid, result);
        }
    }

    /// No process holds the sockets anymore; workers that were not signaled end with their
    /// master, or drain.
    fn wait_for_rest(&mut self, deadline: Instant) {
        for (pid, process) in &self.living {
            if self.results.contains_key(pid) {
                continue;
            }
            let result = match process.wait_exit(left_until(deadline)) {
                Ok(true) => KillResult::Exited,
                Ok(false) => KillResult::Survived { holds: false, stopped: None },
                Err(error) => KillResult::Failed(error),
            };
            if matches!(result, KillResult::Exited) {
                self.last_exit = Some(Instant::now());
            }
            self.results.insert(*pid, result);
        }
    }

    /// One did not end, so its workers are left alone.
    fn leave_rest<S: System<Process = P>>(&mut self, confirmed: &Confirmed<'_, S>) {
        for (pid, process) in &self.living {
            if self.results.contains_key(pid) {
                continue;
            }
            let result = match confirmed.is_held_by(process) {
                Ok(true) => KillResult::NotSignaled,
                Ok(false) => KillResult::Released,
                Err(PlatformError::NoSuchProcess(_)) => KillResult::Exited,
                Err(error) => KillResult::Failed(error),
            };
            self.results.insert(*pid, result);
        }
    }
}

fn left_until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
