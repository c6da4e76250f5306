//! Command lines: as much of each as is shown, and of all of one user's no more than its share.

use std::os::fd::OwnedFd;
use std::sync::Mutex;

use rustc_hash::FxHashMap;

use super::bounds;
use super::proc_dir::read_beginning;
use crate::model::{Pid, Uid};
use crate::platform::decode::proc_cmdline::{self, CommandLine};

/// How much each user's command lines have taken, for all threads that read them. Those of root
/// are counted for nobody: root attacks nobody, and its daemons are never hidden by others.
#[derive(Debug, Default)]
pub(super) struct Shares(Mutex<Spent>);

#[derive(Debug, Default)]
struct Spent {
    in_all: usize,
    by_user: FxHashMap<Option<Uid>, usize>,
}

impl Shares {
    /// Reads the command line of a process whose real user this is: the effective one is root's
    /// where a user runs a set-user-ID program.
    pub(super) fn read(&self, proc: &OwnedFd, pid: Pid, user: Option<Uid>) -> CommandLine {
        let left = self.left(user);
        let line = read(proc, pid, left);
        let bytes: usize = line.arguments.iter().map(|argument| argument.as_bytes().len()).sum();
        self.spend(user, bytes + bounds::ARGUMENT_COST * line.arguments.len());
        line
    }

    fn left(&self, user: Option<Uid>) -> usize {
        let Ok(spent) = self.0.lock() else { return 0 };
        if user == Some(Uid(0)) {
            return bounds::COMMAND_LINES_OF_USER;
        }
        let of_user = spent.by_user.get(&user).copied().unwrap_or_default();
        let left_of_user = bounds::COMMAND_LINES_OF_USER.saturating_sub(of_user);
        left_of_user.min(bounds::COMMAND_LINES.saturating_sub(spent.in_all))
    }

    fn spend(&self, user: Option<Uid>, cost: usize) {
        if let Ok(mut spent) = self.0.lock()
            && user != Some(Uid(0))
        {
            spent.in_all += cost;
            *spent.by_user.entry(user).or_default() += cost;
        }
    }
}

/// Reads one command line, within the bounds of a single one and within `left`.
fn read(proc: &OwnedFd, pid: Pid, left: usize) -> CommandLine {
    let limit = left.min(bounds::COMMAND_LINE);
    let Ok(beginning) = read_beginning(proc, format!("{pid}/cmdline"), limit) else {
        return CommandLine::default();
    };
    let most = bounds::ARGUMENTS.min(left / bounds::ARGUMENT_COST);
    let mut line = proc_cmdline::arguments(&beginning.bytes, most);
    line.is_cut |= beginning.is_cut;
    line
}

/// The command line of a process of root's that serves containers.
pub(super) fn of_server(proc: &OwnedFd, pid: Pid) -> CommandLine {
    read(proc, pid, usize::MAX)
}

/// argv[0], where it may be a path.
pub(super) fn first_argument(proc: &OwnedFd, pid: Pid) -> Option<Vec<u8>> {
    let beginning = read_beginning(proc, format!("{pid}/cmdline"), bounds::PATH).ok()?;
    proc_cmdline::first(&beginning.bytes).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    const USER: Option<Uid> = Some(Uid(1000));

    #[test]
    fn a_share_that_is_spent_leaves_those_of_others() {
        let shares = Shares::default();
        shares.spend(USER, bounds::COMMAND_LINES_OF_USER - 10);
        assert_eq!(shares.left(USER), 10);
        shares.spend(USER, 100);
        assert_eq!(shares.left(USER), 0);
        assert_eq!(shares.left(Some(Uid(1001))), bounds::COMMAND_LINES_OF_USER - 90);
        assert_eq!(shares.left(None), bounds::COMMAND_LINES_OF_USER - 90);
    }

    #[test]
    fn many_users_are_bounded_together_and_root_is_not() {
        let shares = Shares::default();
        for user in 100_000..100_003 {
            shares.spend(Some(Uid(user)), bounds::COMMAND_LINES_OF_USER);
        }
        assert_eq!(shares.left(USER), 0);
        shares.spend(Some(Uid(0)), usize::MAX);
        assert_eq!(shares.left(Some(Uid(0))), bounds::COMMAND_LINES_OF_USER);
    }

    #[test]
    fn a_command_line_is_read_within_what_is_left() {
        let proc = super::super::proc_dir::open_proc().unwrap();
        let own = Pid(std::process::id());
        let whole = read(&proc, own, usize::MAX);
        assert!(!whole.arguments.is_empty() && !whole.is_cut, "{whole:?}");
        assert_eq!(read(&proc, own, 0), CommandLine { arguments: Vec::new(), is_cut: true });
        let cut = read(&proc, own, bounds::ARGUMENT_COST);
        assert!(cut.is_cut || whole.arguments.len() == 1, "{cut:?}");
        let first = first_argument(&proc, own).unwrap();
        assert_eq!(whole.arguments.first().unwrap().as_bytes(), first);
    }
}
