//! The kinds of tries, their share of the time, and the table.

use std::any::Any;
use std::collections::BTreeMap;
use std::env;
use std::net::TcpListener;
use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;
use nix::sched::{CloneFlags, unshare};

use crate::kind::{Kind, Seen};
use crate::support::{mounts, netns, refuse, wait_until};
use crate::{kills, owners, resources};

/// Races, owners under churn, and memory and descriptors over many runs
#[derive(Parser, Debug)]
#[command(bin_name = "cargo bench --bench soak --")]
struct Arguments {
    /// How long, in minutes, for all kinds together; each is tried once at least
    #[arg(value_name = "MINUTES", default_value_t = 0.5)]
    minutes: f64,
    /// Only the kinds whose description contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

/// How a kind went.
#[derive(Default)]
struct Tally {
    tried: usize,
    failed: usize,
    seen: BTreeMap<&'static str, usize>,
    first_failure: Option<String>,
}

/// Runs all kinds.
pub fn main() -> ExitCode {
    let mut words: Vec<_> = env::args_os().collect();
    // `cargo bench` adds this word at the end.
    words.pop_if(|word| word == "--bench");
    let arguments = Arguments::parse_from(words);
    netns::become_root();
    enter();
    let kinds = [kills::KINDS, owners::KINDS, resources::KINDS].into_iter().flatten();
    let kinds: Vec<&Kind> = kinds.filter(|kind| kind.what.contains(&arguments.only)).collect();
    let share = Duration::from_secs_f64(arguments.minutes.max(0.0) * 60.0)
        / u32::try_from(kinds.len().max(1)).expect("a few kinds");
    let tallies: Vec<(&Kind, Tally)> =
        kinds.iter().map(|kind| (*kind, Tally::of(kind, share))).collect();
    println!("{}", table(&tallies));
    for (kind, tally) in &tallies {
        if let Some(failure) = &tally.first_failure {
            println!("\n{}: {failure}", kind.what);
        }
    }
    ExitCode::from(u8::from(tallies.iter().any(|(_, tally)| tally.failed > 0)))
}

/// A network namespace of its own, outside any systemd unit.
fn enter() {
    netns::enter().expect("a network namespace: run as root");
    unshare(CloneFlags::CLONE_NEWCGROUP).expect("a cgroup namespace");
    mounts::hide_cgroups().expect("hide the cgroups");
    refuse::other_namespaces();
    // A try that fails tells why; that is printed once, below the table.
    std::panic::set_hook(Box::new(|_| {}));
}

/// What was ended in the last try may still let go of its sockets.
fn await_free_port() {
    wait_until("port 80 to be free", || TcpListener::bind("127.0.0.1:80").ok().map(drop));
}

impl Tally {
    fn of(kind: &Kind, share: Duration) -> Self {
        eprintln!("{}", kind.what);
        let deadline = Instant::now() + share;
        let mut tally = Self::default();
        while tally.tried == 0 || Instant::now() < deadline {
            await_free_port();
            tally.count(catch_unwind(kind.attempt).unwrap_or_else(|panic| Err(text(&*panic))));
        }
        tally
    }

    fn count(&mut self, result: Result<Seen, String>) {
        self.tried += 1;
        match result {
            Ok(seen) => {
                if let Some(word) = seen {
                    *self.seen.entry(word).or_default() += 1;
                }
            }
            Err(failure) => {
                self.failed += 1;
                self.first_failure.get_or_insert(failure);
            }
        }
    }

    fn remarks(&self) -> String {
        let remarks = self.seen.iter().map(|(word, count)| format!("{count} {word}"));
        remarks.collect::<Vec<_>>().join(", ")
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

fn table(tallies: &[(&Kind, Tally)]) -> Table {
    let mut table = Table::new();
    table.load_style(ASCII_MARKDOWN).set_header(["what", "tried", "failed", "seen"]);
    for (kind, tally) in tallies {
        table.add_row([
            kind.what.to_owned(),
            tally.tried.to_string(),
            tally.failed.to_string(),
            tally.remarks(),
        ]);
    }
    table
}
