//! The view without options: the table of sockets, then the table of their owners.

use std::io::{self, Write};

use super::{Style, View, details, netstat, tasklist};
use crate::model::{About, Depth, Detail};
use crate::query::Rows;

/// Both tables.
#[derive(Clone, Copy, Debug)]
pub struct Tables(pub Style);

impl View for Tables {
    fn needs(&self) -> Depth {
        netstat::needs().and(tasklist::needs())
    }

    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        if rows.rows.is_empty() {
            return Ok(());
        }
        netstat::write(rows, self.0, out)?;
        tasklist::write(rows, self.0, out)
    }
}

/// Both tables, and the details of each owner.
#[derive(Clone, Copy, Debug)]
pub struct Verbose(pub Style);

impl View for Verbose {
    fn needs(&self) -> Depth {
        Depth { detail: Detail::Brief, about: About::Everything }.and(Tables(self.0).needs())
    }

    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        Tables(self.0).write(rows, out)?;
        details::write(rows, self.0, out)
    }
}
