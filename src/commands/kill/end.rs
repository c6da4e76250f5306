//! The signals: through processes that were opened first, and only after a second look.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::confirmed::Confirmed;
use super::plan::{Group, roots};
use crate::model::{Pid, Process, Stopped};
use crate::platform::{Ending, OpenProcess, PlatformError, System};

/// What became of a process.
#[derive(Debug)]
pub(super) enum End {
    /// It has exited.
    Exited,
    /// It had exited before it could be signalled.
    AlreadyExited,
    /// It lives, and let go of its sockets before it was signalled.
    LetGo,
    /// It lives, after the wait.
    Survived {
        /// Whether it still holds a socket of the group.
        holds: bool,
        /// What keeps it from acting on the signal, if anything does.
        stopped: Option<Stopped>,
    },
    /// It lives and holds, and was not signalled because one before it did not end.
    Spared,
    /// It could not be looked at, or not be signalled.
    Failed(PlatformError),
}

/// The holders of a group, opened: from here on a PID that is reused cannot mislead.
#[derive(Debug)]
pub(super) struct Opened<P> {
    living: BTreeMap<Pid, P>,
    signalled: BTreeSet<Pid>,
    ends: BTreeMap<Pid, End>,
    /// When the last one was seen to exit.
    last_exit: Option<Instant>,
}

impl<P: OpenProcess> Opened<P> {
    /// Opens every holder of the group.
    pub(super) fn new(
        group: &Group<'_>,
        processes: &BTreeMap<Pid, Process>,
        system: &impl System<Process = P>,
    ) -> Self {
        let mut opened = Self {
            living: BTreeMap::new(),
            signalled: BTreeSet::new(),
            ends: BTreeMap::new(),
            last_exit: None,
        };
        for &pid in &group.holders {
            let birth = processes.get(&pid).and_then(|process| process.birth);
            match system.open_process(pid, birth) {
                Ok(process) => {
                    opened.living.insert(pid, process);
                }
                Err(error) => {
                    opened.ends.insert(pid, end_of(error));
                }
            }
        }
        opened
    }

    /// Those that could be opened.
    pub(super) fn living(&self) -> impl Iterator<Item = Pid> {
        self.living.keys().copied()
    }

    /// What became of each process so far.
    pub(super) const fn ends(&self) -> &BTreeMap<Pid, End> {
        &self.ends
    }

    /// Whether every one of them has exited or let go by itself, so that the port should be free.
    pub(super) fn all_let_go(&self) -> bool {
        let let_go = |end| matches!(end, &End::Exited | &End::AlreadyExited | &End::LetGo);
        !self.ends.is_empty() && self.ends.values().all(let_go)
    }

    /// How long after `start` the last of those that exited did so.
    pub(super) fn took_since(&self, start: Instant) -> Duration {
        self.last_exit.map_or(Duration::ZERO, |exit| exit.saturating_duration_since(start))
    }

    /// Those that were signalled, live, and hold their sockets.
    pub(super) fn holding_survivors(&self) -> BTreeSet<Pid> {
        let holds = |end: &End| matches!(end, End::Survived { holds: true, .. });
        self.ends.iter().filter(|(_, end)| holds(end)).map(|(pid, _)| *pid).collect()
    }

    /// What keeps a survivor from running.
    pub(super) fn stopped(&self, pid: Pid) -> Option<&Stopped> {
        match self.ends.get(&pid)? {
            End::Survived { stopped, .. } => stopped.as_ref(),
            _ => None,
        }
    }

    /// Those that live and hold, signalled or not.
    pub(super) fn unfinished(&self) -> BTreeSet<Pid> {
        let holds = |end: &End| matches!(end, End::Survived { holds: true, .. } | End::Spared);
        self.ends.iter().filter(|(_, end)| holds(end)).map(|(pid, _)| *pid).collect()
    }

    /// Signals the group in waves: first those whose parent does not hold the sockets, then
    /// those that still do. Called again, it takes up those that survived or were spared.
    pub(super) fn end<S: System<Process = P>>(
        &mut self,
        confirmed: &Confirmed<'_, S>,
        processes: &BTreeMap<Pid, Process>,
        ending: Ending,
        timeout: Duration,
    ) {
        self.ends.retain(|_, end| !matches!(end, End::Survived { holds: true, .. } | End::Spared));
        let deadline = Instant::now() + timeout;
        loop {
            let wave = roots(&self.holding(confirmed), processes);
            if wave.is_empty() {
                self.wait_for_rest(deadline);
                return;
            }
            self.signal_wave(&wave, confirmed, ending);
            self.wait_for(&wave, confirmed, Instant::now() + timeout);
            let exited = |pid| matches!(self.ends.get(pid), Some(End::Exited | End::AlreadyExited));
            if !wave.iter().all(|pid| exited(pid) || self.has_let_go(*pid)) {
                self.spare_rest(confirmed);
                return;
            }
        }
    }

    fn has_let_go(&self, pid: Pid) -> bool {
        matches!(self.ends.get(&pid), Some(End::LetGo))
    }

    /// Those that have not ended and hold one of the sockets at this moment. Before the first
    /// signal of the group, one that holds none has let go by itself.
    fn holding<S: System<Process = P>>(&mut self, confirmed: &Confirmed<'_, S>) -> BTreeSet<Pid> {
        let nobody_signalled = self.signalled.is_empty();
        let mut holding = BTreeSet::new();
        for (pid, process) in &self.living {
            if self.ends.contains_key(pid) {
                continue;
            }
            match confirmed.is_held_by(process) {
                Ok(true) => {
                    holding.insert(*pid);
                }
                Ok(false) if nobody_signalled => {
                    self.ends.insert(*pid, End::LetGo);
                }
                Ok(false) => {}
                Err(PlatformError::NoSuchProcess(_)) if !nobody_signalled => {
                    self.ends.insert(*pid, End::Exited);
                }
                Err(error) => {
                    self.ends.insert(*pid, end_of(error));
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
                    self.ends.insert(*pid, End::LetGo);
                    continue;
                }
                Err(error) => Err(error),
            };
            match sent {
                Ok(()) => {
                    self.signalled.insert(*pid);
                }
                Err(error) => {
                    self.ends.insert(*pid, end_of(error));
                }
            }
        }
    }

    /// Waits for those of the wave that were signalled; all share the time.
    fn wait_for<S: System<Process = P>>(
        &mut self,
        wave: &BTreeSet<Pid>,
        confirmed: &Confirmed<'_, S>,
        deadline: Instant,
    ) {
        for pid in wave {
            let Some(process) = self.living.get(pid) else { continue };
            if self.ends.contains_key(pid) {
                continue;
            }
            let end = match process.wait_exit(left_until(deadline)) {
                Ok(true) => End::Exited,
                Ok(false) => match confirmed.is_held_by(process) {
                    Ok(holds) => End::Survived { holds, stopped: process.stopped() },
                    Err(PlatformError::NoSuchProcess(_)) => End::Exited,
                    Err(error) => End::Failed(error),
                },
                Err(error) => End::Failed(error),
            };
            if matches!(end, End::Exited) {
                self.last_exit = Some(Instant::now());
            }
            self.ends.insert(*pid, end);
        }
    }

    /// Nobody holds the sockets any more; workers that were not signalled end with their
    /// master, or drain.
    fn wait_for_rest(&mut self, deadline: Instant) {
        for (pid, process) in &self.living {
            if self.ends.contains_key(pid) {
                continue;
            }
            let end = match process.wait_exit(left_until(deadline)) {
                Ok(true) => End::Exited,
                Ok(false) => End::Survived { holds: false, stopped: None },
                Err(error) => End::Failed(error),
            };
            if matches!(end, End::Exited) {
                self.last_exit = Some(Instant::now());
            }
            self.ends.insert(*pid, end);
        }
    }

    /// One did not end, so its workers are left alone.
    fn spare_rest<S: System<Process = P>>(&mut self, confirmed: &Confirmed<'_, S>) {
        for (pid, process) in &self.living {
            if self.ends.contains_key(pid) {
                continue;
            }
            let end = match confirmed.is_held_by(process) {
                Ok(true) => End::Spared,
                Ok(false) => End::LetGo,
                Err(PlatformError::NoSuchProcess(_)) => End::Exited,
                Err(error) => End::Failed(error),
            };
            self.ends.insert(*pid, end);
        }
    }
}

fn left_until(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

fn end_of(error: PlatformError) -> End {
    match error {
        PlatformError::NoSuchProcess(_) => End::AlreadyExited,
        other => End::Failed(other),
    }
}
