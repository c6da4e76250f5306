//! Counts by state, and by state and process.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use super::escape::fitted;
use super::json::{JsonGap, SCHEMA, gaps, raw};
use super::table::{Column, Layout, Line};
use super::{Style, View, json_text};
use crate::model::{Owner, Pid, Protocol, TcpState, Untrusted};
use crate::query::{Row, Rows};

/// The counts as tables.
#[derive(Clone, Copy, Debug)]
pub struct Summary(pub Style);

/// The counts as JSON.
#[derive(Clone, Copy, Debug)]
pub struct SummaryJson;

/// What is counted together: UDP has no states.
type Kind = (Protocol, Option<TcpState>);

/// Which process, or which reason there is none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Party {
    Process(Pid),
    Nobody(&'static str),
}

struct Counts {
    by_kind: Vec<(Kind, usize)>,
    by_party: Vec<((Kind, Party), usize)>,
}

impl Counts {
    /// A socket with several owners counts for each of them.
    fn of(rows: &Rows<'_>) -> Self {
        let mut by_kind = BTreeMap::new();
        let mut by_party = BTreeMap::new();
        for row in &rows.rows {
            let kind = (row.socket.protocol, row.socket.state);
            *by_kind.entry(kind).or_insert(0) += 1;
            for party in parties(row) {
                *by_party.entry((kind, party)).or_insert(0) += 1;
            }
        }
        Self { by_kind: most_first(by_kind), by_party: most_first(by_party) }
    }
}

/// Sorted by count, the largest first; equal ones stay in the order of their keys.
fn most_first<K: Ord>(counts: BTreeMap<K, usize>) -> Vec<(K, usize)> {
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}

fn parties(row: Row<'_>) -> Vec<Party> {
    match &row.owner {
        Owner::Processes(_) => row.owner.pids().map(Party::Process).collect(),
        Owner::Kernel(reason) => vec![Party::Nobody(reason.word())],
        Owner::Hidden => vec![Party::Nobody("hidden")],
        Owner::NotFound => vec![Party::Nobody("not-found")],
        Owner::Exited(_) => vec![Party::Nobody("exited")],
    }
}

/// The word for what is counted together.
fn word(kind: Kind) -> String {
    match kind {
        (_, Some(state)) => state.to_string(),
        (protocol, None) => protocol.word().to_uppercase(),
    }
}

const STATE: usize = 15;
const NAME: usize = 25;
const BY_STATE: [Column; 2] = [Column::left("State", STATE), Column::right("Count", 8)];
const BY_PROCESS: [Column; 4] = [
    Column::left("State", STATE),
    Column::right("Count", 8),
    Column::right("PID", 8),
    Column::left("Image Name", 0),
];

impl View for Summary {
    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        if rows.rows.is_empty() {
            return Ok(());
        }
        let counts = Counts::of(rows);
        let by_state = counts.by_kind.iter().map(|(kind, count)| [word(*kind), count.to_string()]);
        write_table(BY_STATE, by_state.collect(), self.0, out)?;
        if !self.0.header {
            writeln!(out)?;
        }
        let by_process = counts.by_party.iter().map(|((kind, party), count)| {
            let (pid, name) = party_cells(party, rows);
            [word(*kind), count.to_string(), pid, name]
        });
        write_table(BY_PROCESS, by_process.collect(), self.0, out)
    }
}

fn write_table<const N: usize>(
    columns: [Column; N],
    lines: Vec<[String; N]>,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let layout = Layout::measure(columns, 0, lines.iter().cloned());
    if style.header {
        writeln!(out)?;
        layout.write_titles(style.color, out)?;
        layout.write_ruler(out)?;
    }
    layout.write_lines(lines.into_iter().map(Line::plain), out)
}

fn party_cells(party: &Party, rows: &Rows<'_>) -> (String, String) {
    match party {
        Party::Nobody(reason @ ("hidden" | "not-found" | "exited")) => {
            ("?".to_owned(), format!("({reason})"))
        }
        Party::Nobody(reason) => ("0".to_owned(), format!("({reason})")),
        Party::Process(pid) => {
            let name = rows.snapshot.processes.get(pid).map(|process| fitted(&process.name, NAME));
            (pid.to_string(), name.unwrap_or_else(|| "(exited)".to_owned()))
        }
    }
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    os: &'static str,
    states: Vec<JsonState>,
    processes: Vec<JsonParty>,
    gaps: Vec<JsonGap>,
}

#[derive(Serialize)]
struct JsonState {
    protocol: &'static str,
    state: Option<String>,
    count: usize,
}

#[derive(Serialize)]
struct JsonParty {
    #[serde(flatten)]
    state: JsonState,
    pid: Option<u32>,
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_raw: Option<String>,
    reason: Option<&'static str>,
}

impl JsonState {
    fn new((protocol, state): Kind, count: usize) -> Self {
        Self { protocol: protocol.word(), state: state.map(|state| state.to_string()), count }
    }
}

impl JsonParty {
    fn new(kind: Kind, party: &Party, count: usize, rows: &Rows<'_>) -> Self {
        let (pid, reason) = match party {
            Party::Process(pid) => (Some(*pid), None),
            Party::Nobody(reason) => (None, Some(*reason)),
        };
        let process = pid.and_then(|pid| rows.snapshot.processes.get(&pid));
        let name = process.map(|process| &process.name);
        Self {
            state: JsonState::new(kind, count),
            pid: pid.map(|pid| pid.0),
            name: name.map(Untrusted::to_lossy),
            name_raw: name.and_then(raw),
            reason,
        }
    }
}

impl View for SummaryJson {
    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        let counts = Counts::of(rows);
        let states = counts.by_kind.iter().map(|(kind, count)| JsonState::new(*kind, *count));
        let parties = counts.by_party.iter();
        let document = Document {
            schema: SCHEMA,
            os: rows.snapshot.os.word(),
            states: states.collect(),
            processes: parties
                .map(|((kind, party), count)| JsonParty::new(*kind, party, *count, rows))
                .collect(),
            gaps: gaps(&rows.snapshot.gaps),
        };
        json_text::write_line(&document, out)
    }
}
