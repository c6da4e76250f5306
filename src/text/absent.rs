//! Owners that were asked for and do not exist.

use super::advice::run_to;
use super::remedies;
use crate::model::{Pid, Shell};

/// `no process has PID 999999`; of 0, what it stands for.
#[must_use]
pub fn pid(pid: Pid) -> String {
    match pid {
        Pid(0) => {
            "no process has PID 0; it stands for sockets that the system holds itself".to_owned()
        }
        pid => format!("no process has PID {pid}"),
    }
}

/// `no process is named 'ngnix'`, `no process name matches 'ng*x'`; where names contain it, how to
/// select those.
#[must_use]
pub fn name(pattern: &str, is_part: bool, shell: Shell) -> String {
    let verb = if pattern.contains('*') { "name matches" } else { "is named" };
    let text = format!("no process {verb} '{pattern}'");
    if !is_part {
        return text;
    }
    let wider = remedies::list(shell, ["--name".to_owned(), format!("*{pattern}*")]);
    run_to("for names that contain it", &text, &wider.into())
}

/// `no user is named 'nosuchuser'`, `no user has UID 4242`.
#[must_use]
pub fn user(word: &str) -> String {
    match word.parse::<u32>() {
        Ok(uid) => format!("no user has UID {uid}"),
        Err(_) => format!("no user is named '{word}'"),
    }
}
