//! The answer, printed: rows on stdout, remarks on stderr.

use super::answer::Answer;
use crate::cli::{ListRequest, ViewKind};
use crate::commands::shared::color::wants_color;
use crate::commands::{Outcome, Output};
use crate::platform::System;
use crate::render::{
    Columns, Csv, Json, Lsof, Pids, Style, Summary, SummaryJson, Tables, Verbose, View, Wide,
};

/// The view that was asked for.
pub(super) fn view(request: &ListRequest, system: &impl System, output: &Output) -> Box<dyn View> {
    let style = Style {
        header: request.header,
        color: wants_color(request.color, system, output),
        columns: output.columns(),
    };
    match request.view {
        ViewKind::Tables => Box::new(Tables(style)),
        ViewKind::Verbose => Box::new(Verbose(style)),
        ViewKind::Wide => Box::new(Wide { style, verbose: request.verbose }),
        ViewKind::Columns => Box::new(Columns { style, columns: request.columns.clone() }),
        ViewKind::Lsof => Box::new(Lsof { style, by_process: request.sort.is_none() }),
        ViewKind::Csv => Box::new(Csv { header: request.header, columns: request.columns.clone() }),
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
