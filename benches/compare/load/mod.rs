//! The load: processes with descriptors and sockets, each in a given number.
//!
//! Nothing of it outlives the comparison, however that ends: each process asks the kernel to be
//! killed with its parent (PR_SET_PDEATHSIG), and ends by itself when the pipe on its standard
//! input is closed. What the sockets leave behind goes with the network namespace.

mod holder;
mod limits;

use std::env;
use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Read};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

pub use holder::{Each, ROLE, play};

use crate::stopwatch::wait_readable;

/// How many processes the limits allow in addition to the load.
const ROOM: usize = 20;

/// A load takes seconds to make; beyond this something is wrong.
const TIME_TO_MAKE: Duration = Duration::from_mins(2);

/// A killed process is gone at once, unless it still has a hundred thousand sockets to close.
const TIME_TO_END: Duration = Duration::from_mins(1);

/// How many processes, and what each of them holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Load {
    /// How many processes.
    pub processes: usize,
    /// What each of them holds.
    pub each: Each,
}

impl Load {
    /// Sockets in all.
    pub const fn sockets(&self) -> usize {
        self.processes * self.each.sockets()
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processes, each } = self;
        let Each { descriptors, mappings, .. } = each;
        write!(
            f,
            "{} of {} and {} each, {}",
            counted(*processes, "process", "processes"),
            counted(*descriptors, "plain descriptor", "plain descriptors"),
            counted(*mappings, "mapped file", "mapped files"),
            counted(self.sockets(), "socket", "sockets")
        )
    }
}

fn counted(count: usize, one: &str, several: &str) -> String {
    let what = if count == 1 { one } else { several };
    format!("{count} {what}")
}

/// A load that stands until this is dropped.
pub struct Running {
    /// What was made.
    pub load: Load,
    /// What the machine did not let be made, and why not.
    pub reduced: Vec<String>,
    children: Vec<Child>,
    /// Its closing ends the processes, even if they could not be killed.
    lifeline: Option<PipeWriter>,
}

impl Running {
    /// Makes as much of `wanted` as the machine allows, and returns when all of it stands.
    pub fn start(wanted: Load) -> anyhow::Result<Self> {
        let (load, reduced) = limits::fit(wanted)?;
        let (stdin, lifeline) = io::pipe()?;
        let (mut answers, stdout) = io::pipe()?;
        let mut running = Self { load, reduced, children: Vec::new(), lifeline: Some(lifeline) };
        let room = Room::take(&stdin)?;
        running.spawn(&stdin, &stdout)?;
        // Only the processes have it now: when all have exited there is an end to read.
        drop(stdout);
        running.wait_ready(&mut answers)?;
        drop(room);
        Ok(running)
    }

    fn spawn(&mut self, stdin: &PipeReader, stdout: &PipeWriter) -> anyhow::Result<()> {
        let wanted = self.load.processes;
        for number in 0..wanted {
            let mut command = holder(&self.load.each, number, stdin)?;
            match command.stdout(stdout.try_clone()?).spawn() {
                Ok(child) => self.children.push(child),
                Err(error) if number == 0 => bail!("cannot start a process: {error}"),
                Err(error) => {
                    self.load.processes = number;
                    self.reduced.push(format!("{number} processes instead of {wanted}: {error}"));
                    break;
                }
            }
        }
        Ok(())
    }

    /// Waits until every process has said that its sockets stand.
    fn wait_ready(&self, answers: &mut PipeReader) -> anyhow::Result<()> {
        let deadline = Instant::now() + TIME_TO_MAKE;
        let mut heard = Vec::new();
        loop {
            let text = String::from_utf8_lossy(&heard);
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            if let Some(fault) = whole.lines().find(|line| *line != holder::READY) {
                bail!("{fault}");
            }
            if whole.lines().count() == self.children.len() {
                return Ok(());
            }
            if !wait_readable(&[&*answers], deadline)?[0] {
                bail!("it does not stand after {TIME_TO_MAKE:?}");
            }
            let mut piece = [0; 4096];
            let length = answers.read(&mut piece).context("cannot read what the processes say")?;
            if length == 0 {
                bail!("a process has exited without a word");
            }
            heard.extend_from_slice(&piece[..length]);
        }
    }
}

/// The command that makes the `number`th process of a load.
fn holder(each: &Each, number: usize, stdin: &PipeReader) -> io::Result<Command> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(ROLE).args(each.words(number));
    command.stdin(stdin.try_clone()?).stderr(Stdio::inherit());
    Ok(command)
}

/// Processes that hold nothing, and make room for the contestants when they end.
struct Room(Vec<Child>);

impl Room {
    fn take(stdin: &PipeReader) -> anyhow::Result<Self> {
        let mut room = Self(Vec::new());
        for number in 0..ROOM {
            let command = holder(&Each::default(), number, stdin)?.stdout(Stdio::null()).spawn();
            room.0.push(command.context("cannot start a process")?);
        }
        Ok(room)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.lifeline.take();
        for child in &mut self.children {
            // The error is that it has exited already.
            let _ = child.kill();
        }
        let deadline = Instant::now() + TIME_TO_END;
        for child in &mut self.children {
            while matches!(child.try_wait(), Ok(None)) && Instant::now() < deadline {
                thread::sleep(Duration::from_millis(1));
            }
        }
    }
}
