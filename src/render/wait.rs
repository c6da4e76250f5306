//! What a wait came to, as one JSON object. The names of the fields are a stable interface.

use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::json::{JsonGap, JsonSockets, SCHEMA, gaps};
use super::json_ports::{self, JsonPort};
use super::json_process::JsonProcess;
use super::json_text;
use crate::query::{PortVerdicts, Rows};

/// What a wait came to.
#[derive(Clone, Copy, Debug)]
pub struct WaitJson {
    /// Whether the condition holds.
    pub reached: bool,
    /// The condition.
    pub condition: &'static str,
    /// How long the wait took.
    pub after: Duration,
}

impl WaitJson {
    /// Writes it, with the sockets that count and the verdicts on all the ports.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(
        &self,
        rows: &Rows<'_>,
        ports: &PortVerdicts<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let processes = rows.processes().map(|process| JsonProcess::new(process, rows.snapshot));
        let document = Document {
            schema: SCHEMA,
            reached: self.reached,
            condition: self.condition,
            after_ms: u64::try_from(self.after.as_millis()).unwrap_or(u64::MAX),
            ports: json_ports::ports(Some(ports), rows),
            sockets: JsonSockets(rows),
            processes: processes.collect(),
            gaps: gaps(&rows.snapshot.gaps),
        };
        json_text::write_line(&document, out)
    }
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    reached: bool,
    condition: &'static str,
    after_ms: u64,
    ports: Vec<JsonPort>,
    sockets: JsonSockets<'a>,
    processes: Vec<JsonProcess>,
    gaps: Vec<JsonGap>,
}
