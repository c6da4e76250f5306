//! /proc/PID/exe: proc_pid_exe(5).

use crate::model::Untrusted;

/// What the kernel appends to the path of a file that no longer has a name.
const REMOVED: &[u8] = b" (deleted)";

/// The program of a process, by the text of the link. The link is not followed: the file may be on
/// a file system that its user serves, and that does not answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Executable {
    /// Its path, without the mark.
    pub path: Untrusted,
    /// Whether the kernel marks it as removed. A name that ends like the mark cannot be told from
    /// it.
    pub is_removed: bool,
}

/// What the text of the link says.
#[must_use]
pub fn executable(link: &[u8]) -> Executable {
    let unmarked = link.strip_suffix(REMOVED);
    Executable { path: Untrusted::new(unmarked.unwrap_or(link)), is_removed: unmarked.is_some() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_is_reported_and_is_not_part_of_the_path() {
        let told = |link: &[u8]| {
            let found = executable(link);
            (found.path, found.is_removed)
        };
        assert_eq!(told(b"/usr/bin/a"), ("/usr/bin/a".into(), false));
        assert_eq!(told(b"/usr/bin/a (deleted)"), ("/usr/bin/a".into(), true));
        assert_eq!(told(b"/a (deleted) (deleted)"), ("/a (deleted)".into(), true));
        assert_eq!(told(b""), ("".into(), false));
    }
}
