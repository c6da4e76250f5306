//! Where in a table of descriptors a socket is: it is found anywhere.

use std::fs;

use serde_json::json;

use crate::support::json::sockets;
use crate::support::process::{Actor, Owner, can_strace};
use crate::support::{Scratch, portwho, skip};

trials![
    without_a_hole,
    behind_a_hole,
    behind_more_holes_than_are_tried,
    with_every_other_number,
    far_behind_the_rest,
    both_before_and_behind_many_holes,
    at_the_edges_of_the_parts_of_a_large_table,
    in_a_large_table_with_holes,
    a_table_without_holes_is_not_listed,
];

/// A process that listens with these descriptors, and has about so many others with a few holes
/// (it may have inherited some); or a skip.
fn scattered(plain: u16, numbers: &[u16]) -> Option<Actor> {
    let limit = numbers.iter().fold(plain, |most, number| most.max(*number)) + 500;
    let mut words = vec![limit.to_string(), plain.to_string()];
    words.extend(numbers.iter().map(|number| format!("127.0.0.1:{}@{number}", 8000 + number)));
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut actor = Owner::named("scattered").playing("scattered", &words);
    let line = actor.line();
    if line.starts_with("refused: ") {
        skip(&line);
        return None;
    }
    Some(actor)
}

/// The process is told for each listener.
#[track_caller]
fn are_found_beside(plain: u16, numbers: impl IntoIterator<Item = u16>) {
    let numbers: Vec<u16> = numbers.into_iter().collect();
    let Some(actor) = scattered(plain, &numbers) else { return };
    let owner = json!({"kind": "processes", "pids": [actor.pid()]});
    let answer = portwho(["--json", "-l"]).run().json(0, "");
    let rows = sockets(&answer);
    assert_eq!(rows.len(), numbers.len(), "{answer:#}");
    for row in rows {
        assert_eq!(row["owner"], owner, "{row:#}");
    }
}

#[track_caller]
fn are_found(numbers: impl IntoIterator<Item = u16>) {
    are_found_beside(0, numbers);
}

fn without_a_hole() {
    are_found(3..60);
}

fn behind_a_hole() {
    are_found([3, 4, 6, 7]);
}

fn behind_more_holes_than_are_tried() {
    are_found([3, 30, 31]);
}

fn with_every_other_number() {
    are_found((3..200).step_by(2));
}

fn far_behind_the_rest() {
    are_found([3, 4, 5, 4000]);
}

fn both_before_and_behind_many_holes() {
    are_found((5..40).chain(90..95).chain([900]));
}

/// Large tables are searched in parts of 4096.
fn at_the_edges_of_the_parts_of_a_large_table() {
    are_found_beside(12_000, [100, 4095, 4096, 4097, 8191, 8192, 12_287, 12_288]);
}

fn in_a_large_table_with_holes() {
    are_found_beside(6000, [100, 5000, 8191, 8192, 12_000, 12_001, 16_384, 18_000]);
}

/// The kernel need not make a list of what can be named.
fn a_table_without_holes_is_not_listed() {
    if !can_strace() {
        return;
    }
    if fs::metadata("/proc/self/fd").expect("a directory").len() == 0 {
        return skip("this kernel does not count descriptors: it is older than Linux 6.2");
    }
    let numbers: Vec<u16> = (3..60).collect();
    let Some(actor) = scattered(0, &numbers) else { return };
    let scratch = Scratch::new();
    let log = scratch.path().join("log").to_str().expect("UTF-8").to_owned();
    let strace = ["strace", "-f", "-y", "-e", "trace=getdents64", "-o", &log];
    let output = portwho(["-q", "-l"]).through(strace).run();
    output.is(0, &format!("{}\n", actor.pid()), "");
    let calls = fs::read_to_string(&log).expect("the log");
    let directory = format!("</proc/{}/fd>", actor.pid());
    let listed = calls.lines().filter(|call| call.contains(&directory)).map(entries);
    let listed: Vec<usize> = listed.collect();
    assert!(!listed.is_empty(), "{calls}");
    assert!(listed.iter().sum::<usize>() < numbers.len(), "{listed:?}");
}

/// The entries that a call returned, as strace tells them.
fn entries(call: &str) -> usize {
    let told = call.split_once("/* ").and_then(|(_, rest)| rest.split_once(" entries */"));
    told.and_then(|(count, _)| count.parse().ok()).unwrap_or_default()
}
