//! The signals: through processes that were opened first, and only after a second look.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::plan::{Group, roots};
use crate::model::Signal;
use crate::model::{Pid, Process, Socket};
use crate::platform::{OpenProcess, PlatformError, System};

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
    },
    /// It could not be looked at, or not be signalled.
    Failed(PlatformError),
}

/// The holders of a group, opened: from here on a PID that is reused cannot mislead.
#[derive(Debug)]
pub(super) struct Opened<P> {
    living: BTreeMap<Pid, P>,
    ends: BTreeMap<Pid, End>,
}

impl<P: OpenProcess> Opened<P> {
    /// Opens every holder of the group.
    pub(super) fn new(group: &Group<'_>, system: &impl System<Process = P>) -> Self {
        let mut opened = Self { living: BTreeMap::new(), ends: BTreeMap::new() };
        for &pid in &group.holders {
            match system.open_process(pid) {
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

    /// What became of each process so far.
    pub(super) const fn ends(&self) -> &BTreeMap<Pid, End> {
        &self.ends
    }

    /// Whether every one of them has exited or let go by itself, so that the port should be free.
    pub(super) fn all_let_go(&self) -> bool {
        !self.ends.is_empty() && !self.has_failed()
    }

    /// Those that survived.
    pub(super) fn survivors(&self) -> BTreeSet<Pid> {
        let survived = self.ends.iter().filter(|(_, end)| matches!(end, End::Survived { .. }));
        survived.map(|(pid, _)| *pid).collect()
    }

    /// Takes survivors up again, for another signal.
    pub(super) fn forget_survivors(&mut self) {
        self.ends.retain(|_, end| !matches!(end, End::Survived { .. }));
    }

    /// Signals the group in waves: first those whose parent does not hold the sockets, then
    /// those that still do. Returns how long it took.
    pub(super) fn end(
        &mut self,
        sockets: &[&Socket],
        processes: &BTreeMap<Pid, Process>,
        signal: Signal,
        timeout: Duration,
    ) -> Duration {
        let start = Instant::now();
        let mut first = true;
        loop {
            let holding = self.still_holding(sockets, first);
            if holding.is_empty() || self.has_failed() {
                break;
            }
            let wave = roots(&holding, processes);
            self.signal_wave(&wave, sockets, signal);
            self.wait_for(&wave, sockets, timeout);
            first = false;
        }
        self.settle();
        start.elapsed()
    }

    fn has_failed(&self) -> bool {
        self.ends.values().any(|end| matches!(end, End::Failed(_) | End::Survived { .. }))
    }

    /// Those that have not ended and hold one of the sockets at this moment. Before the first
    /// signal, one that does not hold any has let go by itself.
    fn still_holding(&mut self, sockets: &[&Socket], first: bool) -> BTreeSet<Pid> {
        let mut holding = BTreeSet::new();
        for (pid, process) in &self.living {
            if self.ends.contains_key(pid) {
                continue;
            }
            match process.holds_any(sockets) {
                Ok(true) => {
                    holding.insert(*pid);
                }
                Ok(false) if first => {
                    self.ends.insert(*pid, End::LetGo);
                }
                Ok(false) => {}
                Err(PlatformError::NoSuchProcess(_)) if !first => {
                    self.ends.insert(*pid, End::Exited);
                }
                Err(error) => {
                    self.ends.insert(*pid, end_of(error));
                }
            }
        }
        holding
    }

    /// Looks at each once more, immediately before the signal.
    fn signal_wave(&mut self, wave: &BTreeSet<Pid>, sockets: &[&Socket], signal: Signal) {
        for pid in wave {
            let Some(process) = self.living.get(pid) else { continue };
            let sent = match process.holds_any(sockets) {
                Ok(true) => process.signal(signal),
                Ok(false) => {
                    self.ends.insert(*pid, End::LetGo);
                    continue;
                }
                Err(error) => Err(error),
            };
            if let Err(error) = sent {
                self.ends.insert(*pid, end_of(error));
            }
        }
    }

    /// Waits for those of the wave that were signalled; all share the time.
    fn wait_for(&mut self, wave: &BTreeSet<Pid>, sockets: &[&Socket], timeout: Duration) {
        let deadline = Instant::now() + timeout;
        for pid in wave {
            if self.ends.contains_key(pid) {
                continue;
            }
            let Some(process) = self.living.get(pid) else { continue };
            let left = deadline.saturating_duration_since(Instant::now());
            let end = match process.wait_exit(left) {
                Ok(true) => End::Exited,
                Ok(false) => match process.holds_any(sockets) {
                    Ok(holds) => End::Survived { holds },
                    Err(PlatformError::NoSuchProcess(_)) => End::Exited,
                    Err(error) => End::Failed(error),
                },
                Err(error) => End::Failed(error),
            };
            self.ends.insert(*pid, end);
        }
    }

    /// What the others did meanwhile: workers end with their master, or drain.
    fn settle(&mut self) {
        let failed = self.has_failed();
        for (pid, process) in &self.living {
            if self.ends.contains_key(pid) {
                continue;
            }
            match process.wait_exit(Duration::ZERO) {
                Ok(true) => {
                    self.ends.insert(*pid, End::Exited);
                }
                // Not signalled, because one before it did not end.
                Ok(false) if failed => {}
                Ok(false) => {
                    self.ends.insert(*pid, End::Survived { holds: false });
                }
                Err(error) => {
                    self.ends.insert(*pid, End::Failed(error));
                }
            }
        }
    }
}

fn end_of(error: PlatformError) -> End {
    match error {
        PlatformError::NoSuchProcess(_) => End::AlreadyExited,
        other => End::Failed(other),
    }
}
