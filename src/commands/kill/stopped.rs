//! What is said of a process that does not exit because it is stopped.

use super::verdict::Case;
use crate::model::{Os, Pid, Runtime, ShellCommand, Signal, Stopped, Untrusted};
use crate::platform::Ending;

/// `is stopped (SIGSTOP)`.
pub(super) const fn words(stopped: &Stopped) -> &'static str {
    match stopped {
        Stopped::BySignal => "is stopped (SIGSTOP)",
        Stopped::ByTracer => "is stopped by a debugger (ptrace)",
        Stopped::Frozen { .. } => "is frozen with its control group",
    }
}

/// Why it has not ended, and how to let it run again; nothing where that is not why.
pub(super) fn why(pid: Pid, stopped: &Stopped, case: &Case<'_>) -> Option<String> {
    let can_be_killed = match stopped {
        Stopped::BySignal | Stopped::ByTracer => true,
        Stopped::Frozen { can_be_killed, .. } => *can_be_killed,
    };
    let is = words(stopped);
    let Ending::Signal(signal) = case.ending else { return None };
    // It was asked to stop; or would have ended, and hangs for another reason.
    let is_asked_for = matches!(signal, Signal::Stop | Signal::Tstp);
    if is_asked_for || (case.ending.is_force() && can_be_killed) {
        return None;
    }
    let force = if can_be_killed { "; --force ends it at once" } else { "" };
    let remedy = remedy(pid, stopped, case).map(|command| format!("; {command}"));
    let remedy = remedy.unwrap_or_default();
    Some(format!("it {is} and does not act on {signal} until it runs again{force}{remedy}"))
}

/// `to let it run again, run: kill -CONT 812`.
fn remedy(pid: Pid, stopped: &Stopped, case: &Case<'_>) -> Option<String> {
    let command = match stopped {
        Stopped::BySignal => format!("kill -CONT {pid}"),
        Stopped::ByTracer => return None,
        Stopped::Frozen { thaw, file, .. } => {
            unpause(pid, case).or_else(|| write(thaw, file, case.privileged))?
        }
    };
    Some(format!("to let it run again, run: {command}"))
}

/// Docker and podman freeze the group of a container that is paused.
fn unpause(pid: Pid, case: &Case<'_>) -> Option<String> {
    let container = case.before.processes.get(&pid)?.container.as_ref()?;
    let command = match container.runtime {
        Runtime::Docker => "docker unpause",
        Runtime::Podman => "podman unpause",
        _ => return None,
    };
    ShellCommand::new(Os::Linux, command).operand(container.handle().as_bytes()).into_text()
}

fn write(text: &str, file: &Untrusted, privileged: bool) -> Option<String> {
    let start =
        if privileged { format!("echo {text} >") } else { format!("echo {text} | sudo tee") };
    ShellCommand::new(Os::Linux, start).word(file.as_bytes()).into_text()
}
