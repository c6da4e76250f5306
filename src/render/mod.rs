//! Views: each writes rows as text. Nothing here reads the system.
//!
//! Text that other processes chose is printed only through [`crate::text::escape`].

mod ages;
mod column;
mod command_line;
mod details;
mod doctor;
mod explain;
mod fit;
mod grid;
mod json;
mod json_ports;
mod json_process;
mod json_proxy;
mod json_socket;
mod json_text;
mod list_table;
mod netstat;
mod paragraph;
mod peers;
mod pids;
mod summary;
mod table;
mod tables;
mod tasklist;
mod wait;
mod watch;

use std::io::{self, Write};

use crate::model::Depth;
use crate::query::{PortVerdicts, Rows};

pub use doctor::{Doctor, DoctorJson};
pub use explain::{ExplainJson, Explained, ExplainedUdp, Overview};
pub use grid::{Grid, Named, cell, title};
pub use json::Json;
pub use list_table::{Columns, Csv, Lsof, Wide};
pub use pids::Pids;
pub use summary::{Summary, SummaryJson};
pub use tables::{Tables, Verbose};
pub use wait::WaitJson;
pub use watch::{JsonChanges, LineChanges, Looks};

/// The style of tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Style {
    /// With titles and headings.
    pub header: bool,
    /// With colors.
    pub color: bool,
    /// The columns of the terminal, where rows are made to fit one.
    pub columns: Option<usize>,
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

    /// Writes the rows with the verdicts on the ports that were asked for, where the view has a place
    /// for them.
    ///
    /// # Errors
    /// What `out` answers.
    fn write_with_ports(
        &self,
        rows: &Rows<'_>,
        _ports: Option<&PortVerdicts<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        self.write(rows, out)
    }
}
