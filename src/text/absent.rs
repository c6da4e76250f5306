//! Owners that were asked for and do not exist.

use crate::model::Pid;

/// `no process has PID 999999`.
#[must_use]
pub fn pid(pid: Pid) -> String {
    format!("no process has PID {pid}")
}

/// `no process is named 'ngnix'`, `no process name matches 'ng*x'`.
#[must_use]
pub fn name(pattern: &str) -> String {
    let verb = if pattern.contains('*') { "name matches" } else { "is named" };
    format!("no process {verb} '{pattern}'")
}

/// `no user is named 'nosuchuser'`, `no user has UID 4242`.
#[must_use]
pub fn user(word: &str) -> String {
    match word.parse::<u32>() {
        Ok(uid) => format!("no user has UID {uid}"),
        Err(_) => format!("no user is named '{word}'"),
    }
}
