//! Views: each turns rows into text. Nothing here touches the system.
//!
//! [`escape`] is the only way out for text that other processes chose.

mod ends;
pub mod escape;
pub mod gaps;
mod json;
mod json_text;
mod netstat;
mod pids;
mod summary;
mod table;
mod tables;
mod tasklist;

use std::io::{self, Write};

use crate::query::Rows;

pub use ends::{foreign_end, local_end};
pub use json::Json;
pub use pids::Pids;
pub use summary::{Summary, SummaryJson};
pub use tables::Tables;

/// `1 socket`, `12 sockets`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// How tables are dressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// With titles and headings.
    pub header: bool,
    /// With colours.
    pub color: bool,
}

/// A way to show rows.
pub trait View {
    /// Writes the rows.
    ///
    /// # Errors
    /// What `out` answers.
    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()>;
}
