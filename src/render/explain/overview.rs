//! The table of all states.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style as Ansi;

use crate::model::{Depth, TcpState};
use crate::render::column::{Alignment, Column};
use crate::render::table::Layout;
use crate::text::states::{DIAGRAM, Explanation};

/// Every state, with its meaning and the number of sockets in it.
#[derive(Clone, Copy, Debug)]
pub struct Overview<'a> {
    /// The number of sockets in each state; a state is missing where they could not be counted.
    pub counts: &'a BTreeMap<TcpState, usize>,
    /// With colors.
    pub color: bool,
}

/// A fact about a state.
#[derive(Clone, Copy)]
enum StateColumn {
    State,
    Count,
    Gist,
}

impl Column for StateColumn {
    type Row = Explanation;
    type Context = BTreeMap<TcpState, usize>;

    fn title(self) -> &'static str {
        match self {
            Self::State => "State",
            Self::Count => "Count",
            Self::Gist => "What it is",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::State => 13,
            Self::Count => 8,
            Self::Gist => 57,
        }
    }

    fn alignment(self) -> Alignment {
        match self {
            Self::State | Self::Gist => Alignment::Left,
            Self::Count => Alignment::Right,
        }
    }

    fn cell(self, row: &Explanation, counts: &Self::Context) -> String {
        match self {
            Self::State => row.state.to_string(),
            Self::Count => {
                counts.get(&row.state).map_or_else(|| "?".to_owned(), ToString::to_string)
            }
            Self::Gist => row.gist.to_owned(),
        }
    }

    fn needs(self) -> Depth {
        Depth::LEAST
    }
}

const COLUMNS: &[StateColumn] = &[StateColumn::State, StateColumn::Count, StateColumn::Gist];

impl Overview<'_> {
    /// Writes the table of states and the diagram of transitions.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let states = || Explanation::ALL.iter();
        let layout = Layout::measure(COLUMNS, 0, states(), self.counts);
        writeln!(out)?;
        layout.write_titles(self.color, out)?;
        layout.write_ruler(out)?;
        layout.write_rows(states().map(|state| (state, Ansi::new())), out)?;
        writeln!(out, "\n{DIAGRAM}")?;
        writeln!(out, "For one state, run: portwho explain CLOSE_WAIT")
    }
}
