//! What comes next where a process still runs: what the server understands, and SIGKILL last.

use std::collections::BTreeSet;
use std::time::Duration;

use super::context::Context;
use crate::model::{Pid, Signal, Snapshot};
use crate::platform::Ending;
use crate::text::advice::Remedy;
use crate::text::kill::servers::{Next, PATIENCE, Server};
use crate::text::kill::verdicts::Survival;

/// The server that a process is, and the signal that it was sent; none where it is no known one, or
/// there are no signals.
fn server(pid: Pid, ending: Ending, snapshot: &Snapshot) -> Option<(&'static Server, Signal)> {
    let Ending::Signal(sent) = ending else { return None };
    Some((snapshot.processes.get(&pid).and_then(Server::of)?, sent))
}

/// What to run next for a process that survived.
pub(super) fn survival(pid: Pid, context: &Context<'_>) -> Survival {
    let (request, shell) = (context.request, context.before.capabilities.shell);
    let typed = context.typed();
    let force = || Remedy::from(request.command(shell, &["--force"], &typed));
    let Some((server, sent)) = server(pid, context.ending, context.before) else {
        return Survival::Next(force());
    };
    let next = server.next(sent, context.timeout);
    let command = match next {
        Next::Signal(signal) => request.with_signal(shell, signal, &typed).into(),
        Next::Wait => request.with_timeout(shell, PATIENCE, &typed).into(),
        Next::Force => force(),
    };
    match server.reason(sent, next) {
        Some(reason) if next == Next::Wait => Survival::Wait(reason, command),
        Some(reason) => Survival::Next(command.after(reason)),
        None => Survival::Next(command),
    }
}

/// The signal that all survivors are to be sent next, and why.
pub(super) fn step(
    survivors: &BTreeSet<Pid>,
    ending: Ending,
    waited: Duration,
    snapshot: &Snapshot,
) -> (Signal, Option<String>) {
    let steps = survivors.iter().map(|pid| {
        let (server, sent) = server(*pid, ending, snapshot)?;
        let next = server.next(sent, waited);
        Some((next, server.reason(sent, next)))
    });
    let mut steps: Vec<Option<(Next, Option<String>)>> = steps.collect();
    steps.dedup();
    match steps.as_mut_slice() {
        [Some((Next::Signal(signal), reason))] => (*signal, reason.take()),
        [Some((_, reason))] => (Signal::Kill, reason.take()),
        _ => (Signal::Kill, None),
    }
}
