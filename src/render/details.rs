//! Details of each owner, below the tables.

use std::io::{self, Write};
use std::time::SystemTime;

use super::Style;
use super::ages::Ages;
use super::command_line::command_line;
use super::json_process::rfc3339;
use super::paragraph::{LABEL, bold};
use super::peers::Peers;
use crate::model::{Container, Particulars, Process, ServiceManager, Snapshot, Untrusted};
use crate::query::Rows;
use crate::text::api::descriptors;
use crate::text::durations::age;
use crate::text::escape::Escaped;
use crate::text::owners;

/// Writes a block for each owner.
pub(super) fn write(rows: &Rows<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let bold = bold(style.color);
    let peers = Peers::of(rows);
    let sockets = Ages::of(rows);
    for process in rows.processes() {
        let title = owners::process(process.pid, rows.snapshot);
        writeln!(out, "\n{bold}{title}{bold:#}")?;
        let particulars = rows.snapshot.particulars.get(&process.pid);
        let known = particulars.cloned().unwrap_or_default();
        for (label, value) in lines(process, &known, rows.snapshot) {
            writeln!(out, "  {label:LABEL$}{value}")?;
        }
        for socket in sockets.lines(process.pid) {
            writeln!(out, "  {:LABEL$}{socket}", "socket")?;
        }
        for peer in peers.lines(process.pid) {
            writeln!(out, "  {:LABEL$}{peer}", "connected to")?;
        }
    }
    Ok(())
}

/// What is known of a process, by label. What is not known has no line.
fn lines(
    process: &Process,
    particulars: &Particulars,
    snapshot: &Snapshot,
) -> impl Iterator<Item = (&'static str, String)> {
    let unit = match snapshot.capabilities.service_manager {
        ServiceManager::Systemd => "unit",
        ServiceManager::Windows => "service",
    };
    let descriptors = descriptors(snapshot.capabilities.api, 0);
    let lines = [
        ("user", process.user.as_ref().map(escaped)),
        ("started", process.started.and_then(started)),
        ("command", command_line(process)),
        ("executable", executable(process, particulars)),
        ("directory", particulars.working_directory.as_ref().map(escaped)),
        ("parents", parents(process, snapshot)),
        (unit, services(process)),
        ("container", process.container.as_ref().map(container)),
        (descriptors, used(particulars)),
    ];
    lines.into_iter().filter_map(|(label, value)| Some((label, value?)))
}

fn escaped(text: &Untrusted) -> String {
    Escaped(text).to_string()
}

/// `2026-11-20T04:19:00Z, 2h 12m ago`.
pub(super) fn started(time: SystemTime) -> Option<String> {
    let ago = SystemTime::now().duration_since(time).ok();
    let ago = ago.map(|since| format!(", {} ago", age(since))).unwrap_or_default();
    Some(format!("{}{ago}", rfc3339(time)?))
}

/// `/usr/sbin/nginx`, `/usr/sbin/nginx (deleted)`.
fn executable(process: &Process, particulars: &Particulars) -> Option<String> {
    let deleted = if particulars.executable_deleted { " (deleted)" } else { "" };
    process.executable.as_ref().map(|path| format!("{}{deleted}", escaped(path)))
}

fn services(process: &Process) -> Option<String> {
    let names: Vec<String> =
        process.services.iter().map(|service| escaped(&service.name)).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// `the Docker container web (1234567890ab)`.
fn container(container: &Container) -> String {
    format!("{} ({})", owners::container(container), escaped(&container.short_id()))
}

/// `bash (PID 700) < sshd (PID 650) < systemd (PID 1)`.
fn parents(process: &Process, snapshot: &Snapshot) -> Option<String> {
    let chain = snapshot.ancestors(process);
    let names: Vec<String> = chain.iter().map(|&pid| owners::process(pid, snapshot)).collect();
    (!names.is_empty()).then(|| names.join(" < "))
}

/// How many descriptors are open: `12 of 1024`.
fn used(particulars: &Particulars) -> Option<String> {
    let open = particulars.descriptors?;
    Some(match particulars.descriptor_limit {
        Some(limit) => format!("{open} of {limit}"),
        None => open.to_string(),
    })
}
