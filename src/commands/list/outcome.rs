//! How a list ends.

use crate::cli::ViewKind;
use crate::commands::Outcome;
use crate::model::Gap;
use crate::query::Rows;

/// How a list ends. An empty answer from what could not be read whole is none.
pub(super) fn outcome(view: ViewKind, rows: &Rows<'_>) -> Outcome {
    if !rows.rows.is_empty() && !lacks_pids(view, rows) {
        Outcome::Success
    } else if is_partial(rows) {
        Outcome::Failure
    } else {
        Outcome::Negative
    }
}

/// Whether a list is a failure, which is seldom worth collecting the PIDs for.
pub(super) fn is_failure(view: ViewKind, rows: &Rows<'_>) -> bool {
    is_partial(rows) && outcome(view, rows) == Outcome::Failure
}

fn is_partial(rows: &Rows<'_>) -> bool {
    rows.snapshot.gaps.iter().any(Gap::may_hide_rows)
}

/// Whether PIDs were asked for, or rows of processes, and none is known.
fn lacks_pids(view: ViewKind, rows: &Rows<'_>) -> bool {
    match view {
        ViewKind::Pids => rows.picked_pids().is_empty(),
        ViewKind::Lsof => rows.rows.iter().all(|row| row.owner.holders().is_empty()),
        _ => false,
    }
}
