//! One run of a tool, from fork to exit, in a small process of its own around it: getrusage(2)
//! tells the peak memory only of all children together, and a stopwatch has one.
//! The stopwatch outlives no process: it ends, and its tool with it, at the deadline or when the
//! comparison exits, whichever comes first.

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// The word by which the program knows that it is to be a stopwatch.
pub const ROLE: &str = "stopwatch";

/// A run that takes longer is ended.
pub const LIMIT: Duration = Duration::from_secs(30);

/// What the stopwatch itself may take in addition to its tool.
const MARGIN: Duration = Duration::from_secs(10);

/// What a run took.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// From fork to exit.
    pub wall: Duration,
    /// On all cores together, in user code and in the kernel.
    pub cpu: Duration,
    /// The peak of the resident set. A process begins with the peak of its parent: what is
    /// below that of the stopwatch (2.3 MiB) is not told apart.
    pub peak_kib: u64,
    /// The exit code; negated, the signal that ended it.
    pub code: i32,
}

impl Run {
    fn to_line(self) -> String {
        let Self { wall, cpu, peak_kib, code } = self;
        format!("{} {} {peak_kib} {code}", wall.as_nanos(), cpu.as_nanos())
    }

    fn of_line(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[wall, cpu, peak, code] = words.as_slice() else { return None };
        Some(Self {
            wall: Duration::from_nanos(wall.parse().ok()?),
            cpu: Duration::from_nanos(cpu.parse().ok()?),
            peak_kib: peak.parse().ok()?,
            code: code.parse().ok()?,
        })
    }
}

/// Measures a run. Its output goes to /dev/null, as in most published figures: a reader at the
/// other end of a pipe would take its turns on the same cores.
///
/// # Errors
/// When it could not be started, or did not end in time.
pub fn measure(program: &Path, words: &[String]) -> anyhow::Result<Run> {
    run(program, words, Stdio::null())
}

/// Runs it once and returns what it printed too.
///
/// # Errors
/// As [`measure`].
pub fn listen(program: &Path, words: &[String]) -> anyhow::Result<(Run, Vec<u8>)> {
    let mut file = File::from(rustix::fs::memfd_create(c"output", MemfdFlags::CLOEXEC)?);
    let run = run(program, words, Stdio::from(file.try_clone()?))?;
    let mut output = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut output)?;
    Ok((run, output))
}

/// Starts a stopwatch. Its stderr is the stdout of the tool, its stdout is the answer.
fn run(program: &Path, words: &[String], output: Stdio) -> anyhow::Result<Run> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(ROLE).arg(std::process::id().to_string()).arg(program).args(words);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(output).process_group(0);
    let mut child = command.spawn()?;
    let ended = wait_readable(&[&pidfd(child.id())?], Instant::now() + LIMIT + MARGIN);
    // No process of the group is left, unless something went wrong. It is not reaped before, so that
    // no other process has its number.
    let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
    let status = child.wait()?;
    ensure!(ended?[0], "the stopwatch itself hangs");
    let mut said = String::new();
    child.stdout.take().context("piped")?.read_to_string(&mut said)?;
    match Run::of_line(&said) {
        Some(run) => Ok(run),
        None if said.is_empty() => bail!("the stopwatch failed: {status}"),
        None => bail!("{}", said.trim_end()),
    }
}

/// Is a stopwatch: the words are the PID of the comparison, the tool, and the tool's own words.
pub fn play(words: &[OsString]) -> ExitCode {
    match time(words) {
        Ok(run) => println!("{}", run.to_line()),
        Err(error) => println!("{error:#}"),
    }
    ExitCode::SUCCESS
}

fn time(words: &[OsString]) -> anyhow::Result<Run> {
    let [parent, program, words @ ..] = words else { bail!("words are missing") };
    let parent = pidfd(parent.to_string_lossy().parse()?)?;
    let mut command = Command::new(program);
    let output = std::io::stderr().as_fd().try_clone_to_owned()?;
    command.args(words).env("LC_ALL", "C");
    command.stdin(Stdio::null()).stdout(Stdio::from(output)).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn()?;
    wait_or_end(&mut child, &parent, start + LIMIT)?;
    let status = child.wait()?;
    let wall = start.elapsed();
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = usage.user_time() + usage.system_time();
    Ok(Run {
        wall,
        cpu: Duration::from_micros(cpu.num_microseconds().try_into()?),
        peak_kib: usage.max_rss().try_into()?,
        code: status.code().unwrap_or_else(|| -status.signal().unwrap_or_default()),
    })
}

/// Waits for the exit of `child`; at the deadline, or when `parent` exits, kills it.
fn wait_or_end(child: &mut Child, parent: &OwnedFd, deadline: Instant) -> anyhow::Result<()> {
    let exits = wait_readable(&[&pidfd(child.id())?, parent], deadline)?;
    if !exits[0] {
        child.kill()?;
        child.wait()?;
        bail!("over {} s", LIMIT.as_secs());
    }
    Ok(())
}

fn pidfd(pid: u32) -> anyhow::Result<OwnedFd> {
    let pid = Pid::from_raw(pid.try_into()?).context("no PID")?;
    Ok(pidfd_open(pid, PidfdFlags::empty())?)
}

/// Which of these can be read before the deadline; a pidfd can when its process has exited.
pub fn wait_readable(files: &[&impl AsFd], deadline: Instant) -> anyhow::Result<Vec<bool>> {
    let mut polled: Vec<_> = files.iter().map(|file| PollFd::new(*file, PollFlags::IN)).collect();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match poll(&mut polled, Some(&Timespec::try_from(left)?)) {
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => return Ok(polled.iter().map(|file| !file.revents().is_empty()).collect()),
        }
    }
}
