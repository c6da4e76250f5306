//! How a list ends.

use crate::cli::ViewKind;
use crate::commands::Outcome;
use crate::model::Gap;
use crate::query::Rows;

/// How a list ends. An empty answer from what could not be read whole is none.
pub(super) fn outcome(view: ViewKind, rows: &Rows<'_>) -> Outcome {
    if !rows.rows.is_empty() && !lacks_pids(view, rows) {
        Outcome::Success
    } else if rows.snapshot.gaps.iter().any(Gap::may_hide_rows) {
        Outcome::Failure
    } else {
        Outcome::Negative
    }
}

/// Whether PIDs were asked for and none is known.
pub(super) fn lacks_pids(view: ViewKind, rows: &Rows<'_>) -> bool {
    view == ViewKind::Pids && rows.picked_pids().is_empty()
}
