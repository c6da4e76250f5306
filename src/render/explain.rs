//! The explanation of a TCP state, and the table of all states.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::Style as Ansi;

use super::column::{Alignment, Column};
use super::paragraph::{self, LABEL, WIDTH, bold, wrapped};
use super::summary::{Counts, pid_and_image};
use super::table::Layout;
use crate::model::{Depth, TcpState};
use crate::query::Rows;
use crate::text::advice::run;
use crate::text::remedies;
use crate::text::states::{Advice, DIAGRAM, Edge, Explanation, Moment, Segment};

/// How many processes are listed.
const LISTED: usize = 5;

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

/// One state, and the sockets in it.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    /// The explanation.
    pub explanation: &'a Explanation,
    /// The sockets; none where they could not be read.
    pub here: Option<&'a Rows<'a>>,
    /// With colors.
    pub color: bool,
}

impl Explained<'_> {
    /// Writes the explanation, with the sockets after the diagram.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let one = self.explanation;
        let bold = bold(self.color);
        writeln!(out, "{bold}{}{bold:#}", one.state)?;
        self.paragraph("", one.meaning, out)?;
        writeln!(out)?;
        self.paragraph("Also", one.also, out)?;
        writeln!(out)?;
        self.exchange(out)?;
        self.edges("Comes from", one.enters, out)?;
        self.edges("Goes to", one.leaves, out)?;
        writeln!(out)?;
        self.paragraph("Who must act", one.move_of, out)?;
        self.paragraph("Normal", one.normal, out)?;
        self.paragraph("A fault", one.fault, out)?;
        writeln!(out)?;
        self.counts(out)?;
        for (label, advice) in
            [("Check", one.look), ("On Linux", one.linux), ("On Windows", one.windows)]
        {
            self.advice(label, advice, out)?;
        }
        for (index, text) in one.beware.iter().enumerate() {
            self.paragraph(if index == 0 { "Caution" } else { "" }, text, out)?;
        }
        if !one.beware.is_empty() {
            writeln!(out)?;
        }
        self.paragraph("Sources", one.sources, out)
    }

    /// A label, and a paragraph to its right.
    fn paragraph(&self, label: &str, text: &str, out: &mut dyn Write) -> io::Result<()> {
        paragraph::write(label, text, bold(self.color), out)
    }

    fn exchange(&self, out: &mut dyn Write) -> io::Result<()> {
        let bold = bold(self.color);
        writeln!(out, "  {bold}{:HERE$}{:ARROW$}  peer{bold:#}", "here", "")?;
        for moment in self.explanation.exchange {
            writeln!(out, "{}", drawn(moment).trim_end())?;
        }
        writeln!(out)?;
        if !self.explanation.note.is_empty() {
            self.paragraph("", self.explanation.note, out)?;
            writeln!(out)?;
        }
        Ok(())
    }

    fn edges(&self, label: &str, edges: &[Edge], out: &mut dyn Write) -> io::Result<()> {
        const NAME: usize = 14;
        for (index, edge) in edges.iter().enumerate() {
            let label = if index == 0 { label } else { "" };
            let lines = wrapped(edge.when, WIDTH - LABEL - NAME);
            for (row, line) in lines.iter().enumerate() {
                let state = if row == 0 { edge.state.to_string() } else { String::new() };
                let label = if row == 0 { label } else { "" };
                let bold = bold(self.color);
                writeln!(out, "{bold}{label:LABEL$}{bold:#}{state:NAME$}{line}")?;
            }
        }
        Ok(())
    }

    fn counts(&self, out: &mut dyn Write) -> io::Result<()> {
        let Some(rows) = self.here else { return Ok(()) };
        let counts = Counts::of(rows);
        let count = rows.rows.len().to_string();
        self.paragraph("Here now", &count, out)?;
        for ((_, owner), count) in counts.owners.iter().take(LISTED) {
            let who = match pid_and_image(*owner, rows.snapshot) {
                (pid, reason) if matches!(pid.as_str(), "0" | "?") => reason,
                (pid, name) => format!("{name} (PID {pid})"),
            };
            writeln!(out, "{:LABEL$}{count:>8}  {who}", "")?;
        }
        let more = counts.owners.len().saturating_sub(LISTED);
        if more > 0 {
            let state = self.explanation.state;
            let state = state.to_string();
            let all =
                remedies::list(rows.snapshot.capabilities.shell, ["--summary", "--state", &state]);
            let text = run(&format!("and {more} more"), &all.into());
            self.paragraph("", &text, out)?;
        }
        writeln!(out)
    }

    fn advice(&self, label: &str, advice: &[Advice], out: &mut dyn Write) -> io::Result<()> {
        for (index, one) in advice.iter().enumerate() {
            self.paragraph(if index == 0 { label } else { "" }, one.text, out)?;
            for command in one.commands {
                writeln!(out, "{:LABEL$}    {command}", "")?;
            }
        }
        writeln!(out)
    }
}

/// The widths of the columns of an exchange.
const HERE: usize = 20;
const ARROW: usize = 34;

fn drawn(moment: &Moment) -> String {
    let arrow = match moment.segment {
        Segment::None => String::new(),
        Segment::Sent(what) => format!("{}>", line(what, ARROW - 1)),
        Segment::Received(what) => format!("<{}", line(what, ARROW - 1)),
        Segment::Lost(what) => format!("{}> x", line(what, ARROW - 10)),
        Segment::Crossing(what) => {
            let half = ARROW / 2 - 1;
            format!("{}><{}", line(what, half), line(what, half))
        }
    };
    format!("  {:HERE$}{arrow:ARROW$}  {}", moment.here, moment.peer)
}

/// A line with a word in the middle.
fn line(word: &str, width: usize) -> String {
    format!("{:-^width$}", format!(" {word} "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TcpState;

    fn written(state: TcpState) -> String {
        let explanation = Explanation::of(state).unwrap();
        let mut out = Vec::new();
        let view = Explained { explanation: &explanation, here: None, color: false };
        view.write(&mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_text_fits_a_terminal_and_loses_no_word() {
        for one in Explanation::ALL {
            let text = written(one.state);
            for line in text.lines() {
                assert!(line.len() <= WIDTH, "{}: {line}", one.state);
                assert!(line.trim_end() == line, "{}: {line:?}", one.state);
            }
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            for paragraph in [one.meaning, one.fault, one.move_of, one.sources] {
                assert!(words(&text).contains(&words(paragraph)), "{}: {paragraph}", one.state);
            }
        }
    }

    #[test]
    fn an_arrow_points_where_the_segment_goes() {
        let moment = |segment| Moment { here: "LAST_ACK", segment, peer: "TIME_WAIT" };
        assert_eq!(
            drawn(&moment(Segment::Sent("FIN"))),
            "  LAST_ACK            -------------- FIN -------------->  TIME_WAIT"
        );
        assert_eq!(
            drawn(&moment(Segment::Received("FIN"))),
            "  LAST_ACK            <-------------- FIN --------------  TIME_WAIT"
        );
        assert_eq!(
            drawn(&moment(Segment::Lost("FIN"))),
            "  LAST_ACK            --------- FIN ----------> x         TIME_WAIT"
        );
    }
}
