//! The records that the programs in `platform/linux/bpf` write: what a task has.

use super::DecodeError;
use super::bytes::{u32_at, u64_at};

/// The length of a record.
pub const RECORD: usize = 40;

/// The kind of the record of a socket.
pub const SOCKET: i32 = 1;

/// That of an io_uring, or of a file whose name begins like that of one.
pub const RING: i32 = 2;

/// That of a table of descriptors.
pub const TABLE: i32 = 3;

/// A task, and something that it has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record {
    /// The process.
    pub process: u32,
    /// The thread; of the first one the number is that of the process.
    pub thread: u32,
    /// What it has.
    pub what: What,
}

/// What a task has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// A socket.
    Socket {
        /// Its inode.
        inode: u64,
        /// The descriptor's number.
        descriptor: u32,
        /// What tells the table that it is in from others.
        table: u64,
        /// How many references the kernel counts to its file, without the iterator's own: each
        /// descriptor is one.
        references: u64,
    },
    /// Perhaps an io_uring.
    Ring {
        /// The descriptor's number.
        descriptor: u32,
    },
    /// A table of descriptors.
    Table {
        /// What tells it from others.
        identity: u64,
        /// It has numbers below this one.
        size: u32,
    },
}

/// The records in what was read.
///
/// # Errors
/// Where a record is cut, or of an unknown kind.
pub fn records(bytes: &[u8]) -> impl Iterator<Item = Result<Record, DecodeError>> {
    bytes.chunks(RECORD).map(record)
}

fn record(bytes: &[u8]) -> Result<Record, DecodeError> {
    let (first, table, references) = (u64_at(bytes, 0)?, u64_at(bytes, 8)?, u64_at(bytes, 16)?);
    let (process, thread, number) = (u32_at(bytes, 24)?, u32_at(bytes, 28)?, u32_at(bytes, 32)?);
    let what = match u32_at(bytes, 36)?.cast_signed() {
        SOCKET => What::Socket { inode: first, descriptor: number, table, references },
        RING => What::Ring { descriptor: number },
        TABLE => What::Table { identity: first, size: number },
        _ => return Err(DecodeError::Malformed),
    };
    Ok(Record { process, thread, what })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(first: [u64; 3], rest: [u32; 4]) -> Vec<u8> {
        [first.map(u64::to_ne_bytes).concat(), rest.map(u32::to_ne_bytes).concat()].concat()
    }

    #[test]
    fn records_are_told_apart() {
        let read = [
            bytes([4711, u64::MAX - 1, 2], [812, 813, 5, 1]),
            bytes([9, 0, 0], [812, 812, 6, 2]),
            bytes([u64::MAX, 0, 0], [1, 1, 256, 3]),
        ]
        .concat();
        let read: Result<Vec<_>, _> = records(&read).collect();
        let socket =
            What::Socket { inode: 4711, descriptor: 5, table: u64::MAX - 1, references: 2 };
        let expected = [
            (812, 813, socket),
            (812, 812, What::Ring { descriptor: 6 }),
            (1, 1, What::Table { identity: u64::MAX, size: 256 }),
        ];
        let expected = expected.map(|(process, thread, what)| Record { process, thread, what });
        assert_eq!(read.unwrap(), expected);
    }

    #[test]
    fn a_cut_record_and_an_unknown_one_are_errors() {
        let whole = bytes([4711, 1, 1], [812, 813, 5, 1]);
        for length in 1..RECORD {
            let read: Vec<_> = records(&whole[..length]).collect();
            assert_eq!(read, [Err(DecodeError::Truncated)], "{length}");
        }
        let unknown = bytes([4711, 1, 1], [812, 813, 5, 4]);
        assert_eq!(records(&unknown).collect::<Vec<_>>(), [Err(DecodeError::Malformed)]);
    }
}
