//! Views: each turns rows into text. Nothing here touches the system.
//!
//! [`escape`] is the only way out for text that other processes chose.

mod column;
mod details;
mod doctor;
mod ends;
pub mod escape;
mod explain;
pub mod gaps;
mod json;
mod json_process;
mod json_text;
mod netstat;
mod notes;
mod paragraph;
mod peers;
mod pids;
mod reasons;
mod summary;
mod table;
mod tables;
mod tasklist;
pub mod who;

use std::io::{self, Write};

use crate::model::Depth;
use crate::query::Rows;
pub use crate::text::counted;

pub use doctor::{Doctor, DoctorJson};
pub use ends::{foreign_end, local_end};
pub use explain::{Explained, Overview};
pub use json::Json;
pub use pids::Pids;
pub use summary::{Summary, SummaryJson};
pub use tables::{Tables, Verbose};

/// How tables are dressed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// With titles and headings.
    pub header: bool,
    /// With colours.
    pub color: bool,
}

/// What there is to say of rows whose owner the tables cannot name, and of ports that are held
/// without listening: a line for each kind. `every_owner` also tells whose the sockets are that
/// only carry connections.
#[must_use]
pub fn notes(rows: &Rows<'_>, every_owner: bool) -> Vec<String> {
    notes::lines(&rows.rows, rows.snapshot, every_owner)
}

/// A way to show rows.
pub trait View {
    /// What must be known of sockets and processes for the view to be complete.
    fn needs(&self) -> Depth;

    /// Writes the rows.
    ///
    /// # Errors
    /// What `out` answers.
    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()>;
}
