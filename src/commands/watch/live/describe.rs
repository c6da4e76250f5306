//! All that is known of a socket: its owner as with -v, its state explained, and what doctor finds.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use super::act::to_inspect;
use crate::cli::{ColorWhen, DoctorRequest};
use crate::commands::shared::survey::survey;
use crate::commands::{Output, Terminals, doctor, list};
use crate::model::{About, Depth, Detail, OwnedSocket};
use crate::platform::{PlatformError, System};
use crate::query::{Filter, SortKey, select};
use crate::render::{Explained, Style, Verbose, View};
use crate::text::states::Explanation;
use crate::text::watch as text;

/// The details of a socket in lines of so many columns.
pub(super) fn describe(row: &OwnedSocket, columns: usize, system: &impl System) -> Vec<String> {
    let mut told = match owner(row, columns, system) {
        Ok(Some(told)) => told,
        // Its port may be another's by now.
        Ok(None) => return vec![text::IS_GONE.to_owned()],
        Err(why) => format!("{why}\n").into_bytes(),
    };
    told.extend(findings(row, system));
    if let Some(explanation) = row.socket.state.and_then(Explanation::of) {
        let view = Explained { explanation: &explanation, here: None, color: false };
        // Writing into memory does not fail.
        let _ = writeln!(told).and_then(|()| view.write(&mut told));
    }
    let told = String::from_utf8_lossy(&told);
    let options = || textwrap::Options::new(columns.max(20));
    told.lines().flat_map(|line| textwrap::wrap(line, options())).map(Into::into).collect()
}

/// The socket and its owner; nothing where it is gone.
///
/// # Errors
/// When it could not be looked at.
fn owner(
    row: &OwnedSocket,
    columns: usize,
    system: &impl System,
) -> Result<Option<Vec<u8>>, PlatformError> {
    let filter = Filter { sockets: vec![row.socket.clone()], ..Filter::everything() };
    let depth = Depth { detail: Detail::Idle, about: About::Everything };
    let mut snapshot = survey(system, &filter, depth)?;
    if snapshot.sockets.is_empty() {
        return Ok(None);
    }
    // Without these the rest stands all the same.
    let _ = list::add_details(system, &mut snapshot);
    let style = Style { header: true, color: false, columns: Some(columns) };
    let mut told = Vec::new();
    // Writing into memory does not fail.
    let _ = Verbose(style).write(&select(&snapshot, &filter, SortKey::Port), &mut told);
    Ok(Some(told))
}

/// What doctor says of the port and its process.
fn findings(row: &OwnedSocket, system: &impl System) -> Vec<u8> {
    let Ok(filters) = to_inspect(row) else { return Vec::new() };
    let request = DoctorRequest {
        filters: Some(filters),
        owners: None,
        interval: None,
        count: None,
        verbose: false,
        json: false,
        color: ColorWhen::Never,
    };
    let said = Said::default();
    let mut output = Output::new(said.clone(), said.clone(), io::empty(), Terminals::default());
    let done = doctor::run(&request, system, &mut output);
    drop(output);
    let said = said.0.lock().unwrap_or_else(PoisonError::into_inner);
    let mut told = format!("\n{}\n", text::FINDINGS).into_bytes();
    told.extend(said.iter());
    if let Err(error) = done {
        told.extend(format!("{error:#}\n").into_bytes());
    }
    told
}

/// What was written, on both streams.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
