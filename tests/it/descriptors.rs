//! Where in a table of descriptors a socket is: it is found anywhere.

use serde_json::json;

use crate::support::json::sockets;
use crate::support::process::{Actor, Owner};
use crate::support::{portwho, skip};

/// A process that listens with these descriptors, and has about this many others with a few holes
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

#[trial]
fn without_a_hole() {
    are_found(3..60);
}

#[trial]
fn after_a_hole() {
    are_found([3, 4, 6, 7]);
}

#[trial]
fn after_more_holes_than_are_tried() {
    are_found([3, 30, 31]);
}

#[trial]
fn with_every_other_number() {
    are_found((3..200).step_by(2));
}

#[trial]
fn far_after_the_rest() {
    are_found([3, 4, 5, 4000]);
}

#[trial]
fn both_before_and_after_many_holes() {
    are_found((5..40).chain(90..95).chain([900]));
}

/// Large tables are searched in parts of 4096.
#[trial]
fn at_the_edges_of_the_parts_of_a_large_table() {
    are_found_beside(12_000, [100, 4095, 4096, 4097, 8191, 8192, 12_287, 12_288]);
}

#[trial]
fn in_a_large_table_with_holes() {
    are_found_beside(6000, [100, 5000, 8191, 8192, 12_000, 12_001, 16_384, 18_000]);
}
