//! Network namespaces other than portwho's own: listed on request, hinted at where nothing is here, and
//! said not to be searched where this user may not look.

mod hints;
mod named;
mod unlisted;
mod unseen;

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::linux::fs::MetadataExt;

use portwho::model::{Reach, Scope, Untrusted};
use portwho::platform::{Sockets, ThisSystem};

use serde_json::{Value, json};

use crate::support::features::{assert_no_gap, remark_on_bound};
use crate::support::json::{process, socket};
use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::process::{Actor, Owner, is_machines_root};
use crate::support::{Output, golden, portwho};

const NOBODY: u32 = 65534;

/// What is said where even root may not read where some process lives, as in a sandbox: that is
/// so for the first process, if for any.
fn unreadable() -> &'static str {
    match fs::metadata("/proc/1/ns/net") {
        Ok(_) => "",
        Err(_) => {
            "portwho: some network namespaces may be missing (not readable for some processes): \
             entering a network namespace requires CAP_SYS_ADMIN and CAP_SYS_PTRACE: run portwho \
             on the host, outside containers and sandboxes\n"
        }
    }
}

/// The same, below what an older kernel leaves open, where other tests change their descriptors
/// meanwhile.
fn left_open(output: &Output) -> String {
    remark_on_bound(output) + unreadable()
}

/// A name that no process of another test has.
fn name() -> String {
    format!("w{}", std::process::id())
}

/// A port that no other test uses, whose sockets root finds in their namespaces: below the
/// ephemeral ones, and above those that have a meaning.
fn port() -> u16 {
    22_000 + u16::try_from(std::process::id() % 10_000).expect("a small number")
}

/// A process in a namespace of its own that listens there.
fn server_elsewhere(name: &str, port: u16) -> Actor {
    let address = format!("127.0.0.1:{port}");
    let mut server = in_netns(|| Owner::named(name).playing("listen", &[&address]));
    server.line();
    server
}

/// The number of the namespace that a process lives in.
fn namespace_of(pid: u32) -> u64 {
    fs::metadata(format!("/proc/{pid}/ns/net")).expect("a namespace").st_ino()
}

/// Both tables with the namespaces: its rows are `(local, foreign, state, pid, namespace)`.
#[track_caller]
fn shows(output: &Output, rows: &[(&str, &str, &str, u32, &str)]) {
    let name = |pid: u32| if pid == 0 { "(time-wait)".to_owned() } else { golden::name_of(pid) };
    let names: Vec<String> = rows.iter().map(|row| name(row.3)).collect();
    let width = names.iter().map(String::len).max().unwrap_or(0).max("Image Name".len());
    let mut expected = format!(
        "\nActive Connections\n\n  Proto  Local Address          Foreign Address        \
         State           PID      {:width$} Netns\n",
        "Image Name"
    );
    for ((local, foreign, state, pid, namespace), name) in rows.iter().zip(names) {
        expected.push_str(&format!(
            "  TCP    {local:<22} {foreign:<22} {state:<15} {pid:<8} {name:width$} {namespace:.25}\n"
        ));
    }
    let tables = output.stdout.split_inclusive("\n\nImage Name").next().expect("a table");
    let netstat = tables.strip_suffix("\nImage Name").expect("two tables");
    assert_eq!(netstat, expected, "{output:?}");
    output.is(0, &output.stdout, &left_open(output));
}

#[trial]
fn without_a_name_they_are_listed_by_their_first_process() {
    if !is_machines_root() {
        return;
    }
    let (name, port) = (name(), port());
    let local = Loopback::V4.port(port);
    let there = server_elsewhere(&name, port);
    let here = Owner::named(&name).holding(makers::listening(local).socket);
    let output = portwho(["--all-netns", &port.to_string()]).run();
    let local = local.to_string();
    let row = |pid, namespace| (local.as_str(), "0.0.0.0:0", "LISTENING", pid, namespace);
    let by_process = format!("pid:{}", there.pid());
    let mut rows = [row(here.pid(), "-"), row(there.pid(), &by_process)];
    // Both ends are the same, and their order is that of the inodes.
    let at = |pid: u32| output.stdout.find(&format!(" {pid} "));
    rows.sort_by_key(|row| at(row.3));
    shows(&output, &rows);
    let pids = portwho(["--all-netns", "-q", &port.to_string()]).run();
    let mut expected = [here.pid(), there.pid()];
    expected.sort_unstable();
    pids.is(0, &expected.map(|pid| format!("{pid}\n")).concat(), &left_open(&pids));
}

#[track_caller]
fn in_json(port: u16) -> Value {
    let output = portwho(["--all-netns", "--json", &port.to_string()]).run();
    output.json(0, &left_open(&output))
}

#[trial]
fn they_are_in_json_by_their_inode() {
    if !is_machines_root() {
        return;
    }
    let (name, port) = (name(), port());
    let there = server_elsewhere(&name, port);
    let local = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 2).into(), port);
    let here = Owner::named(&name).holding(makers::listening(local).socket);
    let answer = in_json(port);
    let far = socket(&answer, Loopback::V4.port(port), None);
    assert_eq!(far["netns"], json!({"name": null, "inode": namespace_of(there.pid())}));
    assert_eq!(far["owner"], json!({"kind": "processes", "pids": [there.pid()]}));
    assert_eq!(process(&answer, there.pid())["name"], name.as_str());
    let near = socket(&answer, local, None);
    assert_eq!(near["netns"], Value::Null);
    assert_eq!(near["owner"], json!({"kind": "processes", "pids": [here.pid()]}));
    if unreadable().is_empty() {
        assert_no_gap(&answer);
    }
}

/// The first thread of the process lives here, and only another one there.
#[trial]
fn a_thread_with_one_of_its_own() {
    if !is_machines_root() {
        return;
    }
    let (name, port) = (name(), port());
    let local = Loopback::V4.port(port).to_string();
    let mut server = Owner::named(&name).playing("thread-elsewhere", &[&local]);
    assert_eq!(server.line(), local);
    assert_eq!(namespace_of(server.pid()), namespace_of(std::process::id()));
    let output = portwho(["--all-netns", &port.to_string()]).run();
    let by_process = format!("pid:{}", server.pid());
    shows(&output, &[(&local, "0.0.0.0:0", "LISTENING", server.pid(), &by_process)]);
}

#[trial]
fn several_filters_hold_in_all_of_them() {
    if !is_machines_root() {
        return;
    }
    let (name, port) = (name(), port());
    let there = server_elsewhere(&name, port);
    let port = port.to_string();
    let asked = |words: &[&str]| portwho([&["--all-netns", "-q", &port], words].concat()).run();
    let found = format!("{}\n", there.pid());
    for words in [["-s", "LISTEN"], ["--local", "127.0.0.0/8"], ["-4", "-t"], ["--name", &name]] {
        let output = asked(&words);
        output.is(0, &found, &left_open(&output));
    }
    for words in [["-s", "BOUND"], ["--local", "127.0.0.2"], ["-6", "-t"], ["--name", "other"]] {
        let output = asked(&words);
        output.is(1, "", &output.stderr);
        assert!(!output.stderr.contains(&name), "{output:?}");
    }
}

#[trial]
fn nothing_in_any_of_them() {
    if !is_machines_root() {
        return;
    }
    let port = port();
    let nothing = format!("{}portwho: port {port} is free\n", unreadable());
    portwho(["--all-netns", &port.to_string()]).run().is(1, "", &nothing);
}

/// Called twice, and the caller's thread is where it was, and sees what it saw.
#[trial]
fn the_library_stays_in_its_callers_namespace() {
    if !is_machines_root() {
        return;
    }
    let there = server_elsewhere(&name(), 80);
    let _here = makers::listening(Loopback::V4.port(81));
    let own = || fs::metadata("/proc/thread-self/ns/net").expect("a namespace").st_ino();
    let before = own();
    let ports = || {
        let table = ThisSystem::default().sockets(&Scope::everything()).expect("the tables");
        table.sockets.iter().map(|socket| socket.local.port).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        let found = ThisSystem::default()
            .sockets_elsewhere(&Scope::everything(), Reach::Processes)
            .expect("the tables");
        let inode = namespace_of(there.pid());
        let inside = found.table.sockets.iter().filter(|socket| socket.netns == Some(inode));
        assert_eq!(inside.map(|socket| socket.local.port).collect::<Vec<_>>(), [80]);
        let known = found.namespaces.get(&inode).expect("a namespace");
        let resident = known.resident.as_ref().expect("a process");
        assert_eq!((&known.name, resident.pid.0), (&None, there.pid()));
        assert_eq!(resident.name, Untrusted::from(name()));
        assert_eq!(own(), before);
        assert_eq!(ports(), [81]);
    }
    in_netns(|| {
        let found = ThisSystem::default()
            .sockets_elsewhere(&Scope::everything(), Reach::Processes)
            .expect("the tables");
        let of_caller = found.table.sockets.iter().filter(|socket| socket.netns == Some(before));
        assert_eq!(of_caller.map(|socket| socket.local.port).collect::<Vec<_>>(), [81]);
        assert_eq!(ports(), [0_u16; 0]);
    });
}
