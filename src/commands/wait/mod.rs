//! `portwho wait PORT...`: until something listens on the ports, or until they can be bound.
//!
//! Each look asks the system and judges what it said; the last one is told. What costs little is asked
//! first, and the rest only where it may end the wait.

mod ask;
mod judge;
mod pace;
mod print;
mod wanted;

use std::time::Duration;

use super::shared::measured::measured;
use super::{Outcome, Output};
use crate::cli::{Condition, Timeout, WaitRequest};
use crate::platform::{Pause, System};
use crate::text::wait::{self as text, Spot};
use ask::{Question, Seen};
use judge::{Standing, is_worth_a_look, standing};
use pace::{Clock, Pace};
use print::Report;

/// Waits, and tells what came of it.
pub(super) fn run(
    request: &WaitRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let mut question = Question::new(request, system)?;
    let mut clock = Clock::start(request.timeout);
    let is_free = question.condition == Condition::Free;
    let mut progress = Progress { spots: question.spots(), is_free, output, second: None };
    let over = until_over(&mut question, &mut clock, system, &mut progress);
    let after = clock.elapsed();
    progress.clear();
    let Some((seen, standing)) = over? else { return Ok(Outcome::Interrupted) };
    let absent = match standing {
        Standing::Waiting => question.absent(&seen, system),
        _ => Vec::new(),
    };
    let report = Report {
        question: &question,
        seen: &seen,
        standing,
        absent,
        after,
        is_single: request.timeout == Timeout::After(Duration::ZERO),
        json: request.json,
    };
    report.print(output)
}

/// Looks until the condition holds, time is up, or waiting is of no use; returns what was seen last.
/// Nothing where the user wants no more.
fn until_over(
    question: &mut Question,
    clock: &mut Clock,
    system: &impl System,
    progress: &mut Progress<'_>,
) -> anyhow::Result<Option<(Seen, Standing)>> {
    // From here on Ctrl-C ends the wait, and not the process.
    let mut pause = system.pause_until_interrupt(Duration::ZERO);
    let mut is_first = true;
    let mut pace = Pace::of(question.condition);
    while pause == Pause::Over {
        let is_last = clock.is_over();
        // Whether the kernel lists bound sockets is tried at the first look.
        let is_whole = is_last || (is_first && question.condition == Condition::Free);
        let (looked, cost) = measured(system, || look(question, is_whole, system));
        match looked? {
            Some((seen, before)) if is_last || before != Standing::Waiting => {
                let is_new = question.read_old_rules_again(clock.elapsed(), system);
                let standing = if is_new { standing(question, &seen) } else { before };
                return Ok(Some((question.named(seen, system)?, standing)));
            }
            _ => {}
        }
        // The first look also pays for what is done once.
        let rest = pace.rest(if is_first { Duration::ZERO } else { cost });
        is_first = false;
        progress.tell(clock.elapsed());
        pause = system.pause_until_interrupt(clock.pause(rest));
    }
    Ok(None)
}

/// One look, and how far the wait has come by it; nothing where the sockets that listen say already
/// that it goes on, unless the `whole` of it is wanted.
fn look(
    question: &Question,
    whole: bool,
    system: &impl System,
) -> anyhow::Result<Option<(Seen, Standing)>> {
    if !whole && !is_worth_a_look(question, &question.listeners(system)?) {
        return Ok(None);
    }
    let seen = question.look(system)?;
    let standing = standing(question, &seen);
    Ok(Some((seen, standing)))
}

/// The line on a terminal that says how long it has been waiting.
struct Progress<'a> {
    spots: Vec<Spot>,
    is_free: bool,
    output: &'a mut Output,
    /// The second that is shown.
    second: Option<u64>,
}

impl Progress<'_> {
    fn tell(&mut self, elapsed: Duration) {
        let second = Some(elapsed.as_secs());
        if self.second != second {
            self.second = second;
            self.output.progress(&text::progress(&self.spots, self.is_free, elapsed));
        }
    }

    fn clear(&mut self) {
        if self.second.is_some() {
            self.output.progress("");
        }
    }
}
