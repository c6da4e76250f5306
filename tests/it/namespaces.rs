//! Network namespaces other than portwho's own: listed on request, hinted at where nothing is here, and
//! said not to be searched where this user may not look.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::linux::fs::MetadataExt;
use std::process::Command;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use portwho::model::{Reach, Scope, Untrusted};
use portwho::platform::{Sockets, ThisSystem};
use rustix::net::{AddressFamily, SocketType, sockopt};
use serde_json::{Value, json};

use crate::support::cgroup::unique;
use crate::support::features::{self, assert_no_gap, remark_on_bound};
use crate::support::json::{gaps, process, socket, sockets};
use crate::support::kernel_table::{State, await_state};
use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::process::{Actor, Owner, can_become, find_in_path, is_machines_root};
use crate::support::{Output, golden, portwho, refuse, skip};

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
fn they_are_listed_by_their_first_process() {
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
    let mut rows = [row(here.pid(), "-"), row(there.pid(), &name)];
    // Both ends are the same, and their order is that of the inodes.
    let at = |pid: u32| output.stdout.find(&format!(" {pid} "));
    rows.sort_by_key(|row| at(row.3));
    shows(&output, &rows);
    let pids = portwho(["--all-netns", "-q", &port.to_string()]).run();
    let mut expected = [here.pid(), there.pid()];
    expected.sort_unstable();
    pids.is(0, &expected.map(|pid| format!("{pid}\n")).concat(), &left_open(&pids));
}

/// By several processes, and by a name too.
#[trial]
fn each_is_listed_once() {
    if !is_machines_root() {
        return;
    }
    let port = port();
    let mut server = server_elsewhere(&name(), port);
    server.tell("fork");
    let Some(bound) = Bound::to(server.pid()) else { return };
    let answer = in_json(port);
    assert_eq!(sockets(&answer).len(), 1, "{answer:#}");
    assert_eq!(sockets(&answer)[0]["netns"]["name"], bound.name, "a name that somebody gave it");
}

#[track_caller]
fn in_json(port: u16) -> Value {
    let output = portwho(["--all-netns", "--json", &port.to_string()]).run();
    output.json(0, &left_open(&output))
}

#[trial]
fn they_are_in_json_with_name_and_inode() {
    if !is_machines_root() {
        return;
    }
    let (name, port) = (name(), port());
    let there = server_elsewhere(&name, port);
    let local = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 2).into(), port);
    let here = Owner::named(&name).holding(makers::listening(local).socket);
    let answer = in_json(port);
    let far = socket(&answer, Loopback::V4.port(port), None);
    assert_eq!(far["netns"], json!({"name": name, "inode": namespace_of(there.pid())}));
    assert_eq!(far["owner"], json!({"kind": "processes", "pids": [there.pid()]}));
    assert_eq!(process(&answer, there.pid())["name"], name.as_str());
    let near = socket(&answer, local, None);
    assert_eq!(near["netns"], Value::Null);
    assert_eq!(near["owner"], json!({"kind": "processes", "pids": [here.pid()]}));
    if unreadable().is_empty() {
        assert_no_gap(&answer);
    }
}

/// A namespace with a name, as `ip netns` makes them: a file in /run/netns, for the whole machine.
struct Bound {
    name: String,
}

impl Bound {
    /// A new one.
    fn new() -> Option<Self> {
        Self::by(&["add"], &unique("netns"), &[])
    }

    /// A name for the one that a process lives in.
    fn to(pid: u32) -> Option<Self> {
        Self::by(&["attach"], &unique("netns"), &[&pid.to_string()])
    }

    fn by(verb: &[&str], name: &str, words: &[&str]) -> Option<Self> {
        if find_in_path("ip").is_none() {
            skip("no ip");
            return None;
        }
        ip(&[&["netns"], verb, &[name], words].concat());
        Some(Self { name: name.to_owned() })
    }

    /// Runs this there, in a thread of its own.
    fn inside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.name)).expect("a namespace");
        in_netns(move || {
            setns(file, CloneFlags::CLONE_NEWNET).expect("enter it");
            run()
        })
    }

    fn inode(&self) -> u64 {
        fs::metadata(format!("/run/netns/{}", self.name)).expect("a namespace").st_ino()
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.name]);
    }
}

#[track_caller]
fn ip(words: &[&str]) {
    let status = Command::new("ip").args(words).status().expect("run ip");
    assert!(status.success(), "ip {}", words.join(" "));
}

/// The sockets of one in which no process lives: its name is in the file system alone. A process
/// that lives elsewhere holds them.
#[trial]
fn a_name_bound_to_one_without_a_process() {
    if !is_machines_root() {
        return;
    }
    let Some(bound) = Bound::new() else { return };
    let local = Loopback::V4.port(port());
    let socket = bound.inside(|| {
        ip(&["link", "set", "lo", "up"]);
        makers::listening(local).socket
    });
    let server = Owner::named(name()).holding(socket);
    let answer = in_json(local.port());
    let found = self::socket(&answer, local, None);
    assert_eq!(found["netns"], json!({"name": bound.name, "inode": bound.inode()}));
    let output = portwho(["--all-netns", &local.port().to_string()]).run();
    let local = local.to_string();
    shows(&output, &[(&local, "0.0.0.0:0", "LISTENING", server.pid(), &bound.name)]);
}

/// One end of a connection here, and the other one there.
#[trial]
fn a_cable_between_two() {
    if !is_machines_root() {
        return;
    }
    let Some(bound) = Bound::new() else { return };
    let cable = ["link", "add", "left", "type", "veth", "peer", "name", "right", "netns"];
    ip(&[&cable[..], &[&bound.name]].concat());
    ip(&["addr", "add", "10.9.8.1/24", "dev", "left"]);
    ip(&["link", "set", "left", "up"]);
    let far = SocketAddr::new(Ipv4Addr::new(10, 9, 8, 2).into(), port());
    let listener = bound.inside(|| {
        ip(&["addr", "add", "10.9.8.2/24", "dev", "right"]);
        ip(&["link", "set", "right", "up"]);
        TcpListener::bind(far).expect("bind")
    });
    let client = TcpStream::connect(far).expect("connect through the cable");
    let near = client.local_addr().expect("local address");
    let (server, _) = listener.accept().expect("accept");
    await_state(near, far, State::ESTABLISHED);
    let name = name();
    let client = Owner::named(&name).holding(client.into());
    let server = Owner::named(&name).holding(server.into());
    let here = portwho(["--all-netns", "--json", "--foreign-port", &far.port().to_string()]);
    let answer = here.run();
    let answer = answer.json(0, &left_open(&answer));
    let here = socket(&answer, near, Some(far));
    assert_eq!(here["netns"], Value::Null);
    assert_eq!(here["owner"], json!({"kind": "processes", "pids": [client.pid()]}));
    let answer = in_json(far.port());
    let there = socket(&answer, far, Some(near));
    assert_eq!(there["netns"], json!({"name": bound.name, "inode": bound.inode()}));
    assert_eq!(there["owner"], json!({"kind": "processes", "pids": [server.pid()]}));
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
    shows(&output, &[(&local, "0.0.0.0:0", "LISTENING", server.pid(), &name)]);
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

/// The hint is the same in every view.
#[trial]
fn what_is_held_elsewhere_is_hinted_at() {
    if !is_machines_root() {
        return;
    }
    let (name, port) = (name(), port());
    let there = server_elsewhere(&name, port);
    let pid = there.pid();
    let hint = format!(
        "portwho: port {port} is free\n\
         portwho: 127.0.0.1:{port} is held in the network namespace {name} by {name} (PID {pid}); \
         to see it, add --all-netns\n"
    );
    portwho([port.to_string()]).run().is(1, "", &hint);
    portwho(["-q", &port.to_string()]).run().is(1, "", &hint);
    let answer = portwho(["--json", &port.to_string()]).run().json(1, &hint);
    assert_eq!((&answer["sockets"], &answer["gaps"]), (&json!([]), &json!([])));
    let without_port = hint.replace(&format!("port {port} is free"), "no socket matches");
    portwho(["--name", &name]).run().is(1, "", &without_port);
    let _here = makers::listening(Loopback::V4.port(port));
    let here = portwho([port.to_string()]).run();
    here.is(0, &here.stdout, "");
}

/// kill does not end what is there: its namespace has to be entered first.
#[trial]
fn kill_says_what_is_held_elsewhere() {
    if !is_machines_root() {
        return;
    }
    let (name, port) = (name(), port());
    let there = server_elsewhere(&name, port);
    let hint = format!(
        "portwho: port {port}: nothing holds it\n\
         portwho: 127.0.0.1:{port} is held in the network namespace {name} by {name} (PID {}); to see \
         it, run: portwho --all-netns {port}\n",
        there.pid()
    );
    for words in [&["kill"][..], &["kill", "-y"], &["kill", "-n"]] {
        let words = words.iter().map(|word| (*word).to_owned()).chain([port.to_string()]);
        portwho(words).run().is(1, "", &hint);
    }
    assert!(!there.process.has_exited());
    let _here = makers::listening(Loopback::V4.port(port));
    let output = portwho(["kill", "-n", &port.to_string()]).run();
    assert!(!output.stderr.contains("namespace"), "{output:?}");
}

#[trial]
fn several_sockets_elsewhere_are_counted() {
    if !is_machines_root() {
        return;
    }
    let name = name();
    let words = ["127.0.0.1:80", "127.0.0.1:81"];
    let mut there = in_netns(|| Owner::named(&name).playing("listen", &words));
    there.line();
    let hint = format!(
        "portwho: no socket matches\n\
         portwho: 2 sockets are in the network namespace {name}, owned by {name} (PID {}); to see \
         them, add --all-netns\n",
        there.pid()
    );
    portwho(["--name", &name]).run().is(1, "", &hint);
}

const NOT_SEARCHED: &str = "portwho: other network namespaces were not searched: run with sudo and \
                            --all-netns to see the sockets of containers and other network \
                            namespaces\n";

#[trial]
fn other_users_do_not_see_them() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    if !features::lists_bound() {
        return;
    }
    let _there =
        in_netns(|| Owner::named("web").holding(makers::listening(Loopback::V4.port(4731)).socket));
    let free = format!("{NOT_SEARCHED}portwho: port 4731 is free\n");
    portwho(["4731"]).user(NOBODY).run().is(1, "", &free);
    let answer = portwho(["--json", "4731"]).user(NOBODY).run().json(1, &free);
    assert_eq!(answer["sockets"], json!([]));
    assert_eq!(gaps(&answer), [("namespaces-unseen", None)]);
}

#[trial]
fn others_who_ask_for_all_get_a_gap() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let mut own = Owner::named("own").user(NOBODY).playing("listen", &["127.0.0.1:8080"]);
    own.line();
    let words = ["--all-netns", "-q", "8080"];
    let output = portwho(words).user(NOBODY).run();
    output.is(0, &format!("{}\n", own.pid()), NOT_SEARCHED);
}

/// What can be seen is shown: the own one.
#[trial]
fn root_who_may_not_enter_them() {
    let server = Owner::named("server").holding(makers::listening(Loopback::V4.port(80)).socket);
    let there = server_elsewhere("other", 81);
    refuse::entering_namespaces();
    let output = portwho(["--all-netns", "-q", "80,81"]).run();
    let gap = "portwho: some network namespaces may be missing (Operation not permitted (os error \
               1)): entering a network namespace requires CAP_SYS_ADMIN and CAP_SYS_PTRACE: run \
               portwho on the host, outside containers and sandboxes\n\
               portwho: port 81 is free\n";
    output.is(0, &format!("{}\n", server.pid()), gap);
    assert!(!there.process.has_exited());
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

/// Made by a thread that has gone back: its socket alone keeps it.
#[trial(alone)]
fn one_that_only_a_socket_keeps() {
    if !is_machines_root() {
        return;
    }
    let local = Loopback::V4.port(port());
    let (socket, inode) = in_netns(|| {
        let link = fs::metadata("/proc/thread-self/ns/net").expect("a namespace");
        (makers::listening(local).socket, link.st_ino())
    });
    let server = Owner::named(name()).holding(socket);
    let output = portwho(["--all-netns", &local.port().to_string()]).run();
    let (end, namespace) = (local.to_string(), format!("net:[{inode}]"));
    shows(&output, &[(&end, "0.0.0.0:0", "LISTENING", server.pid(), &namespace)]);
    let answer = in_json(local.port());
    let found = self::socket(&answer, local, None);
    assert_eq!(found["netns"], json!({"name": namespace, "inode": inode}));
    assert_eq!(found["owner"], json!({"kind": "processes", "pids": [server.pid()]}));
    // Nothing is searched for it where other namespaces were not asked for.
    let free = format!("portwho: port {} is free\n", local.port());
    portwho([local.port().to_string()]).run().is(1, "", &free);
}

/// One that is bound to nothing, and one whose connection was reset: no namespace is missing.
#[trial(alone)]
fn sockets_in_no_table_of_a_known_one() {
    if !is_machines_root() {
        return;
    }
    let unbound = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None);
    let _unbound = Owner::named(name()).holding(unbound.expect("socket"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
    let reset = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    sockopt::set_socket_linger(&server, Some(Duration::ZERO)).expect("linger");
    drop(server);
    let _reset = Owner::named(name()).holding(reset.into());
    nothing_in_any_of_them();
}

/// An unbound UDP socket is in no table, and leads to a namespace that is known.
#[trial(alone)]
fn a_socket_in_no_table_doubles_no_row() {
    if !is_machines_root() {
        return;
    }
    let local = Loopback::V4.port(port());
    let (server, unbound) = in_netns(|| {
        let unbound = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None);
        let listener = makers::listening(local).socket;
        (Owner::named(name()).holding(listener), unbound.expect("socket"))
    });
    let _unbound = Owner::named(name()).holding(unbound);
    let output = portwho(["--all-netns", &local.port().to_string()]).run();
    let end = local.to_string();
    shows(&output, &[(&end, "0.0.0.0:0", "LISTENING", server.pid(), &name())]);
}

#[trial]
fn sockets_that_may_not_be_examined() {
    if !is_machines_root() {
        return;
    }
    let local = Loopback::V4.port(port());
    let _server = Owner::named(name()).holding(in_netns(|| makers::listening(local).socket));
    refuse::system_call(libc::SYS_pidfd_getfd, Vec::new(), libc::EPERM);
    let asked = ["--all-netns", "--json", &local.port().to_string()];
    let output = portwho(asked).run();
    let answer = output.json(1, &output.stderr);
    let kinds = gaps(&answer);
    let unexamined = kinds.iter().find(|(kind, _)| *kind == "sockets-unexamined");
    assert!(unexamined.is_some_and(|(_, count)| count > &Some(0)), "{kinds:?}");
    let told = "in no table were not examined (Operation not permitted (os error 1))";
    let told = [told, &told.replace("were", "was")];
    assert!(told.iter().any(|told| output.stderr.contains(told)), "{output:?}");
}

/// One user's namespaces are searched up to a limit, and root's are searched all the same.
#[trial]
fn one_user_with_very_many() {
    if !is_machines_root() || !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let mut many = Owner::named("many").user(NOBODY).playing("namespaces", &["160"]);
    let made = many.line();
    if made != "160" {
        return skip(&format!("no namespaces for an ordinary user: {made}"));
    }
    let (name, port) = (name(), port());
    let there = server_elsewhere(&name, port);
    let output = portwho(["--json", &port.to_string()]).run();
    let answer = output.json(1, &output.stderr);
    let kinds = gaps(&answer);
    let [("namespaces-unsearched", Some(count))] = kinds[..] else { panic!("{kinds:?}") };
    assert!((32..160).contains(&count), "{count}");
    let gap = format!("portwho: {count} network namespaces of nobody were not searched: ");
    assert!(output.stderr.starts_with(&gap), "{output:?}");
    let held = format!("is held in the network namespace {name} by {name} (PID {})", there.pid());
    assert!(output.stderr.contains(&held), "{output:?}");
    // Those who ask for all get more.
    portwho(["--all-netns", "-q", &port.to_string()]).run().is(
        0,
        &format!("{}\n", there.pid()),
        unreadable(),
    );
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
        let table = ThisSystem.sockets(&Scope::everything()).expect("the tables");
        table.sockets.iter().map(|socket| socket.local.port).collect::<Vec<_>>()
    };
    for _ in 0..2 {
        let found = ThisSystem
            .sockets_elsewhere(&Scope::everything(), Reach::Processes)
            .expect("the tables");
        let inode = namespace_of(there.pid());
        let inside = found.table.sockets.iter().filter(|socket| socket.netns == Some(inode));
        assert_eq!(inside.map(|socket| socket.local.port).collect::<Vec<_>>(), [80]);
        assert_eq!(found.names.get(&inode), Some(&Untrusted::from(name())));
        assert_eq!(own(), before);
        assert_eq!(ports(), [81]);
    }
    in_netns(|| {
        let found = ThisSystem
            .sockets_elsewhere(&Scope::everything(), Reach::Processes)
            .expect("the tables");
        let of_caller = found.table.sockets.iter().filter(|socket| socket.netns == Some(before));
        assert_eq!(of_caller.map(|socket| socket.local.port).collect::<Vec<_>>(), [81]);
        assert_eq!(ports(), [0_u16; 0]);
    });
}
