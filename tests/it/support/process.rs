//! Other processes: owners of sockets with any name, user and manners.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::makers::{self, Loopback};
use super::programs::{in_path, shell};
use super::{Scratch, skip, wait_until};

/// Set in a role's process, to the role's name.
pub const ROLE: &str = "PORTWHO_TEST_ROLE";

/// How to start an owner.
pub struct Owner {
    name: OsString,
    user: Option<u32>,
    ignores_term: bool,
    is_copy: bool,
    argv0: Option<OsString>,
    program: Option<PathBuf>,
    directory: Option<PathBuf>,
}

impl Owner {
    /// `name` becomes the process's comm (its first 15 bytes) and the base name of its argv[0].
    pub fn named(name: impl AsRef<OsStr>) -> Self {
        let name = name.as_ref().to_owned();
        Self {
            name,
            user: None,
            ignores_term: false,
            is_copy: false,
            argv0: None,
            program: None,
            directory: None,
        }
    }

    /// Runs as this user; only for tests that `can_become` it.
    pub fn user(mut self, uid: u32) -> Self {
        self.user = Some(uid);
        self
    }

    /// Does not hear SIGTERM.
    pub fn ignoring_term(mut self) -> Self {
        self.ignores_term = true;
        self
    }

    /// Runs a copy, so that the executable has this name too.
    pub fn copied(mut self) -> Self {
        self.is_copy = true;
        self
    }

    /// Runs a copy in this directory.
    pub fn installed_in(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self.is_copy = true;
        self
    }

    pub fn argv0(mut self, argv0: impl AsRef<OsStr>) -> Self {
        self.argv0 = Some(argv0.as_ref().to_owned());
        self
    }

    /// Runs the program that is at this path already.
    pub fn at(mut self, program: PathBuf) -> Self {
        self.program = Some(program);
        self
    }

    /// Starts a process that holds the socket as its standard input, and does nothing.
    pub fn holding(self, socket: OwnedFd) -> Process {
        let (scratch, path) = self.place(&in_path("sleep"));
        let mut command = self.command(&path);
        command.arg("3600").stdin(Stdio::from(socket)).stdout(Stdio::null());
        Process::spawn(command, &self.name, scratch)
    }

    /// Starts a shell that holds the socket as its standard input and runs the script.
    pub fn running(self, script: &str, socket: OwnedFd) -> Actor {
        let (scratch, path) = self.place(&shell());
        let mut command = self.command(&path);
        command.args(["-c", script]).stdin(Stdio::from(socket)).stdout(Stdio::piped());
        Actor::new(Process::spawn(command, &self.name, scratch))
    }

    /// Starts a role of the test binary that holds the socket as its standard input.
    pub fn playing_with(self, role: &str, words: &[&str], socket: OwnedFd) -> Actor {
        self.playing_on(role, words, Stdio::from(socket))
    }

    /// Starts a role of the test binary that is spoken to on its standard input.
    pub fn playing(self, role: &str, words: &[&str]) -> Actor {
        self.playing_on(role, words, Stdio::piped())
    }

    fn playing_on(self, role: &str, words: &[&str], stdin: Stdio) -> Actor {
        let (scratch, path) = self.place(&env::current_exe().expect("own path"));
        let mut command = self.command(&path);
        command.args(words).env(ROLE, role).stdin(stdin).stdout(Stdio::piped());
        Actor::new(Process::spawn(command, &self.name, scratch))
    }

    /// The program, by a path whose last part is the process's name: a link, or a copy, since
    /// another user may not be able to look where the tests were built.
    fn place(&self, program: &Path) -> (Scratch, PathBuf) {
        let scratch = Scratch::new();
        if let Some(program) = &self.program {
            return (scratch, program.clone());
        }
        let directory = self.directory.as_deref().unwrap_or(scratch.path());
        let path = directory.join(&self.name);
        if self.is_copy || self.user.is_some() {
            fs::copy(program, &path).expect("copy");
        } else {
            symlink(program, &path).expect("link");
        }
        (scratch, path)
    }

    fn command(&self, path: &Path) -> Command {
        let mut command = if self.ignores_term {
            // An ignored signal stays ignored through exec.
            let mut shell = Command::new("sh");
            shell.args(["-c", r#"trap "" TERM; exec "$0" "$@""#]).arg(path);
            shell
        } else {
            Command::new(path)
        };
        if let Some(argv0) = &self.argv0 {
            command.arg0(argv0);
        }
        if let Some(uid) = self.user {
            command.uid(uid).gid(uid);
        }
        command
    }
}

/// A running process, ended and reaped when dropped.
pub struct Process {
    child: Child,
    _scratch: Scratch,
}

impl Process {
    /// Returns when it has become the program that it is to be. `Command::spawn` returns a little
    /// earlier: the kernel wakes the parent first, then closes descriptors, then sets the name.
    fn spawn(mut command: Command, name: &OsStr, scratch: Scratch) -> Self {
        let child = command.stderr(Stdio::inherit()).spawn().expect("spawn");
        let process = Self { child, _scratch: scratch };
        let comm = &name.as_bytes()[..name.len().min(15)];
        wait_until("the new process to have its name, and to rest", || {
            let said = fs::read(format!("/proc/{}/comm", process.pid())).expect("comm");
            (said.strip_suffix(b"\n") == Some(comm) && "SZ".contains(process.state())).then_some(())
        });
        process
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended; it is not reaped by asking.
    pub fn has_exited(&self) -> bool {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), options).expect("waitid").is_some()
    }

    /// The signal that ended it, if one has.
    pub fn ended_by(&self) -> Option<i32> {
        use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
        let status = waitid(WaitId::Pid(Pid::from_child(&self.child)), options).expect("waitid");
        status.and_then(|status| status.terminating_signal())
    }

    /// The signal that ended it; it is reaped. Before Linux 5.17 only this tells of a process whose
    /// first thread had ended before: without reaping it is what ended that thread.
    pub fn reap(&mut self) -> Option<i32> {
        self.child.wait().expect("wait").signal()
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("kill");
    }

    /// Ends it, and leaves it unreaped: a zombie until this guard is dropped.
    pub fn make_zombie(&mut self) {
        self.child.kill().expect("kill");
        wait_until("the killed process to be a zombie", || self.has_exited().then_some(()));
    }

    /// The letter that /proc gives for its state: `S` sleeping, `Z` zombie.
    pub fn state(&self) -> char {
        let stat = fs::read(format!("/proc/{}/stat", self.pid())).expect("stat");
        let after_name = stat.iter().rposition(|byte| *byte == b')').expect("a name") + 2;
        char::from(stat[after_name])
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only if it has been ended and reaped before.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process that plays a role, and can be spoken to in lines.
pub struct Actor {
    pub process: Process,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Actor {
    fn new(mut process: Process) -> Self {
        let stdin = process.child.stdin.take();
        let stdout = process.child.stdout.take().map(BufReader::new).expect("a pipe");
        Self { process, stdin, stdout }
    }

    pub fn pid(&self) -> u32 {
        self.process.pid()
    }

    /// The next line that it prints.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("read");
        assert!(line.ends_with('\n'), "the role ended without a word: {line:?}");
        line.trim_end().to_owned()
    }

    /// Tells it something, and returns its answer.
    #[track_caller]
    pub fn tell(&mut self, order: &str) -> String {
        let stdin = self.stdin.as_mut().expect("a role that is spoken to");
        writeln!(stdin, "{order}").expect("tell");
        self.line()
    }
}

/// A process called `server` that listens on this port of 127.0.0.1.
pub fn server(port: u16) -> Process {
    Owner::named("server").holding(makers::listening(Loopback::V4.port(port)).socket)
}

/// Whether processes can be started as this user: not in a user namespace that maps only root.
pub fn can_become(uid: u32) -> bool {
    let mut command = Command::new("true");
    command.uid(uid).gid(uid).status().is_ok_and(|status| status.success())
}

/// Whether this is the machine's root, who may enter every namespace, and not that of a user
/// namespace; a skip where it is not.
pub fn is_machines_root() -> bool {
    let own_users = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    let is_whole = own_users.split_whitespace().eq(["0", "0", "4294967295"]);
    if !is_whole {
        skip("this is not the machine's root");
    }
    is_whole
}
