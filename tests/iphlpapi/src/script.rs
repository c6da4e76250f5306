//! The script: what each call answers, in turn.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};
use std::{env, fs};

/// An answer to a call.
#[derive(Clone)]
pub(crate) struct Answer {
    pub(crate) code: u32,
    /// None where the line has no third word.
    pub(crate) bytes: Option<Vec<u8>>,
}

/// The answers of each name, the next one first.
type Script = HashMap<String, Vec<Answer>>;

static CLOSED: AtomicBool = AtomicBool::new(false);

/// From now on, lines that begin with `closed` answer first.
pub(crate) fn mark_closed() {
    CLOSED.store(true, Ordering::SeqCst);
}

/// The next answer, which stays the next.
pub(crate) fn peek(name: &str) -> Option<Answer> {
    with(name, |answers| answers.first().cloned())
}

/// The next answer. The last one stays.
pub(crate) fn answer(name: &str) -> Option<Answer> {
    with(name, |answers| {
        if answers.len() > 1 { Some(answers.remove(0)) } else { answers.first().cloned() }
    })
}

/// Adds a row that a call was given.
pub(crate) fn log(name: &str, bytes: &[u8]) {
    let Some(path) = env::var_os("PORTWHO_LAB") else { return };
    let mut path = path;
    path.push(".log");
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let line = format!("{name} {digits}\n");
    // The test that reads it sees that it is missing.
    let _ = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .and_then(|mut file| file.write_all(line.as_bytes()));
}

fn with(name: &str, next: impl FnOnce(&mut Vec<Answer>) -> Option<Answer>) -> Option<Answer> {
    static SCRIPT: OnceLock<Mutex<Script>> = OnceLock::new();
    let mut script = SCRIPT.get_or_init(|| Mutex::new(read())).lock().ok()?;
    let closed = format!("closed {name}");
    let is_closed = CLOSED.load(Ordering::SeqCst) && script.contains_key(&closed);
    next(script.get_mut(if is_closed { closed.as_str() } else { name })?)
}

fn read() -> Script {
    let text = env::var_os("PORTWHO_LAB").and_then(|path| fs::read_to_string(path).ok());
    let mut script = Script::new();
    for line in text.unwrap_or_default().lines() {
        let (prefix, rest) = match line.strip_prefix("closed ") {
            Some(rest) => ("closed ", rest),
            None => ("", line),
        };
        let mut words = rest.split(' ');
        if let (Some(name), Some(Ok(code))) = (words.next(), words.next().map(str::parse)) {
            let answer = Answer { code, bytes: words.next().map(bytes) };
            script.entry(format!("{prefix}{name}")).or_default().push(answer);
        }
    }
    script
}

fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    pairs.filter_map(|pair| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()).collect()
}
