//! The processes behind the sockets on a running Windows, compared with the system's own
//! `tasklist` and with what is known of a child.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use portwho::model::{About, Pid};
use portwho::platform::{Control, PlatformError, Processes, ThisSystem};
use serde_json::Value;

use crate::support::json::process;
use crate::support::netstat;
use crate::support::peer::{EVERYTHING, Peer};
use crate::support::{portwho, wine};

/// The lines below the tables, by their labels; a label may be missing where nothing is known.
#[trial]
fn what_verbose_adds() {
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let words = || peer.words().into_iter().chain(["-v".to_owned()]);
    let output = portwho(words()).run();
    output.is(0, &output.stdout, "");
    let title = format!("\n\n{} (PID {})\n", Peer::name(), peer.pid());
    let (_, block) = output.stdout.split_once(&title).expect("a block");
    let value = |label: &str| {
        let start = format!("  {label:<13}");
        block.lines().find_map(|line| line.strip_prefix(&start)).map(str::to_owned)
    };
    let answer = portwho(words().chain(["--json".to_owned()])).run().json(0, "");
    let told = process(&answer, peer.pid());
    assert_eq!(value("user").as_deref(), told["user"].as_str());
    assert_eq!(value("executable").as_deref(), told["executable"].as_str());
    let started = told["started"].as_str().expect("a time");
    assert!(value("started").expect("a start").starts_with(&format!("{started}, ")), "{block}");
    let handles: u64 = value("handles").expect("handles").parse().expect("a number");
    assert!(handles > 0 && told["descriptors"].as_u64().is_some_and(|count| count > 0), "{block}");
    assert_eq!(told["descriptor_limit"], Value::Null);
    let parent = format!("{} (PID {})", Peer::name(), std::process::id());
    assert!(value("parents").expect("parents").starts_with(&parent), "{block}");
    assert_eq!((value("descriptors"), value("unit")), (None, None));
}

#[trial]
fn both_tables_to_the_column() {
    let peer = Peer::holding(&EVERYTHING);
    let (pid, name) = (peer.pid(), Peer::name());
    let expected = netstat::netstat(&peer.rows());
    let output = portwho(peer.words()).run();
    let tasks = output.stdout.strip_prefix(&expected).unwrap_or_else(|| {
        panic!("expected first:\n{expected}\nwas:\n{}", output.stdout);
    });
    let theirs = system_tasklist(pid);
    let memory = tasks.lines().last().expect("a line").split_at(64).1;
    let kib = memory.trim_start().strip_suffix(" K").expect("kibibytes");
    assert!(kib.starts_with(|c: char| ('1'..='9').contains(&c)), "{memory:?}");
    assert!(kib.chars().all(|c| c.is_ascii_digit() || c == ','), "{memory:?}");
    let session = (&theirs[2], &theirs[3]);
    let table = format!(
        "\nImage Name                     PID Session Name        Session#    Mem Usage\n\
         ========================= ======== ================ =========== ============\n\
         {name:<25.25} {pid:>8} {:<16.16} {:>11} {:>12}\n",
        session.0,
        session.1,
        memory.trim_start()
    );
    output.is(0, &(expected + &table), &wine::gap_if_said(&output));
}

/// The fields of the system's own `tasklist` for this PID.
fn system_tasklist(pid: u32) -> Vec<String> {
    let mut command = Command::new("tasklist");
    command.args(["/fi", &format!("PID eq {pid}"), "/fo", "csv"]).stdin(Stdio::null());
    let output = command.output().expect("run tasklist");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().find(|line| line.contains(&format!("\"{pid}\""))).expect("a line");
    line.trim().trim_matches('"').split("\",\"").map(str::to_owned).collect()
}

#[trial]
fn the_tasklist_of_the_system_agrees() {
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let theirs = system_tasklist(peer.pid());
    let answer = peer.json();
    let ours = process(&answer, peer.pid());
    assert_eq!(ours["name"], theirs[0].as_str());
    assert_eq!(ours["pid"].to_string(), theirs[1]);
    assert_eq!(ours["session_name"], theirs[2].as_str());
    assert_eq!(ours["session_id"].to_string(), theirs[3]);
}

#[trial]
fn json_of_a_process() {
    let before = SystemTime::now();
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let answer = peer.json();
    let ours = process(&answer, peer.pid());
    assert_eq!(ours["parent"], std::process::id());
    let user = ours["user"].as_str().expect("a user");
    let name = std::env::var("USERNAME").expect("USERNAME");
    let (domain, account) = user.split_once('\\').expect("a domain");
    assert!(!domain.is_empty() && account.eq_ignore_ascii_case(&name), "{user:?} {name:?}");
    let path = ours["executable"].as_str().expect("an executable");
    assert!(path.ends_with(&format!("\\{}", Peer::name())), "{path:?}");
    assert!(ours["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 100_000), "{ours}");
    assert_eq!(ours["service"], Value::Null);
    let started = ours["started"].as_str().expect("a time");
    assert!(is_near(started, before), "{started}");
}

/// Whether a time in UTC, to the second, is within a minute of another.
fn is_near(text: &str, other: SystemTime) -> bool {
    let of_day = |text: &str| -> Vec<u64> {
        let clock = text.split_once('T').expect("a time").1.trim_end_matches('Z');
        clock.split(':').map(|part| part.parse().expect("a number")).collect()
    };
    let parts = of_day(text);
    let told = parts[0] * 3600 + parts[1] * 60 + parts[2];
    let since = other.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    let expected = since.as_secs() % 86_400;
    let apart = Duration::from_secs(told.abs_diff(expected));
    text.starts_with("20") && (apart < Duration::from_mins(1) || apart > Duration::from_hours(23))
}

/// The whole path, and the arguments as they were given, quotation marks and all.
#[trial]
fn a_path_and_a_command_line() {
    let peer = Peer::deep(&["tcp:127.0.0.1:0", "--say=a \"b\" c\\", ""]);
    let answer = peer.json();
    let ours = process(&answer, peer.pid());
    let path = peer.program().to_str().expect("text");
    assert!(path.len() > if wine::is_wine() { 120 } else { 300 }, "{path}");
    let told = ours["executable"].as_str().expect("an executable");
    assert_eq!(told.trim_start_matches(r"\\?\"), path.trim_start_matches(r"\\?\"));
    if wine::is_wine() {
        return;
    }
    let arguments = ours["command"].as_array().expect("arguments");
    assert_eq!(arguments[1..], ["tcp:127.0.0.1:0", "--say=a \"b\" c\\", ""]);
}

/// A name that would turn the rest of the line around is shown, and found by what it is.
#[trial]
fn a_hostile_name() {
    let name = "web\u{202e}exe.exe";
    let peer = Peer::named(name);
    let words = peer.words();
    let output = portwho(&words).run();
    let task = output.stdout.lines().last().expect("a line");
    assert!(task.starts_with("web\\u{202e}exe.exe         "), "{output:?}");
    output.is(0, &output.stdout, "");
    let output = portwho(words.iter().map(String::as_str).chain(["--json"])).run();
    assert!(output.stdout.contains(r#""name":"web\u202eexe.exe""#), "{output:?}");
    assert_eq!(process(&output.json(0, ""), peer.pid())["name"], name);
}

/// Windows keeps some processes even from administrators; they are only opened here.
#[trial]
fn a_process_that_may_not_be_opened() {
    if wine::lacks("processes that may not be opened (Process Security and Access Rights)") {
        return;
    }
    let mut command = Command::new("tasklist");
    command.args(["/fi", "IMAGENAME eq csrss.exe", "/fo", "csv"]).stdin(Stdio::null());
    let listed = command.output().expect("run tasklist").stdout;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let pid = listed.split("\"csrss.exe\",\"").nth(1).and_then(|rest| rest.split('"').next());
    let pid = Pid(pid.expect("csrss.exe").parse().expect("a PID"));
    let opened = ThisSystem::default().open_process(pid, None).map(|_| ());
    assert!(matches!(opened, Err(PlatformError::NotPermitted)), "{opened:?}");
    let described = ThisSystem::default().processes(&BTreeSet::from([pid]), About::Table);
    assert_eq!(described[&pid].name.as_bytes(), b"csrss.exe");
}

#[trial]
fn filters_by_owner() {
    let (mine, other) = (Peer::holding(&["tcp:127.0.0.1:0"]), Peer::holding(&["tcp:[::1]:0"]));
    let ports = [mine.port().to_string(), other.port().to_string()];
    let pids = |words: &[&str]| {
        let output = portwho(words.iter().copied().chain(ports.iter().map(String::as_str))).run();
        output.is(0, &output.stdout, &wine::gap_if_said(&output));
        output.stdout
    };
    let (first, second) = (mine.pid().min(other.pid()), mine.pid().max(other.pid()));
    assert_eq!(pids(&["-q"]), format!("{first}\n{second}\n"));
    assert_eq!(pids(&["-q", "--name", &Peer::name().to_uppercase()]), pids(&["-q"]));
    assert_eq!(pids(&["-q", "-6"]), format!("{}\n", other.pid()));
    assert_eq!(pids(&["-q", "--pid", &mine.pid().to_string()]), format!("{}\n", mine.pid()));
    let user = mine.json();
    let user = process(&user, mine.pid())["user"].as_str().expect("a user").to_owned();
    assert_eq!(pids(&["-q", "--user", &user]), pids(&["-q"]));
}

/// Each once, however many sockets it holds.
#[trial]
fn bare_pids() {
    let peer = Peer::holding(&EVERYTHING);
    let mut words = peer.words();
    words.push("-q".to_owned());
    let output = portwho(words).run();
    output.is(0, &format!("{}\n", peer.pid()), &wine::gap_if_said(&output));
}
