//! What is taken out of the view: a row for the clipboard, and all that is shown for a file.

use std::fs;
use std::io::{self, Write};
use std::mem;
use std::path::Path;

use rustc_hash::FxHashMap;

use super::rows::Item;
use super::state::State;
use crate::commands::shared::survey::name_all;
use crate::model::{About, Detail, OwnedSocket, Reach, Snapshot, Socket, SocketKey};
use crate::platform::{System, new_file, reason};
use crate::query::{Filter, Rows, SocketColumn};
use crate::render::{Csv, Grid, Json, View};
use crate::text::watch as text;

/// The longest line that goes to the clipboard.
const LONGEST: usize = 4096;

/// Wide enough for every column.
const UNBOUNDED: usize = 1 << 16;

impl State {
    /// A row as one line.
    pub(super) fn line(&self, item: &Item) -> Option<String> {
        let known = self.table.names(std::slice::from_ref(item));
        let (cells, _) = self.table.named(item, known.as_ref())?;
        let grid = Grid::fitted(&self.settings.columns, &[cells], UNBOUNDED);
        let line = grid.row(cells);
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut end = line.len().min(LONGEST);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.get(..end).map(str::to_owned)
    }

    /// What is shown and is there, to be written; nothing before the first look.
    pub(super) fn shown(&self) -> Option<Shown> {
        let snapshot = &self.table.look.as_ref()?.snapshot;
        let there = self.table.there(&self.table.items).into_iter().cloned().collect();
        Some(Shown {
            snapshot: Snapshot { sockets: there, ..without_sockets(snapshot) },
            columns: self.settings.columns.clone(),
        })
    }
}

/// The same without the sockets, of which there may be very many.
fn without_sockets(snapshot: &Snapshot) -> Snapshot {
    Snapshot {
        privileged: snapshot.privileged,
        processes: snapshot.processes.clone(),
        users: snapshot.users.clone(),
        interfaces: snapshot.interfaces.clone(),
        creators: snapshot.creators.clone(),
        namespaces: snapshot.namespaces.clone(),
        gaps: snapshot.gaps.clone(),
        ..Snapshot::empty(snapshot.capabilities)
    }
}

/// What is shown at a moment.
#[derive(Debug)]
pub(super) struct Shown {
    snapshot: Snapshot,
    columns: Vec<SocketColumn>,
}

impl Shown {
    /// Writes it into a new file, with all that a list would tell of it; says what came of it. What is not
    /// shown is asked for now.
    pub(super) fn write(mut self, name: &str, system: &impl System) -> String {
        let is_csv = Path::new(name).extension().is_some_and(|it| it.eq_ignore_ascii_case("csv"));
        let view: Box<dyn View> = if is_csv {
            Box::new(Csv { header: true, columns: self.columns.clone() })
        } else {
            Box::new(Json)
        };
        let needs = view.needs();
        detail(&mut self.snapshot, needs.detail, system);
        describe(&mut self.snapshot, needs.about, system);
        let (snapshot, filter) = (&self.snapshot, Filter::everything());
        let rows = Rows { rows: snapshot.sockets.iter().collect(), snapshot, filter: &filter };
        let mut bytes = Vec::new();
        // Writing into memory does not fail.
        let _ = view.write(&rows, &mut bytes);
        match write_new(Path::new(name), &bytes) {
            Ok(()) => text::written(name, rows.rows.len()),
            Err(error) => text::not_written(name, &reason(&error)),
        }
    }
}

/// Adds how long connections have been idle to those that are there still.
fn detail(snapshot: &mut Snapshot, detail: Detail, system: &impl System) {
    if detail == Detail::Brief {
        return;
    }
    let scope = Filter::everything().scope(detail);
    let mut sockets = system.sockets(&scope).map(|table| table.sockets).unwrap_or_default();
    if snapshot.sockets.iter().any(|row| row.socket.netns.is_some()) {
        let elsewhere = system.sockets_elsewhere(&scope, Reach::Descriptors);
        sockets.extend(elsewhere.map(|found| found.table.sockets).unwrap_or_default());
    }
    let now: FxHashMap<SocketKey, Socket> =
        sockets.into_iter().map(|socket| (socket.key(), socket)).collect();
    for OwnedSocket { socket, .. } in &mut snapshot.sockets {
        socket.idle_ms = now.get(&socket.key()).and_then(|now| now.idle_ms);
    }
}

/// Describes the processes. Those that have exited are what they were.
fn describe(snapshot: &mut Snapshot, about: About, system: &impl System) {
    let before = mem::take(&mut snapshot.processes);
    name_all(system, about, snapshot);
    for (pid, known) in before {
        let now = snapshot.processes.get(&pid);
        if now.is_none_or(|now| now.birth != known.birth) {
            snapshot.processes.insert(pid, known);
        }
    }
}

/// Writes all of these bytes into a new file, or leaves none.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = new_file(path)?;
    let written = file.write_all(bytes);
    if written.is_err() {
        drop(file);
        // Where it cannot be removed, the first error is what is told.
        let _ = fs::remove_file(path);
    }
    written
}

/// The escape that sends a text to the terminal's clipboard (OSC 52 of xterm's control sequences).
pub(super) fn to_clipboard(text: &str) -> String {
    format!("\u{1b}]52;c;{}\u{7}", base64(text.as_bytes()))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            let digit = DIGITS.get(digit).copied().map_or('=', char::from);
            text.push(if place > three.len() { '=' } else { digit });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(to_clipboard("foo"), "\u{1b}]52;c;Zm9v\u{7}");
    }
}
