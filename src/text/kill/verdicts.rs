//! What kill says of the processes and ports afterwards.

use std::time::Duration;

use crate::model::{Os, Signal, Stopped};
use crate::text::advice::{listed, run, run_privileged};
use crate::text::durations::duration;

/// `nginx (PID 812) no longer holds port 80; nothing was sent`.
#[must_use]
pub fn released(name: &str, ports: &str) -> String {
    format!("{name} no longer holds {ports}; nothing was sent")
}

/// It has released the port, and runs on.
#[must_use]
pub fn released_and_running(name: &str, ports: &str, waited: Duration, command: &str) -> String {
    format!(
        "{name} released {ports} but is still running after {}; it may be draining; wait, or run: \
         {command}",
        duration(waited)
    )
}

/// It was not signaled. Its parent comes before it, and so do other holders.
#[must_use]
pub fn not_signaled(name: &str, ports: &str, parent_runs: bool) -> String {
    let running = if parent_runs { "its parent" } else { "a process signaled before it" };
    format!("{name} still holds {ports}; nothing was sent because {running} is still running")
}

/// `nginx (PID 812) is still running after 5s`.
#[must_use]
pub fn still_running(names: &[String], waited: Duration) -> String {
    let verb = if names.len() == 1 { "is" } else { "are" };
    format!("{} {verb} still running after {}", listed(names), duration(waited))
}

/// What is said behind a process that survived.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Survival {
    /// It is stopped, which this sentence tells.
    Stopped(String),
    /// It survived the strongest means of the system.
    Forced(Os),
    /// This command comes next.
    Next(String),
}

/// `nginx (PID 812) is still running after 5s and holds port 80; ...`.
#[must_use]
pub fn survived(name: &str, ports: &str, waited: Duration, why: &Survival) -> String {
    let still = format!("{name} is still running after {} and holds {ports}", duration(waited));
    match why {
        Survival::Stopped(text) => format!("{still}: {text}"),
        Survival::Forced(os) => {
            let means = match os {
                Os::Linux => Signal::Kill.to_string(),
                Os::Windows => "TerminateProcess".to_owned(),
            };
            format!("{still}; it survived {means}; it may be stuck in the kernel")
        }
        Survival::Next(command) => run(&still, command),
    }
}

/// `nginx (PID 812): permission denied; run: sudo portwho kill 80`.
#[must_use]
pub fn not_permitted(name: &str, command: &str, os: Os) -> String {
    run_privileged(&format!("{name}: permission denied"), command, os)
}

/// `nginx (PID 812): WHY`.
#[must_use]
pub fn failed(name: &str, why: &str) -> String {
    format!("{name}: {why}")
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
    let verb = if freed.contains(',') { "are" } else { "is" };
    format!("{exited}; {freed} {verb} free{remains}")
}

/// Why a port is not free after the exit, and what stops the newcomer's service.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct HeldAgain {
    /// The sentence.
    pub text: String,
    /// The command to run.
    pub command: Option<String>,
}

/// `port 80 is still held by web (PID 900)`.
#[must_use]
pub fn still_held(port: u16, owner: &str) -> HeldAgain {
    HeldAgain { text: format!("port {port} is still held by {owner}"), command: None }
}

/// `port 80 was taken again by web (PID 900)`, and who started it.
#[must_use]
pub fn taken_again(
    port: u16,
    owner: &str,
    stop: Option<String>,
    parent: Option<&str>,
) -> HeldAgain {
    let started = match (&stop, parent) {
        (None, Some(parent)) => format!("; {parent}, its parent, started it"),
        _ => String::new(),
    };
    HeldAgain { text: format!("port {port} was taken again by {owner}{started}"), command: stop }
}

/// `PID 812 exited after 200ms, but port 80 was taken again by ...`; the commands come last.
#[must_use]
pub fn not_free<'a>(
    exited: Option<&str>,
    reasons: impl Iterator<Item = &'a HeldAgain> + Clone,
) -> String {
    let texts: Vec<&str> = reasons.clone().map(|reason| reason.text.as_str()).collect();
    let mut commands: Vec<&str> = reasons.filter_map(|reason| reason.command.as_deref()).collect();
    commands.sort_unstable();
    commands.dedup();
    let exited = exited.map(|exited| format!("{exited}, but ")).unwrap_or_default();
    let text = format!("{exited}{}", texts.join("; "));
    if commands.is_empty() { text } else { run(&text, &commands.join(", and: ")) }
}

/// The port is free for TCP; with UDP others hold it.
#[must_use]
pub fn other_protocol(ports: &str, several: bool, owners: &[String], command: &str) -> String {
    let verb = if several { "are" } else { "is" };
    run(&format!("UDP {ports} {verb} still in use: {}", listed(owners)), command)
}

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
        Stopped::Frozen { .. } => "is frozen with its control group",
    }
}

/// `it is stopped (SIGSTOP) and does not act on SIGTERM until it resumes; ...`.
#[must_use]
pub fn waits_until_resumed(
    stopped: &Stopped,
    signal: Signal,
    can_be_killed: bool,
    resume: Option<&str>,
) -> String {
    let force = if can_be_killed { "; --force kills it immediately" } else { "" };
    let resume = resume.map(|command| format!("; to resume it, run: {command}"));
    let (is, resume) = (state(stopped), resume.unwrap_or_default());
    format!("it {is} and does not act on {signal} until it resumes{force}{resume}")
}
