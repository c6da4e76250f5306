//! What is remembered from run to run: in a file beside that of the metrics, which collectors do not read.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::metrics::Remembered;
use crate::platform::{Readers, System, reason, replace_file, small_file};
use crate::text::metrics as text;

use super::shown;
use crate::commands::Output;

/// What is added to the name of FILE.
const SUFFIX: &str = ".seen";

/// How much is read, and written: twenty values of each of some thousand users.
const LONGEST: usize = 4 * 1024 * 1024;

/// `portwho.prom.seen`.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

/// What earlier runs have left, and why that is not all of it.
#[derive(Default)]
pub(super) struct Memory {
    /// What is remembered.
    pub(super) values: Remembered,
    /// What is said of the file, where something of it is lost.
    lost: Option<String>,
}

/// What earlier runs that wrote FILE have left. A file that cannot be read, or is none of portwho's, is
/// replaced later.
pub(super) fn read(file: &Path) -> Memory {
    let path = beside(file);
    match small_file(&path, LONGEST) {
        Ok(text) => {
            let (values, strange) = Remembered::of_text(&text);
            let lost = (strange > 0).then(|| text::not_own_lines(&shown(&path), strange));
            Memory { values, lost }
        }
        // The first run.
        Err(error) if error.kind() == ErrorKind::NotFound => Memory::default(),
        Err(error) => {
            let lost = Some(text::forgotten(&shown(&path), &reason(&error)));
            Memory { lost, ..Memory::default() }
        }
    }
}

/// Writes it for the next run, and tells what of it was lost before. Where there never was anything to
/// remember, there is no file.
pub(super) fn write(file: &Path, memory: &Memory, system: &impl System, output: &mut Output) {
    let path = beside(file);
    if memory.values.is_empty() && path.symlink_metadata().is_err() {
        return;
    }
    let is_absent = |pid| system.is_absent(pid);
    // More would not be read by the next run, which would forget all of it.
    let (lines, forgotten) = memory.values.text(LONGEST);
    let too_much = (forgotten > 0).then(|| text::too_much_seen(&shown(&path), LONGEST, forgotten));
    match replace_file(&path, lines.as_bytes(), Readers::Own, &is_absent) {
        Ok(()) => memory.lost.iter().chain(&too_much).for_each(|lost| output.remark(lost)),
        Err(error) => output.remark(text::not_remembered(&shown(&path), &reason(&error))),
    }
}
