//! Wine, which runs Windows' programs on Linux and is no Windows.

use std::path::Path;
use std::process::{Command, Stdio};

use portwho::model::Gap;
use portwho::text::gaps;

use super::Output;
use super::skip::skip_stand_in;

/// Whether this is Wine: it brings its own settings program.
pub fn is_wine() -> bool {
    Path::new(r"C:\windows\system32\winecfg.exe").exists()
}

/// Sets a value of the registry, by the system's own tool.
pub fn set(key: &str, name: &str, text: &str) {
    reg(&["add", key, "/v", name, "/d", text, "/f"]);
}

/// Runs `reg` with these words.
pub fn reg(words: &[&str]) {
    let mut command = Command::new("reg");
    command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
    let status = command.status().expect("run reg");
    assert!(status.success(), "{words:?}: {status:?}");
}

/// Makes Wine show windows on no display, where it has none; a real Windows shows them.
pub fn draw_nothing() {
    if is_wine() {
        set(r"HKCU\Software\Wine\Drivers", "Graphics", "null");
    }
}

/// Whether this test needs what Wine lacks; then it is said, and the test should return at once.
pub fn lacks(what: &str) -> bool {
    let lacks = is_wine();
    if lacks {
        skip_stand_in(&format!("Wine lacks {what}"));
    }
    lacks
}

/// What is said beside every answer that could hold bound sockets: Wine does not list them.
pub fn gap() -> String {
    if is_wine() {
        format!("portwho: {}\n", gaps::line(&Gap::BoundNotListed))
    } else {
        String::new()
    }
}

/// That remark, if the output has it and no other: some of what was asked for may be bound.
pub fn gap_if_said(output: &Output) -> String {
    if output.stderr.is_empty() { String::new() } else { gap() }
}
