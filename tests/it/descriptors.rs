//! Where in a table of descriptors a socket is: it is found anywhere.

use serde_json::json;

use crate::support::json::sockets;
use crate::support::portwho;
use crate::support::process::Owner;

trials![
    without_a_hole,
    behind_a_hole,
    behind_more_holes_than_are_tried,
    with_every_other_number,
    far_behind_the_rest,
    both_before_and_behind_many_holes,
];

/// A process listens with these descriptors, and its PID is told for each. (It may have inherited
/// others.)
#[track_caller]
fn are_found(numbers: impl IntoIterator<Item = u16>) {
    let numbers: Vec<u16> = numbers.into_iter().collect();
    let words: Vec<String> =
        numbers.iter().map(|number| format!("127.0.0.1:{}@{number}", 8000 + number)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut actor = Owner::named("scattered").playing("scattered", &words);
    assert_eq!(actor.line(), "ready");
    let owner = json!({"kind": "processes", "pids": [actor.pid()]});
    let answer = portwho(["--json", "-l"]).run().json(0, "");
    let rows = sockets(&answer);
    assert_eq!(rows.len(), numbers.len(), "{answer:#}");
    for row in rows {
        assert_eq!(row["owner"], owner, "{row:#}");
    }
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
