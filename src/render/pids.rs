//! Only PIDs, for `xargs`.

use std::io::{self, Write};

use super::View;
use crate::model::Depth;
use crate::query::Rows;

/// The owners' PIDs, each once, ascending, one per line.
#[derive(Clone, Copy, Debug)]
pub struct Pids;

impl View for Pids {
    fn needs(&self) -> Depth {
        Depth::LEAST
    }

    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        rows.picked_pids().into_iter().try_for_each(|pid| writeln!(out, "{pid}"))
    }
}
