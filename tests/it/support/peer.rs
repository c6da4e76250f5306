//! Other programs on Windows, played by the test binary itself.
//!
//! A role speaks in lines: it prints what it has done, and obeys what it reads. At the end of
//! its input it exits, so that no role outlives its test.

use std::env;
use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

use super::netstat::{self, SocketRow};
use super::{Scratch, portwho, wait_until, window, wine};

/// Set in a role's process.
const ROLE: &str = "PORTWHO_TEST_PEER";

/// A listener and a UDP socket of each family.
pub const EVERYTHING: [&str; 4] =
    ["tcp:127.0.0.1:0", "tcp:[::1]:0", "udp:127.0.0.1:0", "udp:[::1]:0"];

/// Plays the role that this process was started for; false if it was started for none.
pub fn played() -> bool {
    if env::var_os(ROLE).is_none() {
        return false;
    }
    play(&env::args().skip(1).collect::<Vec<_>>());
    true
}

/// Opens a socket for each word, or a window that obeys or stays (`window:obeys`), prints their addresses in a line, and obeys: `accept` (one
/// connection, kept), `connect ADDRESS` (kept; prints its near end), `shutdown` and `close` (the
/// last connection).
fn play(words: &[String]) {
    let mut held = Held::default();
    let sockets = words.iter().filter(|word| word.starts_with("tcp:") || word.starts_with("udp:"));
    let addresses: Vec<String> = sockets.map(|word| held.open(word).to_string()).collect();
    if let Some(word) = words.iter().find_map(|word| word.strip_prefix("window:")) {
        window::show(word == "obeys");
    }
    say(&addresses.join(" "));
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let (order, word) = line.split_once(' ').unwrap_or((&line, ""));
        say(&held.obey(order, word));
    }
}

#[derive(Default)]
struct Held {
    listeners: Vec<TcpListener>,
    datagrams: Vec<UdpSocket>,
    connections: Vec<TcpStream>,
}

impl Held {
    /// `tcp:127.0.0.1:0`, `udp:[::1]:0`.
    fn open(&mut self, word: &str) -> SocketAddr {
        let (protocol, address) = word.split_once(':').expect("a protocol and an address");
        if protocol == "udp" {
            let socket = UdpSocket::bind(address).expect("bind");
            let address = socket.local_addr().expect("local address");
            self.datagrams.push(socket);
            return address;
        }
        let listener = TcpListener::bind(address).expect("bind");
        let address = listener.local_addr().expect("local address");
        self.listeners.push(listener);
        address
    }

    fn obey(&mut self, order: &str, word: &str) -> String {
        match order {
            "accept" => self.keep(self.listeners[0].accept().expect("accept").0),
            "connect" => self.keep(TcpStream::connect(word).expect("connect")),
            "shutdown" => {
                let last = self.connections.last().expect("a connection");
                last.shutdown(Shutdown::Write).expect("shutdown");
                "done".to_owned()
            }
            "close" => {
                self.connections.pop();
                "done".to_owned()
            }
            other => panic!("cannot {other:?}"),
        }
    }

    fn keep(&mut self, connection: TcpStream) -> String {
        let address = connection.local_addr().expect("local address");
        self.connections.push(connection);
        address.to_string()
    }
}

fn say(line: &str) {
    println!("{line}");
    io::stdout().flush().expect("flush");
}

/// A running role, ended when dropped.
pub struct Peer {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    /// Where its sockets are, in the order of the words.
    pub at: Vec<SocketAddr>,
    udp: Vec<bool>,
    program: PathBuf,
    _scratch: Option<Scratch>,
}

impl Peer {
    /// Starts one that holds these: `tcp:127.0.0.1:0`, `udp:[::1]:0`.
    pub fn holding(words: &[&str]) -> Self {
        Self::start(&env::current_exe().expect("own path"), words, None)
    }

    /// Starts one with this image name, which listens.
    pub fn named(name: &str) -> Self {
        let scratch = Scratch::new();
        let path = scratch.path().join(name);
        fs::copy(env::current_exe().expect("own path"), &path).expect("copy");
        Self::start(&path, &["tcp:127.0.0.1:0"], Some(scratch))
    }

    /// Starts one whose path is longer than MAX_PATH, which Wine cannot start. Words that are no
    /// socket are only passed on.
    pub fn deep(words: &[&str]) -> Self {
        let scratch = Scratch::new();
        let folder = fs::canonicalize(scratch.path()).expect("a long path may be used");
        let length = if wine::is_wine() { 60 } else { 150 };
        let folder = folder.join("a".repeat(length)).join("b".repeat(length));
        fs::create_dir_all(&folder).expect("create a directory");
        let path = folder.join("deep.exe");
        fs::copy(env::current_exe().expect("own path"), &path).expect("copy");
        Self::start(&path, words, Some(scratch))
    }

    /// The path of its program.
    pub fn program(&self) -> &Path {
        &self.program
    }

    fn start(program: &Path, words: &[&str], scratch: Option<Scratch>) -> Self {
        let mut command = Command::new(program);
        command.args(words).env(ROLE, "1").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("start a role");
        let stdin = child.stdin.take().expect("a pipe");
        let stdout = child.stdout.take().map(BufReader::new).expect("a pipe");
        let udp = words.iter().map(|word| word.starts_with("udp:")).collect();
        let program = program.to_owned();
        let mut peer =
            Self { child, stdin, stdout, at: Vec::new(), udp, program, _scratch: scratch };
        let line = peer.line();
        let address = |word: &str| word.parse().expect("an address");
        peer.at = line.split_whitespace().map(address).collect();
        peer
    }

    /// The image name, as Windows has it.
    pub fn name() -> String {
        let path = env::current_exe().expect("own path");
        path.file_name().expect("a file").to_str().expect("text").to_owned()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The port of the first socket.
    pub fn port(&self) -> u16 {
        self.at[0].port()
    }

    #[track_caller]
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stdout.read_line(&mut line).expect("read");
        assert!(line.ends_with('\n'), "the role ended without a word: {line:?}");
        line.trim_end().to_owned()
    }

    /// Tells it something, and returns its answer.
    #[track_caller]
    pub fn tell(&mut self, order: &str) -> String {
        writeln!(self.stdin, "{order}").expect("tell");
        self.line()
    }

    /// Connects it to a server, which accepts; returns the near end.
    #[track_caller]
    pub fn connect(&mut self, server: &mut Self) -> SocketAddr {
        let near = self.tell(&format!("connect {}", server.at[0]));
        server.tell("accept");
        near.parse().expect("an address")
    }

    /// The words that ask for what it holds at these places, and for nothing of others.
    pub fn words_at(&self, at: &[SocketAddr]) -> Vec<String> {
        let ports = at.iter().map(|address| address.port().to_string());
        let mut words = vec!["--pid".to_owned(), self.pid().to_string()];
        words.extend(ports);
        words
    }

    /// The words that ask for what it was started with.
    pub fn words(&self) -> Vec<String> {
        self.words_at(&self.at)
    }

    /// What it was started with, as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let words = self.words().into_iter().chain(["--json".to_owned()]);
        let output = portwho(words).run();
        output.json(0, &wine::gap_if_said(&output))
    }

    /// The rows of what it was started with, in the order of the words.
    pub fn rows(&self) -> Vec<SocketRow> {
        let row = |(at, is_udp): (&SocketAddr, &bool)| match (is_udp, at) {
            (true, _) => netstat::socket("UDP", at, "*:*", "", self.pid()).image(Self::name()),
            (_, SocketAddr::V4(_)) => self.listener(at, "0.0.0.0:0"),
            (_, SocketAddr::V6(_)) => self.listener(at, "[::]:0"),
        };
        self.at.iter().zip(&self.udp).map(row).collect()
    }

    fn listener(&self, at: &SocketAddr, foreign: &str) -> SocketRow {
        netstat::socket("TCP", at, foreign, "LISTENING", self.pid()).image(Self::name())
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }

    /// The exit code, once it has ended.
    #[track_caller]
    pub fn exit_code(&mut self) -> Option<i32> {
        let status = wait_until("the role to end", || self.child.try_wait().expect("wait"));
        status.code()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
