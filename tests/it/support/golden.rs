//! The two tables as the specification draws them, computed here a second time: what the
//! program prints is compared with this, to the column.

use std::fs;

pub use super::netstat::{SocketRow, socket};

/// A row of the tasklist table, for a process that is running now.
pub struct ProcessRow {
    name: String,
    pid: u32,
}

impl ProcessRow {
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

/// A row of the tasklist table; `name` as it is to be shown, escaped but not yet cut.
pub fn process(name: &str, pid: u32) -> ProcessRow {
    ProcessRow { name: name.to_owned(), pid }
}

/// The whole tasklist table. Session and memory are read from /proc: the processes must be idle.
pub fn tasklist(rows: &[ProcessRow]) -> String {
    let mut table = "\n\
        Image Name                     PID Session Name        Session#    Mem Usage\n\
        ========================= ======== ================ =========== ============\n"
        .to_owned();
    for ProcessRow { name, pid } in rows {
        let (session_name, session) = session(*pid);
        let memory = format!("{} K", thousands(resident_kib(*pid)));
        table.push_str(&format!(
            "{name:<25.25} {pid:>8} {session_name:<16.16} {session:>11} {memory:>12}\n"
        ));
    }
    table
}

/// Both tables, as the program prints them one under the other. The names in the first are those of
/// the second.
pub fn tables(sockets: &[SocketRow], processes: &[ProcessRow]) -> String {
    let names: Vec<_> = processes.iter().map(|row| (row.name.clone(), row.pid)).collect();
    let mut sockets = sockets.to_vec();
    for row in &mut sockets {
        row.named(&names);
    }
    let tasklist = if processes.is_empty() { String::new() } else { tasklist(processes) };
    netstat(&sockets) + &tasklist
}

/// The whole netstat table. A row without a name has that of the one process that it names, which is
/// running.
pub fn netstat(sockets: &[SocketRow]) -> String {
    let mut sockets = sockets.to_vec();
    for row in &mut sockets {
        if let Some(pid) = row.unnamed_pid() {
            row.named(&[(name_of(pid), pid)]);
        }
    }
    super::netstat::netstat(&sockets)
}

/// The name of a running process: comm, or the longer one of the executable that begins with it.
pub fn name_of(pid: u32) -> String {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).expect("comm");
    let comm = comm.trim_end_matches('\n').to_owned();
    if comm.len() < 15 {
        return comm;
    }
    let executable = fs::read_link(format!("/proc/{pid}/exe")).expect("exe");
    let longer = executable.file_name().and_then(|name| name.to_str());
    longer.filter(|name| name.starts_with(&comm)).map_or(comm.clone(), str::to_owned)
}

/// The row of what `process::server` holds.
pub fn server_row(port: u16, pid: u32) -> SocketRow {
    socket("TCP", format!("127.0.0.1:{port}"), "0.0.0.0:0", "LISTENING", pid)
}

/// Both tables of what `process::server` holds.
pub fn server(port: u16, pid: u32) -> String {
    tables(&[server_row(port, pid)], &[process("server", pid)])
}

/// `1234567` as `1,234,567`.
fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits.as_bytes().rchunks(3).rev().map(ascii).collect();
    groups.join(",")
}

fn ascii(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).expect("digits")
}

fn resident_kib(pid: u32) -> u64 {
    let statm = fs::read_to_string(format!("/proc/{pid}/statm")).expect("statm");
    let pages: u64 = statm.split(' ').nth(1).expect("a field").parse().expect("a number");
    let page = u64::try_from(rustix::param::page_size()).expect("a page size");
    pages * page / 1024
}

/// The controlling terminal, or the systemd unit, or `-`; and the session's number.
fn session(pid: u32) -> (String, String) {
    let stat = fs::read(format!("/proc/{pid}/stat")).expect("stat");
    let stat = String::from_utf8_lossy(&stat);
    let fields: Vec<&str> = stat.rsplit_once(')').expect("a name").1.split_whitespace().collect();
    let session = fields[3].to_owned();
    let terminal: u32 = fields[4].parse().expect("a device number");
    let name = if terminal == 0 { unit(pid) } else { terminal_name(terminal) };
    (name, session)
}

/// The name of a device number as /proc/PID/stat packs it: major 136 to 143 are `pts`.
fn terminal_name(device: u32) -> String {
    let major = (device >> 8) & 0xfff;
    let minor = (device & 0xff) | ((device >> 12) & 0xf_ff00);
    match major {
        136..=143 => format!("pts/{}", (major - 136) * 256 + minor),
        4 => format!("tty{minor}"),
        _ => panic!("a terminal of major number {major}"),
    }
}

/// The unit that a process runs in, or `-`.
pub fn unit(pid: u32) -> String {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("cgroup");
    let path = groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap_or("");
    let is_unit = |part: &&str| [".service", ".scope"].iter().any(|end| part.ends_with(end));
    path.rsplit('/').find(is_unit).unwrap_or("-").to_owned()
}
