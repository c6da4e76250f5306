//! `portwho [PORT]...`: sockets and the processes that own them.

use std::env;

use anyhow::bail;

use super::survey::{survey, survey_everywhere};
use super::{
    Outcome, Output, attempt, containers, elsewhere, filter, hints, vacancy, verbose, waiting,
};
use crate::cli::{ColorWhen, ListRequest, ViewKind};
use crate::model::{About, Depth, Gap, Snapshot};
use crate::platform::System;
use crate::query::{Filter, SortKey, select};
use crate::render::{
    Columns, Csv, Json, Lsof, Pids, Style, Summary, SummaryJson, Tables, Verbose, View, Wide,
};
use crate::text::{errors, gaps, hints as text, notes};

/// Lists.
pub(super) fn run(
    request: &ListRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let filter = filter::of_request(&request.filters, system)?;
    let attempts = if request.try_bind {
        attempt::all(&filter, request.filters.selection.protocols, system)?
    } else {
        Vec::new()
    };
    let view = view(request, system, output);
    let mut snapshot = look(request, &filter, view.needs(), system)?;
    let is_empty = !snapshot.sockets.iter().any(|row| filter.admits(row, &snapshot));
    let elsewhere = (is_empty && !request.all_namespaces).then(|| elsewhere::look(&filter, system));
    snapshot.gaps.extend(elsewhere.iter().flat_map(|elsewhere| elsewhere.gaps.iter().cloned()));
    let rows = select(&snapshot, &filter, request.sort.unwrap_or_default());
    let partial = snapshot.gaps.iter().any(Gap::may_hide_rows);
    let without_pid = match request.view {
        ViewKind::Pids => rows.picked_pids().is_empty(),
        ViewKind::Lsof => rows.owner_pids().is_empty(),
        _ => false,
    };
    let outcome = match (rows.rows.is_empty() || without_pid, partial) {
        (false, _) => Outcome::Success,
        (true, false) => Outcome::Negative,
        (true, true) => Outcome::Failure,
    };
    // On failure stdout stays empty, in JSON too: an empty result would read as "no match".
    let written = if outcome == Outcome::Failure {
        Ok(())
    } else {
        output.result(|out| view.write(&rows, out))
    };
    let may_be_bound = vacancy::may_be_bound(&filter, &rows);
    for gap in snapshot.gaps.iter().filter(|gap| may_be_bound || !gap.is_about_bound()) {
        output.remark(gaps::line(gap));
    }
    if has_remarks(request.view) {
        for note in notes::lines(&rows, filter.local.is_some()) {
            output.remark(note);
        }
    }
    if outcome != Outcome::Failure {
        if without_pid && !rows.rows.is_empty() {
            output.remark(text::NO_PID);
        }
        let mut hints = hints::of_rows(&rows, &filter, Some(&attempts), system);
        hints.extend(elsewhere.iter().flat_map(|elsewhere| elsewhere.hints(&filter)));
        for hint in hints {
            output.remark(hint);
        }
        for container in containers::of_ports(&rows) {
            output.remark(container);
        }
        for attempt in attempts {
            output.remark(attempt.words);
        }
    }
    written.map(|()| outcome)
}

/// Takes a snapshot with as much as the view shows.
fn look(
    request: &ListRequest,
    filter: &Filter,
    view: Depth,
    system: &impl System,
) -> anyhow::Result<Snapshot> {
    let about = if request.verbose {
        About::Everything
    } else if request.sort == Some(SortKey::User) {
        About::Identity
    } else {
        filter.about()
    };
    let depth = view.and(Depth { about, ..Depth::LEAST });
    let mut snapshot = match (request.all_namespaces, system.capabilities().network_namespaces) {
        (false, _) => survey(system, filter, depth)?,
        (true, true) => survey_everywhere(system, filter, depth)?,
        (true, false) => bail!(errors::NO_NAMESPACES),
    };
    if request.view == ViewKind::Json || has_remarks(request.view) {
        waiting::add_listeners(system, &mut snapshot);
    }
    if request.verbose {
        verbose::add(system, &mut snapshot);
    }
    Ok(snapshot)
}

/// Whether remarks on rows stand below the view: it is read by a person.
const fn has_remarks(view: ViewKind) -> bool {
    matches!(view, ViewKind::Tables | ViewKind::Verbose | ViewKind::Wide)
}

fn view(request: &ListRequest, system: &impl System, output: &Output) -> Box<dyn View> {
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

/// Whether to use color.
pub(super) fn wants_color(when: ColorWhen, system: &impl System, output: &Output) -> bool {
    match when {
        ColorWhen::Always => {
            // The console is asked to interpret escapes; whatever it answers, color was requested.
            let _ = system.console_takes_escapes();
            true
        }
        ColorWhen::Never => false,
        ColorWhen::Auto => output.is_terminal() && takes_color(system),
    }
}

/// Whether the environment allows color: NO_COLOR (no-color.org: set and not empty) and a
/// terminal that knows no escapes turn them off.
fn takes_color(system: &impl System) -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && system.console_takes_escapes()
}
