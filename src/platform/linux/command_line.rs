//! Command lines: as much of each as is shown, and of all of one user's no more than its share.

use super::bounds;
use super::memory_reader::MemoryReader;
use super::shares::Shares;
use crate::model::{Pid, Uid};
use crate::platform::decode::proc_cmdline::{self, CommandLine};

/// What is read of the command lines of each user.
pub(super) fn shares() -> Shares {
    Shares::new(bounds::COMMAND_LINES_OF_USER, bounds::COMMAND_LINES)
}

/// Reads the command line of a process whose real user this is: the effective one is root where a
/// user runs a set-user-ID program.
pub(super) fn within(
    shares: &Shares,
    reader: &mut MemoryReader<'_>,
    pid: Pid,
    user: Option<Uid>,
) -> CommandLine {
    let line = read(reader, pid, shares.left(user));
    let bytes: usize = line.arguments.iter().map(|argument| argument.as_bytes().len()).sum();
    shares.spend(user, bytes + bounds::ARGUMENT_COST * line.arguments.len());
    line
}

/// Reads one command line, within the bounds of a single one and within `left`.
fn read(reader: &mut MemoryReader<'_>, pid: Pid, left: usize) -> CommandLine {
    let Some(beginning) = reader.command_line(pid, left.min(bounds::COMMAND_LINE)) else {
        return CommandLine::default();
    };
    let most = bounds::ARGUMENTS.min(left / bounds::ARGUMENT_COST);
    // What ends where the reading ended may go on.
    let whole = if beginning.is_cut {
        &beginning.bytes
    } else {
        proc_cmdline::without_padding(&beginning.bytes)
    };
    let mut line = proc_cmdline::arguments(whole, most);
    line.is_cut |= beginning.is_cut;
    line
}

/// The command line of a process of root's that serves containers.
pub(super) fn of_server(reader: &mut MemoryReader<'_>, pid: Pid) -> CommandLine {
    read(reader, pid, usize::MAX)
}

/// argv[0], where it may be a path.
pub(super) fn first_argument(reader: &mut MemoryReader<'_>, pid: Pid) -> Option<Vec<u8>> {
    let beginning = reader.command_line(pid, bounds::PATH)?;
    proc_cmdline::first(&beginning.bytes).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_is_read_within_what_is_left() {
        let proc = super::super::proc_dir::open_proc().unwrap();
        let proc = &mut MemoryReader::new(&proc);
        let own = Pid(std::process::id());
        let whole = read(proc, own, usize::MAX);
        assert!(!whole.arguments.is_empty() && !whole.is_cut, "{whole:?}");
        assert_eq!(read(proc, own, 0), CommandLine { arguments: Vec::new(), is_cut: true });
        let cut = read(proc, own, bounds::ARGUMENT_COST);
        assert!(cut.is_cut || whole.arguments.len() == 1, "{cut:?}");
        let first = first_argument(proc, own).unwrap();
        assert_eq!(whole.arguments.first().unwrap().as_bytes(), first);
    }
}
