//! Tables of any length through comfy-table: fixed widths, a thousand rows at a time.
//!
//! comfy-table keeps several copies of every cell during the layout. The widths are therefore
//! measured first, over all rows, and the rows are then laid out in pieces of equal widths.

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

/// A line of a table, with its style.
struct Line {
    cells: Row,
    ansi: Ansi,
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
                *width = column.cell(row, context).width().max(*width);
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
        let fitted = |(column, width): (&C, &usize)| shortened(column.title(), *width);
        let titles = self.columns.iter().zip(&self.widths).map(fitted);
        self.write_piece(vec![self.line(titles, ansi)], out)
    }

    /// Writes a ruler of `=` below the titles.
    pub(super) fn write_ruler(&self, out: &mut dyn Write) -> io::Result<()> {
        let ruler = self.widths.iter().map(|width| "=".repeat(*width));
        self.write_piece(vec![self.line(ruler, Ansi::new())], out)
    }

    /// Writes the rows, each in its style.
    pub(super) fn write_rows(
        &self,
        rows: impl Iterator<Item = (&'a C::Row, Ansi)>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut lines = rows.map(|(row, ansi)| self.line(self.cells(row), ansi));
        loop {
            let piece: Vec<Line> = lines.by_ref().take(PIECE).collect();
            if piece.is_empty() {
                return Ok(());
            }
            self.write_piece(piece, out)?;
        }
    }

    fn cells(&self, row: &C::Row) -> impl Iterator<Item = String> {
        self.columns.iter().zip(&self.widths).map(|(column, width)| {
            let cell = column.cell(row, self.context);
            if cell.width() > *width { column.shortened(cell, *width) } else { cell }
        })
    }

    fn line(&self, cells: impl Iterator<Item = String>, ansi: Ansi) -> Line {
        let aligned = cells.zip(self.columns).map(|(cell, column)| aligned(cell, *column));
        Line { cells: Row::from(aligned.collect::<Vec<_>>()), ansi }
    }

    fn write_piece(&self, lines: Vec<Line>, out: &mut dyn Write) -> io::Result<()> {
        let (rows, styles): (Vec<Row>, Vec<Ansi>) =
            lines.into_iter().map(|line| (line.cells, line.ansi)).unzip();
        for (text, ansi) in self.lay_out(rows).lines().zip(styles) {
            let text = text.trim_end();
            writeln!(out, "{ansi}{text}{ansi:#}")?;
        }
        Ok(())
    }

    fn lay_out(&self, rows: Vec<Row>) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.add_rows(rows);
        for (index, (column, width)) in table.column_iter_mut().zip(&self.widths).enumerate() {
            let before = if index == 0 { self.indent } else { 0 };
            let after = usize::from(index + 1 < self.widths.len());
            column.set_padding((narrow(before), narrow(after)));
            let whole = narrow(before + width + after);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(whole)));
        }
        table.to_string()
    }
}

fn aligned(cell: String, column: impl Column) -> Cell {
    Cell::new(cell).set_alignment(match column.alignment() {
        Alignment::Left => CellAlignment::Left,
        Alignment::Right => CellAlignment::Right,
    })
}

/// comfy-table counts in 16 bits; no cell that is shown is that wide.
fn narrow(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}
