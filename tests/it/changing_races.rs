//! Runs of the program against a port that changes hands all the time.

use std::collections::BTreeSet;
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::kill::kill;
use crate::support::features::{assert_no_gap, lists_bound};
use crate::support::json::{gaps, sockets};
use crate::support::process::{Actor, Owner};
use crate::support::{Output, portwho, refuse};

const RACES: usize = 60;

/// What the runs of the list said: the PID, `?` with its gap, or that the port is free.
#[derive(Debug, Default)]
struct Tally {
    named: usize,
    changing: usize,
    free: usize,
}

impl Tally {
    #[track_caller]
    fn count(&mut self, output: &Output, pid: u32) {
        let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
        match (output.code, sockets(&answer)) {
            (Some(1), []) => self.free += 1,
            (Some(0), rows) if !rows.is_empty() => self.count_rows(&answer, pid),
            _ => panic!("neither a row nor free: {output:?}"),
        }
    }

    #[track_caller]
    fn count_rows(&mut self, answer: &Value, pid: u32) {
        let mut unknown = 0;
        for row in sockets(answer) {
            match row["owner"]["kind"].as_str() {
                Some("processes") => {
                    assert_eq!(row["owner"]["pids"], serde_json::json!([pid]), "{answer:#}");
                }
                // Closed, and in the table for the moment until the kernel has taken it out.
                Some("kernel") => assert_eq!(row["owner"]["reason"], "orphaned", "{answer:#}"),
                Some("not-found") => unknown += 1,
                _ => panic!("{answer:#}"),
            }
        }
        if unknown == 0 {
            assert_no_gap(answer);
            self.named += 1;
        } else {
            let changing = ("changing-hands", Some(unknown));
            assert!(gaps(answer).contains(&changing), "{answer:#}");
            self.changing += 1;
        }
    }
}

/// A process that reopens its port every two milliseconds; on a slow machine four times in a run.
fn reopening(kind: &str, order: &str) -> Actor {
    let started = Instant::now();
    portwho(["--json", "80"]).run();
    let pause = (started.elapsed().as_micros() / 4).max(2000).to_string();
    let mut role = Owner::named("web").playing("reopen", &[kind, order, &pause, "127.0.0.1:80"]);
    assert_eq!(role.line(), "ready");
    role
}

fn races(kind: &str, order: &str) -> Tally {
    refuse::other_namespaces();
    let web = reopening(kind, order);
    let mut tally = Tally::default();
    for _ in 0..RACES {
        tally.count(&portwho(["--json", "80"]).run(), web.pid());
    }
    println!("{kind}, {order}: {tally:?}");
    tally
}

fn never_free(kind: &str) -> Tally {
    let tally = races(kind, "overlapping");
    assert_eq!(tally.free, 0, "{tally:?}");
    tally
}

#[trial]
fn an_overlapping_listener_is_never_free() {
    assert!(never_free("listening").named > 0);
}

/// Where the kernel is slow it takes longer to list BOUND sockets than one of these lasts.
#[trial]
fn an_overlapping_bound_socket_is_never_free() {
    if lists_bound() {
        never_free("bound");
    }
}

/// Where the kernel lists none, it is looked for among descriptors, which change meanwhile.
#[trial]
fn an_overlapping_bound_socket_is_never_called_free() {
    refuse::other_namespaces();
    let _web = reopening("bound", "overlapping");
    for _ in 0..RACES {
        let output = portwho(["80"]).run();
        assert!(!output.stderr.contains("is free"), "{output:?}");
    }
}

#[trial]
fn an_overlapping_udp_socket_is_never_free() {
    assert!(never_free("udp").named > 0);
}

#[trial]
fn a_listener_reopened_apart_is_named_or_free() {
    let tally = races("listening", "apart");
    assert!(tally.named > 0, "{tally:?}");
}

/// It is held by its process, or free: at no moment by a process that cannot be found.
#[trial]
fn a_listener_closes_during_a_run() {
    refuse::other_namespaces();
    let mut tally = Tally::default();
    for pause in 0..RACES {
        let mut web = Owner::named("web").playing("listen", &["127.0.0.1:80"]);
        web.line();
        let output = thread::scope(|scope| {
            let run = scope.spawn(|| portwho(["--json", "80"]).run());
            (0..pause * 20).for_each(|_| thread::yield_now());
            assert_eq!(web.tell("close"), "closed");
            run.join().expect("the run")
        });
        tally.count(&output, web.pid());
    }
    println!("{tally:?}");
    assert_eq!(tally.changing, 0, "{tally:?}");
}

/// Each of them has a listener at every moment.
#[trial]
fn two_processes_that_reopen_one_port_are_both_named() {
    let both = ["overlapping"; 2].map(|order| reopening("listening", order));
    let expected = BTreeSet::from(both.each_ref().map(|web| u64::from(web.pid())));
    let mut named = 0;
    for _ in 0..RACES {
        let answer = portwho(["--json", "80"]).run();
        let answer: Value = serde_json::from_str(&answer.stdout).expect("JSON");
        let pids = |row: &Value| row["owner"]["pids"].as_array().cloned().unwrap_or_default();
        let pids = sockets(&answer).iter().flat_map(pids);
        let pids: BTreeSet<u64> = pids.map(|pid| pid.as_u64().expect("a PID")).collect();
        let is_changing = gaps(&answer).iter().any(|(kind, _)| *kind == "changing-hands");
        assert!(pids.is_subset(&expected), "{answer:#}");
        assert!(pids == expected || is_changing, "{answer:#}");
        named += usize::from(!is_changing);
    }
    println!("{named} of {RACES}");
    assert!(named > RACES / 4, "{named}");
}

#[trial]
fn kill_names_what_reopens_its_port() {
    let web = reopening("listening", "overlapping");
    let held = format!("127.0.0.1:80 is held by web (PID {}, user root)\n", web.pid());
    let mut named = 0;
    for _ in 0..RACES / 2 {
        let output = kill(["-n", "80"]).run();
        if output.code == Some(0) {
            assert!(output.stdout.starts_with(&held), "{output:?}");
            named += 1;
        } else {
            assert_eq!((output.code, &*output.stdout), (Some(2), ""), "{output:?}");
            assert!(output.stderr.contains("changed too fast to be found"), "{output:?}");
        }
    }
    assert!(named > RACES / 4, "{named}");
}

/// Where some processes cannot be read, as in a sandbox: nobody knows that this owner is one of them.
#[trial]
fn an_owner_that_changes_too_fast_is_not_called_hidden() {
    refuse::ptrace();
    let words = ["listening", "overlapping", "100", "127.0.0.1:80"];
    let mut web = Owner::named("web").playing("reopen", &words);
    assert_eq!(web.line(), "ready");
    let mut changing = 0;
    for _ in 0..RACES {
        let output = kill(["-n", "80"]).run();
        if output.stderr.contains("changed too fast to be found") {
            let line = "portwho: port 80: held by an owner that was not found; run: portwho 80";
            let last = output.stderr.lines().last();
            assert_eq!((output.code, last), (Some(2), Some(line)), "{output:?}");
            changing += 1;
        }
    }
    println!("{changing} of {RACES}");
}
