//! The table of processes, as Windows' `tasklist` prints it.

use std::io::{self, Write};

use super::Style;
use super::escape::fitted;
use super::table::{Column, Layout, Line};
use crate::model::{Process, Untrusted};
use crate::query::Rows;

const NAME: usize = 25;
const SESSION: usize = 16;
const COLUMNS: [Column; 5] = [
    Column::left("Image Name", NAME),
    Column::right("PID", 8),
    Column::left("Session Name", SESSION),
    Column::right("Session#", 11),
    Column::right("Mem Usage", 12),
];

/// Writes the table of the rows' owners; nothing where no owner is known.
pub(super) fn write(rows: &Rows<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let lines: Vec<[String; 5]> = rows.processes().map(cells).collect();
    if lines.is_empty() {
        return Ok(());
    }
    let layout = Layout::measure(COLUMNS, 0, lines.iter().cloned());
    writeln!(out)?;
    if style.header {
        layout.write_titles(style.color, out)?;
        layout.write_ruler(out)?;
    }
    layout.write_lines(lines.into_iter().map(Line::plain), out)
}

fn cells(process: &Process) -> [String; 5] {
    let session = process.session.name.clone().unwrap_or_else(|| Untrusted::from("-"));
    [
        fitted(&process.name, NAME),
        process.pid.to_string(),
        fitted(&session, SESSION),
        process.session.id.map_or_else(|| "N/A".to_owned(), |id| id.to_string()),
        process.memory_bytes.map_or_else(|| "N/A".to_owned(), kibibytes),
    ]
}

/// `2,800 K`: kibibytes with thousands separators.
fn kibibytes(bytes: u64) -> String {
    let digits = (bytes / 1024).to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3 + 2);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + " K"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_in_kibibytes_and_grouped_by_three() {
        let cases = [
            (0, "0 K"),
            (1023, "0 K"),
            (999 * 1024, "999 K"),
            (2800 * 1024, "2,800 K"),
            (1_234_567 * 1024, "1,234,567 K"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(kibibytes(bytes), expected);
        }
    }
}
