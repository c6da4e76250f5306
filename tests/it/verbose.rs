//! `-v`: each line of it, against what /proc says of the process.

mod commands;
mod far_ends;

use std::env;
use std::fs;

use std::os::fd::OwnedFd;
use std::time::{Duration, SystemTime};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;

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

fn named(process: &Process, name: &str) -> String {
    format!("{name} (PID {})", process.pid())
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
fn the_titles_are_bold_in_color() {
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
