//! Budgets: whatever one user gives to search, the owners of all others are named, the cost is bounded, and
//! what was not searched is reported.
//!
//! What a search costs is counted in system calls. The attacks are smaller than real ones; the
//! budgets are the real ones.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::support::flight::Flight;
use crate::support::json::sockets;
use crate::support::process::{Actor, Owner, can_become};
use crate::support::programs::can_strace;
use crate::support::{Scratch, portwho, refuse, skip};

const HOSTILE: u32 = 4000;
const HONEST: u32 = 65534;

/// A listener in flight, which makes every search a deep one.
fn in_flight() -> Flight {
    Flight::of(&TcpListener::bind("127.0.0.1:7000").expect("bind").into())
}

/// A process of the hostile user that plays the role, and what it said; or a skip.
fn hostile(role: &str, words: &[&str]) -> Option<(Actor, BTreeSet<u32>)> {
    if !can_become(HOSTILE) {
        skip("there is no other user here");
        return None;
    }
    let mut actor = Owner::named("hostile").user(HOSTILE).playing(role, words);
    let line = actor.line();
    if line.starts_with("refused: ") {
        skip(&line);
        return None;
    }
    Some((actor, line.split(' ').map(|pid| pid.parse().expect("a PID")).collect()))
}

/// Listeners that only a deep search finds, of root and of an honest user, with their ports.
struct Honest(Vec<(u16, Actor)>);

impl Honest {
    fn start() -> Self {
        let kinds = [
            (7001, "own-table", None),
            (7002, "ring", None),
            (7003, "own-table", Some(HONEST)),
            (7004, "ring", Some(HONEST)),
            (7005, "listen", Some(HONEST)),
        ];
        let start = |(port, role, user): (u16, &str, Option<u32>)| {
            let mut owner = Owner::named("honest");
            if let Some(user) = user {
                owner = owner.user(user);
            }
            let mut actor = owner.playing(role, &[&format!("127.0.0.1:{port}")]);
            let line = actor.line();
            (!line.starts_with("refused: ")).then_some((port, actor))
        };
        Self(kinds.into_iter().filter_map(start).collect())
    }

    #[track_caller]
    fn are_named(&self, answer: &Value) {
        for (port, actor) in &self.0 {
            assert_eq!(pids_at(answer, *port), BTreeSet::from([actor.pid()]), "{port}: {answer:#}");
        }
    }
}

/// The owners of what listens on this port.
#[track_caller]
fn pids_at(answer: &Value, port: u16) -> BTreeSet<u32> {
    let row = sockets(answer).iter().find(|row| row["local"]["port"] == port).expect("a row");
    let pids = row["owner"]["pids"].as_array().map(Vec::as_slice).unwrap_or_default();
    pids.iter().filter_map(Value::as_u64).map(|pid| u32::try_from(pid).expect("a PID")).collect()
}

/// What was not searched of each user's: descriptors, threads and rings.
fn left_out(answer: &Value) -> Vec<(String, [u64; 3])> {
    let gaps = answer["gaps"].as_array().expect("gaps");
    let bounded = gaps.iter().filter(|gap| gap["kind"] == "search-bounded");
    let counts = |gap: &Value| {
        ["descriptors", "threads", "rings"].map(|kind| gap[kind].as_u64().expect("a number"))
    };
    bounded.map(|gap| (gap["user"].as_str().expect("a user").to_owned(), counts(gap))).collect()
}

fn answer() -> Value {
    let output = portwho(["--json"]).run();
    output.json(0, &output.stderr)
}

/// The answer, and the calls that were made for it below the directories of these processes.
fn traced(kinds: &str, pids: &BTreeSet<u32>) -> (Value, usize) {
    let scratch = Scratch::new();
    let log = scratch.path().join("log").to_str().expect("UTF-8").to_owned();
    let kinds = format!("trace={kinds}");
    let run = portwho(["--json"]).through(["strace", "-f", "-y", "-e", &kinds, "-o", &log]);
    let output = run.run();
    let answer = output.json(0, &output.stderr);
    let log = fs::read_to_string(&log).expect("the log");
    let is_there = |call: &&str| {
        let of = |pid: &u32| {
            call.contains(&format!("</proc/{pid}/")) || call.contains(&format!("\"{pid}/task/"))
        };
        pids.iter().any(of)
    };
    (answer, log.lines().filter(is_there).count())
}

#[trial(alone)]
fn a_ring_is_read_once_however_often_it_is_held() {
    if !can_strace() {
        return;
    }
    let _flight = in_flight();
    let Some((_hostile, pids)) = hostile("ring-copies", &["2000", "60"]) else { return };
    let honest = Honest::start();
    let (answer, reads) = traced("read", &pids);
    // 2,000 files are one reading of a few pieces.
    assert!(reads < 20, "{reads}");
    honest.are_named(&answer);
    assert_eq!(left_out(&answer), []);
}

#[trial(alone)]
fn everybody_who_shares_a_ring_is_named() {
    let _flight = in_flight();
    let words = ["1000", "60", "127.0.0.1:7100"];
    let Some((_hostile, pids)) = hostile("ring-family", &words) else { return };
    for _ in 0..5 {
        let answer = answer();
        assert_eq!(pids_at(&answer, 7100), pids);
        assert_eq!(left_out(&answer), []);
    }
}

#[trial(alone)]
fn a_table_that_processes_share_is_read_once() {
    if !can_strace() {
        return;
    }
    let _flight = in_flight();
    let Some((_hostile, pids)) = hostile("shared-table", &["40", "3000"]) else { return };
    let honest = Honest::start();
    let (answer, links) = traced("readlinkat,readlink", &pids);
    assert!((3000..6000).contains(&links), "{links}");
    honest.are_named(&answer);
}

#[trial(alone)]
fn everybody_who_shares_a_table_is_named() {
    let words = ["40", "3000", "127.0.0.1:7100"];
    let Some((_hostile, pids)) = hostile("shared-table", &words) else { return };
    assert_eq!(pids.len(), 41);
    assert_eq!(pids_at(&answer(), 7100), pids);
}

/// As after a server that had its first process end.
#[trial(alone)]
fn one_who_shares_a_table_with_the_ended() {
    let words = ["8", "3000", "127.0.0.1:7100"];
    let Some((_hostile, mut pids)) = hostile("shared-table", &words) else { return };
    let _killed = pids.pop_last().map(|pid| {
        let pid = rustix::process::Pid::from_raw(pid.cast_signed()).expect("a PID");
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kill");
    });
    crate::support::wait_until("one process less", || {
        (pids_at(&answer(), 7100) == pids).then_some(())
    });
}

#[trial(alone)]
fn tables_of_threads_are_read_within_a_budget() {
    if !can_strace() {
        return;
    }
    let _flight = in_flight();
    // 160,000 descriptors, where 131,072 are read.
    let Some((_hostile, pids)) = hostile("own-tables", &["80", "2000"]) else { return };
    let honest = Honest::start();
    let (answer, links) = traced("readlinkat,readlink", &pids);
    assert!(links < 140_000, "{links}");
    honest.are_named(&answer);
    let told = left_out(&answer);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0, HOSTILE.to_string());
    let [descriptors, threads, rings] = told[0].1;
    assert!(threads > 0 && threads < 80 && descriptors == 0 && rings == 0, "{told:?}");
}

#[trial(alone)]
fn rings_are_read_within_a_budget() {
    let _flight = in_flight();
    // 12 MiB of fdinfo, where 8 are read.
    let Some((_hostile, _)) = hostile("rings", &["150", "4000"]) else { return };
    let honest = Honest::start();
    let output = portwho(["--json"]).run();
    let answer = output.json(0, &output.stderr);
    honest.are_named(&answer);
    let told = left_out(&answer);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].0 == HOSTILE.to_string() && told[0].1[2] > 0, "{told:?}");
    let sentence = format!("io_urings of user {HOSTILE} were not searched: ");
    assert!(output.stderr.contains(&sentence), "{}", output.stderr);
    // What was not searched may hold the listener in flight: neither rights nor the kernel hide it.
    let gaps = answer["gaps"].as_array().expect("gaps").iter();
    let mut unfound = gaps.filter(|gap| gap["kind"] == unfound_kind(&answer));
    let remedy = "some processes were not searched in full; one of them may hold these sockets";
    assert!(unfound.any(|gap| gap["remedy"] == remedy), "{answer:#}");
}

/// The gap of a socket without an owner: whether some process could not be read, depends on the machine.
fn unfound_kind(answer: &Value) -> &'static str {
    let row = sockets(answer).iter().find(|row| row["local"]["port"] == 7000).expect("a row");
    if row["owner"]["kind"] == "hidden" { "owners-hidden" } else { "owners-not-found" }
}

/// The files of a process that is not dumpable belong to root in /proc, whoever runs it.
#[trial(alone)]
fn a_user_cannot_spend_roots_budget() {
    let _flight = in_flight();
    let words = ["80", "2000", "undumpable"];
    let Some((_hostile, _)) = hostile("own-tables", &words) else { return };
    let honest = Honest::start();
    let answer = answer();
    honest.are_named(&answer);
    let users: Vec<String> = left_out(&answer).into_iter().map(|(user, _)| user).collect();
    assert_eq!(users, [HOSTILE.to_string()]);
}

/// As in a container of Docker without CAP_SYS_PTRACE.
#[trial(alone)]
fn without_kcmp_everybody_is_named_still() {
    let words = ["5", "2000", "127.0.0.1:7100"];
    let Some((_hostile, pids)) = hostile("shared-table", &words) else { return };
    let ring = ["100", "5", "127.0.0.1:7101"];
    let Some((_ring, sharers)) = hostile("ring-family", &ring) else { return };
    let honest = Honest::start();
    refuse::kcmp();
    let answer = answer();
    assert_eq!(pids_at(&answer, 7100), pids);
    assert_eq!(pids_at(&answer, 7101), sharers);
    honest.are_named(&answer);
}
