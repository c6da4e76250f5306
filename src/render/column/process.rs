//! The columns of tables with a row for each process.

use super::{Alignment, Column, or_dash};
use crate::model::{Depth, Process, Snapshot};
use crate::text::escape::fitted;

/// A fact about a process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::render) enum ProcessColumn {
    /// The image name.
    Image,
    /// The PID.
    Pid,
    /// What `tasklist` calls the session: a terminal, a systemd unit, a Windows station.
    SessionName,
    /// The number of the session.
    SessionNumber,
    /// The resident set in KiB.
    Memory,
}

/// Width of the name, and where longer names are cut.
const NAME: usize = 25;
/// Width of the session's name, and where longer ones are cut.
const SESSION: usize = 16;

impl Column for ProcessColumn {
    type Row = Process;
    type Context = Snapshot;

    fn title(self) -> &'static str {
        match self {
            Self::Image => "Image Name",
            Self::Pid => "PID",
            Self::SessionName => "Session Name",
            Self::SessionNumber => "Session#",
            Self::Memory => "Mem Usage",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Image => NAME,
            Self::Pid => 8,
            Self::SessionName => SESSION,
            Self::SessionNumber => 11,
            Self::Memory => 12,
        }
    }

    fn alignment(self) -> Alignment {
        match self {
            Self::Image | Self::SessionName => Alignment::Left,
            Self::Pid | Self::SessionNumber | Self::Memory => Alignment::Right,
        }
    }

    fn cell(self, process: &Process, _: &Snapshot) -> String {
        let session = &process.session;
        match self {
            Self::Image => or_dash(fitted(&process.name, NAME)),
            Self::Pid => process.pid.to_string(),
            Self::SessionName => {
                session.name.as_ref().map_or_else(|| "-".to_owned(), |name| fitted(name, SESSION))
            }
            Self::SessionNumber => session.id.map_or_else(|| "N/A".to_owned(), |id| id.to_string()),
            Self::Memory => process.memory_bytes.map_or_else(|| "N/A".to_owned(), kibibytes),
        }
    }

    fn needs(self) -> Depth {
        match self {
            Self::Image | Self::Pid | Self::SessionName | Self::SessionNumber | Self::Memory => {
                Depth::LEAST
            }
        }
    }
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
