//! A machine that was recorded, and reacts as its processes are told to.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Cursor, Write};
use std::rc::Rc;

use portwho::cli;
use portwho::commands::{self, Outcome, Output, Terminals};
use portwho::model::{
    Creator, Endpoint, Gap, MachineLimits, Os, OwnedSocket, Particulars, Pid, PortProxy, PortRules,
    Reading, ServedUrl, TcpMemory, TcpSettings, Uid, Unconnected, Untrusted, Usage,
};
use portwho::platform::Ending;

use super::parts::Simulated;
use super::world::{Closing, Meanwhile, World};
use crate::support;

/// portwho itself, the shell it runs in, and the terminal that the shell runs in.
pub const OWN_ANCESTORS: [Pid; 3] = [Pid(9000), Pid(8900), Pid(8800)];

/// A recorded machine.
pub struct Machine {
    pub os: Os,
    pub privileged: bool,
    pub gaps: Vec<Gap>,
    /// Whether its kernel ends orphans that are closed from outside.
    pub closes_orphans: bool,
    pub users: BTreeMap<Uid, Untrusted>,
    pub interfaces: BTreeMap<u32, Untrusted>,
    pub creators: BTreeMap<u64, Creator>,
    pub particulars: BTreeMap<Pid, Particulars>,
    /// Processes that have a descriptor for each socket, and no other.
    pub only_sockets: BTreeSet<Pid>,
    pub rules: PortRules,
    /// What its rules are once its sockets have changed.
    pub later_rules: Option<PortRules>,
    pub served_urls: Result<Vec<ServedUrl>, Gap>,
    pub port_proxies: Vec<PortProxy>,
    pub refused_binds: BTreeMap<Endpoint, io::ErrorKind>,
    pub settings: TcpSettings,
    pub limits: MachineLimits,
    pub unconnected: Reading<Unconnected>,
    /// Processes that see other file systems than portwho.
    pub other_mounts: BTreeSet<Pid>,
    pub world: Rc<RefCell<World>>,
}

/// A Linux that has enough of everything.
fn far_from_limits() -> MachineLimits {
    let tcp_memory = TcpMemory { is_scarce: false, pages: Some(254), bounds: None };
    MachineLimits {
        tracked: Reading::Absent,
        tcp_memory: Reading::Read(tcp_memory),
        orphans: Reading::Read(Usage { used: 2, most: 65_536 }),
        files: Reading::Read(Usage { used: 4_000, most: i64::MAX.cast_unsigned() }),
    }
}

impl Machine {
    pub fn new(os: Os, processes: Vec<Simulated>, sockets: Vec<OwnedSocket>) -> Self {
        let processes = processes.into_iter().map(|one| (one.process.pid, one)).collect();
        let world = World {
            sockets,
            processes,
            opened: Vec::new(),
            ended: Vec::new(),
            lingering: 0,
            closing: Closing::default(),
            closed: Vec::new(),
            described: Vec::new(),
            namespace_searches: 0,
            meanwhile: None,
        };
        Self {
            os,
            privileged: false,
            gaps: Vec::new(),
            closes_orphans: true,
            users: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            creators: BTreeMap::new(),
            particulars: BTreeMap::new(),
            only_sockets: BTreeSet::new(),
            rules: PortRules::default(),
            later_rules: None,
            served_urls: Ok(Vec::new()),
            port_proxies: Vec::new(),
            refused_binds: BTreeMap::new(),
            settings: TcpSettings::default(),
            limits: if os == Os::Linux { far_from_limits() } else { MachineLimits::default() },
            unconnected: match os {
                Os::Linux => Reading::Read(Unconnected::default()),
                Os::Windows => Reading::Unreported,
            },
            other_mounts: BTreeSet::new(),
            world: Rc::new(RefCell::new(world)),
        }
    }

    pub fn privileged(self) -> Self {
        Self { privileged: true, ..self }
    }

    /// A Linux before 6.11.
    pub fn keeping_orphans(self) -> Self {
        Self { closes_orphans: false, ..self }
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

    pub fn in_other_mounts(mut self, pid: u32) -> Self {
        self.other_mounts.insert(Pid(pid));
        self
    }

    pub fn descriptors(mut self, pid: u32, open: u64, limit: Option<u64>) -> Self {
        let own =
            Particulars { descriptors: Some(open), descriptor_limit: limit, ..Default::default() };
        self.particulars.insert(Pid(pid), own);
        self
    }

    /// The process has a descriptor for each of its sockets, of at most so many.
    pub fn only_sockets(mut self, pid: u32, limit: u64) -> Self {
        self.only_sockets.insert(Pid(pid));
        self.descriptors(pid, 0, Some(limit))
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

    /// How it answers when it is to close sockets.
    pub fn closing(self, closing: Closing) -> Self {
        self.world.borrow_mut().closing = closing;
        self
    }

    /// What happens when the sockets have been listed so often.
    pub fn after_looks(self, looks: usize, change: Meanwhile) -> Self {
        self.world.borrow_mut().meanwhile = Some((looks, change));
        self
    }

    /// The local ends of the sockets that it was told to close, in that order.
    pub fn closed(&self) -> Vec<String> {
        self.world.borrow().closed.clone()
    }

    /// The PIDs that were opened, in that order.
    pub fn opened(&self) -> Vec<u32> {
        self.world.borrow().opened.clone()
    }

    /// Who was ended and how, in that order.
    pub fn ended(&self) -> Vec<(u32, Ending)> {
        self.world.borrow().ended.clone()
    }

    /// No process was terminated, nor opened for that.
    #[track_caller]
    pub fn is_untouched(&self) {
        assert_eq!(self.opened(), [0_u32; 0]);
        assert_eq!(self.ended(), []);
    }

    pub fn is_alive(&self, pid: u32) -> bool {
        self.world.borrow().processes.contains_key(&Pid(pid))
    }

    /// Runs `portwho WORDS` without a terminal.
    pub fn run(&self, words: &str) -> support::Output {
        self.run_at(words, "", Terminals::default())
    }

    /// Runs `portwho WORDS` with a person there who answers so.
    pub fn asked(&self, words: &str, answers: &str) -> support::Output {
        self.run_at(words, answers, Terminals { stdin: true, stdout: true, ..Terminals::default() })
    }

    fn run_at(&self, words: &str, answers: &str, terminals: Terminals) -> support::Output {
        let (stdout, stderr) = (Captured::default(), Captured::default());
        let stdin = Cursor::new(answers.to_owned().into_bytes());
        let mut output = Output::new(stdout.clone(), stderr.clone(), stdin, terminals);
        let outcome = self.outcome(words, &mut output);
        drop(output);
        support::Output {
            command_line: format!("portwho {words}"),
            stdout: at_once(&stdout.text()),
            stderr: at_once(&stderr.text()),
            code: Some(match outcome {
                Outcome::Success => 0,
                Outcome::Negative => 1,
                Outcome::Failure => 2,
                Outcome::Interrupted => 130,
            }),
        }
    }

    /// As the program's own `main` does it.
    fn outcome(&self, words: &str, output: &mut Output) -> Outcome {
        let line = std::iter::once("portwho").chain(words.split_whitespace()).map(OsString::from);
        let request = match cli::parse(line) {
            Ok(request) => request,
            Err(error) => {
                output.remark(error);
                return Outcome::Failure;
            }
        };
        commands::run(request, self, output).unwrap_or_else(|error| {
            output.remark(format_args!("{error:#}"));
            Outcome::Failure
        })
    }
}

/// Recorded processes are not waited for, but a loaded machine may take its time all the same.
fn at_once(text: &str) -> String {
    let mut parts = text.split("exited after ");
    let mut normal = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (duration, rest) = part.split_at(part.find([';', ',', '\n']).expect("a duration"));
        let is_short = duration.ends_with('s') && !duration.contains(' ');
        assert!(is_short, "{text}");
        normal.push_str(&format!("exited after 0ms{rest}"));
    }
    normal
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
