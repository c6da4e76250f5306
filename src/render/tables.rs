//! The view without options: the table of sockets, then the table of their owners.

use std::io::{self, Write};

use super::{Style, View, details, netstat, tasklist};
use crate::query::Rows;

/// Both tables.
#[derive(Clone, Copy, Debug)]
pub struct Tables(pub Style);

impl View for Tables {
    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        if rows.rows.is_empty() {
            return Ok(());
        }
        netstat::write(rows, self.0, out)?;
        tasklist::write(rows, self.0, out)
    }
}

/// Both tables, and the particulars of each owner.
#[derive(Clone, Copy, Debug)]
pub struct Verbose(pub Style);

impl View for Verbose {
    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        Tables(self.0).write(rows, out)?;
        details::write(rows, self.0, out)
    }
}
