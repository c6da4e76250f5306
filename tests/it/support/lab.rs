//! A Windows whose tables of sockets a test decides: a copy of the program beside a stand-in for
//! `iphlpapi.dll` (`tests/iphlpapi`), and what the stand-in for `netsh.exe` prints.
//!
//! Windows loads a library from the directory of the program first, unless it is one of the KnownDLLs
//! ("Dynamic-link library search order"), and `iphlpapi.dll` is none. Wine has to be told so.

use std::env;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;

use super::run::Run;
use super::{Scratch, portwho, wine};

/// The file with the answers of the library; those of netsh are beside it.
pub(super) const SCRIPT: &str = "PORTWHO_LAB";

/// A time of creation, in 100 ns since 1601: 2022-06-18.
pub const CREATED: u64 = 133_000_000_000_000_000;

/// 2054-02-24, which is after any process of a test was born.
pub const CREATED_LATER: u64 = 143_000_000_000_000_000;

/// The states of `MIB_TCP_STATE` that the tests use.
pub const LISTEN: u32 = 2;
pub const ESTABLISHED: u32 = 5;
pub const TIME_WAIT: u32 = 11;
pub const DELETE_TCB: u32 = 12;

/// A row of a table.
#[derive(Clone, Copy)]
pub struct Row {
    local: SocketAddr,
    foreign: Option<SocketAddr>,
    state: u32,
    pid: u32,
    created: u64,
}

/// A TCP row.
pub fn tcp(local: &str, state: u32, pid: u32) -> Row {
    let local: SocketAddr = local.parse().expect("an address");
    let nowhere = if local.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let foreign = Some(nowhere.parse().expect("an address"));
    Row { local, foreign, state, pid, created: 0 }
}

/// A UDP row.
pub fn udp(local: &str, pid: u32) -> Row {
    Row { foreign: None, ..tcp(local, 0, pid) }
}

impl Row {
    pub fn to(self, foreign: &str) -> Self {
        Self { foreign: Some(foreign.parse().expect("an address")), ..self }
    }

    pub fn created(self, created: u64) -> Self {
        Self { created, ..self }
    }

    /// `tcp4`, `udp6`.
    fn table(&self) -> String {
        let protocol = if self.foreign.is_some() { "tcp" } else { "udp" };
        format!("{protocol}{}", if self.local.is_ipv4() { 4 } else { 6 })
    }

    /// As `MIB_*ROW_OWNER_PID`.
    fn with_pid(&self) -> Vec<u8> {
        let mut row = Fields::default();
        self.ends(&mut row);
        row.number(self.pid);
        row.0
    }

    /// As `MIB_*ROW_OWNER_MODULE`: 16 numbers of the owner's module are at its end.
    fn with_module(&self) -> Vec<u8> {
        let mut row = Fields::default();
        self.ends(&mut row);
        row.number(self.pid);
        row.align();
        row.0.extend(self.created.to_ne_bytes());
        if self.foreign.is_none() {
            // What was bound, and flags.
            row.0.extend([0; 8]);
        }
        row.0.extend([0x5a; 128]);
        row.0
    }

    /// Its bytes as they are logged, as the tables of owners' modules have it.
    pub fn module(&self) -> String {
        self.with_module().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn ends(&self, row: &mut Fields) {
        if self.foreign.is_some() && self.local.is_ipv4() {
            row.number(self.state);
        }
        row.end(self.local);
        if let Some(foreign) = self.foreign {
            row.end(foreign);
            if self.local.is_ipv6() {
                row.number(self.state);
            }
        }
    }

    /// As `MIB_TCPROW2` and `MIB_TCP6ROW2`, which the list of bound endpoints has.
    fn bound(&self) -> Vec<u8> {
        let mut row = Fields::default();
        self.ends(&mut row);
        row.number(self.pid);
        // The state of offloading.
        row.number(0);
        row.0
    }
}

/// The fields of a row, one after the other.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn number(&mut self, number: u32) {
        self.0.extend(number.to_ne_bytes());
    }

    /// An address, its scope and a port, whose upper half is noise.
    fn end(&mut self, end: SocketAddr) {
        match end {
            SocketAddr::V4(end) => self.0.extend(end.ip().octets()),
            SocketAddr::V6(end) => {
                self.0.extend(end.ip().octets());
                self.number(end.scope_id());
            }
        }
        self.0.extend(end.port().to_be_bytes());
        self.0.extend([0xde, 0xad]);
    }

    /// To a multiple of 8.
    fn align(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
    }
}

/// A table of these rows, which begin behind so many bytes.
fn table(start: usize, rows: &[Vec<u8>]) -> Vec<u8> {
    let count = u32::try_from(rows.len()).expect("few rows");
    let mut bytes = count.to_ne_bytes().to_vec();
    bytes.resize(start, 0);
    bytes.extend(rows.concat());
    bytes
}

/// A machine, until it is dropped.
pub struct Lab {
    scratch: Scratch,
    script: String,
}

impl Lab {
    /// One without any socket.
    pub fn new() -> Self {
        prefer_own_library();
        let scratch = Scratch::new();
        let copy = |from: &Path, name: &str| {
            let to = scratch.path().join(name);
            fs::copy(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        };
        copy(Path::new(env!("CARGO_BIN_EXE_portwho")), "portwho.exe");
        let library = env::current_exe().expect("own path");
        copy(&library.with_file_name("portwho_test_iphlpapi.dll"), "iphlpapi.dll");
        Self { scratch, script: String::new() }
    }

    /// One with these rows.
    pub fn with(rows: &[Row]) -> Self {
        Self::new().rows(rows)
    }

    /// These rows, and no others in their tables.
    pub fn rows(self, rows: &[Row]) -> Self {
        self.prefixed("", rows)
    }

    /// These rows, once a connection has been closed.
    pub fn rows_after_close(self, rows: &[Row]) -> Self {
        self.prefixed("closed ", rows)
    }

    fn prefixed(mut self, prefix: &str, rows: &[Row]) -> Self {
        for name in ["tcp4", "tcp6", "udp4", "udp6"] {
            let own: Vec<&Row> = rows.iter().filter(|row| row.table() == name).collect();
            if own.is_empty() && prefix.is_empty() {
                continue;
            }
            let pids = table(4, &own.iter().map(|row| row.with_pid()).collect::<Vec<_>>());
            let modules = table(8, &own.iter().map(|row| row.with_module()).collect::<Vec<_>>());
            self = self.answer(&format!("{prefix}{name}.pid"), 0, &pids);
            self = self.answer(&format!("{prefix}{name}.module"), 0, &modules);
        }
        self
    }

    /// The bound endpoints of both families.
    pub fn bound(mut self, rows: &[Row]) -> Self {
        for (name, is_v4) in [("bound4", true), ("bound6", false)] {
            let own = rows.iter().filter(|row| row.local.is_ipv4() == is_v4);
            let own: Vec<Row> = own.copied().collect();
            self = self.answer(name, 0, &Self::bound_table(&own));
        }
        self
    }

    /// A table of bound endpoints of one family.
    pub fn bound_table(rows: &[Row]) -> Vec<u8> {
        table(4, &rows.iter().map(Row::bound).collect::<Vec<_>>())
    }

    /// The next answer to a call.
    pub fn answer(mut self, name: &str, code: u32, bytes: &[u8]) -> Self {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        self.script.push_str(&format!("{name} {code} {digits}\n"));
        self
    }

    /// The next answer to a call, without a table.
    pub fn code(mut self, name: &str, code: u32) -> Self {
        self.script.push_str(&format!("{name} {code}\n"));
        self
    }

    /// What `netsh WORDS` prints, as on a machine that sets nothing aside where nothing is said; `None`
    /// never ends.
    pub fn netsh(self, words: &str, output: Option<&str>) -> Self {
        let folder = self.scratch.path().join("netsh");
        fs::create_dir_all(&folder).expect("create a directory");
        fs::write(folder.join(file_of(words)), output.unwrap_or(ENDLESS)).expect("write");
        self
    }

    /// The program on this machine.
    pub fn portwho(&self, words: &str) -> Run {
        let path = self.scratch.path().join("script");
        fs::write(&path, &self.script).expect("write");
        let run = portwho(words.split_whitespace());
        let run = run.program(self.scratch.path().join("portwho.exe"));
        run.env(SCRIPT, path.to_str().expect("text"))
    }

    /// What was asked of the calls that are given a row: `NAME BYTES` in each line.
    pub fn asked(&self) -> String {
        fs::read_to_string(self.scratch.path().join("script.log")).unwrap_or_default()
    }
}

/// Makes Wine prefer a library beside the program to its own; without one nothing changes.
fn prefer_own_library() {
    if wine::is_wine() {
        let key = r"HKCU\Software\Wine\AppDefaults\portwho.exe\DllOverrides";
        wine::set(key, "iphlpapi", "native,builtin");
    }
}

/// Stands for output that never comes.
pub(super) const ENDLESS: &str = "ENDLESS";

pub(super) fn file_of(words: &str) -> String {
    words.replace(' ', "+")
}
