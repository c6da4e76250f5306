//! `portwho [PORT]...`: sockets and the processes that own them.
//!
//! The system is asked, what it said is judged, and the answer is printed: each once, and in this
//! order. Nothing below the asking knows the system.

mod answer;
mod ask;
mod judge;
mod outcome;
mod print;
mod sentences;
mod verdicts;

use super::shared::filter;
use super::shared::in_the_way::Widened;
use super::{Outcome, Output};
use crate::cli::ListRequest;
use crate::platform::System;
use ask::Facts;
#[cfg(feature = "watch")]
pub(super) use ask::add_details;

/// Lists.
pub(super) fn run(
    request: &ListRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let filter = filter::of_request(&request.filters, system)?;
    let Widened { filter, read } = ask::widened(filter, system);
    let view = print::view(request, system, output);
    let facts = ask::facts(request, &filter, read, view.needs(), system)?;
    let facts = Facts { is_read: output.is_terminal(), ..facts };
    let answer = judge::answer(request, &filter, &facts);
    print::print(&answer, view.as_ref(), output)
}
