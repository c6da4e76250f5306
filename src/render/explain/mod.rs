//! The explanation of a TCP state, the table of all states, and what UDP has instead of states.

mod drawing;
mod json;
mod overview;
mod udp;

use std::io::{self, Write};

use super::paragraph::{self, LABEL, WIDTH, bold, wrapped};
use super::summary::{Counts, pid_and_image};
use crate::query::Rows;
use crate::text::advice::run;
use crate::text::remedies;
use crate::text::states::{Advice, Edge, Explanation};

pub use json::ExplainJson;
pub use overview::Overview;
pub use udp::ExplainedUdp;

/// How many processes are listed.
const LISTED: usize = 5;

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
        let names: Vec<String> = one.names.iter().map(ToString::to_string).collect();
        self.paragraph("Also", &names.join(", "), out)?;
        writeln!(out)?;
        self.exchange(out)?;
        self.edges("Comes from", one.enters, out)?;
        self.edges("Goes to", one.leaves, out)?;
        writeln!(out)?;
        self.paragraph("Who must act", one.must_act, out)?;
        self.paragraph("Normal", one.normal, out)?;
        self.paragraph("Problem", one.fault, out)?;
        writeln!(out)?;
        self.counts(out)?;
        for (label, advice) in
            [("Check", one.look), ("On Linux", one.linux), ("On Windows", one.windows)]
        {
            write_advice(label, advice, self.color, out)?;
        }
        for (index, text) in one.beware.iter().enumerate() {
            self.paragraph(if index == 0 { "Corrections" } else { "" }, text, out)?;
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
        drawing::write(self.explanation.exchange, bold(self.color), out)?;
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
}

/// A label, sentences to its right, and the commands of each.
fn write_advice(
    label: &str,
    advice: &[Advice],
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (index, one) in advice.iter().enumerate() {
        paragraph::write(if index == 0 { label } else { "" }, one.text, bold(color), out)?;
        for command in one.commands {
            writeln!(out, "{:LABEL$}    {command}", "")?;
        }
    }
    writeln!(out)
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
            for paragraph in [one.meaning, one.fault, one.must_act, one.sources] {
                assert!(words(&text).contains(&words(paragraph)), "{}: {paragraph}", one.state);
            }
        }
    }
}
