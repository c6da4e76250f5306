//! lsof as a cross-check of the view that has its columns: each column of each row.

use std::path::PathBuf;
use std::process::Command;

use super::zoo;
use crate::support::makers::{self, Loopback};
use crate::support::process::Owner;
use crate::support::programs::find_in_path;
use crate::support::{portwho, skip, wait_until};

/// The words of each line, in any order: COMMAND PID USER FD TYPE DEVICE SIZE/OFF NODE NAME, where
/// the state is a word of NAME.
fn rows(table: &str) -> Vec<Vec<String>> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
    let mut rows: Vec<Vec<String>> = table.lines().map(words).collect();
    rows.sort();
    rows
}

/// With names as long as the kernel has them.
fn theirs(lsof: &PathBuf) -> Vec<Vec<String>> {
    let output = Command::new(lsof).args(["-nP", "+c", "0", "-i"]).output().expect("run lsof");
    rows(&String::from_utf8(output.stdout).expect("UTF-8"))
}

/// With names no longer than those: the kernel keeps 15 bytes (TASK_COMM_LEN).
fn ours() -> Vec<Vec<String>> {
    let output = portwho(["--lsof"]).run();
    output.is(0, &output.stdout, "");
    let mut rows = rows(&output.stdout);
    for row in &mut rows {
        if row[0].starts_with("it-") {
            row[0].truncate(15);
        }
    }
    rows.sort();
    rows
}

#[trial]
fn lsof_agrees_in_each_column() {
    let Some(lsof) = find_in_path("lsof") else {
        return skip("no lsof");
    };
    let _zoo = zoo();
    let [one, other] = [1080, 1081].map(|port| makers::listening(Loopback::V4.port(port)).socket);
    let _named = [("a b", one), ("back\\slash", other)]
        .map(|(name, socket)| Owner::named(name).holding(socket));
    let (our, their) = wait_until("lsof to say the same twice", || {
        let before = theirs(&lsof);
        let our = ours();
        (theirs(&lsof) == before).then_some((our, before))
    });
    assert!(their.len() > 40, "{their:#?}");
    assert_eq!(our, their);
}

/// In its order too: by process, then by descriptor.
#[trial]
fn lsof_agrees_about_the_order() {
    let Some(lsof) = find_in_path("lsof") else {
        return skip("no lsof");
    };
    let addresses = ["127.0.0.1:82", "127.0.0.1:81", "127.0.0.1:80"];
    let mut server = Owner::named("server").playing("listen", &addresses);
    server.line();
    let _other = Owner::named("other").holding(makers::listening(Loopback::V4.port(79)).socket);
    let output = Command::new(lsof).args(["-nP", "-i"]).output().expect("run lsof");
    let their = String::from_utf8(output.stdout).expect("UTF-8");
    let ends = |table: &str| -> Vec<String> {
        let end = |line: &str| line.split_whitespace().nth(8).unwrap_or_default().to_owned();
        table.lines().map(end).collect()
    };
    let our = portwho(["--lsof"]).run();
    assert_eq!(ends(&our.stdout), ends(&their), "{our:?}");
}
