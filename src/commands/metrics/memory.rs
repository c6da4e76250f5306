//! What is remembered from run to run: in a file beside that of the metrics, which collectors do not read.

use std::path::{Path, PathBuf};

use crate::metrics::Remembered;
use crate::platform::{Readers, System, reason, replace_file, small_file};
use crate::text::metrics as text;

use super::shown;
use crate::commands::Output;

/// What is added to the name of FILE.
const SUFFIX: &str = ".seen";

/// How much is read: twenty values of each of some thousand users.
const LONGEST: usize = 4 * 1024 * 1024;

/// `portwho.prom.seen`.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(SUFFIX);
    name.into()
}

/// What earlier runs that wrote FILE have left. A file that cannot be read, or is none of portwho's, is
/// nothing: it is replaced.
pub(super) fn read(file: &Path) -> Remembered {
    let text = small_file(&beside(file), LONGEST).unwrap_or_default();
    Remembered::of_text(&text)
}

/// Writes it for the next run. Where there never was anything to remember, there is no file.
pub(super) fn write(
    file: &Path,
    remembered: &Remembered,
    system: &impl System,
    output: &mut Output,
) {
    let path = beside(file);
    if remembered.is_empty() && path.symlink_metadata().is_err() {
        return;
    }
    let is_absent = |pid| system.is_absent(pid);
    let text = remembered.text();
    if let Err(error) = replace_file(&path, text.as_bytes(), Readers::Own, &is_absent) {
        output.remark(text::not_remembered(&shown(&path), &reason(&error)));
    }
}
