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
use crate::parallel;
use crate::text::escape::shortened;

/// How many rows are laid out at a time.
const PIECE: usize = 1000;

/// How many times as many are worth a thread.
const PIECES_OF_A_THREAD: usize = 2;

/// How many pieces are laid out before they are written.
const AT_ONCE: usize = 16;

/// The layout of a table once its widths are known.
pub(super) struct Layout<'a, C: Column> {
    columns: &'a [C],
    widths: Vec<usize>,
    indent: usize,
    context: &'a C::Context,
    /// The cells that were measured, until they are to be narrower.
    measured: Vec<Piece>,
}

/// Lines of a table: the cells of each column one below the other.
#[derive(Default)]
struct Piece {
    columns: Vec<String>,
    lines: usize,
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
        let least: Vec<usize> = columns.iter().map(least).collect();
        let rows: Vec<&C::Row> = rows.collect();
        let pieces: Vec<&[&C::Row]> = rows.chunks(PIECE).collect();
        let measured = parallel::map(&pieces, PIECES_OF_A_THREAD, |rows| {
            let (mut piece, mut widths) = (Piece::default(), least.clone());
            for row in *rows {
                piece.push(columns.iter().zip(&mut widths).map(|(column, width)| {
                    let cell = column.cell(row, context);
                    *width = columns_of(&cell).max(*width);
                    cell
                }));
            }
            (piece, widths)
        });
        let mut widths = least;
        for (_, widest) in &measured {
            widths.iter_mut().zip(widest).for_each(|(width, other)| *width = *other.max(width));
        }
        let measured = measured.into_iter().map(|(piece, _)| piece).collect();
        Self { columns, widths, indent, context, measured }
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
        Self { widths, indent, measured: Vec::new(), ..self }
    }

    /// Writes the titles.
    pub(super) fn write_titles(&self, color: bool, out: &mut dyn Write) -> io::Result<()> {
        let ansi = if color { Ansi::new().bold() } else { Ansi::new() };
        let titles = self.columns.iter().zip(&self.widths);
        let titles = titles.map(|(column, width)| shortened(column.title(), *width));
        write_lines(&self.lay_out(&Piece::of(titles)), [ansi], out)
    }

    /// Writes a ruler of `=` below the titles.
    pub(super) fn write_ruler(&self, out: &mut dyn Write) -> io::Result<()> {
        let ruler = self.widths.iter().map(|width| "=".repeat(*width));
        write_lines(&self.lay_out(&Piece::of(ruler)), [Ansi::new()], out)
    }

    /// Writes the rows, which are those that were measured, each in its style.
    pub(super) fn write_rows(
        mut self,
        mut rows: impl Iterator<Item = (&'a C::Row, Ansi)>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut measured = std::mem::take(&mut self.measured).into_iter();
        loop {
            let pieces: Vec<Piece> = measured.by_ref().take(AT_ONCE).collect();
            if pieces.is_empty() {
                break;
            }
            let laid_out = parallel::map(&pieces, PIECES_OF_A_THREAD, |piece| self.lay_out(piece));
            for lines in laid_out {
                let styles = rows.by_ref().take(lines.len()).map(|(_, ansi)| ansi);
                write_lines(&lines, styles, out)?;
            }
        }
        loop {
            let (mut piece, mut styles) = (Piece::default(), Vec::new());
            for (row, ansi) in rows.by_ref().take(PIECE) {
                piece.push(self.cells(row));
                styles.push(ansi);
            }
            if styles.is_empty() {
                return Ok(());
            }
            write_lines(&self.lay_out(&piece), styles, out)?;
        }
    }

    fn cells(&self, row: &C::Row) -> impl Iterator<Item = String> {
        self.columns.iter().zip(&self.widths).map(|(column, width)| {
            let cell = column.cell(row, self.context);
            if columns_of(&cell) > *width { column.shortened(cell, *width) } else { cell }
        })
    }

    /// A single row of comfy-table, with the lines of all rows: no cell is wider than its column, so that
    /// lines stay beside each other.
    fn lay_out(&self, piece: &Piece) -> Vec<String> {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        let cells = piece.columns.iter().zip(self.columns);
        let cells = cells.map(|(lines, column)| aligned(lines, *column));
        table.add_row(Row::from(cells.collect::<Vec<_>>()));
        for (index, (column, width)) in table.column_iter_mut().zip(&self.widths).enumerate() {
            let before = if index == 0 { self.indent } else { 0 };
            let after = usize::from(index + 1 < self.widths.len());
            column.set_padding((narrow(before), narrow(after)));
            let whole = narrow(before + width + after);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(whole)));
        }
        table.lines().collect()
    }
}

impl Piece {
    /// A single line.
    fn of(cells: impl Iterator<Item = String>) -> Self {
        let mut piece = Self::default();
        piece.push(cells);
        piece
    }

    /// Adds a line.
    fn push(&mut self, cells: impl Iterator<Item = String>) {
        if self.lines == 0 {
            self.columns = cells.collect();
        } else {
            for (lines, cell) in self.columns.iter_mut().zip(cells) {
                lines.push('\n');
                lines.push_str(&cell);
            }
        }
        self.lines += 1;
    }
}

/// Writes lines, each in its style.
fn write_lines(
    lines: &[String],
    styles: impl IntoIterator<Item = Ansi>,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (text, ansi) in lines.iter().zip(styles) {
        let text = text.trim_end();
        writeln!(out, "{ansi}{text}{ansi:#}")?;
    }
    Ok(())
}

fn aligned(lines: &str, column: impl Column) -> Cell {
    Cell::new(lines).set_alignment(match column.alignment() {
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
