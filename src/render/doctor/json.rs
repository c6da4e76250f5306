//! Findings as one JSON object. The names of the fields are fixed.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::evidence::exhausted_in;
use super::words::image;
use super::{Diagnosis, advice, settings};
use crate::model::{
    Cause, Culprit, Endpoint, Evidence, Finding, FindingKind, LeakPlace, TimeWaitLimit, Untrusted,
};
use crate::query::diagnosis::Look;
use crate::query::diagnosis::thresholds::words as words_of;
use crate::render::json::{JsonGap, SCHEMA, gaps};
use crate::render::json_process::{raw, services};
use crate::render::json_text;

/// The findings as JSON.
#[derive(Clone, Copy, Debug)]
pub struct DoctorJson {
    /// With thresholds and settings.
    pub verbose: bool,
}

impl DoctorJson {
    /// Writes them.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(self, diagnosis: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
        let snapshot = diagnosis.look.snapshot;
        let findings = diagnosis.findings.iter();
        let document = Document {
            schema: SCHEMA,
            os: snapshot.os.word(),
            findings: findings.map(|finding| JsonFinding::new(finding, diagnosis)).collect(),
            gaps: gaps(&snapshot.gaps),
            thresholds: self.verbose.then(thresholds),
            settings: self.verbose.then(|| settings(diagnosis).into_iter().collect()),
        };
        json_text::write_line(&document, out)
    }
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    os: &'static str,
    findings: Vec<JsonFinding>,
    gaps: Vec<JsonGap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thresholds: Option<Vec<JsonThreshold>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<BTreeMap<&'static str, String>>,
}

#[derive(Serialize)]
struct JsonThreshold {
    kind: &'static str,
    threshold: String,
    reason: &'static str,
}

fn thresholds() -> Vec<JsonThreshold> {
    let threshold = |kind: FindingKind| {
        let (threshold, reason) = words_of(kind);
        JsonThreshold { kind: kind.word(), threshold, reason }
    };
    FindingKind::ALL.map(threshold).into()
}

#[derive(Serialize)]
struct JsonFinding {
    kind: &'static str,
    severity: &'static str,
    pid: Option<u32>,
    image: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_raw: Option<String>,
    service: Option<String>,
    count: usize,
    evidence: Map<String, Value>,
    now: String,
    fix: String,
}

impl JsonFinding {
    fn new(finding: &Finding, diagnosis: &Diagnosis<'_>) -> Self {
        let look = diagnosis.look;
        let suspicion = &finding.suspicion;
        let pid = suspicion.culprit.pid();
        let image = image(&suspicion.culprit, look);
        let process = pid.and_then(|pid| look.snapshot.processes.get(&pid));
        Self {
            kind: suspicion.evidence.kind().word(),
            severity: finding.severity.word(),
            pid: pid.map(|pid| pid.0),
            image: image.map(Untrusted::to_lossy),
            image_raw: image.and_then(raw),
            service: process.and_then(services),
            count: suspicion.count,
            evidence: evidence(finding, diagnosis),
            now: advice::now(finding, look),
            fix: advice::fix(finding, look),
        }
    }
}

fn evidence(finding: &Finding, diagnosis: &Diagnosis<'_>) -> Map<String, Value> {
    let mut evidence = Map::new();
    evidence.extend(measured(&finding.suspicion.evidence, diagnosis.look));
    if let Culprit::Processes(pids) = &finding.suspicion.culprit
        && pids.len() > 1
    {
        evidence.insert("pids".to_owned(), pids.iter().map(|pid| pid.0).collect());
    }
    if let Some(growth) = finding.growth {
        let over = millis(growth.over);
        let value = json!({
            "before": growth.before,
            "descriptors_before": growth.descriptors_before,
            "over_ms": over,
        });
        evidence.insert("growth".to_owned(), value);
        let left = exhausted_in(finding).map(millis);
        evidence.insert("exhausted_in_ms".to_owned(), json!(left));
    }
    evidence
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn measured(evidence: &Evidence, look: &Look<'_>) -> Fields {
    let counters = &look.settings.counters;
    match evidence {
        Evidence::CloseWaitLeak(leak) => fields([
            at(leak.place),
            ("oldest_ms", json!(leak.oldest_ms)),
            ("older_than_60_s", json!(leak.old)),
            ("cause", json!(leak.cause().map(Cause::word))),
            ("causes", counts(leak.causes.iter().map(|(cause, count)| (cause.word(), *count)))),
            ("not_accepted", json!(leak.not_accepted)),
            ("descriptors", json!(leak.descriptors)),
            ("descriptor_limit", json!(leak.descriptor_limit)),
        ]),
        Evidence::HalfClosedPair { place, waiting } => fields([
            at(*place),
            ("waiting_pid", json!(waiting.pid().map(|pid| pid.0))),
            ("waiting_image", json!(image(waiting, look).map(Untrusted::to_lossy))),
        ]),
        Evidence::TimeWaitPressure { limit, of } => time_wait(limit, *of, look),
        Evidence::SynSentFanOut { sockets, ports } => fields([
            ("sockets", json!(sockets)),
            ("foreign_ports", counts(ports.iter().map(|(port, count)| (port, *count)))),
        ]),
        Evidence::SynFlood { port, addresses } => fields([
            ("port", json!(port)),
            ("foreign_addresses", json!(addresses)),
            ("syncookies", json!(look.settings.syncookies)),
            ("syncookies_sent", json!(counters.syncookies_sent)),
            ("listen_drops", json!(counters.listen_drops)),
        ]),
        Evidence::AcceptQueueFull { local, backlog } => fields([
            ("local", end(local)),
            ("port", json!(local.port)),
            ("backlog", json!(backlog)),
            ("somaxconn", json!(look.settings.max_backlog)),
            ("listen_overflows", json!(counters.listen_overflows)),
            ("listen_drops", json!(counters.listen_drops)),
        ]),
        Evidence::UnacknowledgedClose { states, peers, most_retransmits } => fields([
            ("states", counts(states.iter().map(|(state, count)| (state, *count)))),
            ("peers", counts(peers.iter().map(|(peer, count)| (peer, *count)))),
            ("most_retransmits", json!(most_retransmits)),
        ]),
        Evidence::DescriptorsNearlyUsed { limit, sockets } => {
            fields([("descriptor_limit", json!(limit)), ("sockets", json!(sockets))])
        }
    }
}

fn time_wait(limit: &TimeWaitLimit, of: u64, look: &Look<'_>) -> Fields {
    let settings = look.settings;
    let mut evidence = match limit {
        TimeWaitLimit::Buckets => fields([
            ("limit", json!("tcp_max_tw_buckets")),
            ("time_wait_overflows", json!(settings.counters.time_wait_overflows)),
        ]),
        TimeWaitLimit::EphemeralPorts { local, foreign, range, in_use } => fields([
            ("limit", json!("ephemeral-ports")),
            ("local", json!(local)),
            ("foreign", end(foreign)),
            ("range", json!([range.start(), range.end()])),
            ("in_use", json!(in_use)),
        ]),
    };
    evidence.extend(fields([
        ("of", json!(of)),
        ("tcp_tw_reuse", json!(settings.time_wait_reuse)),
        ("tcp_timestamps", json!(settings.timestamps)),
    ]));
    evidence
}

type Fields = Vec<(String, Value)>;

fn fields<const N: usize>(fields: [(&str, Value); N]) -> Fields {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

fn counts(counts: impl Iterator<Item = (impl ToString, usize)>) -> Value {
    let named: BTreeMap<String, usize> =
        counts.map(|(name, count)| (name.to_string(), count)).collect();
    json!(named)
}

fn at(place: LeakPlace) -> (&'static str, Value) {
    match place {
        LeakPlace::Port(port) => ("port", json!(port)),
        LeakPlace::Foreign(foreign) => ("foreign", end(&foreign)),
    }
}

fn end(end: &Endpoint) -> Value {
    json!({"address": end.address, "port": end.port})
}
