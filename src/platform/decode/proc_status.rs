//! /proc/PID/status: proc_pid_status(5).

use crate::model::Uid;

/// The effective user, the second number of the line `Uid:`.
#[must_use]
pub fn effective_user(file: &[u8]) -> Option<Uid> {
    user(file, 1)
}

/// The real user, the first number of the line `Uid:`: whoever started a program that has the
/// rights of another user (set-user-ID).
#[must_use]
pub fn real_user(file: &[u8]) -> Option<Uid> {
    user(file, 0)
}

fn user(file: &[u8], place: usize) -> Option<Uid> {
    let text = String::from_utf8_lossy(file);
    // The name comes first and is escaped: it cannot begin a line.
    let numbers = text.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    numbers.split_whitespace().nth(place)?.parse().ok().map(Uid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_effective_user_is_the_second() {
        let file = b"Name:\tx\\nUid:\t0\nUmask:\t0022\nUid:\t1000\t33\t0\t0\nGid:\t0\t0\t0\t0\n";
        assert_eq!(effective_user(file), Some(Uid(33)));
        assert_eq!(real_user(file), Some(Uid(1000)));
        assert_eq!(effective_user(b"Uid:\t1000\n"), None);
        assert_eq!(effective_user(b""), None);
    }
}
