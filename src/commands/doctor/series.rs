//! How many snapshots are taken, and how far apart.

use std::time::{Duration, Instant};

use crate::cli::DoctorRequest;
use crate::commands::Output;
use crate::commands::shared::inspect::{inspect, machine};
use crate::findings::{Inspection, wants_second};
use crate::platform::{Pause, PlatformError, System};
use crate::query::Filter;
use crate::text::doctor as text;

/// Where the distance is not said: long enough to tell what lasts from what passes.
const SECOND: Duration = Duration::from_secs(1);

/// The snapshots of a run, and how far it has come.
pub(super) struct Series<'a> {
    filter: Option<&'a Filter>,
    /// How far apart they are.
    interval: Duration,
    /// Whether their number was asked for: then the last one tells, even if the user wants no more.
    is_counted: bool,
    /// How many there will be; none for no end.
    wanted: Option<u64>,
    /// How many were taken.
    taken: u64,
    /// When the last one was begun.
    begun: Instant,
    /// The last one.
    last: Inspection,
}

impl<'a> Series<'a> {
    /// Takes the first.
    ///
    /// # Errors
    /// When the sockets cannot be read at all.
    pub(super) fn begin(
        request: &DoctorRequest,
        filter: Option<&'a Filter>,
        system: &impl System,
    ) -> Result<Self, PlatformError> {
        let begun = Instant::now();
        let last = inspect(system, filter)?;
        let wanted = match (request.count, request.interval) {
            (Some(0), _) => None,
            (Some(count), _) => Some(count),
            (None, Some(_)) => Some(2),
            (None, None) if wants_second(&machine(&last, filter)) => Some(2),
            (None, None) => Some(1),
        };
        let interval = request.interval.unwrap_or(SECOND);
        Ok(Self {
            filter,
            interval,
            is_counted: request.count.is_some(),
            wanted,
            taken: 1,
            begun,
            last,
        })
    }

    /// The last snapshot.
    pub(super) const fn last(&self) -> &Inspection {
        &self.last
    }

    /// Which one the last was, of how many; nothing where there is one report only.
    pub(super) const fn place(&self) -> Option<(u64, Option<u64>)> {
        match self.wanted {
            Some(..=2) => None,
            wanted => Some((self.taken, wanted)),
        }
    }

    /// Waits and takes the next: returns the one before, and how long before it was. Nothing after
    /// the last, or when the user wants no more.
    ///
    /// # Errors
    /// When the sockets cannot be read at all.
    pub(super) fn next(
        &mut self,
        system: &impl System,
        output: &mut Output,
    ) -> Result<Option<(Inspection, Duration)>, PlatformError> {
        if self.wanted.is_some_and(|wanted| self.taken >= wanted) {
            return Ok(None);
        }
        output.progress(&text::waiting(self.interval, self.taken.saturating_add(1), self.wanted));
        let time = self.interval.saturating_sub(self.begun.elapsed());
        let pause = if self.is_counted {
            system.pause_until_interrupt(time)
        } else {
            system.pause(time);
            Pause::Over
        };
        output.progress("");
        if pause == Pause::Interrupted {
            return Ok(None);
        }
        // A recorded system does not wait.
        let over = self.begun.elapsed().max(self.interval);
        self.begun = Instant::now();
        let now = inspect(system, self.filter)?;
        self.taken = self.taken.saturating_add(1);
        Ok(Some((std::mem::replace(&mut self.last, now), over)))
    }
}
