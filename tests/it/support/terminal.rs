//! The program on a terminal: a pseudo-terminal on which it can ask, and be answered.

use std::cell::RefCell;
use std::fmt::{self, Display, Formatter};
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, ptsname, unlockpt};
use rustix::termios::{
    LocalModes, OptionalActions, OutputModes, Winsize, tcgetattr, tcsetattr, tcsetwinsize,
};

use super::{Output, Run, Scratch, wait_until};

/// A run whose stdin is a terminal. It ends with its guard.
pub struct Terminal {
    child: Child,
    command_line: String,
    master: OwnedFd,
    scratch: Scratch,
    screen: Vec<u8>,
}

/// A text, and what has been said instead of it.
struct Awaited<'a> {
    text: &'a str,
    said: &'a RefCell<String>,
}

impl Display for Awaited<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} on the terminal, which says {:?}", self.text, self.said.borrow())
    }
}

impl Terminal {
    /// Starts with stdin on a terminal, stdout and stderr elsewhere: asking needs no more.
    pub fn asked(run: &Run) -> Self {
        let scratch = Scratch::new();
        let stream = |name| File::create(scratch.path().join(name)).expect("create a file").into();
        let streams = [stream("stdout"), stream("stderr")];
        let (master, terminal) = open();
        Self::start(run, master, terminal, scratch, streams)
    }

    /// Starts with all three streams on a terminal: what it prints is then on the `screen`.
    pub fn whole(run: &Run) -> Self {
        let (master, terminal) = open();
        let stream = || Stdio::from(terminal.try_clone().expect("dup"));
        let streams = [stream(), stream()];
        Self::start(run, master, terminal, Scratch::new(), streams)
    }

    /// Starts with stdin and stderr on a terminal, stdout elsewhere: a script that a person watches.
    pub fn watched(run: &Run) -> Self {
        let scratch = Scratch::new();
        let stdout = File::create(scratch.path().join("stdout")).expect("create a file").into();
        let (master, terminal) = open();
        let stderr = terminal.try_clone().expect("dup").into();
        Self::start(run, master, terminal, scratch, [stdout, stderr])
    }

    /// Starts another program with all three streams on a terminal that is wide enough for lists.
    pub fn of(command: Command, command_line: &str) -> Self {
        let (master, terminal) = open();
        let size = Winsize { ws_row: 50, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).expect("tcsetwinsize");
        let stream = || Stdio::from(terminal.try_clone().expect("dup"));
        let streams = [stream(), stream()];
        Self::spawn(command, command_line.to_owned(), master, terminal, Scratch::new(), streams)
    }

    /// The same on a terminal of that many columns.
    pub fn of_columns(run: &Run, columns: u16) -> Self {
        Self::of_size(run, columns, 25)
    }

    /// The same on a terminal of that size.
    pub fn of_size(run: &Run, columns: u16, rows: u16) -> Self {
        let (master, terminal) = open();
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&terminal, size).expect("tcsetwinsize");
        let stream = || Stdio::from(terminal.try_clone().expect("dup"));
        let streams = [stream(), stream()];
        Self::start(run, master, terminal, Scratch::new(), streams)
    }

    fn start(
        run: &Run,
        master: OwnedFd,
        terminal: OwnedFd,
        scratch: Scratch,
        streams: [Stdio; 2],
    ) -> Self {
        Self::spawn(run.command(), run.command_line(), master, terminal, scratch, streams)
    }

    fn spawn(
        mut command: Command,
        command_line: String,
        master: OwnedFd,
        terminal: OwnedFd,
        scratch: Scratch,
        [stdout, stderr]: [Stdio; 2],
    ) -> Self {
        let child = command.stdin(terminal).stdout(stdout).stderr(stderr).spawn();
        let child = child.expect("start the program");
        Self { child, command_line, master, scratch, screen: Vec::new() }
    }

    /// Waits until it has printed this anywhere.
    #[track_caller]
    pub fn await_text(&mut self, text: &str) {
        let said = RefCell::new(String::new());
        wait_until(Awaited { text, said: &said }, || {
            self.read_screen();
            let streams = [self.stream("stdout"), self.stream("stderr"), self.screen()];
            said.replace(streams.concat());
            said.borrow().contains(text).then_some(())
        });
    }

    /// Types this; a line needs its newline.
    #[track_caller]
    pub fn type_in(&self, text: &str) {
        rustix::io::write(&self.master, text.as_bytes()).expect("type");
    }

    /// Sends SIGINT, as Ctrl-C does on a terminal that controls it.
    pub fn interrupt(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("kill");
    }

    /// Sends a signal to it.
    pub fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).expect("kill");
    }

    /// Gives the terminal another size, and tells the program as the terminal would that controls it.
    pub fn resize(&self, columns: u16, rows: u16) {
        let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.master, size).expect("tcsetwinsize");
        self.signal(rustix::process::Signal::WINCH);
    }

    /// Its PID.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All that it has written on the terminal so far.
    pub fn written(&mut self) -> &[u8] {
        self.read_screen();
        &self.screen
    }

    /// Whether the terminal collects lines, as it does for a shell.
    pub fn is_canonical(&self) -> bool {
        let modes = tcgetattr(&self.master).expect("tcgetattr");
        modes.local_modes.contains(LocalModes::ICANON | LocalModes::ISIG)
    }

    /// Has the terminal collect lines, as a shell does while the program is stopped.
    pub fn make_canonical(&self) {
        let mut modes = tcgetattr(&self.master).expect("tcgetattr");
        modes.local_modes |= LocalModes::ICANON | LocalModes::ISIG | LocalModes::ECHO;
        tcsetattr(&self.master, OptionalActions::Now, &modes).expect("tcsetattr");
    }

    /// Waits for its end. Of a whole terminal, stdout is the screen.
    #[track_caller]
    pub fn finish(self) -> Output {
        self.finish_with(|_| {})
    }

    /// The same, with a look at the terminal after its end.
    #[track_caller]
    pub fn finish_with(mut self, check: impl FnOnce(&Self)) -> Output {
        let status = wait_until("the program to end", || {
            self.read_screen();
            self.child.try_wait().expect("wait")
        });
        self.read_screen();
        check(&self);
        Output {
            command_line: self.command_line.clone(),
            stdout: self.stream("stdout") + &self.screen(),
            stderr: self.stream("stderr"),
            code: status.code(),
        }
    }

    /// Waits for its end without reading what it writes; returns its exit code.
    #[track_caller]
    pub fn finish_unread(mut self, check: impl FnOnce(&Self)) -> Option<i32> {
        let ended = || self.child.try_wait().expect("wait");
        let status = wait_until("the program to end", ended);
        check(&self);
        status.code()
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen).into_owned()
    }

    fn stream(&self, name: &str) -> String {
        let path: PathBuf = self.scratch.path().join(name);
        fs::read_to_string(path).unwrap_or_default()
    }

    fn read_screen(&mut self) {
        let mut buffer = [0; 4096];
        loop {
            match rustix::io::read(&self.master, &mut buffer) {
                Ok(0) | Err(Errno::AGAIN | Errno::IO) => return,
                Ok(length) => self.screen.extend(&buffer[..length]),
                Err(error) => panic!("read the terminal: {error}"),
            }
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail only if it has ended and been waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the controlling end's terminal is called, without `/dev/`: `pts/3`.
pub fn name(master: &OwnedFd) -> String {
    let path = ptsname(master, Vec::new()).expect("ptsname").into_string().expect("UTF-8");
    path.strip_prefix("/dev/").expect("a device").to_owned()
}

/// Both ends of a terminal that neither echoes nor turns newlines into carriage returns.
pub fn open() -> (OwnedFd, OwnedFd) {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags).expect("open a pseudo-terminal");
    grantpt(&master).expect("grantpt");
    unlockpt(&master).expect("unlockpt");
    let terminal = ioctl_tiocgptpeer(&master, flags).expect("the terminal's other end");
    let mut modes = tcgetattr(&terminal).expect("tcgetattr");
    modes.local_modes.remove(LocalModes::ECHO);
    modes.output_modes.remove(OutputModes::ONLCR);
    tcsetattr(&terminal, OptionalActions::Now, &modes).expect("tcsetattr");
    rustix::fs::fcntl_setfl(&master, OFlags::NONBLOCK).expect("O_NONBLOCK");
    (master, terminal)
}
