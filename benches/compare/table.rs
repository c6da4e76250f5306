//! The tables, in Markdown, to be read as they are or pasted.

use std::time::Duration;

use comfy_table::presets::ASCII_MARKDOWN;
use comfy_table::{CellAlignment, Table};

use crate::report::Report;
use crate::rounds::Contestant;

/// The tables of a workload, a block for each question.
pub fn of_report(report: &Report) -> String {
    let mut table =
        titled(["command", "median", "portwho takes", "CPU", "memory", "lines", "runs"]);
    for answer in &report.answers {
        table.add_row([format!("*{}*", answer.what)]);
        let own = answer.contestants[0].wall();
        for contestant in &answer.contestants {
            table.add_row(cells(contestant, own));
        }
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let workload = &report.workload;
    let mut parts = vec![format!("### {}: {}", workload.name, workload.load)];
    parts.extend(report.reduced.iter().cloned());
    parts.push(table.to_string());
    parts.push(report.meanwhile.clone());
    parts.join("\n\n")
}

/// An empty table with these titles.
pub fn titled<const N: usize>(titles: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(titles);
    table
}

fn cells(contestant: &Contestant, own: Option<Duration>) -> Vec<String> {
    let line = format!("`{}`", contestant.line.0);
    let (Some(wall), Some(cpu), Some(peak)) =
        (contestant.wall(), contestant.cpu(), contestant.peak_kib())
    else {
        return vec![line, contestant.fault.clone().unwrap_or_default()];
    };
    let share = match own {
        Some(own) if contestant.line.tool() != "portwho" => {
            format!("{:.2}x", ratio(own, wall))
        }
        _ => String::new(),
    };
    vec![
        line,
        milliseconds(wall),
        share,
        milliseconds(cpu),
        mebibytes(peak),
        contestant.lines.to_string(),
        contestant.runs.len().to_string(),
    ]
}

/// How much of `other` `own` is.
pub fn ratio(own: Duration, other: Duration) -> f64 {
    own.as_secs_f64() / other.as_secs_f64()
}

/// Three digits or so.
pub fn milliseconds(time: Duration) -> String {
    let milliseconds = time.as_secs_f64() * 1000.0;
    let places = usize::from(milliseconds < 100.0);
    format!("{milliseconds:.places$} ms")
}

/// One decimal.
pub fn mebibytes(kib: u64) -> String {
    format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024)
}
