//! What a process runs: its arguments and its executable.

use std::fs;

use serde_json::{Value, json};

use super::{block, link, listener, only_line, run};
use crate::support::json::process;
use crate::support::portwho;
use crate::support::process::{Owner, Process};

/// One with blanks or a quote, and an empty one, could be taken for several or for none.
#[trial]
fn arguments_are_kept_separate() {
    let words = ["0", "", "two words", "it's", "a\tb", "plain", r"back\slash"];
    let mut server = Owner::named("server").playing_with("family", &words, listener(80));
    assert_eq!(server.line(), "");
    let command = only_line(&["80"], "command");
    let (_, arguments) = command.split_once(' ').expect("arguments");
    assert_eq!(arguments, r"0 '' 'two words' 'it\'s' a\tb plain back\\slash");
    let answer = portwho(["-v", "--json", "80"]).run().json(0, "");
    let command = process(&answer, server.pid())["command"].as_array().expect("words");
    assert_eq!(command[1..], words.map(Value::from));
}

/// What a process that has set its title leaves of its arguments: a worker of nginx, for example.
#[trial]
fn padding_is_no_argument() {
    let mut server =
        Owner::named("server").playing_with("family", &["0", "", "", ""], listener(80));
    let mut other = Owner::named("other").playing_with("family", &["0", ""], listener(81));
    assert_eq!((server.line(), other.line()), (String::new(), String::new()));
    for (port, shown, words) in [("80", "0", &["0"][..]), ("81", "0 ''", &["0", ""])] {
        let command = only_line(&[port], "command");
        let (_, arguments) = command.split_once(' ').expect("arguments");
        assert_eq!(arguments, shown);
        let ends = |output: &str| output.trim_end().ends_with(&format!(" {shown}"));
        for view in [&["-w"][..], &["--csv", "--columns", "command"]] {
            let output = portwho([view, &[port]].concat()).run();
            assert!(ends(&output.stdout), "{output:?}");
        }
        let pid = if port == "80" { server.pid() } else { other.pid() };
        let answer = portwho(["-v", "--json", port]).run().json(0, "");
        let command = process(&answer, pid)["command"].as_array().expect("words").clone();
        assert_eq!(command[1..], words.iter().map(|&word| word.into()).collect::<Vec<Value>>());
    }
}

#[trial]
fn a_hostile_command() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let argv0 = b"\x1b]52;c;AA==\x07 \xff\n(PID 1)";
    let server = Owner::named("server").argv0(OsStr::from_bytes(argv0)).holding(listener(80));
    let shown = r"'\x1b]52;c;AA==\x07 \xff\n(PID 1)' 3600";
    assert_eq!(only_line(&["80"], "command"), shown);
    let output = run(portwho(["-v", "80"]));
    assert!(output.stdout.ends_with(&block(&server, "server", shown)), "{output:?}");
}

/// A copy of a program that runs and is then removed.
fn deleted() -> (Process, String) {
    let server = Owner::named("server").copied().holding(listener(80));
    let path = link(server.pid(), "exe");
    fs::remove_file(&path).expect("remove");
    assert_eq!(link(server.pid(), "exe"), format!("{path} (deleted)"));
    (server, path)
}

#[track_caller]
fn is_told_as_deleted(server: &Process, path: &str) {
    let line = only_line(&["80"], "executable");
    assert_eq!(line, format!("{path} (deleted)"));
    let answer = portwho(["-v", "--json", "80"]).run().json(0, "");
    let told = process(&answer, server.pid());
    assert_eq!((&told["executable"], &told["executable_deleted"]), (&json!(path), &json!(true)));
}

#[trial]
fn an_executable_that_was_deleted() {
    let (server, path) = deleted();
    is_told_as_deleted(&server, &path);
}

/// As a package manager does it: the path leads to another program by now.
#[trial]
fn an_executable_that_was_replaced() {
    let (server, path) = deleted();
    fs::write(&path, "another program").expect("write");
    is_told_as_deleted(&server, &path);
}
