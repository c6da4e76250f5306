//! A machine that was recorded, and reacts as its processes are told to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Cursor, Write};
use std::rc::Rc;
use std::time::Duration;

use portwho::cli::{self, CliError};
use portwho::commands::{self, Outcome, Output, Terminals};
use portwho::model::{
    Gap, Holder, Os, OwnedSocket, Owner, Pid, Process, Scope, Signal, Socket, Uid, Untrusted,
};
use portwho::platform::{Ending, OpenProcess, OwnerTable, PlatformError, SocketTable, System};

use super::parts::{Fate, Simulated};
use crate::support;

/// portwho itself, the shell it runs in, and the terminal that the shell runs in.
pub const LINEAGE: [Pid; 3] = [Pid(9000), Pid(8900), Pid(8800)];

/// A recorded machine.
pub struct Machine {
    os: Os,
    privileged: bool,
    gaps: Vec<Gap>,
    users: BTreeMap<Uid, Untrusted>,
    interfaces: BTreeMap<u32, Untrusted>,
    world: Rc<RefCell<World>>,
}

/// What changes when processes end.
struct World {
    sockets: Vec<OwnedSocket>,
    processes: BTreeMap<Pid, Simulated>,
    opened: Vec<u32>,
    sent: Vec<(u32, Signal)>,
}

impl Machine {
    pub fn new(os: Os, processes: Vec<Simulated>, sockets: Vec<OwnedSocket>) -> Self {
        let processes = processes.into_iter().map(|one| (one.process.pid, one)).collect();
        let world = World { sockets, processes, opened: Vec::new(), sent: Vec::new() };
        Self {
            os,
            privileged: false,
            gaps: Vec::new(),
            users: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            world: Rc::new(RefCell::new(world)),
        }
    }

    pub fn privileged(self) -> Self {
        Self { privileged: true, ..self }
    }

    pub fn gap(mut self, gap: Gap) -> Self {
        self.gaps.push(gap);
        self
    }

    pub fn user(mut self, uid: u32, name: &str) -> Self {
        self.users.insert(Uid(uid), name.into());
        self
    }

    pub fn interface(mut self, index: u32, name: &str) -> Self {
        self.interfaces.insert(index, name.into());
        self
    }

    /// Adds a process, or puts it in the place of another.
    pub fn process(self, simulated: Simulated) -> Self {
        self.world.borrow_mut().processes.insert(simulated.process.pid, simulated);
        self
    }

    pub fn socket(self, socket: OwnedSocket) -> Self {
        self.world.borrow_mut().sockets.push(socket);
        self
    }

    /// The PIDs that were opened, in that order.
    pub fn opened(&self) -> Vec<u32> {
        self.world.borrow().opened.clone()
    }

    /// What was sent to whom, in that order.
    pub fn sent(&self) -> Vec<(u32, Signal)> {
        self.world.borrow().sent.clone()
    }

    pub fn is_alive(&self, pid: u32) -> bool {
        self.world.borrow().processes.contains_key(&Pid(pid))
    }

    /// Runs `portwho WORDS` with nobody at the terminal.
    pub fn run(&self, words: &str) -> support::Output {
        self.run_at(words, "", Terminals::default())
    }

    /// Runs `portwho WORDS` with a person there who answers so.
    pub fn asked(&self, words: &str, answers: &str) -> support::Output {
        self.run_at(words, answers, Terminals { stdin: true, stdout: true })
    }

    fn run_at(&self, words: &str, answers: &str, terminals: Terminals) -> support::Output {
        let (stdout, stderr) = (Captured::default(), Captured::default());
        let stdin = Cursor::new(answers.to_owned().into_bytes());
        let mut output = Output::new(stdout.clone(), stderr.clone(), stdin, terminals);
        let outcome = self.outcome(words, &mut output);
        drop(output);
        support::Output {
            command_line: format!("portwho {words}"),
            stdout: stdout.text(),
            stderr: stderr.text(),
            code: Some(match outcome {
                Outcome::Done => 0,
                Outcome::Nothing => 1,
                Outcome::Failed => 2,
            }),
        }
    }

    /// As the program's own `main` does it.
    fn outcome(&self, words: &str, output: &mut Output) -> Outcome {
        let line = std::iter::once("portwho").chain(words.split_whitespace()).map(OsString::from);
        let request = match cli::parse(line) {
            Ok(request) => request,
            Err(CliError::Usage(error)) => {
                output.remark(error);
                return Outcome::Failed;
            }
            Err(CliError::Clap(error)) => {
                output.usage(error.render());
                return Outcome::Failed;
            }
        };
        commands::run(request, self, output).unwrap_or_else(|error| {
            output.remark(format_args!("{error:#}"));
            Outcome::Failed
        })
    }
}

/// A stream that is read afterwards.
#[derive(Clone, Default)]
struct Captured(Rc<RefCell<Vec<u8>>>);

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).expect("the program prints UTF-8 only")
    }
}

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl System for Machine {
    type Process = Opened;

    fn os(&self) -> Os {
        self.os
    }

    /// More than is asked for: the query has to decide.
    fn sockets(&self, _scope: &Scope) -> Result<SocketTable, PlatformError> {
        let sockets = self.world.borrow().sockets.iter().map(|row| row.socket.clone()).collect();
        Ok(SocketTable { sockets, gaps: self.gaps.clone() })
    }

    fn owners(&self, sockets: Vec<Socket>) -> OwnerTable {
        let world = self.world.borrow();
        let owner = |socket: &Socket| {
            let row = world.sockets.iter().find(|row| row.socket == *socket);
            row.map_or(Owner::NotFound, |row| row.owner.clone())
        };
        let owned = |socket| OwnedSocket { owner: owner(&socket), socket };
        let sockets: Vec<OwnedSocket> = sockets.into_iter().map(owned).collect();
        let count = sockets.iter().filter(|row| matches!(row.owner, Owner::Exited(_))).count();
        let gaps = if count > 0 { vec![Gap::OwnersExited { count }] } else { Vec::new() };
        OwnerTable { sockets, gaps }
    }

    fn processes(&self, pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Process> {
        let world = self.world.borrow();
        let known = pids.iter().filter_map(|pid| world.processes.get(pid));
        known.map(|one| (one.process.pid, one.process.clone())).collect()
    }

    fn user_name(&self, uid: Uid) -> Option<Untrusted> {
        self.users.get(&uid).cloned()
    }

    fn interface_names(&self, indices: &BTreeSet<u32>) -> BTreeMap<u32, Untrusted> {
        let named = |index: &u32| Some((*index, self.interfaces.get(index)?.clone()));
        indices.iter().filter_map(named).collect()
    }

    fn interface_index(&self, name: &str) -> Option<u32> {
        let is_it = |known: &&Untrusted| known.as_bytes() == name.as_bytes();
        self.interfaces.iter().find(|(_, known)| is_it(known)).map(|(index, _)| *index)
    }

    fn service_ports(&self, name: &str) -> Result<Vec<u16>, PlatformError> {
        Ok(if name == "http" { vec![80] } else { Vec::new() })
    }

    fn is_privileged(&self) -> bool {
        self.privileged
    }

    fn lineage(&self) -> Vec<Pid> {
        LINEAGE.to_vec()
    }

    fn ending(&self, pid: Pid, signal: Signal) -> Ending {
        let has_window = self.world.borrow().processes.get(&pid).is_some_and(|one| one.has_window);
        match self.os {
            Os::Linux => Ending::Signal(signal),
            Os::Windows if has_window && signal != Signal::Kill => Ending::CloseWindow,
            Os::Windows => Ending::Terminate,
        }
    }

    fn console_takes_escapes(&self) -> bool {
        false
    }

    fn open_process(&self, pid: Pid, birth: Option<u64>) -> Result<Opened, PlatformError> {
        let mut world = self.world.borrow_mut();
        world.opened.push(pid.0);
        match world.fate(pid) {
            Some(Fate::Denied) => return Err(PlatformError::NotPermitted),
            Some(Fate::Gone) => world.end(pid),
            Some(Fate::Replaced) => world.replace(pid),
            _ => {}
        }
        let now = world.processes.get(&pid).map(|one| one.process.birth);
        let is_newcomer = |now: Option<u64>| now.zip(birth).is_some_and(|(a, b)| a != b);
        match now {
            Some(now) if !is_newcomer(now) => {}
            _ => return Err(PlatformError::NoSuchProcess(pid)),
        }
        if world.fate(pid) == Some(Fate::LetsGo) {
            world.let_go(pid);
        }
        Ok(Opened { pid, world: Rc::clone(&self.world) })
    }
}

/// An opened process of a recorded machine.
pub struct Opened {
    pid: Pid,
    world: Rc<RefCell<World>>,
}

impl OpenProcess for Opened {
    fn holds_any(&self, sockets: &[&Socket]) -> Result<bool, PlatformError> {
        let world = self.world.borrow();
        if world.fate(self.pid).is_none() {
            return Err(PlatformError::NoSuchProcess(self.pid));
        }
        let is_held = |row: &OwnedSocket| {
            row.owner.pids().any(|pid| pid == self.pid)
                && sockets.iter().any(|wanted| wanted.is_same(&row.socket))
        };
        Ok(world.sockets.iter().any(is_held))
    }

    fn signal(&self, signal: Signal) -> Result<(), PlatformError> {
        let mut world = self.world.borrow_mut();
        world.sent.push((self.pid.0, signal));
        match world.fate(self.pid) {
            None => return Err(PlatformError::NoSuchProcess(self.pid)),
            Some(Fate::Hangs) => {}
            Some(Fate::Stays) if signal != Signal::Kill => {}
            Some(Fate::Restarted) => world.restart(self.pid),
            Some(_) => world.end(self.pid),
        }
        Ok(())
    }

    /// Nobody has to wait for a process that was recorded.
    fn wait_exit(&self, _timeout: Duration) -> Result<bool, PlatformError> {
        Ok(self.world.borrow().fate(self.pid).is_none())
    }
}

impl World {
    fn fate(&self, pid: Pid) -> Option<Fate> {
        self.processes.get(&pid).map(|one| one.fate)
    }

    fn end(&mut self, pid: Pid) {
        self.processes.remove(&pid);
        self.let_go(pid);
    }

    fn let_go(&mut self, pid: Pid) {
        for row in &mut self.sockets {
            if let Owner::Processes(holders) = &mut row.owner {
                *holders = holders.iter().copied().filter(|holder| holder.pid != pid).collect();
            }
        }
        let is_left = |row: &OwnedSocket| !matches!(&row.owner, Owner::Processes(holders) if holders.is_empty());
        self.sockets.retain(is_left);
    }

    /// The next process with this PID: a stranger that holds the same ports.
    fn replace(&mut self, pid: Pid) {
        let Some(one) = self.processes.get_mut(&pid) else { return };
        one.fate = Fate::Ends;
        one.process.birth = one.process.birth.map(|birth| birth + 1);
        one.process.name = "stranger.exe".into();
    }

    /// A new process with the next PID takes over the sockets.
    fn restart(&mut self, pid: Pid) {
        let Some(mut next) = self.processes.remove(&pid) else { return };
        let next_pid = Pid(pid.0 + 1);
        next.fate = Fate::Ends;
        next.process.pid = next_pid;
        next.process.birth = next.process.birth.map(|birth| birth + 1);
        self.processes.insert(next_pid, next);
        for row in &mut self.sockets {
            if row.owner.pids().any(|holder| holder == pid) {
                let holder = Holder { pid: next_pid, descriptor: None };
                row.owner = Owner::Processes([holder].into());
            }
        }
    }
}
