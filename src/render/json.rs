//! The list as one JSON object. The names of the fields are a stable interface.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use super::json_ports::{self, JsonPort, JsonRange};
use super::json_process::JsonProcess;
use super::json_proxy::JsonProxy;
use super::json_socket::JsonSocket;
use super::{View, json_text};
use crate::model::{About, Depth, Detail, Gap, LeftOut, OwnersFrom, Pid, ServedUrl, Untrusted};
use crate::query::{PortVerdicts, Rows};
use crate::text::gaps::remedy;
use crate::text::reasons::Reasons;

/// The version of the schema; it grows when the meaning of a name changes.
pub(super) const SCHEMA: u32 = 1;

/// The JSON view.
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl View for Json {
    fn needs(&self) -> Depth {
        Depth { detail: Detail::Idle, about: About::Everything }
    }

    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        self.write_with_ports(rows, None, out)
    }

    fn write_with_ports(
        &self,
        rows: &Rows<'_>,
        ports: Option<&PortVerdicts<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let document = Document {
            schema: SCHEMA,
            os: rows.snapshot.capabilities.os.word(),
            sockets: JsonSockets(rows),
            processes: rows
                .processes()
                .map(|process| JsonProcess::new(process, rows.snapshot))
                .collect(),
            ports: json_ports::ports(ports, rows),
            free_count: ports.map(|ports| ports.free_count),
            free_ranges: ports.map(json_ports::free),
            owners_from: rows.snapshot.owners_from.map(OwnersFrom::word),
            served_urls: rows.snapshot.served_urls.iter().map(JsonUrl::new).collect(),
            port_proxies: rows.snapshot.port_proxies.iter().map(JsonProxy::new).collect(),
            gaps: gaps(&rows.snapshot.gaps),
        };
        json_text::write_line(&document, out)
    }
}

pub(super) fn gaps(gaps: &[Gap]) -> Vec<JsonGap> {
    gaps.iter().map(JsonGap::new).collect()
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    os: &'static str,
    sockets: JsonSockets<'a>,
    processes: Vec<JsonProcess>,
    ports: Vec<JsonPort>,
    /// How many of the verdicts on ports are `free`; none where no port was asked for.
    free_count: Option<usize>,
    /// The ports that are free wherever they were asked for, as ranges.
    free_ranges: Option<Vec<JsonRange>>,
    /// By which way the owners were searched; missing where they were not.
    #[serde(skip_serializing_if = "Option::is_none")]
    owners_from: Option<&'static str>,
    /// What the system's own web server serves, where one of its ports was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    served_urls: Vec<JsonUrl>,
    /// By which rules the ports of a question are forwarded, where they are.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    port_proxies: Vec<JsonProxy>,
    gaps: Vec<JsonGap>,
}

/// A URL that a driver serves, and for whom.
#[derive(Serialize)]
struct JsonUrl {
    url: String,
    port: u16,
    processes: Vec<JsonServer>,
}

#[derive(Serialize)]
struct JsonServer {
    pid: u32,
    executable: String,
}

impl JsonUrl {
    fn new(url: &ServedUrl) -> Self {
        let server =
            |(pid, path): &(Pid, Untrusted)| JsonServer { pid: pid.0, executable: path.to_lossy() };
        Self {
            url: url.url.to_lossy(),
            port: url.port,
            processes: url.processes.iter().map(server).collect(),
        }
    }
}

/// The sockets, each converted when it is written: there may be a hundred thousand.
pub(super) struct JsonSockets<'a>(pub(super) &'a Rows<'a>);

impl Serialize for JsonSockets<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let reasons = Reasons::new(self.0.snapshot);
        let rows = self.0.rows.iter();
        serializer.collect_seq(rows.map(|row| JsonSocket::new(row, self.0.snapshot, &reasons)))
    }
}

#[derive(Serialize)]
pub(super) struct JsonGap {
    kind: &'static str,
    count: Option<usize>,
    remedy: &'static str,
    #[serde(flatten)]
    bounded: Option<JsonBounded>,
}

impl JsonGap {
    pub(super) fn new(gap: &Gap) -> Self {
        let bounded = match gap {
            Gap::SearchBounded { user, left_out } => {
                Some(JsonBounded::new(user.as_ref(), left_out))
            }
            _ => None,
        };
        Self { kind: gap.kind(), count: gap.count(), remedy: remedy(gap), bounded }
    }
}

/// What was not searched, and the user who owns it.
#[derive(Serialize)]
struct JsonBounded {
    user: Option<String>,
    descriptors: usize,
    threads: usize,
    rings: usize,
}

impl JsonBounded {
    fn new(user: Option<&Untrusted>, left_out: &LeftOut) -> Self {
        let LeftOut { descriptors, threads, rings } = *left_out;
        let user = user.map(Untrusted::to_lossy);
        Self { user, descriptors, threads, rings }
    }
}
