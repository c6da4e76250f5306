//! Runs each test in a process of its own, and in a network namespace of its own.
//!
//! A process for each, because a test that spawns a child lends it all its descriptors between
//! fork and exec: in a shared process a neighbour's socket would for that moment have two
//! owners, and be found with both. It also lets a test refuse itself system calls, drop rights
//! or hang, without a trace in the next one.

use std::env;
use std::fs::{self, File};
use std::process::{Child, Command, ExitCode, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};

use super::Scratch;
use super::skip::MARK;

/// A test: a function that panics if something is wrong. `#[trial]` before a function makes it one;
/// a function without it is dead code, and a warning.
pub struct Test {
    path: &'static str,
    line: u32,
    run: fn(),
    is_alone: bool,
}

inventory::collect!(Test);

impl Test {
    /// `path` is the function's path in the crate, as `module_path!` gives it, and `line` where it
    /// is in its file. With `is_alone` no other test runs at the same time: what it makes would
    /// be in the answers of programs that search the whole machine.
    pub const fn new(path: &'static str, line: u32, run: fn(), is_alone: bool) -> Self {
        Self { path, line, run, is_alone }
    }

    /// The path, without the name of this crate.
    fn name(&self) -> &'static str {
        self.path.strip_prefix("it::").unwrap_or(self.path)
    }

    /// Where it is among all tests: modules are in the order of `main.rs`, and tests within one as
    /// they are in its file.
    fn position(&self) -> (Option<usize>, &'static str, u32) {
        let (module, _) = self.name().rsplit_once("::").unwrap_or_default();
        let file = module.split("::").next().unwrap_or_default();
        (include_str!("../main.rs").find(&format!("\nmod {file};")), module, self.line)
    }
}

/// All tests: the linker has them in no order.
fn all() -> Vec<&'static Test> {
    let mut tests: Vec<&Test> = inventory::iter::<Test>().collect();
    // With a linker that dropped them, every run would pass.
    assert!(!tests.is_empty(), "the linker kept no test");
    tests.sort_by_cached_key(|test| test.position());
    tests
}

/// Set in a test's own process, to the test's name.
const TEST: &str = "PORTWHO_TEST";

/// A test that hangs is killed after this time, and has failed. No passing test comes near it, not on
/// an emulated processor either.
const LIMIT: Duration = Duration::from_mins(20);

static NAME: OnceLock<String> = OnceLock::new();

/// How many tests said that they cannot run here.
static SKIPPED: AtomicUsize = AtomicUsize::new(0);

/// The test that this process runs.
pub fn test_name() -> &'static str {
    NAME.get().map_or("?", String::as_str)
}

/// The test binary's `main`: what this process is for is given by its environment.
pub fn main() -> ExitCode {
    #[cfg(all(windows, feature = "watch"))]
    if super::console::played() {
        return ExitCode::SUCCESS;
    }
    #[cfg(target_os = "linux")]
    if super::role::played() {
        return ExitCode::SUCCESS;
    }
    #[cfg(windows)]
    if let Some(code) = super::netsh::played_netsh() {
        return code;
    }
    #[cfg(windows)]
    if super::peer::played() {
        return ExitCode::SUCCESS;
    }
    if let Ok(name) = env::var(TEST) {
        run_one(name);
        return ExitCode::SUCCESS;
    }
    #[cfg(target_os = "linux")]
    {
        super::ffi::heed_signals();
        super::netns::become_root();
        super::netns::with_large_pids();
    }
    run_all()
}

fn run_all() -> ExitCode {
    let arguments = Arguments::from_args();
    let show = arguments.nocapture;
    let trials = all()
        .into_iter()
        .map(|test| Trial::test(test.name(), move || run_in_turn(test, show)))
        .collect();
    #[cfg(windows)]
    let netsh = super::netsh::Netsh::replace();
    let conclusion = libtest_mimic::run(&arguments, trials);
    #[cfg(windows)]
    drop(netsh);
    match SKIPPED.load(Ordering::Relaxed) {
        0 => {}
        count => println!("skipped in all: {count}"),
    }
    conclusion.exit_code()
}

/// In the test's own process: a panic unwinds through the guards and makes the exit code 101.
fn run_one(name: String) {
    let test = all().into_iter().find(|test| test.name() == name).expect("a test of that name");
    NAME.set(name).expect("one test a process");
    #[cfg(target_os = "linux")]
    if let Err(error) = super::netns::enter() {
        return super::skip::skip(&format!("no network namespace of its own: {error}"));
    }
    (test.run)();
}

/// Held for reading by each test that runs, and for writing by one that runs alone.
static TURN: RwLock<()> = RwLock::new(());

fn run_in_turn(test: &Test, show: bool) -> Result<(), Failed> {
    // Nothing is behind the lock that a panic could have left half done.
    if test.is_alone {
        let _turn = TURN.write().unwrap_or_else(PoisonError::into_inner);
        return run_apart(test.name(), show);
    }
    let _turn = TURN.read().unwrap_or_else(PoisonError::into_inner);
    run_apart(test.name(), show)
}

/// In the harness: runs the test's process and judges it by its exit code.
fn run_apart(name: &str, show: bool) -> Result<(), Failed> {
    let scratch = Scratch::new();
    let log = scratch.path().join("log");
    let mut command = Command::new(env::current_exe()?);
    command.env(TEST, name).env("TMPDIR", scratch.path()).stdin(Stdio::null());
    if !show {
        let file = File::create(&log)?;
        command.stdout(file.try_clone()?).stderr(file);
    }
    let status = wait(&mut own_group(&mut command).spawn()?)?;
    let said = fs::read(&log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let said = said.unwrap_or_default();
    for line in said.lines().filter(|line| line.starts_with(MARK)) {
        SKIPPED.fetch_add(1, Ordering::Relaxed);
        println!("{line}");
    }
    match status {
        None => Err(format!("killed after {LIMIT:?}\n{said}").into()),
        Some(status) if status.success() => Ok(()),
        Some(status) => Err(format!("{status}\n{said}").into()),
    }
}

/// The exit status, or `None` if the time was up; no process of the test survives this.
fn wait(child: &mut Child) -> std::io::Result<Option<ExitStatus>> {
    let started = Instant::now();
    while !has_exited(child)? {
        if started.elapsed() > LIMIT {
            end_group(child);
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(3));
    }
    end_group(child);
    let status = child.wait().map(Some);
    let ending = Instant::now();
    // Whatever is still being torn down would be searched by the next test's programs.
    while group_exists(child) && ending.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(1));
    }
    status
}

/// Puts the child at the head of a process group, to be ended with all that it started.
#[cfg(unix)]
fn own_group(command: &mut Command) -> &mut Command {
    use std::os::unix::process::CommandExt;
    command.process_group(0)
}

/// Looks without reaping, so that the group's number cannot have been given to another.
#[cfg(unix)]
fn has_exited(child: &Child) -> std::io::Result<bool> {
    use rustix::process::{WaitId, WaitIdOptions, waitid};
    let id = WaitId::Pid(rustix::process::Pid::from_child(child));
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(id, options)?.is_some())
}

#[cfg(unix)]
fn end_group(child: &Child) {
    use rustix::process::{Pid, Signal, kill_process_group};
    // The error is that there is no process left to kill.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
}

#[cfg(unix)]
fn group_exists(child: &Child) -> bool {
    use rustix::process::{Pid, test_kill_process_group};
    test_kill_process_group(Pid::from_child(child)).is_ok()
}

#[cfg(not(unix))]
fn group_exists(_: &Child) -> bool {
    false
}

#[cfg(not(unix))]
fn own_group(command: &mut Command) -> &mut Command {
    command
}

#[cfg(not(unix))]
fn has_exited(child: &mut Child) -> std::io::Result<bool> {
    Ok(child.try_wait()?.is_some())
}

#[cfg(not(unix))]
fn end_group(child: &mut Child) {
    // The error is that it has exited already.
    let _ = child.kill();
}
