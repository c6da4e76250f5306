//! Command lines: an error is safe to print, and a command that is advised is the one that was
//! typed once a shell has split it.

use std::ffi::OsString;

use portwho::cli::{CloseRequest, KillRequest, Request, parse};
use portwho::model::Shell;
use portwho::text::escape::harmless;

use super::escape::is_safe;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let words: Vec<OsString> =
        std::iter::once("portwho").chain(text.split('\0')).map(OsString::from).collect();
    match parse(words) {
        Ok(Request::Kill(request)) => kill_comes_back(&request),
        Ok(Request::Close(request)) => close_comes_back(&request),
        Ok(_) => {}
        Err(error) => {
            assert!(harmless(&error.to_string()).chars().all(|c| c == '\n' || is_safe(c)));
        }
    }
}

fn kill_comes_back(request: &KillRequest) {
    let ports: Vec<String> = request.selection.ports.iter().map(ToString::to_string).collect();
    let command = request.command(Shell::Posix, &[], &ports);
    let command = command.text().expect("a shell of POSIX reads every word");
    if is_beyond_shlex(command) {
        return;
    }
    let Ok(Request::Kill(again)) = retyped(command) else { panic!("no kill: {command}") };
    assert_eq!(format!("{:?}", again.selection), format!("{:?}", request.selection), "{command}");
    assert_eq!((again.signal(), again.yes), (request.signal(), request.yes), "{command}");
    assert_eq!((again.dry_run, again.timeout), (request.dry_run, request.timeout), "{command}");
}

fn close_comes_back(request: &CloseRequest) {
    let command = request.command(Shell::Posix, &[]);
    let command = command.text().expect("a shell of POSIX reads every word");
    if is_beyond_shlex(command) {
        return;
    }
    let Ok(Request::Close(again)) = retyped(command) else { panic!("no close: {command}") };
    assert_eq!(format!("{again:?}"), format!("{request:?}"), "{command}");
}

/// Whether a word is in dollar-single-quotes, which shlex does not know. The invariant of `shell_word`
/// covers them.
fn is_beyond_shlex(command: &str) -> bool {
    command.contains(" $'")
}

/// What portwho understands when a shell runs this.
fn retyped(command: &str) -> Result<Request, portwho::cli::CliError> {
    parse(shlex::split(command).expect("every quote is closed").into_iter().map(OsString::from))
}
