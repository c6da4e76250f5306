//! Processes and their containers in JSON.

use std::time::SystemTime;

use serde::Serialize;

use crate::model::{Container, Particulars, Pid, Process, Snapshot, Untrusted};

#[derive(Serialize)]
pub(super) struct JsonProcess {
    pid: u32,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name_raw: Option<String>,
    command: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_raw: Option<Vec<String>>,
    /// Present only if true.
    #[serde(skip_serializing_if = "is_false")]
    command_cut: bool,
    executable: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    executable_raw: Option<String>,
    user: Option<String>,
    parent: Option<u32>,
    session_name: Option<String>,
    session_id: Option<u32>,
    memory_bytes: Option<u64>,
    started: Option<String>,
    service: Option<String>,
    container: Option<JsonContainer>,
    #[serde(flatten)]
    particulars: Option<JsonParticulars>,
}

impl JsonProcess {
    pub(super) fn new(process: &Process, snapshot: &Snapshot) -> Self {
        let particulars = snapshot.particulars.get(&process.pid);
        let text = |text: &Option<Untrusted>| text.as_ref().map(Untrusted::to_lossy);
        let broken = process.command.iter().any(|part| !part.is_utf8());
        Self {
            pid: process.pid.0,
            name: process.name.to_lossy(),
            name_raw: raw(&process.name),
            command: process.command.iter().map(Untrusted::to_lossy).collect(),
            command_raw: broken.then(|| process.command.iter().map(hex).collect()),
            command_cut: process.command_cut,
            executable: text(&process.executable),
            executable_raw: process.executable.as_ref().and_then(raw),
            user: text(&process.user),
            parent: process.parent.map(|Pid(parent)| parent),
            session_name: text(&process.session.name),
            session_id: process.session.id,
            memory_bytes: process.memory_bytes,
            started: process.started.and_then(rfc3339),
            service: services(process),
            container: process.container.as_ref().map(JsonContainer::new),
            particulars: particulars.map(|known| JsonParticulars::new(known, process, snapshot)),
        }
    }
}

/// What `-v` adds.
#[derive(Serialize)]
struct JsonParticulars {
    executable_deleted: bool,
    working_directory: Option<String>,
    descriptors: Option<u64>,
    descriptor_limit: Option<u64>,
    parents: Vec<u32>,
}

impl JsonParticulars {
    fn new(particulars: &Particulars, process: &Process, snapshot: &Snapshot) -> Self {
        Self {
            executable_deleted: particulars.executable_deleted,
            working_directory: particulars.working_directory.as_ref().map(Untrusted::to_lossy),
            descriptors: particulars.descriptors,
            descriptor_limit: particulars.descriptor_limit,
            parents: snapshot.ancestors(process).iter().map(|pid| pid.0).collect(),
        }
    }
}

/// All services of a process, as `tasklist /svc` joins them.
pub(super) fn services(process: &Process) -> Option<String> {
    let names = process.services.iter().map(|service| service.name.to_lossy());
    let names: Vec<String> = names.collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// The bytes in hex, for text that is not UTF-8.
pub(super) fn raw(text: &Untrusted) -> Option<String> {
    (!text.is_utf8()).then(|| hex(text))
}

/// For `skip_serializing_if`.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_false(value: &bool) -> bool {
    !*value
}

fn hex(text: &Untrusted) -> String {
    let mut digits = String::with_capacity(2 * text.as_bytes().len());
    for byte in text.as_bytes() {
        digits.extend(
            [byte >> 4, byte & 0xf].map(|half| char::from_digit(half.into(), 16).unwrap_or('?')),
        );
    }
    digits
}

/// The time in UTC by RFC 3339; none beyond the year 9999, which the form cannot express.
pub(super) fn rfc3339(time: SystemTime) -> Option<String> {
    const YEAR_10000: u64 = 253_402_300_800;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    (since.as_secs() < YEAR_10000).then(|| humantime::format_rfc3339_seconds(time).to_string())
}

#[derive(Serialize)]
pub(super) struct JsonContainer {
    runtime: &'static str,
    id: String,
    name: Option<String>,
}

impl JsonContainer {
    pub(super) fn new(container: &Container) -> Self {
        Self {
            runtime: container.runtime.word(),
            id: container.short_id().to_lossy(),
            name: container.name.as_ref().map(Untrusted::to_lossy),
        }
    }
}
