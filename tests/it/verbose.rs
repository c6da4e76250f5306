//! `-v`: each line of it, against what /proc says of the process.

use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use rustix::net::{SocketFlags, accept_with};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};

use crate::support::cgroup::Group;
use crate::support::golden::{self, SocketRow};
use crate::support::json::process;
use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, Process, can_become};
use crate::support::{Output, Run, Scratch, mounts, portwho, skip, wait_until};

fn listener(port: u16) -> OwnedFd {
    makers::listening(Loopback::V4.port(port)).socket
}

fn listener_row(pid: u32) -> SocketRow {
    golden::socket("TCP", "127.0.0.1:80", "0.0.0.0:0", "LISTENING", pid)
}

/// What /proc/PID holds by this name.
fn link(pid: u32, name: &str) -> String {
    let path = fs::read_link(format!("/proc/{pid}/{name}")).expect("a link");
    path.to_str().expect("UTF-8").to_owned()
}

/// `name (PID 812) < ... < init (PID 1)`.
fn parents(pid: u32) -> String {
    let mut chain = Vec::new();
    let mut next = parent(pid);
    while next != 0 {
        chain.push(format!("{} (PID {next})", image(next)));
        next = parent(next);
    }
    chain.join(" < ")
}

fn parent(pid: u32) -> u32 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let behind = stat.rsplit_once(')').expect("a name").1;
    behind.split_whitespace().nth(1).expect("a field").parse().expect("a PID")
}

/// The kernel's name; where that is cut, the longer one of the program.
fn image(pid: u32) -> String {
    let comm = fs::read_to_string(format!("/proc/{pid}/comm")).expect("comm");
    let comm = comm.trim_end_matches('\n');
    let program = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let argv0 = command.split('\0').next().unwrap_or_default().to_owned();
    let program = program.map(|path| path.to_string_lossy().replace(" (deleted)", ""));
    let names = [program, Some(argv0)];
    let base = |path: String| path.rsplit('/').next().unwrap_or_default().to_owned();
    let mut names = names.into_iter().flatten().map(base);
    let longer = names.find(|name| comm.len() == 15 && name.len() > 15 && name.starts_with(comm));
    longer.unwrap_or_else(|| comm.to_owned())
}

/// The block of a process that was started with this command. Its start is left to another test.
fn block(process: &Process, name: &str, command: &str) -> String {
    let pid = process.pid();
    let open = fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors").count();
    let limit = getrlimit(Resource::Nofile).current.expect("a limit");
    let unit = golden::unit(pid);
    let unit = if unit == "-" { String::new() } else { format!("  unit         {unit}\n") };
    format!(
        "\n{name} (PID {pid})\n\
         \x20 user         root\n\
         \x20 started      T\n\
         \x20 command      {command}\n\
         \x20 executable   {}\n\
         \x20 directory    {}\n\
         \x20 parents      {}\n\
         {unit}\
         \x20 descriptors  {open} of {limit}\n",
        link(pid, "exe"),
        link(pid, "cwd"),
        parents(pid),
    )
}

/// Runs, with `T` in the place of times.
fn run(run: Run) -> Output {
    let mut output = run.run();
    let timeless = |line: &str| match line.strip_prefix("  started      ") {
        Some(_) => "  started      T\n".to_owned(),
        None => line.to_owned(),
    };
    output.stdout = output.stdout.split_inclusive('\n').map(timeless).collect();
    output
}

/// The lines of a label, in the order of the blocks.
fn lines(output: &Output, label: &str) -> Vec<String> {
    let lines = output.stdout.lines().filter_map(|line| line.strip_prefix("  "));
    let values = lines.filter_map(|line| Some((line.get(..13)?, line.get(13..)?)));
    values.filter(|(found, _)| found.trim_end() == label).map(|(_, text)| text.to_owned()).collect()
}

#[track_caller]
fn only_line(words: &[&str], label: &str) -> String {
    let output = portwho([&["-v"], words].concat()).run();
    output.is(0, &output.stdout, &output.stderr);
    let [line] = <[String; 1]>::try_from(lines(&output, label)).expect("one line of that label");
    line
}

/// The words that a process was started with, as `Owner::holding` does it.
fn sleep_command(pid: u32) -> String {
    let command = fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("a command");
    command.trim_end_matches('\0').replace('\0', " ")
}

#[trial]
fn every_line() {
    let scratch = Scratch::new();
    env::set_current_dir(scratch.path()).expect("a directory of its own");
    let server = Owner::named("server").holding(listener(80));
    let pid = server.pid();
    let tables = golden::tables(&[listener_row(pid)], &[golden::process("server", pid)]);
    let block = block(&server, "server", &sleep_command(pid));
    assert!(block.contains(scratch.path().to_str().expect("UTF-8")), "{block}");
    run(portwho(["-v", "80"])).is(0, &(tables + &block), "");
    let headless = run(portwho(["-v", "--no-header", "80"]));
    assert!(headless.stdout.ends_with(&block), "{headless:?}");
}

/// Counted by the kernel in clock ticks after the boot, whose second is rounded.
#[trial]
fn the_start_and_the_age() {
    let before = SystemTime::now();
    let server = Owner::named("server").holding(listener(80));
    let line = only_line(&["80"], "started");
    let after = SystemTime::now();
    let (start, age) = line.split_once(", ").expect("two times");
    let answer = portwho(["--json", "80"]).run().json(0, "");
    assert_eq!(process(&answer, server.pid())["started"], start);
    let start = humantime::parse_rfc3339(start).expect("a time");
    let rounding = Duration::from_secs(2);
    assert!(start + rounding >= before && start <= after + rounding, "{line}");
    let seconds: u64 = age.strip_suffix("s ago").expect("an age").parse().expect("seconds");
    let looked = start + Duration::from_secs(seconds);
    assert!(looked + rounding >= before && looked <= after + rounding, "{line}");
}

/// One with blanks or a quote, and an empty one, could be taken for several or for none.
#[trial]
fn arguments_are_kept_separate() {
    let words = ["0", "", "two words", "it's", "a\tb", "plain", r"back\slash"];
    let mut server = Owner::named("server").playing_with("family", &words, listener(80));
    assert_eq!(server.line(), "");
    let command = only_line(&["80"], "command");
    let (_, arguments) = command.split_once(' ').expect("arguments");
    assert_eq!(arguments, r"0 '' 'two words' 'it\'s' a\tb plain back\\slash");
    let answer = portwho(["-v", "--json", "80"]).run().json(0, "");
    let command = process(&answer, server.pid())["command"].as_array().expect("words");
    assert_eq!(command[1..], words.map(Value::from));
}

#[trial]
fn a_hostile_command() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let argv0 = b"\x1b]52;c;AA==\x07 \xff\n(PID 1)";
    let server = Owner::named("server").argv0(OsStr::from_bytes(argv0)).holding(listener(80));
    let shown = r"'\x1b]52;c;AA==\x07 \xff\n(PID 1)' 3600";
    assert_eq!(only_line(&["80"], "command"), shown);
    let output = run(portwho(["-v", "80"]));
    assert!(output.stdout.ends_with(&block(&server, "server", shown)), "{output:?}");
}

/// A copy of a program that runs and is then removed.
fn deleted() -> (Process, String) {
    let server = Owner::named("server").copied().holding(listener(80));
    let path = link(server.pid(), "exe");
    fs::remove_file(&path).expect("remove");
    assert_eq!(link(server.pid(), "exe"), format!("{path} (deleted)"));
    (server, path)
}

#[track_caller]
fn is_told_as_deleted(server: &Process, path: &str) {
    let line = only_line(&["80"], "executable");
    assert_eq!(line, format!("{path} (deleted)"));
    let answer = portwho(["-v", "--json", "80"]).run().json(0, "");
    let told = process(&answer, server.pid());
    assert_eq!((&told["executable"], &told["executable_deleted"]), (&json!(path), &json!(true)));
}

#[trial]
fn an_executable_that_was_deleted() {
    let (server, path) = deleted();
    is_told_as_deleted(&server, &path);
}

/// As a package manager does it: the path leads to another program by now.
#[trial]
fn an_executable_that_was_replaced() {
    let (server, path) = deleted();
    fs::write(&path, "another program").expect("write");
    is_told_as_deleted(&server, &path);
}

#[trial]
fn parents_up_to_the_first() {
    let mut parent = Owner::named("nginx").playing_with("family", &["1"], listener(80));
    let worker: u32 = parent.line().parse().expect("a PID");
    wait_until("the worker to have its name", || (image(worker) == "nginx").then_some(()));
    let output = portwho(["-v", "80"]).run();
    output.is(0, &output.stdout, "");
    let (of_parent, of_worker) = (parents(parent.pid()), parents(worker));
    assert!(of_worker.starts_with(&format!(
        "nginx (PID {}) < {}",
        parent.pid(),
        image(std::process::id())
    )));
    assert!(of_worker.ends_with(" (PID 1)"), "{of_worker}");
    let mut expected = [(parent.pid(), of_parent), (worker, of_worker)];
    expected.sort();
    assert_eq!(lines(&output, "parents"), expected.map(|(_, chain)| chain));
}

#[trial]
fn descriptors_and_their_limit() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: Some(321), maximum }).expect("a limit");
    let words = ["127.0.0.1:80", "127.0.0.1:81", "127.0.0.1:82"];
    let mut server = Owner::named("server").playing("listen", &words);
    server.line();
    let open = fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("descriptors").count();
    assert!(open >= 6, "three streams and three listeners");
    assert_eq!(only_line(&["80"], "descriptors"), format!("{open} of 321"));
    let answer = portwho(["-v", "--json", "80"]).run().json(0, "");
    let told = process(&answer, server.pid());
    assert_eq!((&told["descriptors"], &told["descriptor_limit"]), (&json!(open), &json!(321)));
}

#[trial]
fn the_unit() {
    let Some(group) = Group::named("web.service") else { return };
    let _server = group.inside(|| Owner::named("server").holding(listener(80)));
    assert_eq!(only_line(&["80"], "unit"), group.name());
}

#[trial]
fn the_container() {
    let Some(outer) = Group::named("containers") else { return };
    let docker = outer.below("docker");
    let id = "c0ffee".repeat(11)[..64].to_owned();
    let container = docker.below(&id);
    let server = container.inside(|| Owner::named("server").holding(listener(80)));
    assert_eq!(only_line(&["80"], "container"), "the Docker container c0ffeec0ffee (c0ffeec0ffee)");
    let answer = portwho(["-v", "--json", "80"]).run();
    let answer = answer.json(0, &answer.stderr);
    let told = json!({"runtime": "docker", "id": "c0ffeec0ffee", "name": null});
    assert_eq!(process(&answer, server.pid())["container"], told);
}

const NOBODY: u32 = 65534;

/// The names of users are as the system gives them, or numbers.
#[trial]
fn another_user() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let mut server = Owner::named("server").user(NOBODY).playing("listen", &["127.0.0.1:8080"]);
    server.line();
    let name =
        uzers::get_user_by_uid(NOBODY).map(|user| user.name().to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| NOBODY.to_string());
    assert_eq!(only_line(&["8080"], "user"), name);
    // It may look at itself.
    let own = portwho(["-v", "8080"]).user(NOBODY).run();
    for label in ["user", "started", "command", "executable", "directory", "parents", "descriptors"]
    {
        assert_eq!(lines(&own, label).len(), 1, "{label}: {own:?}");
    }
    own.is(0, &own.stdout, "");
}

#[trial]
fn what_one_may_not_see_has_no_lines() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let _server = Owner::named("server").holding(listener(80));
    mounts::hide_cgroups().expect("out of sight");
    let output = portwho(["-v", "80"]).user(NOBODY).run();
    output.is(
        0,
        &golden::netstat(&[
            golden::socket("TCP", "127.0.0.1:80", "0.0.0.0:0", "LISTENING", "?").image("(root)")
        ]),
        &output.stderr,
    );
    assert!(output.stderr.starts_with("portwho: the owners of 1 socket are hidden (root): "));
}

/// Both ends of a connection, each with a process of its own.
struct Ends {
    client: Process,
    server: Process,
    near: SocketAddr,
    far: SocketAddr,
}

fn ends(made: makers::Connection) -> Ends {
    let (near, far) = (made.client_address, made.server_address);
    Ends {
        client: Owner::named("client").holding(made.client),
        server: Owner::named("server").holding(made.server),
        near,
        far,
    }
}

fn named(process: &Process, name: &str) -> String {
    format!("{name} (PID {})", process.pid())
}

#[trial]
fn the_process_at_the_other_end() {
    for at in Loopback::BOTH {
        let Ends { client, server, near, far } = ends(makers::established(at));
        let to_server = format!("{}, at {far}", named(&server, "server"));
        let to_client = format!("{}, at {near}", named(&client, "client"));
        assert_eq!(only_line(&[&near.port().to_string()], "connected to"), to_server);
        let ip = far.ip().to_string();
        let filter = ["-s", "ESTABLISHED", "--local", &ip];
        let port = far.port().to_string();
        let of_server = [&filter[..], &[&port]].concat();
        assert_eq!(only_line(&of_server, "connected to"), to_client);
        let both = portwho([&["-v"][..], &filter].concat()).run();
        assert_eq!(lines(&both, "connected to"), [to_server, to_client]);
    }
}

#[trial]
fn the_other_side_at_an_address_of_this_machine() {
    let here = SocketAddr::new(Ipv4Addr::new(127, 1, 2, 3).into(), 80);
    let listener = makers::listening(here);
    let client = std::net::TcpStream::connect(here).expect("connect");
    let near = client.local_addr().expect("local address");
    let server = accept_with(&listener.socket, SocketFlags::CLOEXEC).expect("accept");
    let server = Owner::named("server").holding(server);
    let _client = Owner::named("client").holding(client.into());
    let expected = format!("{}, at {here}", named(&server, "server"));
    assert_eq!(only_line(&[&near.port().to_string()], "connected to"), expected);
}

/// Up to three are named; more are counted.
#[trial]
fn several_connections_to_one_process() {
    let address = Loopback::V4.port(80);
    let mut server = Owner::named("server").playing("listen", &[&address.to_string()]);
    server.line();
    let mut clients = Vec::new();
    let mut told = |count: usize| {
        while clients.len() < count {
            clients.push(std::net::TcpStream::connect(address).expect("connect"));
            assert_eq!(server.tell("accept"), "accepted");
        }
        let words = ["--pid", &std::process::id().to_string(), "-s", "ESTABLISHED"];
        let line = only_line(&words, "connected to");
        let name = format!("server (PID {}), ", server.pid());
        line.strip_prefix(&name).unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    assert_eq!(told(1), format!("at {address}"));
    assert_eq!(told(3), format!("at {address}, {address}, {address}"));
    assert_eq!(told(4), "4 connections");
}

#[trial]
fn the_other_side_of_datagrams() {
    use std::net::UdpSocket;
    let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("bind"));
    let address = |socket: &UdpSocket| socket.local_addr().expect("local address");
    one.connect(address(&other)).expect("connect");
    other.connect(address(&one)).expect("connect");
    let (near, far) = (address(&one), address(&other));
    let _one = Owner::named("one").holding(one.into());
    let other = Owner::named("other").holding(other.into());
    let expected = format!("{}, at {far}", named(&other, "other"));
    assert_eq!(only_line(&["-u", &near.port().to_string()], "connected to"), expected);
}

#[trial]
fn the_other_side_that_was_not_accepted() {
    let made = makers::not_accepted(Loopback::V4);
    let _client = Owner::named("client").holding(made.client);
    let line = only_line(&[&made.client_address.port().to_string()], "connected to");
    assert_eq!(line, format!("the kernel (not-accepted), at {}", made.server_address));
}

#[trial]
fn a_listener_has_no_other_end() {
    let made = makers::established(Loopback::V4);
    let _listener = Owner::named("listener").holding(made.listener);
    let port = made.server_address.port().to_string();
    let output = portwho(["-v", "-l", &port]).run();
    assert_eq!(lines(&output, "connected to"), [""; 0], "{output:?}");
    assert_eq!(lines(&output, "user"), ["root"]);
}

#[trial]
fn in_json() {
    let scratch = Scratch::new();
    env::set_current_dir(scratch.path()).expect("a directory of its own");
    let server = Owner::named("server").holding(listener(80));
    let fields = ["working_directory", "executable_deleted", "descriptors", "descriptor_limit"];
    let plain = portwho(["--json", "80"]).run().json(0, "");
    let plain = process(&plain, server.pid()).as_object().expect("an object");
    assert!(fields.iter().all(|field| !plain.contains_key(*field)), "{plain:?}");
    let answer = portwho(["-v", "--json", "80"]).run().json(0, "");
    let told = process(&answer, server.pid());
    assert_eq!(told["working_directory"], scratch.path().to_str().expect("UTF-8"));
    assert_eq!(told["executable_deleted"], false);
    assert_eq!(answer["processes"].as_array().map(Vec::len), Some(1), "no ancestors: {answer:#}");
}

#[trial]
fn without_owners_there_are_the_tables() {
    let made = makers::time_wait(Loopback::V4);
    let words = ["-v", "-s", "TIME_WAIT"];
    let plain = portwho(&words[1..]).run().without_seconds();
    let output = portwho(words).run().without_seconds();
    output.is(0, &plain.stdout, &plain.stderr);
    assert!(plain.stdout.contains(&made.client_address.to_string()), "{plain:?}");
}

#[trial]
fn the_titles_are_bold_in_colour() {
    let server = Owner::named("server").holding(listener(80));
    let title = named(&server, "server");
    let output = portwho(["-v", "--color", "always", "80"]).run();
    assert!(output.stdout.contains(&format!("\n\x1b[1m{title}\x1b[0m\n")), "{output:?}");
    let plain = portwho(["-v", "80"]).run();
    assert!(plain.stdout.contains(&format!("\n{title}\n")), "{plain:?}");
}

#[trial]
fn not_with_views_that_name_no_process() {
    for words in [&["-v", "-q", "80"][..], &["-v", "--summary"], &["-v", "--summary", "--json"]] {
        let output = portwho(words).run();
        assert!(output.stderr.contains("cannot be used with"), "{output:?}");
        output.is(2, "", &output.stderr);
    }
}
