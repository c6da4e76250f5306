//! What kill says of the processes and ports afterwards.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::model::{Api, Signal, Stopped};
use crate::text::advice::{Remedy, listed, run, run_if_any, run_to};
use crate::text::api;
use crate::text::counted;
use crate::text::durations::duration;
use crate::text::names::Names;

/// Its sockets change again and again.
pub const KEEPS_CHANGING: &str = "its sockets keep changing while being checked";

/// The time is over for processes that take a dump of the sockets each.
pub const TOO_MANY_TO_CHECK: &str =
    "too many holders to check again (their sockets have no descriptor)";

/// `nginx (PID 812) no longer holds port 80; nothing was sent`.
#[must_use]
pub fn released(name: &str, ports: &str) -> String {
    format!("{name} no longer holds {ports}; nothing was sent")
}

/// How many more did.
#[must_use]
pub fn more_released(count: usize, ports: &str) -> String {
    let verb = if count == 1 { "no longer holds" } else { "no longer hold" };
    format!("{} {verb} {ports}; nothing was sent", counted(count, "more process"))
}

/// How many more are still running or could not be checked.
#[must_use]
pub fn more_failed(count: usize, ports: &str) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!(
        "{} holding {ports} {verb} still running or could not be checked",
        counted(count, "more process")
    )
}

/// It has released the port, and runs on.
#[must_use]
pub fn released_and_running(name: &str, ports: &str, waited: Duration, kill: &Remedy) -> String {
    let running = format!(
        "{name} released {ports} but is still running after {}; it may be draining",
        duration(waited)
    );
    run_to("to terminate it now", &running, kill)
}

/// It was not signaled. Its parent comes before it, and so do other holders.
#[must_use]
pub fn not_signaled(name: &str, ports: &str, parent_runs: bool) -> String {
    let running = if parent_runs { "its parent" } else { "a process signaled before it" };
    format!("{name} still holds {ports}; nothing was sent because {running} is still running")
}

/// `nginx (PID 812) is still running after 5s`.
#[must_use]
pub fn still_running(names: &Names, waited: Duration) -> String {
    let verb = if names.count() == 1 { "is" } else { "are" };
    format!("{names} {verb} still running after {}", duration(waited))
}

/// `  on SIGTERM PostgreSQL waits until its clients disconnect; ...`.
#[must_use]
pub fn reason_for_next(reason: &str) -> String {
    format!("  {reason}")
}

/// What is said after a process that survived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Survival {
    /// It is stopped; this sentence says how.
    Stopped(String),
    /// It survived the strongest means of the system.
    Forced(Api),
    /// It takes its time, as this sentence says; this command waits longer.
    Wait(String, Remedy),
    /// This command comes next.
    Next(Remedy),
}

/// `nginx (PID 812) is still running after 5s and holds port 80; ...`.
#[must_use]
pub fn survived(name: &str, ports: &str, waited: Duration, why: &Survival) -> String {
    let still = format!("{name} is still running after {} and holds {ports}", duration(waited));
    with_survival(&still, why)
}

/// `bash (PID 3), the parent, is still running after 5s; ...`.
#[must_use]
pub fn starter_survived(name: &str, waited: Duration, why: &Survival) -> String {
    with_survival(&format!("{name}, the parent, is still running after {}", duration(waited)), why)
}

fn with_survival(still: &str, why: &Survival) -> String {
    match why {
        Survival::Stopped(text) => format!("{still}: {text}"),
        Survival::Forced(api) => {
            let means = api::strongest_means(*api);
            format!("{still}; it survived {means}; it may be stuck in the kernel")
        }
        Survival::Wait(why, command) => {
            run_to("to wait longer", &format!("{still}; {why}"), command)
        }
        Survival::Next(command) => run(still, command),
    }
}

/// `nginx (PID 812): permission denied; run: sudo portwho kill 80`.
#[must_use]
pub fn not_permitted(name: &str, privileged: &Remedy) -> String {
    run(&format!("{name}: permission denied"), privileged)
}

/// `nginx (PID 812): WHY`.
#[must_use]
pub fn failed(name: &str, why: &str) -> String {
    format!("{name}: {why}")
}

/// The kernel can signal by bare PID only, which may be another process by now.
#[must_use]
pub fn no_safe_signal(name: &str, why: &str, send: &Remedy) -> String {
    run_to("after checking that it is still the same process", &failed(name, why), send)
}

/// `PIDs 812, 813 exited after 200ms`; of many PIDs the first ten.
#[must_use]
pub fn exited(pids: &[String], after: Option<Duration>) -> String {
    let noun = if pids.len() == 1 { "PID" } else { "PIDs" };
    let pids = listed(pids);
    match after {
        Some(took) => format!("{noun} {pids} exited after {}", duration(took)),
        None => format!("{noun} {pids} had already exited"),
    }
}

/// `; port 80 is free`. `freed` names one port or several.
#[must_use]
pub fn free(exited: &str, freed: &str, remains: &str) -> String {
    let is_several = freed.contains(',') || freed.starts_with("ports ");
    let verb = if is_several { "are" } else { "is" };
    format!("{exited}; {freed} {verb} free{remains}")
}

/// Why a port is not free after the exit, and what stops the newcomer's service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HeldAgain {
    /// The sentence.
    pub text: String,
    /// What stops its service.
    pub stop: Option<Remedy>,
}

/// `port 80 is still held by web (PID 900)`.
#[must_use]
pub fn still_held(port: u16, owner: &str) -> HeldAgain {
    HeldAgain { text: format!("port {port} is still held by {owner}"), stop: None }
}

/// How many more ports are held.
#[must_use]
pub fn more_held(count: usize) -> HeldAgain {
    let verb = if count == 1 { "is" } else { "are" };
    HeldAgain { text: format!("{} {verb} held", counted(count, "more port")), stop: None }
}

/// `port 80 was taken again by web (PID 900); sh (PID 3), its parent, restarts it`. The service that it
/// belongs to is stopped by `stop`; without one its parent is ended by a command of its own.
#[must_use]
pub fn taken_again(
    port: u16,
    owner: &str,
    stop: Option<Remedy>,
    parent: Option<(&str, Remedy)>,
) -> HeldAgain {
    let (started, stop) = match (stop, parent) {
        (None, Some((parent, kill))) => {
            (format!("; {parent}, its parent, restarts it"), Some(kill))
        }
        (stop, _) => (String::new(), stop),
    };
    HeldAgain { text: format!("port {port} was taken again by {owner}{started}"), stop }
}

/// `PID 812 exited after 200ms, but port 80 was taken again by ...`: a sentence for each service
/// that has to be stopped, and one for the rest.
#[must_use]
pub fn not_free(exited: Option<&str>, reasons: &BTreeSet<HeldAgain>) -> Vec<String> {
    let mut by_stop: BTreeMap<Option<&Remedy>, Vec<&str>> = BTreeMap::new();
    for reason in reasons {
        by_stop.entry(reason.stop.as_ref()).or_default().push(&reason.text);
    }
    let exited = exited.map(|exited| format!("{exited}, but ")).unwrap_or_default();
    let leads = std::iter::once(exited).chain(std::iter::repeat(String::new()));
    let sentences = leads
        .zip(by_stop)
        .map(|(lead, (stop, texts))| run_if_any(&format!("{lead}{}", texts.join("; ")), stop));
    sentences.collect()
}

/// The port is free for TCP; with UDP others hold it.
#[must_use]
pub fn other_protocol(ports: &str, several: bool, owners: &[String], kill: &Remedy) -> String {
    let verb = if several { "are" } else { "is" };
    run(&format!("UDP {ports} {verb} still in use: {}", listed(owners)), kill)
}

/// It could not be checked again, before a process is ended, that it holds the port.
pub const UNKNOWN_HOLD: &str = "cannot tell whether it still holds the port";

/// Why that could not be checked: a table of sockets hides some.
pub const TABLE_UNREADABLE: &str = "a table of sockets cannot be read";

/// The ports could not be watched.
#[must_use]
pub fn unknown_port(error: &str) -> String {
    format!("cannot tell whether the port is free: {error}")
}

/// `  nginx (PID 812) is stopped (SIGSTOP)`.
#[must_use]
pub fn is_stopped(name: &str, stopped: &Stopped) -> String {
    format!("  {name} {}", state(stopped))
}

const fn state(stopped: &Stopped) -> &'static str {
    match stopped {
        Stopped::BySignal => "is stopped (SIGSTOP)",
        Stopped::ByTracer => "is stopped by a debugger (ptrace)",
        Stopped::Frozen { .. } => "is frozen with its cgroup",
    }
}

/// `it is stopped (SIGSTOP) and does not act on SIGTERM until it resumes; ...`.
#[must_use]
pub fn waits_until_resumed(
    stopped: &Stopped,
    signal: Signal,
    can_be_killed: bool,
    resume: Option<&Remedy>,
) -> String {
    let force = if can_be_killed { "; --force kills it immediately" } else { "" };
    let is = state(stopped);
    let waits = format!("it {is} and does not act on {signal} until it resumes{force}");
    match resume {
        Some(resume) => run_to("to resume it", &waits, resume),
        None => waits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Shell;
    use crate::text::shell::ShellCommand;

    #[test]
    fn each_service_has_its_sentence() {
        let stop = |unit: &[u8]| ShellCommand::systemctl(false, "stop").operand(unit).into();
        let kill = || ShellCommand::new(Shell::Posix, "portwho kill --parent 83").into();
        let reasons = BTreeSet::from([
            still_held(80, "old (PID 700)"),
            taken_again(81, "web (PID 900)", Some(stop(b"web.service")), None),
            taken_again(
                82,
                "dns (PID 901)",
                Some(stop(b"dns.service")),
                Some(("sh (PID 2)", kill())),
            ),
            taken_again(83, "app (PID 902)", None, Some(("sh (PID 2)", kill()))),
        ]);
        let sentences = not_free(Some("PID 812 exited after 200ms"), &reasons);
        assert_eq!(
            sentences,
            [
                "PID 812 exited after 200ms, but port 80 is still held by old (PID 700)",
                "port 83 was taken again by app (PID 902); sh (PID 2), its parent, restarts it; run: \
                 portwho kill --parent 83",
                "port 82 was taken again by dns (PID 901); run: systemctl stop dns.service",
                "port 81 was taken again by web (PID 900); run: systemctl stop web.service",
            ]
        );
    }
}
