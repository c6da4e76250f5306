//! The tools: portwho as it was built with this benchmark, and what is found on PATH.

use std::env;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// A command line, as it would be typed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line(pub &'static str);

impl Line {
    /// Its words, without the quotes that a shell would take off.
    pub fn words(self) -> Vec<String> {
        let mut words = Vec::new();
        for (number, part) in self.0.split('\'').enumerate() {
            // Every other part stood between quotes.
            if number % 2 == 1 {
                words.push(part.to_owned());
            } else {
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
        words
    }

    /// The name of the tool.
    pub fn tool(self) -> &'static str {
        self.0.split_whitespace().next().unwrap_or_default()
    }
}

/// Where a tool is; none if it is not installed.
pub fn program(tool: &str) -> Option<PathBuf> {
    if tool == "portwho" {
        return Some(PathBuf::from(env!("CARGO_BIN_EXE_portwho")));
    }
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(tool)).find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}
