//! The answer, printed: rows on stdout, remarks on stderr.

use super::answer::Answer;
use crate::cli::{ListRequest, ViewKind};
use crate::commands::shared::color::wants_color;
use crate::commands::{Outcome, Output};
use crate::platform::System;
use crate::render::{Json, Pids, Style, Summary, SummaryJson, Tables, Verbose, View};

/// The view that was asked for.
pub(super) fn view(request: &ListRequest, system: &impl System, output: &Output) -> Box<dyn View> {
    let style = Style { header: request.header, color: wants_color(request.color, system, output) };
    match request.view {
        ViewKind::Tables => Box::new(Tables(style)),
        ViewKind::Verbose => Box::new(Verbose(style)),
        ViewKind::Json => Box::new(Json),
        ViewKind::Pids => Box::new(Pids),
        ViewKind::Summary => Box::new(Summary(style)),
        ViewKind::SummaryJson => Box::new(SummaryJson),
    }
}

/// Prints, and says how it ended. On failure stdout stays empty, in JSON too: nothing there would
/// be a lie.
pub(super) fn print(
    answer: &Answer<'_>,
    view: &dyn View,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let written = if answer.outcome == Outcome::Failure {
        Ok(())
    } else {
        output.result(|out| view.write_with_ports(&answer.rows, answer.ports.as_ref(), out))
    };
    for remark in &answer.remarks {
        for sentence in remark.sentences(answer) {
            output.remark(sentence);
        }
    }
    written.map(|()| answer.outcome)
}
