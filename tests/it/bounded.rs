//! What a stranger controls is read within bounds: command lines of any length, names without a
//! width, files that do not end. What was not read is reported.

use std::fs::{self, File};
use std::os::fd::OwnedFd;

use nix::mount::{MsFlags, mount};
use serde_json::{Value, json};

use crate::kill::{declined, held_here, kill, named};
use crate::support::json::{gaps, process};
use crate::support::makers::{self, Loopback};
use crate::support::mounts::own_mounts;
use crate::support::process::{Actor, Owner, can_become};
use crate::support::terminal::Terminal;
use crate::support::{Run, Scratch, golden, is_healthy, portwho, skip};

/// As long as the kernel lets a name be: portwho asks argv[0] for the rest.
const NAME: &str = "fifteen-letters";

/// What every command gets along with here, and a tenth of what the attacks took.
const MEBIBYTES: u64 = 64;

const NOBODY: u32 = 65534;

fn listener(port: u16) -> OwnedFd {
    makers::listening(Loopback::V4.port(port)).socket
}

/// A process of that name with such a command line, on port 80; none where the kernel refuses.
fn talker(fill: &str, bytes: usize) -> Option<Actor> {
    let words = [fill, &bytes.to_string()];
    is_ready(Owner::named(NAME).playing_with("command-line", &words, listener(80)))
}

fn is_ready(mut actor: Actor) -> Option<Actor> {
    match actor.line().as_str() {
        "ready" => Some(actor),
        refused => {
            skip(&format!("PR_SET_MM_MAP: {refused}"));
            None
        }
    }
}

fn bounded(words: &[&str]) -> Run {
    portwho(words).with_memory(MEBIBYTES)
}

fn tables(pid: u32) -> String {
    let row = golden::socket("TCP", "127.0.0.1:80", "0.0.0.0:0", "LISTENING", pid);
    golden::tables(&[row], &[golden::process(NAME, pid)])
}

/// What is said where a command line was cut.
fn cut(count: &str, user: &str) -> String {
    format!(
        "portwho: the command lines of {count} ({user}) were not read in full: portwho reads up \
         to 128 KiB of each and 8 MiB for each user, and gives up if the kernel does not return \
         one in time; the rest is in /proc/PID/cmdline\n"
    )
}

/// 64 MiB of it make 67 million empty arguments.
#[trial]
fn memory_that_was_never_touched_costs_nothing() {
    let Some(talker) = talker("nothing", 64 << 20) else { return };
    let pid = talker.pid();
    bounded(&["80"]).run().is(0, &tables(pid), "");
    bounded(&["-q", "80"]).run().is(0, &format!("{pid}\n"), "");
    let summary = format!(
        "\nState              Count\n=============== ========\nLISTENING              1\n\
         \nState              Count      PID Image Name\n\
         =============== ======== ======== ===============\n\
         LISTENING              1 {pid:>8} {NAME}\n"
    );
    bounded(&["--summary", "80"]).run().is(0, &summary, "");
    is_healthy(&bounded(&["doctor"]).run(), "1 socket of 1 process");
    let would = format!("would send SIGTERM to {}\n", named(NAME, pid));
    bounded(&["kill", "-n", "80"]).run().is(0, &(held_here(80, NAME, pid) + &would), "");
    let left = "portwho: 1 listener not closed; to close it, run: portwho close -l 80\n";
    bounded(&["close", "-n", "80"]).run().is(1, "", left);
}

#[trial]
fn what_is_shown_of_a_command_line_has_an_end() {
    let Some(talker) = talker("nothing", 64 << 20) else { return };
    let gap = cut("1 process", "root");
    let output = bounded(&["-v", "80"]).run();
    output.is(0, &output.stdout, &gap);
    let line = output.stdout.lines().find_map(|line| line.strip_prefix("  command      "));
    let line = line.expect("a command");
    assert!(line.starts_with("'' '' '' ") && line.ends_with("'' …"), "{line}");
    assert!(line.len() <= 4096 + 4, "{}", line.len());
    let output = bounded(&["--json", "80"]).run();
    let answer = output.json(0, &gap);
    let told = process(&answer, talker.pid());
    let command = told["command"].as_array().expect("arguments");
    assert!(command.iter().all(|argument| argument == ""), "{}", command.len());
    assert!((1..100_000).contains(&command.len()), "{}", command.len());
    assert_eq!(told["command_cut"], true);
    assert_eq!(gaps(&answer), [("commands-cut", Some(1))]);
}

/// No file has such a name (NAME_MAX), so it is no image's.
#[trial]
fn a_name_without_a_width_is_not_believed() {
    let Some(talker) = talker("marks", 120_000) else { return };
    let pid = talker.pid();
    bounded(&["80"]).run().is(0, &tables(pid), "");
    let would = format!("would send SIGTERM to {}\n", named(NAME, pid));
    bounded(&["kill", "-n", "80"]).run().is(0, &(held_here(80, NAME, pid) + &would), "");
    let output = bounded(&["-v", "80"]).run();
    output.is(0, &output.stdout, "");
    assert!(output.stdout.len() < 8192, "{}", output.stdout.len());
}

#[trial]
fn the_question_is_not_buried() {
    let Some(talker) = talker("marks", 120_000) else { return };
    let pid = talker.pid();
    let mut terminal = Terminal::whole(&kill(["80"]));
    terminal.await_text("[y/N] ");
    terminal.type_in("n\n");
    let question = format!("Terminate {}? [y/N] ", named(NAME, pid));
    let answer = declined(NAME, pid);
    let screen = held_here(80, NAME, pid) + &question + &answer;
    terminal.finish().is(2, &screen, "");
}

#[trial]
fn the_command_lines_of_one_user_leave_those_of_others() {
    if !can_become(NOBODY) {
        return skip("there is no second user here");
    }
    // Each is whole by itself; together they are more than one user's share.
    let words = ["75", "letters", "130000"];
    let many = Owner::named("many").user(NOBODY);
    let Some(many) = is_ready(many.playing_with("command-lines", &words, listener(80))) else {
        return;
    };
    let honest = Owner::named("honest").holding(listener(81));
    let output = portwho(["--json", "80,81"]).with_memory(128).run();
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let told = process(&answer, honest.pid());
    assert_eq!(told["command"].as_array().map(Vec::len), Some(2), "{told}");
    assert_eq!(told.get("command_cut"), None);
    let processes = answer["processes"].as_array().expect("processes");
    assert_eq!(processes.len(), 77, "{many}", many = many.pid());
    let length = |process: &Value| process["command"].to_string().len();
    let in_all: usize = processes.iter().map(length).sum();
    assert!((4 << 20..10 << 20).contains(&in_all), "{in_all}");
    let were_cut = processes.iter().filter(|process| process["command_cut"] == json!(true)).count();
    assert!(were_cut > 0);
    let user = processes.iter().find(|process| process["pid"] == many.pid());
    let user = user.and_then(|process| process["user"].as_str()).expect("a user");
    output.is(0, &output.stdout, &cut(&format!("{were_cut} processes"), user));
}

/// root's own, but as endless as whatever it leads to.
#[trial]
fn a_services_file_without_an_end() {
    own_mounts().expect("a mount namespace");
    let scratch = Scratch::new();
    let path = scratch.path().join("services");
    let file = File::create(&path).expect("create");
    file.set_len(1 << 30).expect("a sparse file");
    mount(Some(&path), "/etc/services", None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .expect("mount");
    let line = "portwho: cannot read /etc/services: File too large (os error 27)\n";
    bounded(&["http"]).run().is(2, "", line);
    fs::write(&path, "http 80/tcp\n").expect("write");
    let output = bounded(&["http"]).run();
    output.is(1, "", &output.stderr);
    assert!(output.stderr.starts_with("portwho: port 80 is free"), "{output:?}");
}
