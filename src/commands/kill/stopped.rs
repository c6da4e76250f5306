//! What is said of a process that does not exit because it is stopped.

use super::verdict::Context;
use crate::model::{Os, Pid, Runtime, Signal, Stopped, Untrusted};
use crate::platform::Ending;
use crate::text::kill::verdicts as text;
use crate::text::shell::ShellCommand;

/// Why it has not ended, and how to let it run again; nothing where that is not why.
pub(super) fn why(pid: Pid, stopped: &Stopped, context: &Context<'_>) -> Option<String> {
    let can_be_killed = match stopped {
        Stopped::BySignal | Stopped::ByTracer => true,
        Stopped::Frozen { can_be_killed, .. } => *can_be_killed,
    };
    let Ending::Signal(signal) = context.ending else { return None };
    // It was asked to stop; or would have ended, and hangs for another reason.
    let is_asked_for = matches!(signal, Signal::Stop | Signal::Tstp);
    if is_asked_for || (context.ending.is_force() && can_be_killed) {
        return None;
    }
    let resume = resume(pid, stopped, context);
    Some(text::waits_until_resumed(stopped, signal, can_be_killed, resume.as_deref()))
}

/// What lets it run again: `kill -CONT 812`.
fn resume(pid: Pid, stopped: &Stopped, context: &Context<'_>) -> Option<String> {
    match stopped {
        Stopped::BySignal => Some(Signal::Cont.command(pid)),
        Stopped::ByTracer => None,
        Stopped::Frozen { thaw, file, .. } => {
            unpause(pid, context).or_else(|| write(thaw, file, context.privileged))
        }
    }
}

/// Docker and podman freeze the group of a container that is paused.
fn unpause(pid: Pid, context: &Context<'_>) -> Option<String> {
    let container = context.before.processes.get(&pid)?.container.as_ref()?;
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
