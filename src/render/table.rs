//! Tables of any length through comfy-table: fixed widths, a thousand rows at a time.
//!
//! comfy-table keeps several copies of every cell during the layout. The widths are therefore
//! measured first, over all rows, and the rows are then laid out in pieces of equal widths: each piece as one
//! row of cells with many lines, which takes a third of the allocations.

use std::io::{self, Write};

use anstyle::Style as Ansi;
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, Width};
use unicode_width::UnicodeWidthStr;

use super::Style;
use super::column::{Alignment, Column};
use super::fit::{Room, fit};
use crate::text::escape::shortened;

/// How many rows are laid out at a time.
const PIECE: usize = 1000;

/// The layout of a table once its widths are known.
pub(super) struct Layout<'a, C: Column> {
    columns: &'a [C],
    widths: Vec<usize>,
    indent: usize,
    context: &'a C::Context,
}

/// Lines of a table: those of each column one below the other, and their styles.
struct Piece {
    columns: Vec<String>,
    styles: Vec<Ansi>,
}

impl<'a, C: Column<Row: 'a>> Layout<'a, C> {
    /// Columns as wide as their widest cell, indented by `indent` spaces.
    pub(super) fn measure(
        columns: &'a [C],
        indent: usize,
        rows: impl Iterator<Item = &'a C::Row>,
        context: &'a C::Context,
    ) -> Self {
        let least = |column: &C| column.width().max(column.title().len());
        let mut widths: Vec<usize> = columns.iter().map(least).collect();
        for row in rows {
            for (column, width) in columns.iter().zip(&mut widths) {
                *width = columns_of(&column.cell(row, context)).max(*width);
            }
        }
        Self { columns, widths, indent, context }
    }

    /// The same, as narrow as the terminal wants it, if that is too narrow for it.
    pub(super) fn fit<I: Iterator<Item = &'a C::Row>>(
        self,
        style: Style,
        rows: impl FnOnce() -> I,
    ) -> Self {
        let whole = self.indent + self.widths.iter().map(|width| width + 1).sum::<usize>();
        match style.columns {
            // There is no space after the last column.
            Some(columns) if whole > columns + 1 => self.narrowed(style, columns, rows()),
            _ => self,
        }
    }

    fn narrowed(
        self,
        style: Style,
        columns: usize,
        rows: impl Iterator<Item = &'a C::Row>,
    ) -> Self {
        let rooms = self.columns.iter().zip(&self.widths).map(|(column, padded)| {
            let title = if style.header { column.title().width() } else { 0 };
            Room {
                padded: *padded,
                title,
                cells: 0,
                own: 0,
                least: 0,
                gives_way: column.gives_way(),
            }
        });
        let mut rooms: Vec<Room> = rooms.collect();
        for row in rows {
            for (column, room) in self.columns.iter().zip(&mut rooms) {
                let cell = column.cell(row, self.context);
                room.cells = room.cells.max(cell.width());
                if !column.is_repeated(row) {
                    room.own = room.own.max(cell.width());
                }
                room.least = room.least.max(column.shortened(cell, 0).width());
            }
        }
        let (indent, widths) = fit(self.indent, &rooms, columns);
        Self { widths, indent, ..self }
    }

    /// Writes the titles.
    pub(super) fn write_titles(&self, color: bool, out: &mut dyn Write) -> io::Result<()> {
        let ansi = if color { Ansi::new().bold() } else { Ansi::new() };
        let mut piece = Piece::new(self.columns.len());
        let titles = self.columns.iter().zip(&self.widths);
        piece.push(titles.map(|(column, width)| shortened(column.title(), *width)), ansi);
        self.write_piece(piece, out)
    }

    /// Writes a ruler of `=` below the titles.
    pub(super) fn write_ruler(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut piece = Piece::new(self.columns.len());
        piece.push(self.widths.iter().map(|width| "=".repeat(*width)), Ansi::new());
        self.write_piece(piece, out)
    }

    /// Writes the rows, each in its style.
    pub(super) fn write_rows(
        &self,
        rows: impl Iterator<Item = (&'a C::Row, Ansi)>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut piece = Piece::new(self.columns.len());
        for (row, ansi) in rows {
            piece.push(self.cells(row), ansi);
            if piece.styles.len() == PIECE {
                let whole = std::mem::replace(&mut piece, Piece::new(self.columns.len()));
                self.write_piece(whole, out)?;
            }
        }
        self.write_piece(piece, out)
    }

    fn cells(&self, row: &C::Row) -> impl Iterator<Item = String> {
        self.columns.iter().zip(&self.widths).map(|(column, width)| {
            let cell = column.cell(row, self.context);
            if columns_of(&cell) > *width { column.shortened(cell, *width) } else { cell }
        })
    }

    fn write_piece(&self, piece: Piece, out: &mut dyn Write) -> io::Result<()> {
        if piece.styles.is_empty() {
            return Ok(());
        }
        for (text, ansi) in self.lay_out(piece.columns).lines().zip(piece.styles) {
            let text = text.trim_end();
            writeln!(out, "{ansi}{text}{ansi:#}")?;
        }
        Ok(())
    }

    /// A single row of comfy-table, with the lines of all rows: no cell is wider than its column, so that
    /// lines stay beside each other.
    fn lay_out(&self, columns: Vec<String>) -> Table {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let cells = columns.into_iter().zip(self.columns);
        let cells = cells.map(|(lines, column)| aligned(lines, *column));
        table.add_row(Row::from(cells.collect::<Vec<_>>()));
        for (index, (column, width)) in table.column_iter_mut().zip(&self.widths).enumerate() {
            let before = if index == 0 { self.indent } else { 0 };
            let after = usize::from(index + 1 < self.widths.len());
            column.set_padding((narrow(before), narrow(after)));
            let whole = narrow(before + width + after);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(whole)));
        }
        table
    }
}

impl Piece {
    fn new(columns: usize) -> Self {
        Self { columns: vec![String::new(); columns], styles: Vec::new() }
    }

    fn push(&mut self, cells: impl Iterator<Item = String>, ansi: Ansi) {
        let is_first = self.styles.is_empty();
        for (lines, cell) in self.columns.iter_mut().zip(cells) {
            if !is_first {
                lines.push('\n');
            }
            lines.push_str(&cell);
        }
        self.styles.push(ansi);
    }
}

fn aligned(lines: String, column: impl Column) -> Cell {
    Cell::new_owned(lines).set_alignment(match column.alignment() {
        Alignment::Left => CellAlignment::Left,
        Alignment::Right => CellAlignment::Right,
    })
}

/// How many columns of the terminal an escaped text takes.
fn columns_of(text: &str) -> usize {
    if text.is_ascii() { text.len() } else { text.width() }
}

/// comfy-table counts in 16 bits; no cell that is shown is that wide.
fn narrow(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}
