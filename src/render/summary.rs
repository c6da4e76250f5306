//! Counts by state, by state and process, and by state and foreign address.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;

use super::ends::{address, needs_scope};
use super::escape::fitted;
use super::json::{JsonGap, SCHEMA, gaps, interface_name};
use super::json_process::raw;
use super::table::{Column, Layout, Line};
use super::{Style, View, json_text};
use crate::model::{Owner, Pid, Protocol, Socket, TcpState, Untrusted};
use crate::query::{Row, Rows};

/// The counts as tables.
#[derive(Clone, Copy, Debug)]
pub struct Summary(pub Style);

/// The counts as JSON.
#[derive(Clone, Copy, Debug)]
pub struct SummaryJson;

/// What is counted together: UDP has no states.
pub(super) type Kind = (Protocol, Option<TcpState>);

/// Which process, or which reason there is none.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Party {
    Process(Pid),
    Nobody(&'static str),
}

/// An address at the far end, with the interface where it means another one on each.
type Far = (IpAddr, Option<u32>);

pub(super) struct Counts {
    kinds: Vec<(Kind, usize)>,
    pub(super) parties: Vec<((Kind, Party), usize)>,
    far_ends: Vec<((Kind, Far), usize)>,
}

impl Counts {
    /// A socket with several owners counts for each of them.
    pub(super) fn of(rows: &Rows<'_>) -> Self {
        let mut kinds = BTreeMap::new();
        let mut parties = BTreeMap::new();
        let mut far_ends = BTreeMap::new();
        for row in &rows.rows {
            let kind = (row.socket.protocol, row.socket.state);
            *kinds.entry(kind).or_insert(0) += 1;
            for party in parties_of(row) {
                *parties.entry((kind, party)).or_insert(0) += 1;
            }
            if let Some(far) = far(&row.socket) {
                *far_ends.entry((kind, far)).or_insert(0) += 1;
            }
        }
        Self {
            kinds: most_first(kinds),
            parties: most_first(parties),
            far_ends: most_first(far_ends),
        }
    }
}

/// Sorted by count, the largest first; equal ones stay in the order of their keys.
fn most_first<K: Ord>(counts: BTreeMap<K, usize>) -> Vec<(K, usize)> {
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}

fn parties_of(row: Row<'_>) -> Vec<Party> {
    match &row.owner {
        Owner::Processes(_) => row.owner.pids().map(Party::Process).collect(),
        Owner::Kernel(reason) => vec![Party::Nobody(reason.word())],
        Owner::Hidden => vec![Party::Nobody("hidden")],
        Owner::NotFound => vec![Party::Nobody("not-found")],
        Owner::Exited(_) => vec![Party::Nobody("exited")],
    }
}

fn far(socket: &Socket) -> Option<Far> {
    let address = socket.foreign?.address;
    Some((address, socket.interface.filter(|_| needs_scope(address))))
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
/// How many foreign addresses the table shows; the rest is counted in a line. JSON has all.
const LARGEST: usize = 10;
const BY_STATE: [Column; 2] = [Column::left("State", STATE), Column::right("Count", 8)];
const BY_PROCESS: [Column; 4] = [
    Column::left("State", STATE),
    Column::right("Count", 8),
    Column::right("PID", 8),
    Column::left("Image Name", 0),
];
const BY_FAR: [Column; 3] =
    [Column::left("State", STATE), Column::right("Count", 8), Column::left("Foreign Address", 15)];

impl View for Summary {
    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        if rows.rows.is_empty() {
            return Ok(());
        }
        let counts = Counts::of(rows);
        let by_state = counts.kinds.iter().map(|(kind, count)| [word(*kind), count.to_string()]);
        write_table(BY_STATE, by_state.collect(), self.0, out)?;
        self.write_gap(out)?;
        let by_process = counts.parties.iter().map(|((kind, party), count)| {
            let (pid, name) = party_cells(party, rows);
            [word(*kind), count.to_string(), pid, name]
        });
        write_table(BY_PROCESS, by_process.collect(), self.0, out)?;
        if counts.far_ends.is_empty() {
            return Ok(());
        }
        self.write_gap(out)?;
        write_table(BY_FAR, far_lines(&counts.far_ends, rows), self.0, out)
    }
}

impl Summary {
    /// Tables without titles are told apart by an empty line.
    fn write_gap(self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.header { Ok(()) } else { writeln!(out) }
    }
}

fn far_lines(far_ends: &[((Kind, Far), usize)], rows: &Rows<'_>) -> Vec<[String; 3]> {
    let (largest, others) = far_ends.split_at(far_ends.len().min(LARGEST));
    let line = |((kind, far), count): &((Kind, Far), usize)| {
        [word(*kind), count.to_string(), address(far.0, far.1, &rows.snapshot.interfaces)]
    };
    let mut lines: Vec<[String; 3]> = largest.iter().map(line).collect();
    if !others.is_empty() {
        let rest: usize = others.iter().map(|(_, count)| count).sum();
        lines.push([String::new(), rest.to_string(), format!("({} more)", others.len())]);
    }
    lines
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

pub(super) fn party_cells(party: &Party, rows: &Rows<'_>) -> (String, String) {
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
    foreign: Vec<JsonFar>,
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

#[derive(Serialize)]
struct JsonFar {
    #[serde(flatten)]
    state: JsonState,
    address: IpAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<String>,
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
        let states = counts.kinds.iter().map(|(kind, count)| JsonState::new(*kind, *count));
        let parties = counts.parties.iter();
        let document = Document {
            schema: SCHEMA,
            os: rows.snapshot.os.word(),
            states: states.collect(),
            processes: parties
                .map(|((kind, party), count)| JsonParty::new(*kind, party, *count, rows))
                .collect(),
            foreign: counts
                .far_ends
                .iter()
                .map(|((kind, far), count)| JsonFar {
                    state: JsonState::new(*kind, *count),
                    address: far.0,
                    interface: far.1.map(|index| interface_name(index, &rows.snapshot.interfaces)),
                })
                .collect(),
            gaps: gaps(&rows.snapshot.gaps),
        };
        json_text::write_line(&document, out)
    }
}
