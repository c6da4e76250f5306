//! Replacing a file at once: who reads it sees the old one or the new one, and never a part.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use super::new_file;
use crate::model::Pid;

/// What the name of a file ends in that is being written. Collectors of textfiles do not read it.
const UNFINISHED: &str = "tmp";

/// How often a temporary is created anew that someone put something in the place of.
const ATTEMPTS: usize = 5;

/// How long writing takes at most: a temporary of another process that is older is a leftover, even if its
/// PID is in use again.
const AGE_OF_LEFTOVERS: Duration = Duration::from_mins(1);

/// Who may read a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readers {
    /// Every user, whatever the mask of this process is.
    Everybody,
    /// The user of this process.
    Own,
}

/// Replaces a file, or creates it: a temporary beside it, which `readers` may read, gets its name. What is
/// there is never opened, be it a link. Temporaries of runs that were killed are removed: those of which
/// the process `is_absent`.
///
/// # Errors
/// When it cannot be written, or not get its name.
pub fn replace_file(
    path: &Path,
    contents: &[u8],
    readers: Readers,
    is_absent: &dyn Fn(Pid) -> bool,
) -> io::Result<()> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = directory.unwrap_or(Path::new("."));
    remove_leftovers(directory, name, is_absent);
    let temporary = directory.join(temporary_name(name, std::process::id()));
    let written = create(&temporary).and_then(|file| fill(file, contents, readers));
    let replaced = written.and_then(|()| rename(&temporary, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    replaced
}

/// `portwho.prom.4711.tmp`.
fn temporary_name(name: &str, pid: u32) -> String {
    format!("{name}.{pid}.{UNFINISHED}")
}

/// The process that a temporary of this file is of.
fn writer(temporary: &str, name: &str) -> Option<u32> {
    let rest = temporary.strip_prefix(name)?.strip_prefix('.')?;
    rest.strip_suffix(UNFINISHED)?.strip_suffix('.')?.parse().ok()
}

/// Removes what killed runs left. What cannot be removed is not in the way.
fn remove_leftovers(directory: &Path, name: &str, is_absent: &dyn Fn(Pid) -> bool) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    for entry in entries {
        let file = entry.file_name();
        let Some(pid) = file.to_str().and_then(|file| writer(file, name)) else { continue };
        if pid == std::process::id() || is_old(&entry.path()) || is_absent(Pid(pid)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_old(path: &Path) -> bool {
    let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|time| time.elapsed().is_ok_and(|age| age > AGE_OF_LEFTOVERS))
}

/// A new file. In a directory where others write too, one may have been put there meanwhile.
fn create(temporary: &Path) -> io::Result<File> {
    let mut attempts = ATTEMPTS;
    loop {
        attempts -= 1;
        match new_file(temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempts > 0 => {
                fs::remove_file(temporary)?;
            }
            created => return created,
        }
    }
}

fn fill(mut file: File, contents: &[u8], readers: Readers) -> io::Result<()> {
    file.write_all(contents)?;
    match readers {
        Readers::Everybody => readable_by_all(&file),
        Readers::Own => Ok(()),
    }
}

/// Another user runs the collector. The mask of this process does not matter (fchmod(2)).
#[cfg(unix)]
fn readable_by_all(file: &File) -> io::Result<()> {
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
}

/// A new file has the rights of its directory.
#[cfg(windows)]
fn readable_by_all(file: &File) -> io::Result<()> {
    file.sync_all()
}

#[cfg(unix)]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// A reader that does not share the file for deletion refuses that while it reads.
#[cfg(windows)]
fn rename(from: &Path, to: &Path) -> io::Result<()> {
    const PATIENCE: Duration = Duration::from_secs(2);
    const REST: Duration = Duration::from_millis(50);
    let begun = std::time::Instant::now();
    loop {
        match fs::rename(from, to) {
            Err(error) if is_refused(&error) && begun.elapsed() < PATIENCE => {
                std::thread::sleep(REST);
            }
            renamed => return renamed,
        }
    }
}

/// ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION and ERROR_USER_MAPPED_FILE.
#[cfg(windows)]
fn is_refused(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(5 | 32 | 33 | 1224))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_temporary_of_the_same_file_is_a_leftover() {
        assert_eq!(writer(&temporary_name("a.prom", 7), "a.prom"), Some(7));
        for other in ["a.prom", "a.prom.tmp", "a.prom.x.tmp", "b.prom.7.tmp", "a.prom.7.tmp2"] {
            assert_eq!(writer(other, "a.prom"), None, "{other}");
        }
    }

    #[test]
    fn a_file_is_replaced_and_leftovers_are_removed() {
        let folder = std::env::temp_dir().join(format!("portwho-replace-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("a.prom");
        let absent = Pid(4711);
        fs::write(folder.join("a.prom.4711.tmp"), "half").unwrap();
        fs::write(folder.join("a.prom.812.tmp"), "being written").unwrap();
        fs::write(folder.join("b.prom.4711.tmp"), "another's").unwrap();
        fs::write(folder.join(temporary_name("a.prom", std::process::id())), "half").unwrap();
        for text in ["one", "two"] {
            replace_file(&file, text.as_bytes(), Readers::Everybody, &|pid| pid == absent).unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), text);
        }
        let mut names: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(names, ["a.prom", "a.prom.812.tmp", "b.prom.4711.tmp"]);
    }
}
