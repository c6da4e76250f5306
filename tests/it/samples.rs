//! The samples of README and docs: each block of commands that a comment marks is typed in the
//! situation that the comment names, and has to print what the page shows.
//!
//! `<!-- sample: SITUATION PID... -->` precedes a block. The PIDs are those that the page shows, in the
//! order in which the situation has its processes. What varies between two runs is compared as
//! equal: PIDs, seconds, memory and sessions. The pages show a kernel that lists BOUND sockets. This
//! writes what is printed now into the pages:
//!
//! ```sh
//! PORTWHO_WRITE_SAMPLES=1 cargo test --test it -- samples
//! ```

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sched::{CloneFlags, unshare};

use crate::support::process::can_become;
use crate::support::programs::find_in_path;
use crate::support::terminal::Terminal;
use crate::support::{Run, diff, features, has_checkout, mounts, netns, portwho, refuse, skip};

use situations::Situation;

mod situations;
mod varying;

/// The pages with samples, and the test of each.
const PAGES: [&str; 8] = [
    "README.md",
    "docs/ports.md",
    "docs/tables.md",
    "docs/kill.md",
    "docs/close.md",
    "docs/doctor.md",
    "docs/json.md",
    "docs/wait.md",
];

#[trial]
fn readme() {
    if !has_checkout() {
        return;
    }
    samples_of(PAGES[0]);
}

#[trial]
fn ports() {
    if !has_checkout() {
        return;
    }
    samples_of(PAGES[1]);
}

#[trial]
fn tables() {
    if !has_checkout() {
        return;
    }
    samples_of(PAGES[2]);
}

#[trial]
fn kill() {
    if !has_checkout() {
        return;
    }
    samples_of(PAGES[3]);
}

#[trial]
fn close() {
    if !has_checkout() {
        return;
    }
    samples_of(PAGES[4]);
}

#[trial]
fn doctor() {
    if !has_checkout() {
        return;
    }
    samples_of(PAGES[5]);
}

#[trial]
fn json() {
    if !has_checkout() {
        return;
    }
    samples_of(PAGES[6]);
}

#[trial]
fn wait() {
    if !has_checkout() {
        return;
    }
    samples_of(PAGES[7]);
}

#[trial]
fn every_marked_page_is_run() {
    if !has_checkout() {
        return;
    }
    let mut marked: Vec<String> = vec!["README.md".to_owned()];
    for entry in fs::read_dir(root().join("docs")).expect("docs") {
        let name = entry.expect("an entry").file_name().into_string().expect("UTF-8");
        marked.push(format!("docs/{name}"));
    }
    marked.retain(|page| read(page).contains(MARK));
    marked.sort();
    let mut pages = PAGES.map(str::to_owned);
    pages.sort();
    assert_eq!(marked, pages);
}

const MARK: &str = "<!-- sample: ";
const FENCE: &str = "```";
const PROMPT: &str = "$ ";

/// Runs every marked block of a page, or writes the page anew.
fn samples_of(page: &str) {
    if !features::lists_bound() {
        return;
    }
    apart_from_units_and_other_tests();
    let text = read(page);
    let (mut written, mut differences) = (String::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        written.push_str(&format!("{line}\n"));
        let Some(mark) = line.strip_prefix(MARK) else { continue };
        assert_eq!(lines.next(), Some("```console"), "{page}: what follows {line}");
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != FENCE).collect();
        let kept = match difference(mark.trim_end_matches(" -->"), &block) {
            None => as_text(&block),
            Some(printed) => {
                differences.push_str(&format!("{line}\n{}", diff(&as_text(&block), &printed)));
                printed
            }
        };
        written.push_str(&format!("```console\n{kept}{FENCE}\n"));
    }
    if env::var_os("PORTWHO_WRITE_SAMPLES").is_some() {
        return fs::write(root().join(page), written).expect("write the page");
    }
    assert!(differences.is_empty(), "{page}: - shown, + printed\n{differences}");
}

/// What a block prints now, if that is not what it shows.
fn difference(mark: &str, block: &[&str]) -> Option<String> {
    let printed = printed(mark, block)?;
    (varying::removed(&as_text(block)) != varying::removed(&printed)).then_some(printed)
}

fn as_text(lines: &[&str]) -> String {
    lines.join("\n") + "\n"
}

/// No systemd unit or container that the tests may run in, and no socket of another test.
fn apart_from_units_and_other_tests() {
    unshare(CloneFlags::CLONE_NEWCGROUP).expect("a cgroup namespace");
    mounts::hide_cgroups().expect("no cgroups");
    refuse::other_namespaces();
}

/// What a block prints now, with the PIDs of the page; `None` where this machine cannot run it.
fn printed(mark: &str, block: &[&str]) -> Option<String> {
    let mut words = mark.split(' ');
    let name = words.next().expect("a situation");
    let shown: Vec<u32> = words.map(|pid| pid.parse().expect("a PID")).collect();
    netns::enter().expect("a network namespace");
    let situation = situations::named(name);
    if situation.user.is_some_and(|user| !can_become(user)) {
        skip("there is no other user here");
        return None;
    }
    assert_eq!(shown.len(), situation.pids.len(), "PIDs in the comment: {mark}");
    let mut pids: Vec<(u32, u32)> = situation.pids.iter().copied().zip(shown).collect();
    pids.extend(session().map(|number| (number, SESSION)));
    let mut printed = String::new();
    for (at, line) in block.iter().enumerate().filter(|(_, line)| line.starts_with(PROMPT)) {
        let shown = block.iter().skip(at + 1).take_while(|line| !line.starts_with(PROMPT));
        let shown: Vec<&str> = shown.copied().collect();
        let command = varying::with_pids_of_now(&line[PROMPT.len()..], &pids);
        let output = typed(&command, &situation, &shown)?;
        printed.push_str(&format!("{line}\n{}", varying::with_pids_of_the_page(&output, &pids)));
    }
    Some(printed)
}

/// What a command prints when it is typed; of a pipeline, standard error first. `None` if a program
/// of the pipeline is missing.
fn typed(command: &str, situation: &Situation, shown: &[&str]) -> Option<String> {
    let run = in_a_shell(command, situation.user);
    let filters: Vec<&str> = command.split(" | ").skip(1).collect();
    if filters.is_empty() {
        let answers = shown.iter().filter_map(|line| Some(line.split_once(ASKED)?.1));
        return Some(on_a_terminal(&run, &answers.collect::<Vec<_>>()));
    }
    let program = |filter: &&str| filter.split(' ').next().unwrap_or_default().to_owned();
    if let Some(missing) = filters.iter().map(program).find(|name| find_in_path(name).is_none()) {
        skip(&format!("{missing} is missing"));
        return None;
    }
    let output = run.run();
    Some(output.stderr + &output.stdout)
}

/// The screen, with the answers in it: this terminal does not echo what is typed.
fn on_a_terminal(run: &Run, answers: &[&str]) -> String {
    let terminal = Terminal::whole(run);
    // A terminal hands over one line at a time, so that each question reads its own answer.
    for answer in answers {
        terminal.type_in(&format!("{answer}\n"));
    }
    let screen = terminal.finish().stdout;
    let screen: String = screen.split_inclusive('\n').map(overwritten).collect();
    let mut parts = screen.split(ASKED);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for (part, answer) in parts.zip(answers) {
        text.push_str(&format!("{ASKED}{answer}\n{part}"));
    }
    text
}

/// What is left of a line that was written several times over.
fn overwritten(line: &str) -> &str {
    line.rsplit('\r').next().unwrap_or_default()
}

const ASKED: &str = "[y/N] ";

/// `portwho` is a function of this shell, which finds the program that was built.
fn in_a_shell(command: &str, user: Option<u32>) -> Run {
    let script = format!("portwho() {{ \"$0\" \"$@\"; }}; {command}");
    let run = portwho::<&str>([]).through(["sh", "-c", &script]).env("NO_COLOR", "1");
    match user {
        Some(uid) => run.user(uid),
        None => run,
    }
}

/// The number that the pages show for the session of the tests.
const SESSION: u32 = 640;

/// That of this process, and of all that it starts; `None` if its leader is outside this PID
/// namespace, which gives it the number 0.
fn session() -> Option<u32> {
    let session = nix::unistd::getsid(None).expect("getsid").as_raw();
    u32::try_from(session).ok().filter(|&number| number != 0)
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    let path: PathBuf = root().join(page);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
