//! What a list can be asked for.

use std::ffi::OsString;

use super::request::{ColorWhen, FilterRequest};
use crate::model::Shell;
use crate::query::{SocketColumn, SortKey};
use crate::text::remedies;
use crate::text::shell::ShellCommand;

/// A request to list.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct ListRequest {
    /// Which sockets.
    pub filters: FilterRequest,
    /// How to show the rows.
    pub view: ViewKind,
    /// Whether everything is wanted that is known of the owners.
    pub verbose: bool,
    /// The number that a lone `-p` stands before, which is read as a PORT.
    pub after_p: Option<u16>,
    /// Whether every network namespace is looked at.
    pub all_namespaces: bool,
    /// Whether the ports are bound, for the system's own answer.
    pub try_bind: bool,
    /// The columns of the views that take any.
    pub columns: Vec<SocketColumn>,
    /// How to sort them; none where that was not said.
    pub sort: Option<SortKey>,
    /// Whether tables have titles and headings.
    pub header: bool,
    /// When to use color.
    pub color: ColorWhen,
    /// The words as they were typed.
    pub words: Vec<OsString>,
}

impl ListRequest {
    /// The command that asks for the same in every network namespace.
    #[must_use]
    pub fn in_all_namespaces(&self, shell: Shell) -> ShellCommand {
        let typed = self.words.iter().map(|word| word.to_string_lossy().into_owned());
        remedies::list(shell, std::iter::once("--all-netns".to_owned()).chain(typed))
    }
}

/// The views of a list.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ViewKind {
    /// Both tables.
    Tables,
    /// Both tables, and the particulars of each owner.
    Verbose,
    /// One table, with command lines.
    Wide,
    /// One table with the columns that were asked for.
    Columns,
    /// lsof's table.
    Lsof,
    /// Comma-separated values.
    Csv,
    /// JSON.
    Json,
    /// Bare PIDs.
    Pids,
    /// Counts.
    Summary,
    /// Counts, as JSON.
    SummaryJson,
}

impl ViewKind {
    /// Whether remarks on rows stand below it: a person reads it.
    #[must_use]
    pub const fn has_remarks_on_rows(self) -> bool {
        matches!(self, Self::Tables | Self::Verbose | Self::Wide)
    }
}
