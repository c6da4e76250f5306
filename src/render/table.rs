//! Tables of any length through comfy-table: fixed widths, a thousand rows at a time.
//!
//! comfy-table keeps several copies of every cell while it lays out. The widths are therefore
//! measured first, over all rows, and the rows are laid out in pieces that cannot shift.

use std::io::{self, Write};

use anstyle::Style as Ansi;
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ColumnConstraint, ContentArrangement, Row, Table, Width};
use unicode_width::UnicodeWidthStr;

/// How many rows are laid out at a time.
const PIECE: usize = 1000;

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Column {
    /// Its title.
    pub(super) title: &'static str,
    /// How wide it is at least.
    pub(super) width: usize,
    /// Which side its cells keep to.
    pub(super) alignment: CellAlignment,
}

impl Column {
    /// A column whose cells keep to the left.
    pub(super) const fn left(title: &'static str, width: usize) -> Self {
        Self { title, width, alignment: CellAlignment::Left }
    }

    /// A column whose cells keep to the right.
    pub(super) const fn right(title: &'static str, width: usize) -> Self {
        Self { title, width, alignment: CellAlignment::Right }
    }
}

/// A line of a table: its cells, and the colour of the whole.
#[derive(Clone, Debug)]
pub(super) struct Line<const N: usize> {
    pub(super) cells: [String; N],
    pub(super) ansi: Ansi,
}

impl<const N: usize> Line<N> {
    /// A line without a colour.
    pub(super) fn plain(cells: [String; N]) -> Self {
        Self { cells, ansi: Ansi::new() }
    }
}

/// The layout of a table once its widths are known.
#[derive(Debug)]
pub(super) struct Layout<const N: usize> {
    columns: [Column; N],
    indent: usize,
}

impl<const N: usize> Layout<N> {
    /// Columns as wide as their widest cell, behind `indent` spaces.
    pub(super) fn measure(
        mut columns: [Column; N],
        indent: usize,
        lines: impl Iterator<Item = [String; N]>,
    ) -> Self {
        for column in &mut columns {
            column.width = column.width.max(column.title.len());
        }
        for cells in lines {
            for (column, cell) in columns.iter_mut().zip(&cells) {
                column.width = column.width.max(cell.width());
            }
        }
        Self { columns, indent }
    }

    /// Writes the titles.
    pub(super) fn write_titles(&self, color: bool, out: &mut dyn Write) -> io::Result<()> {
        let titles = self.columns.map(|column| column.title.to_owned());
        let ansi = if color { Ansi::new().bold() } else { Ansi::new() };
        self.write_piece(&[Line { cells: titles, ansi }], out)
    }

    /// Writes a ruler of `=` under the titles.
    pub(super) fn write_ruler(&self, out: &mut dyn Write) -> io::Result<()> {
        let ruler = self.columns.map(|column| "=".repeat(column.width));
        self.write_piece(&[Line::plain(ruler)], out)
    }

    /// Writes the rows.
    pub(super) fn write_lines(
        &self,
        lines: impl Iterator<Item = Line<N>>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let mut piece = Vec::new();
        for line in lines {
            piece.push(line);
            if piece.len() == PIECE {
                self.write_piece(&piece, out)?;
                piece.clear();
            }
        }
        self.write_piece(&piece, out)
    }

    fn write_piece(&self, lines: &[Line<N>], out: &mut dyn Write) -> io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let laid_out = self.lay_out(lines);
        for (text, line) in laid_out.lines().zip(lines) {
            let text = text.trim_end();
            writeln!(out, "{}{text}{}", line.ansi.render(), line.ansi.render_reset())?;
        }
        Ok(())
    }

    fn lay_out(&self, lines: &[Line<N>]) -> String {
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        for line in lines {
            let cells = line.cells.iter().zip(self.columns);
            table.add_row(Row::from(
                cells
                    .map(|(cell, column)| Cell::new(cell).set_alignment(column.alignment))
                    .collect::<Vec<_>>(),
            ));
        }
        for (index, (column, shape)) in table.column_iter_mut().zip(self.columns).enumerate() {
            let before = if index == 0 { self.indent } else { 0 };
            let after = usize::from(index + 1 < N);
            column.set_padding((narrow(before), narrow(after)));
            let whole = narrow(before + shape.width + after);
            column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(whole)));
        }
        table.to_string()
    }
}

/// comfy-table counts in 16 bits; no cell that is shown comes near.
fn narrow(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}
