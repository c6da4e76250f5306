//! Bare PIDs, for `xargs`.

use std::io::{self, Write};

use super::View;
use crate::query::Rows;

/// The owners' PIDs, each once, ascending, one a line.
#[derive(Clone, Copy, Debug)]
pub struct Pids;

impl View for Pids {
    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        rows.picked_pids().into_iter().try_for_each(|pid| writeln!(out, "{pid}"))
    }
}
