//! Metrics of users who want to fill Prometheus: by names, ports, programs and groups, in a look and from look
//! to look. What its head gets is every series that any look had.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::io::{FdFlags, fcntl_setfd};

use crate::metrics::promtool_says;
use crate::support::cgroup::Group;
use crate::support::makers::{self, Loopback};
use crate::support::metrics::samples;
use crate::support::process::{Owner, Process, can_become};
use crate::support::{Scratch, mounts, portwho, skip};

/// A user of no unit.
pub const HOSTILE: u32 = 4000;
/// Another one: `nobody`.
const HONEST: u32 = 65_534;
const PROCESSES: usize = 2000;
/// How many series one user may add to Prometheus' head.
const SERIES: usize = 40;

/// The labels of all samples.
fn series(text: &str) -> BTreeSet<String> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

/// What Prometheus gets: the honest series, which every look has to have, and all others so far.
struct Head {
    scratch: Scratch,
    honest: BTreeSet<String>,
    new: BTreeSet<String>,
    _servers: [Process; 2],
}

impl Head {
    /// With one look at two honest servers; none where there are no other users.
    fn new() -> Option<Self> {
        if !can_become(HOSTILE) {
            skip("there is no other user here");
            return None;
        }
        let listener = |port| makers::listening(Loopback::V4.port(port)).socket;
        let servers = [
            Owner::named("web").holding(listener(80)),
            Owner::named("honest").user(HONEST).holding(listener(8080)),
        ];
        let (scratch, none) = (Scratch::new(), BTreeSet::new());
        let mut head = Self { scratch, honest: none.clone(), new: none, _servers: servers };
        head.scrape();
        head.honest = std::mem::take(&mut head.new);
        assert!(head.honest.iter().any(|one| one.contains("port=\"8080\"")), "{:?}", head.honest);
        Some(head)
    }

    fn file(&self) -> PathBuf {
        self.scratch.path().join("portwho.prom")
    }

    /// A look, as the timer takes it.
    #[track_caller]
    fn scrape(&mut self) -> String {
        let (text, said) = self.scrape_that_says();
        assert_eq!(said, "");
        text
    }

    /// A look, and what is said of it.
    #[track_caller]
    fn scrape_that_says(&mut self) -> (String, String) {
        let output = portwho([Path::new("metrics"), Path::new("--output"), &self.file()]).run();
        output.is(0, "", &output.stderr);
        let text = fs::read_to_string(self.file()).expect("read");
        let now = series(&text);
        let lost: Vec<&String> = self.honest.difference(&now).collect();
        assert_eq!(lost, [""; 0], "honest series are there still");
        self.new.extend(now.difference(&self.honest).cloned());
        (text, output.stderr)
    }

    #[track_caller]
    fn has_grown_little(&self) {
        assert!(!self.new.is_empty() && self.new.len() <= SERIES, "{:#?}", self.new);
    }
}

/// A process of the hostile user that holds all of these.
pub fn hoarder(sockets: Vec<OwnedFd>) -> Process {
    for socket in &sockets {
        fcntl_setfd(socket, FdFlags::empty()).expect("let it be inherited");
    }
    Owner::named("hoarder").user(HOSTILE).holding(udp(0))
}

pub fn tcp(port: u16) -> OwnedFd {
    TcpListener::bind(("127.0.0.1", port)).expect("listen").into()
}

fn udp(port: u16) -> OwnedFd {
    UdpSocket::bind(("0.0.0.0", port)).expect("bind").into()
}

/// Each process has a program and a name of its own, and names itself anew at each SIGUSR1.
#[trial]
fn a_user_who_renames_processes_adds_few_series() {
    let Some(mut head) = Head::new() else { return };
    let mut crowd = crate::support::renaming::Crowd::start(HOSTILE, PROCESSES);
    for _ in 0..5 {
        crowd.rename();
        head.scrape();
    }
    head.has_grown_little();
}

/// Twenty listeners at a time, at other ports for each of a hundred looks.
#[trial]
fn a_user_who_moves_from_port_to_port_adds_few_series() {
    for bind in [tcp, udp] {
        let Some(mut head) = Head::new() else { return };
        for look in 0..50 {
            let ports = 1024 + 20 * look..1024 + 20 * (look + 1);
            let _hoarder = hoarder(ports.map(bind).collect());
            head.scrape();
        }
        head.has_grown_little();
    }
}

/// All of them stay.
#[trial]
fn a_user_with_thousands_of_ports_adds_few_series() {
    for bind in [tcp, udp] {
        let Some(mut head) = Head::new() else { return };
        let _hoarders: Vec<Process> = (0..5)
            .map(|part| hoarder((2000 + part * 400..2400 + part * 400).map(bind).collect()))
            .collect();
        let text = head.scrape();
        assert_eq!(samples(&text, "portwho_series_merged"), [" 1992"]);
        head.has_grown_little();
    }
}

/// Programs of the system, as far as their paths tell, each with a socket.
fn programs(names: &[&OsStr]) -> Vec<Process> {
    let of = |name: &&OsStr| {
        Owner::named(name).user(HOSTILE).installed_in("/usr/local/bin").holding(udp(0))
    };
    names.iter().map(of).collect()
}

fn own_programs() -> bool {
    let mounted = mounts::own_mounts().and_then(|()| mounts::empty("/usr/local/bin"));
    if let Err(error) = &mounted {
        skip(&format!("mount: {error}"));
        return false;
    }
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions("/usr/local/bin", mode).expect("chmod");
    true
}

/// There are some hundred programs that wait.
#[trial]
fn a_user_who_runs_every_program_has_twenty() {
    let Some(mut head) = Head::new() else { return };
    if !own_programs() {
        return;
    }
    for look in 0..4 {
        let names: Vec<String> = (0..15).map(|number| format!("p-{look}-{number}")).collect();
        let names: Vec<&OsStr> = names.iter().map(OsStr::new).collect();
        let _programs = programs(&names);
        head.scrape();
    }
    let named = |one: &&String| one.starts_with("portwho_sockets") && one.contains("process=\"p-");
    assert_eq!(head.new.iter().filter(named).count(), 20, "{:#?}", head.new);
}

#[trial]
fn names_of_any_bytes_are_text_that_promtool_reads() {
    let Some(mut head) = Head::new() else { return };
    if !own_programs() {
        return;
    }
    let long = "\u{e4}".repeat(70);
    let cut = format!("a{}", "\u{65e5}".repeat(40));
    let names: [&[u8]; 8] = [
        b"\xff\xfe\x80",
        b"a\nportwho_up 1\n",
        b"\"} 1 # {x=\"",
        b"back\\slash\\n",
        long.as_bytes(),
        cut.as_bytes(),
        b"\xe2\x80\xae\x1b[31m\r",
        b"# TYPE info",
    ];
    let _programs = programs(&names.map(OsStr::from_bytes));
    let text = head.scrape();
    let process = |line: &&str| line.contains("process=") && !line.contains("\"sleep\"");
    assert_eq!(samples(&text, "portwho_sockets").into_iter().filter(process).count(), 9, "{text}");
    let is_known = |line: &str| line.starts_with("portwho_") || line.starts_with("# ");
    assert!(text.lines().all(is_known), "{text}");
    if let Some(said) = promtool_says(&head.file()) {
        assert_eq!(said, "");
    }
}

/// Names of units and containers below a group that the user was given, and within a unit.
#[trial]
fn a_user_with_a_group_names_nothing() {
    let Some(mut head) = Head::new() else { return };
    let Some(group) = Group::named("delegated") else { return };
    let mut run = |group: &Group| {
        let _process = group.inside(|| Owner::named("x").user(HOSTILE).holding(udp(0)));
        head.scrape();
    };
    let lxc = group.below("lxc");
    for name in [
        "evil-1.service",
        "evil-2.scope",
        "evil-3.slice",
        "lxc.payload.evil-4",
        "machine-evil-5.scope",
    ] {
        run(&group.below(name));
    }
    run(&lxc.below("evil-6"));
    let evil: Vec<&String> = head.new.iter().filter(|one| one.contains("evil")).collect();
    assert_eq!(evil, [""; 0]);
    assert!(head.new.iter().any(|one| one.contains("container=\"lxc\"")), "{:#?}", head.new);
    head.has_grown_little();
}

/// What was remembered tells nothing, is nobody else's to read, and is no link's to write.
#[trial]
fn what_is_remembered_is_portwhos_own() {
    let Some(mut head) = Head::new() else { return };
    let seen = head.scratch.path().join("portwho.prom.seen");
    let text = fs::read_to_string(&seen).expect("read");
    assert!(text.lines().all(|line| line.starts_with("owner ") || line.starts_with("listener ")));
    assert_eq!(fs::metadata(&seen).expect("stat").permissions().mode() & 0o7777, 0o600);
    let victim = head.scratch.path().join("victim");
    fs::write(&victim, "untouched").expect("write");
    fs::remove_file(&seen).expect("remove");
    std::os::unix::fs::symlink(&victim, &seen).expect("link");
    assert!(head.scrape_that_says().1.starts_with("portwho: cannot read "));
    assert_eq!(fs::read_to_string(&victim).expect("read"), "untouched");
    assert_eq!(fs::read_to_string(&seen).expect("read").lines().count(), text.lines().count());
    fs::write(&seen, b"\xff\0nonsense\nowner x y z\n").expect("write");
    assert!(head.scrape_that_says().1.contains(": 2 lines are not portwho's; "));
    assert_eq!(fs::read_to_string(&seen).expect("read").lines().count(), text.lines().count());
    fs::remove_file(&seen).expect("remove");
    fs::create_dir(&seen).expect("mkdir");
    let output = portwho([Path::new("metrics"), Path::new("--output"), &head.file()]).run();
    output.is(0, "", &output.stderr);
    assert!(output.stderr.starts_with("portwho: cannot write "), "{output:?}");
}

/// Where nothing but the system listens there is nothing to remember.
#[trial]
fn roots_own_are_not_remembered() {
    let scratch = Scratch::new();
    let file = scratch.path().join("portwho.prom");
    let _server = Owner::named("web").holding(tcp(80));
    portwho([Path::new("metrics"), Path::new("--output"), &file]).run().is(0, "", "");
    assert_eq!(fs::read_dir(scratch.path()).expect("list").count(), 1);
}
