//! Who is responsible for a finding.

use super::{Case, Machine};
use crate::model::{Pid, Process, Uid, Untrusted};
use crate::text::escape::brief;
use crate::text::shell::ShellCommand;
use crate::text::{owners, remedies};

/// Who is responsible for a finding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Culprit {
    /// This one. Where several share the sockets, it is the parent among them: which others hold a
    /// socket differs from one to the next, and is left to [`Sharers`](super::Sharers).
    Process(Pid),
    /// A hidden process, of this user where that is known.
    Hidden(Option<Uid>),
    /// A process that was not found.
    Unknown,
    /// No process of this machine.
    Nobody,
    /// All processes together.
    Machine,
}

impl Culprit {
    /// The process, where it is known.
    #[must_use]
    pub const fn pid(self) -> Option<Pid> {
        match self {
            Self::Process(pid) => Some(pid),
            _ => None,
        }
    }

    /// The process, where it could be described.
    #[must_use]
    pub fn process<'a>(self, machine: &Machine<'a>) -> Option<&'a Process> {
        machine.snapshot.processes.get(&self.pid()?)
    }

    /// The image name, where it is known.
    #[must_use]
    pub fn image<'a>(self, machine: &Machine<'a>) -> Option<&'a Untrusted> {
        self.process(machine).map(|process| &process.name)
    }

    /// `oracle (PID 22725, user oracle, oracle.service)`.
    #[must_use]
    pub fn identity(self, machine: &Machine<'_>) -> String {
        match self {
            Self::Process(pid) => owners::identity(pid, machine.snapshot),
            Self::Hidden(Some(uid)) => {
                format!("a process of {}", brief(&machine.snapshot.user_name(uid)))
            }
            Self::Hidden(None) => "a hidden process".to_owned(),
            Self::Unknown => "owner not found".to_owned(),
            Self::Nobody => "no process here".to_owned(),
            Self::Machine => "all processes together".to_owned(),
        }
    }

    /// `oracle (PID 22725)`.
    pub(super) fn name(self, machine: &Machine<'_>) -> String {
        match self.pid() {
            Some(pid) => owners::process(pid, machine.snapshot),
            None => self.identity(machine),
        }
    }
}

impl Case<'_> {
    /// `--pid 22725`, or nothing where no process is known.
    pub(super) fn pid_option(&self) -> Vec<String> {
        let pid = self.culprit().pid();
        pid.map(|pid| vec!["--pid".to_owned(), pid.to_string()]).unwrap_or_default()
    }

    /// `portwho --state CLOSE_WAIT`: portwho itself, with these words.
    pub(super) fn portwho(&self, words: &[&str]) -> ShellCommand {
        remedies::list(self.capabilities().shell, words)
    }

    /// How to restart the culprit, where a service manager runs it:
    /// `systemctl restart nginx.service`.
    pub(super) fn restart(&self) -> Option<ShellCommand> {
        remedies::restart_service(
            self.capabilities().service_manager,
            self.culprit().process(self.machine)?,
        )
    }
}
