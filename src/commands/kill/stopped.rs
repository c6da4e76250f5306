//! What is said of a process that does not exit because it is stopped.

use super::context::Context;
use crate::model::{Pid, Signal, Stopped};
use crate::platform::Ending;
use crate::text::advice::Remedy;
use crate::text::kill::verdicts as text;
use crate::text::remedies;

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
    let process = context.before.processes.get(&pid);
    let container = process.and_then(|process| process.container.as_ref());
    let resume = remedies::resume(pid, container, stopped, context.privileged).map(Remedy::from);
    Some(text::waits_until_resumed(stopped, signal, can_be_killed, resume.as_ref()))
}
