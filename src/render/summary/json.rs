//! The counts, for programs.

use std::io::{self, Write};
use std::net::IpAddr;

use serde::Serialize;

use super::counts::{Counts, Foreign, Kind, OwnerKey};
use crate::model::{Depth, Untrusted};
use crate::query::Rows;
use crate::render::json::{JsonGap, SCHEMA, gaps};
use crate::render::json_process::raw;
use crate::render::json_socket::interface_name;
use crate::render::{View, json_text};

/// The counts as JSON.
#[derive(Clone, Copy, Debug)]
pub struct SummaryJson;

#[derive(Serialize)]
struct Document {
    schema: u32,
    os: &'static str,
    states: Vec<JsonState>,
    processes: Vec<JsonOwner>,
    foreign: Vec<JsonForeign>,
    gaps: Vec<JsonGap>,
}

#[derive(Serialize)]
struct JsonState {
    protocol: &'static str,
    state: Option<String>,
    count: usize,
}

#[derive(Serialize)]
struct JsonOwner {
    #[serde(flatten)]
    state: JsonState,
    pid: Option<u32>,
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_raw: Option<String>,
    reason: Option<&'static str>,
}

#[derive(Serialize)]
struct JsonForeign {
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

impl JsonOwner {
    fn new(kind: Kind, owner: OwnerKey, count: usize, rows: &Rows<'_>) -> Self {
        let (pid, reason) = match owner {
            OwnerKey::Process(pid) => (Some(pid), None),
            OwnerKey::Reason(reason) => (None, Some(reason)),
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

impl JsonForeign {
    fn new(kind: Kind, (address, interface): Foreign, count: usize, rows: &Rows<'_>) -> Self {
        let interfaces = &rows.snapshot.interfaces;
        Self {
            state: JsonState::new(kind, count),
            address,
            interface: interface.map(|index| interface_name(index, interfaces)),
        }
    }
}

impl View for SummaryJson {
    fn needs(&self) -> Depth {
        Depth::LEAST
    }

    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        let counts = Counts::of(rows);
        let states = counts.states.iter();
        let owners = counts.owners.iter();
        let foreign = counts.foreign.iter();
        let document = Document {
            schema: SCHEMA,
            os: rows.snapshot.capabilities.os.word(),
            states: states.map(|&(kind, count)| JsonState::new(kind, count)).collect(),
            processes: owners
                .map(|&((kind, owner), count)| JsonOwner::new(kind, owner, count, rows))
                .collect(),
            foreign: foreign
                .map(|&((kind, address), count)| JsonForeign::new(kind, address, count, rows))
                .collect(),
            gaps: gaps(&rows.snapshot.gaps),
        };
        json_text::write_line(&document, out)
    }
}
