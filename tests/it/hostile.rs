//! Names chosen by a hostile user: each is one row, shows itself escaped, and moves nothing.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use serde_json::json;

use crate::support::golden;
use crate::support::json::process;
use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, Process};
use crate::support::{Scratch, portwho};

/// A process's name and what stands for it in a table.
const NAMES: &[(&[u8], &str)] = &[
    (b"a) S 1 1 1 (b", "a) S 1 1 1 (b"),
    (b"a\nTCP", "a\\nTCP"),
    (b"a\rb", "a\\rb"),
    (b"a\tb", "a\\tb"),
    (b"\x1b[31mred", "\\x1b[31mred"),
    (b"\x1b]52;c;AA==\x07", "\\x1b]52;c;AA==\\x07"),
    (b"a\xff\xc3", "a\\xff\\xc3"),
    (b"\x7f", "\\x7f"),
    ("\u{9b}31m".as_bytes(), "\\u{9b}31m"),
    ("\u{202e}gpj".as_bytes(), "\\u{202e}gpj"),
    ("a\u{200d}b".as_bytes(), "a\\u{200d}b"),
    ("\u{2066}a\u{2069}".as_bytes(), "\\u{2066}a\\u{2069}"),
    ("\u{feff}bom".as_bytes(), "\\u{feff}bom"),
    (b"back\\slash", "back\\\\slash"),
    (b"\\x1b", "\\\\x1b"),
    (b" ", " "),
    (b"-rf", "-rf"),
    (b"%s%n{}", "%s%n{}"),
    (b"a,\"b\"", "a,\"b\""),
];

/// Names that take two columns for a character, or none: and how many columns they take.
const WIDE: &[(&str, usize)] =
    &[("日本語", 6), ("🦀🦀", 4), ("e\u{301}te\u{301}", 3), ("한국", 4), ("ｆｕｌｌ", 8)];

fn holder(name: &[u8]) -> Process {
    let listener = makers::listening(Loopback::V4.port(80));
    Owner::named(OsStr::from_bytes(name)).holding(listener.socket)
}

fn row(pid: u32) -> golden::SocketRow {
    golden::socket("TCP", "127.0.0.1:80", "0.0.0.0:0", "LISTENING", pid)
}

/// Both tables, with a name of that many columns.
#[track_caller]
fn tables_show(owner: &Process, shown: &str, columns: usize) {
    tables_cut(owner, shown, shown, columns);
}

/// Both tables, the first with the whole name, and the second with as much as its column holds.
#[track_caller]
fn tables_cut(owner: &Process, whole: &str, shown: &str, columns: usize) {
    let placeholder = "x".repeat(columns);
    let padded = format!("{placeholder:<25}");
    let row = row(owner.pid()).image(whole.trim_end());
    let expected = golden::tables(&[row], &[golden::process(&placeholder, owner.pid())]);
    let in_place = shown.to_owned() + &" ".repeat(25 - columns);
    portwho(["80"]).run().is(0, &expected.replace(&padded, &in_place), "");
}

#[trial]
fn the_tables_show_each_name_escaped_and_in_its_columns() {
    for (name, shown) in NAMES {
        tables_show(&holder(name), shown, shown.len());
    }
    for (name, columns) in WIDE {
        tables_show(&holder(name.as_bytes()), name, *columns);
    }
}

/// The kernel cannot tell what a descriptor before the listener's leads to.
#[trial]
fn a_path_that_is_too_long_hides_no_socket() {
    let scratch = Scratch::new();
    let directory = scratch.path().to_str().expect("a path in UTF-8");
    let mut owner = Owner::named("long").playing("long-path", &[directory, "127.0.0.1:80"]);
    assert_eq!(owner.line(), "127.0.0.1:80");
    let expected = golden::tables(&[row(owner.pid())], &[golden::process("long", owner.pid())]);
    portwho(["80"]).run().is(0, &expected, "");
}

/// Every view that prints a name, or something made of it.
fn views() -> Vec<Vec<OsString>> {
    [
        &["80"] as &[&str],
        &["--no-header", "80"],
        &["--summary"],
        &["--summary", "--json"],
        &["--json", "80"],
        &["-v", "80"],
        &["--wide", "80"],
        &["--columns", "image,user,service,command,name", "80"],
        &["--csv", "80"],
        &["--lsof", "80"],
        &["--sort", "image", "80"],
        &["-q", "80"],
        &["--color", "never", "80"],
    ]
    .into_iter()
    .map(|words| words.iter().map(OsString::from).collect())
    .collect()
}

/// What a terminal obeys or does not show; a newline is how the program ends its own lines.
fn is_obeyed(c: char) -> bool {
    c.is_control() && c != '\n'
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || c == '\u{feff}'
        || c == '\u{fffd}'
}

#[trial]
fn no_view_prints_what_a_terminal_interprets() {
    for (name, _) in NAMES {
        let _owner = holder(name);
        for view in views() {
            let is_json = view.contains(&OsString::from("--json"));
            let output = portwho(&view).run();
            assert_eq!(output.code, Some(0), "{output:?}");
            assert_ne!(output.stdout, "", "{output:?}");
            for text in [&output.stdout, &output.stderr] {
                // JSON gives what is not UTF-8 as U+FFFD, next to its bytes.
                let obeyed = |c: char| is_obeyed(c) && !(is_json && c == '\u{fffd}');
                assert!(!text.contains(obeyed), "{}: {text:?}", output.command_line);
            }
        }
    }
}

#[trial]
fn no_view_has_a_row_more_for_a_newline() {
    let lines = |name: &[u8]| {
        let _owner = holder(name);
        let count = |view| portwho(view).run().stdout.lines().count();
        views().iter().map(count).collect::<Vec<_>>()
    };
    let innocent = lines(b"innocent");
    assert!(innocent.iter().all(|count| *count > 0), "{innocent:?}");
    assert_eq!(lines(b"a\nTCP\r\n\x0b\x0c"), innocent);
}

#[trial]
fn json_escapes_and_gives_the_bytes() {
    for (name, _) in NAMES {
        let owner = holder(name);
        let output = portwho(["--json", "80"]).run();
        let answer = output.json(0, "");
        let found = process(&answer, owner.pid());
        assert_eq!(found["name"], String::from_utf8_lossy(name).as_ref(), "{output:?}");
        let raw = if std::str::from_utf8(name).is_ok() { json!(null) } else { json!(hex(name)) };
        assert_eq!(found["name_raw"], raw, "{output:?}");
    }
    for (name, escape) in
        [("\u{202e}gpj", "\\u202e"), ("a\u{200d}b", "\\u200d"), ("\u{9b}31m", "\\u009b")]
    {
        let _owner = holder(name.as_bytes());
        let output = portwho(["--json", "80"]).run();
        assert!(output.stdout.contains(escape), "{escape} in {output:?}");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[trial]
fn a_long_name_is_cut_between_characters() {
    let name = "日".repeat(13);
    tables_cut(&holder(name.as_bytes()), &name, &"日".repeat(12), 24);
}

#[trial]
fn a_long_escape_is_cut_between_escapes() {
    let name = [0x1b; 15];
    tables_cut(&holder(&name), &"\\x1b".repeat(15), &"\\x1b".repeat(6), 24);
}

#[trial]
fn a_name_longer_than_comm_is_found_in_argv() {
    let owner = holder(b"a-name-of-more-than-15-bytes");
    tables_cut(&owner, "a-name-of-more-than-15-bytes", "a-name-of-more-than-15-by", 25);
    let answer = portwho(["--json", "80"]).run().json(0, "");
    assert_eq!(process(&answer, owner.pid())["name"], "a-name-of-more-than-15-bytes");
}

/// Any process can write anything into argv[0]; only what continues comm is a name.
#[trial]
fn an_argv_that_does_not_begin_with_comm_is_not_believed() {
    let listener = makers::listening(Loopback::V4.port(80));
    let owner = Owner::named("impostor-of-nob").argv0("/usr/sbin/sshd").holding(listener.socket);
    tables_show(&owner, "impostor-of-nob", 15);
}

#[trial]
fn an_empty_argv() {
    let listener = makers::listening(Loopback::V4.port(80));
    let owner = Owner::named("empty").argv0("").holding(listener.socket);
    tables_show(&owner, "empty", 5);
    let answer = portwho(["--json", "80"]).run().json(0, "");
    let found = process(&answer, owner.pid());
    assert_eq!((&found["name"], &found["command"]), (&json!("empty"), &json!(["", "3600"])));
}

#[trial]
fn the_name_of_the_executable() {
    let name = OsStr::from_bytes(b"a\x1b\xff");
    let listener = makers::listening(Loopback::V4.port(80));
    let owner = Owner::named(name).copied().holding(listener.socket);
    let answer = portwho(["--json", "80"]).run().json(0, "");
    let found = process(&answer, owner.pid());
    let executable = found["executable"].as_str().expect("an executable");
    assert!(executable.ends_with("/a\u{1b}\u{fffd}"), "{found:#}");
    let raw = found["executable_raw"].as_str().expect("its bytes");
    assert!(raw.ends_with("2f611bff"), "{found:#}");
    assert_eq!(found["command"][0], executable, "{found:#}");
    assert!(found["command_raw"][0].as_str().is_some_and(|raw| raw.ends_with("2f611bff")));
}
