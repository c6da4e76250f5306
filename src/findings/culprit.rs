//! Who is responsible for a finding.

use super::{Case, Machine};
use crate::model::{Os, Pid, Process, Uid, Untrusted};
use crate::text::escape::brief;
use crate::text::shell::ShellCommand;

/// Who is responsible for a finding.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Culprit {
    /// These, which share the sockets; a parent comes before its children.
    Processes(Box<[Pid]>),
    /// A hidden process, of this user where that is known.
    Hidden(Option<Uid>),
    /// A process that was not found.
    Unknown,
    /// No process of this machine.
    Nobody,
}

impl Culprit {
    /// The first of the processes.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        match self {
            Self::Processes(pids) => pids.first().copied(),
            _ => None,
        }
    }

    /// The first of the processes, where it could be described.
    #[must_use]
    pub fn process<'a>(&self, machine: &Machine<'a>) -> Option<&'a Process> {
        machine.snapshot.processes.get(&self.pid()?)
    }

    /// The image name, where it is known.
    #[must_use]
    pub fn image<'a>(&self, machine: &Machine<'a>) -> Option<&'a Untrusted> {
        self.process(machine).map(|process| &process.name)
    }

    /// `oracle (PID 22725, user oracle, oracle.service)`.
    #[must_use]
    pub fn identity(&self, machine: &Machine<'_>) -> String {
        match self {
            Self::Processes(pids) => {
                let mut names = pids.iter().map(|pid| identity(*pid, machine));
                let first = names.next().unwrap_or_default();
                match names.len() {
                    0 => first,
                    _ => format!("{first}; shared with {}", names.collect::<Vec<_>>().join(", ")),
                }
            }
            Self::Hidden(Some(uid)) => {
                format!("a process of {}", brief(&machine.snapshot.user_name(*uid)))
            }
            Self::Hidden(None) => "a hidden process".to_owned(),
            Self::Unknown => "no process that can be found".to_owned(),
            Self::Nobody => "no process here".to_owned(),
        }
    }

    /// `oracle (PID 22725)`.
    pub(super) fn name(&self, machine: &Machine<'_>) -> String {
        match (self.pid(), self.image(machine)) {
            (Some(pid), Some(name)) => format!("{} (PID {pid})", brief(name)),
            (Some(pid), None) => format!("PID {pid}"),
            (None, _) => self.identity(machine),
        }
    }
}

fn identity(pid: Pid, machine: &Machine<'_>) -> String {
    let Some(process) = machine.snapshot.processes.get(&pid) else { return format!("PID {pid}") };
    let user = process.user.as_ref().map(|user| format!("user {}", brief(user)));
    let services = process.services.iter().map(|service| brief(&service.name));
    let facts: Vec<String> =
        std::iter::once(format!("PID {pid}")).chain(user).chain(services).collect();
    format!("{} ({})", brief(&process.name), facts.join(", "))
}

impl Case<'_> {
    /// ` --pid 22725`, or nothing where no process is known.
    pub(super) fn pid_option(&self) -> String {
        self.culprit().pid().map(|pid| format!(" --pid {pid}")).unwrap_or_default()
    }

    /// How to restart the culprit, where a service manager runs it:
    /// `systemctl restart nginx.service`.
    pub(super) fn restart(&self) -> Option<String> {
        let process = self.culprit().process(self.machine)?;
        let [service] = process.services.as_slice() else { return None };
        let name = service.name.as_bytes();
        let restart = match self.os() {
            Os::Linux if !name.ends_with(b".service") => return None,
            Os::Linux => ShellCommand::systemctl(service.of_user, "restart"),
            Os::Windows => ShellCommand::new(Os::Windows, "Restart-Service"),
        };
        restart.operand(name).into_text()
    }
}
