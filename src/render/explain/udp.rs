//! What UDP has instead of states.

use std::io::{self, Write};

use super::write_advice;
use crate::render::paragraph::{self, bold};
use crate::text::states::UDP;

/// The explanation of UDP.
#[derive(Clone, Copy, Debug)]
pub struct ExplainedUdp {
    /// With colors.
    pub color: bool,
}

impl ExplainedUdp {
    /// Writes it.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(self, out: &mut dyn Write) -> io::Result<()> {
        let bold = bold(self.color);
        writeln!(out, "{bold}UDP{bold:#}")?;
        paragraph::write("", UDP.meaning, bold, out)?;
        writeln!(out)?;
        paragraph::write("Who must act", UDP.must_act, bold, out)?;
        paragraph::write("Problem", UDP.fault, bold, out)?;
        writeln!(out)?;
        for (label, advice) in
            [("Check", UDP.look), ("On Linux", UDP.linux), ("On Windows", UDP.windows)]
        {
            write_advice(label, advice, self.color, out)?;
        }
        paragraph::write("Sources", UDP.sources, bold, out)
    }
}
