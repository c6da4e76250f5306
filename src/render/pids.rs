//! Bare PIDs, for `xargs`.

use std::io::{self, Write};

use super::View;
use crate::query::Rows;

/// The owners' PIDs, each once, ascending, one a line.
#[derive(Clone, Copy, Debug)]
pub struct Pids;

impl View for Pids {
    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        rows.owner_pids()
            .into_iter()
            .filter(|pid| pid.0 != 0 && !rows.snapshot.is_kernel(*pid))
            .try_for_each(|pid| writeln!(out, "{pid}"))
    }
}
