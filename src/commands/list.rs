//! `portwho [PORT]...`: sockets and the processes that own them.

use std::env;

use super::{Outcome, Output, filter, hints, survey::survey};
use crate::cli::{ColorWhen, ListRequest, ViewKind};
use crate::model::{Detail, Gap};
use crate::platform::System;
use crate::query::select;
use crate::render::{Json, Pids, Style, Summary, SummaryJson, Tables, View, gaps};

/// Lists.
pub(super) fn run(
    request: &ListRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let filter = filter::of_list(request, system)?;
    let detail = if request.view == ViewKind::Json { Detail::Idle } else { Detail::Brief };
    let snapshot = survey(system, &filter, detail)?;
    let rows = select(&snapshot, &filter, request.sort);
    let partial = snapshot.gaps.iter().any(Gap::may_hide_rows);
    let without_pid = request.view == ViewKind::Pids && rows.picked_pids().is_empty();
    let outcome = match (rows.rows.is_empty() || without_pid, partial) {
        (false, _) => Outcome::Done,
        (true, false) => Outcome::Nothing,
        (true, true) => Outcome::Failed,
    };
    // On failure stdout stays empty, in JSON too: nothing there would be a lie.
    let written = if outcome == Outcome::Failed {
        Ok(())
    } else {
        let view = view(request, system, output);
        output.result(|out| view.write(&rows, out))
    };
    for gap in &snapshot.gaps {
        output.remark(gaps::line(gap));
    }
    if outcome != Outcome::Failed {
        if without_pid && !rows.rows.is_empty() {
            output.remark("no process can be named that holds these sockets");
        }
        for hint in hints::of_list(&rows, &filter, system) {
            output.remark(hint);
        }
    }
    written.map(|()| outcome)
}

fn view(request: &ListRequest, system: &impl System, output: &Output) -> Box<dyn View> {
    let style = Style {
        header: request.header,
        color: match request.color {
            ColorWhen::Always => {
                // A console is asked to obey; whatever it answers, this was the wish.
                let _ = system.console_takes_escapes();
                true
            }
            ColorWhen::Never => false,
            ColorWhen::Auto => output.is_terminal() && takes_color(system),
        },
    };
    match request.view {
        ViewKind::Tables => Box::new(Tables(style)),
        ViewKind::Json => Box::new(Json),
        ViewKind::Pids => Box::new(Pids),
        ViewKind::Summary => Box::new(Summary(style)),
        ViewKind::SummaryJson => Box::new(SummaryJson),
    }
}

/// Whether the environment leaves colours on: NO_COLOR (no-color.org: set and not empty) and a
/// terminal that knows no escapes turn them off.
fn takes_color(system: &impl System) -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && system.console_takes_escapes()
}
