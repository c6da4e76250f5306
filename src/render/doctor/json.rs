//! Findings as one JSON object. The names of the fields are a stable interface.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use super::settings;
use crate::findings::{CHECKS, Case, Check, Diagnosis};
use crate::model::{Need, Untrusted};
use crate::render::json::{JsonGap, SCHEMA, gaps};
use crate::render::json_process::{raw, services};
use crate::render::json_text;
use crate::text::doctor as text;

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
        let snapshot = diagnosis.machine.snapshot;
        let findings = diagnosis.findings.iter().map(|finding| diagnosis.case(finding));
        let document = Document {
            schema: SCHEMA,
            os: snapshot.capabilities.os.word(),
            findings: findings.map(|case| JsonFinding::new(&case)).collect(),
            checks: checks(diagnosis),
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
    checks: Vec<JsonCheck>,
    gaps: Vec<JsonGap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thresholds: Option<Vec<JsonThreshold>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    settings: Option<BTreeMap<&'static str, String>>,
}

/// A check, and what it needs where it could not be made.
#[derive(Serialize)]
struct JsonCheck {
    kind: &'static str,
    made: bool,
    needs: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

fn checks(diagnosis: &Diagnosis<'_>) -> Vec<JsonCheck> {
    let shell = diagnosis.machine.snapshot.capabilities.shell;
    let check = |(check, need): &(&Check, Option<Need>)| JsonCheck {
        kind: check.kind,
        made: need.is_none(),
        needs: need.map(Need::word),
        why: need.map(|need| text::needs(need, shell)),
    };
    diagnosis.checks.iter().map(check).collect()
}

#[derive(Serialize)]
struct JsonThreshold {
    kind: &'static str,
    threshold: String,
    reason: &'static str,
}

fn thresholds() -> Vec<JsonThreshold> {
    let threshold = |check: &Check| JsonThreshold {
        kind: check.kind,
        threshold: (check.threshold)().replace('\n', " "),
        reason: check.reason,
    };
    CHECKS.iter().map(threshold).collect()
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
    evidence: Value,
    now: String,
    fix: String,
}

impl JsonFinding {
    fn new(case: &Case<'_>) -> Self {
        let image = case.culprit().image(case.machine);
        let process = case.culprit().process(case.machine);
        Self {
            kind: case.finding.kind,
            severity: case.finding.severity.word(),
            pid: case.culprit().pid().map(|pid| pid.0),
            image: image.map(Untrusted::to_lossy),
            image_raw: image.and_then(raw),
            service: process.and_then(services),
            count: case.count(),
            evidence: evidence(case),
            now: case.now().alone(),
            fix: case.finding.measurement.evidence.fix(case),
        }
    }
}

/// What was measured, and what can be added to every finding.
fn evidence(case: &Case<'_>) -> Value {
    let mut evidence = case.finding.measurement.evidence.json(case);
    let Some(fields) = evidence.as_object_mut() else { return evidence };
    let sharers = &case.finding.measurement.sharers;
    if sharers.count() > 0 {
        let pids = case.culprit().pid().into_iter().chain(sharers.named().iter().copied());
        fields.insert("pids".to_owned(), pids.map(|pid| pid.0).collect());
        fields.insert("pid_count".to_owned(), json!(sharers.count() + 1));
    }
    if let Some(matching) = case.matching() {
        fields.insert("matching".to_owned(), json!(matching));
    }
    let others = case.finding.others;
    if others.findings > 0 {
        let value = json!({"findings": others.findings, "count": others.count});
        fields.insert("others".to_owned(), value);
    }
    if let Some(growth) = case.finding.growth {
        let value = json!({
            "before": growth.before,
            "now": growth.now,
            "descriptors_before": growth.descriptors_before,
            "over_ms": millis(growth.over),
        });
        fields.insert("growth".to_owned(), value);
        let left = growth.exhausted_in.map(millis);
        fields.insert("exhausted_in_ms".to_owned(), json!(left));
    }
    evidence
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
