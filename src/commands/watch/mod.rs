//! `portwho watch`: what opens, changes and closes, from one look to the next.
//!
//! A look asks the system ([`look`]); two looks are compared (`query::changes`, pure); what differs is
//! printed, a line for each change.

mod likely;
#[cfg(feature = "watch")]
mod live;
mod look;
mod owners;
mod pace;
mod print;
mod seen;
mod subject;

use std::time::{Duration, Instant};

use anyhow::bail;

use super::shared::measured::measured;
use super::shared::{filter, in_the_way};
use super::{Outcome, Output};
use crate::cli::WatchRequest;
use crate::model::Depth;
use crate::platform::{Pause, System};
use crate::query::changes;
use crate::render::{Columns, Json, Style, View};
use crate::text::errors;
use look::Looker;
use print::Printer;
use seen::Look;
use subject::Subject;

/// Watches, and prints what changes.
pub(super) fn run(
    request: &WatchRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let subject = subject(request, system)?;
    let mut looker = Looker::new(system, &subject);
    let mut printer = Printer::new(request, &subject.filter, output);
    let mut clock = Clock::start();
    // From here on Ctrl-C ends the watch, and not the process.
    let mut pause = system.pause_until_interrupt(Duration::ZERO);
    let mut last: Option<Look> = None;
    let mut looks: u64 = 0;
    while pause == Pause::Over {
        let (answer, cost) = measured(system, || looker.look(clock.elapsed()));
        match (answer, last.take()) {
            (Ok(now), Some(before)) => {
                let changes = changes(before.seen(), now.seen());
                let now = now.after(&before);
                printer.tell(&changes, &before.snapshot, &now.snapshot)?;
                last = Some(now);
            }
            (Ok(now), None) => {
                printer.begin(&now.snapshot)?;
                last = Some(now);
            }
            // Nothing is known, and nothing will be told.
            (Err(error), None) => return Err(error.into()),
            (Err(error), Some(before)) => {
                printer.fail(&error.to_string(), &before.snapshot)?;
                last = Some(before);
            }
        }
        looks += 1;
        if request.count == Some(looks) {
            return Ok(Outcome::Success);
        }
        // The first look also pays for what is done once.
        let cost = if looks == 1 { Duration::ZERO } else { cost };
        pause = rest(pace::interval(request.interval, cost), &mut clock, system, printer.output())?;
    }
    Ok(Outcome::Interrupted)
}

/// How soon it is noticed that the reader of stdout has left, where nothing changes.
const LISTENED: Duration = Duration::from_secs(1);

/// Rests for so long, or until nobody wants more.
fn rest(
    time: Duration,
    clock: &mut Clock,
    system: &impl System,
    output: &Output,
) -> anyhow::Result<Pause> {
    let mut left = time;
    loop {
        let part = left.min(LISTENED);
        if system.pause_until_interrupt(clock.pause(part)) == Pause::Interrupted {
            return Ok(Pause::Interrupted);
        }
        output.expect_reader()?;
        left = left.saturating_sub(part);
        if left.is_zero() {
            return Ok(Pause::Over);
        }
    }
}

/// Watches in a view that is redrawn, where there is a terminal for it and nothing else was asked for;
/// otherwise prints what changes.
pub(super) fn start<S: System + Sync>(
    request: &WatchRequest,
    system: &'static S,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let has_terminal = output.is_terminal() && output.can_ask() && system.console_takes_escapes();
    if request.plain || request.json || !has_terminal {
        return run(request, system, output);
    }
    #[cfg(feature = "watch")]
    return live::run(request, system, output);
    #[cfg(not(feature = "watch"))]
    bail!(crate::text::watch::NO_LIVE_VIEW);
}

/// What is looked at, as deep as is shown.
fn subject(request: &WatchRequest, system: &impl System) -> anyhow::Result<Subject> {
    if request.all_namespaces && !system.capabilities().network_namespaces {
        bail!(errors::NO_NAMESPACES);
    }
    let filter = in_the_way::always(filter::of_request(&request.filters, system)?, system);
    let style = Style { header: true, color: false, columns: None };
    let view = match &request.columns {
        _ if request.json => Json.needs(),
        Some(columns) => Columns { style, columns: columns.clone() }.needs(),
        None => Depth::LEAST,
    };
    let sorted = Depth { about: request.sort.about(), ..Depth::LEAST };
    let depth = view.and(sorted).and(Depth { about: filter.about(), ..Depth::LEAST });
    Ok(Subject { filter, depth, everywhere: request.all_namespaces })
}

/// How long it has watched.
struct Clock {
    begun: Instant,
    /// How long it has paused: a recorded system does not take the time.
    paused: Duration,
}

impl Clock {
    fn start() -> Self {
        Self { begun: Instant::now(), paused: Duration::ZERO }
    }

    fn elapsed(&self) -> Duration {
        self.begun.elapsed().max(self.paused)
    }

    fn pause(&mut self, pause: Duration) -> Duration {
        self.paused = self.paused.saturating_add(pause);
        pause
    }
}
