//! Where a command writes: results to stdout, through one buffer; remarks to stderr.

use std::fmt::Display;
use std::io::{self, BufRead, BufWriter, IsTerminal, StdoutLock, Write};

use anyhow::Context;
use thiserror::Error;

use crate::render::escape::harmless;

/// How much is collected before it is written.
const BUFFER: usize = 64 * 1024;

/// The reader of stdout has left, as in `portwho | head -1`. That is no failure.
#[derive(Debug, Error)]
#[error("the reader has left")]
pub struct Broken;

/// Both streams of the program.
#[derive(Debug)]
pub struct Output {
    stdout: BufWriter<StdoutLock<'static>>,
}

impl Output {
    /// The streams of this process.
    #[must_use]
    pub fn new() -> Self {
        Self { stdout: BufWriter::with_capacity(BUFFER, io::stdout().lock()) }
    }

    /// Whether stdout is a terminal.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        io::stdout().is_terminal()
    }

    /// Writes a result with `write`, to the end.
    ///
    /// # Errors
    /// [`Broken`] when the reader has left; otherwise why it could not be written.
    pub fn result(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        match write(&mut self.stdout).and_then(|()| self.stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Broken.into()),
            written => written.context("cannot write to standard output"),
        }
    }

    /// Tells the person something beside the result, in one line: `portwho: WHAT: WHY`. Where
    /// even that fails there is nobody left to tell.
    pub fn remark(&mut self, text: impl Display) {
        let line = harmless(&text.to_string()).replace('\n', "\\n");
        let _ = writeln!(io::stderr().lock(), "portwho: {line}");
    }

    /// Tells what is wrong with an option, in clap's own words.
    pub fn usage(&mut self, text: impl Display) {
        let _ = write!(io::stderr().lock(), "{}", harmless(&text.to_string()));
    }

    /// Asks the person on the terminal; anything but yes is no, and so is the end of the input.
    pub fn ask(&mut self, question: impl Display) -> bool {
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
        let mut answer = String::new();
        let read = io::stdin().lock().read_line(&mut answer);
        if !answer.ends_with('\n') {
            let _ = writeln!(stderr);
        }
        read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }

    /// Whether there is a person to ask: stdin is a terminal.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        io::stdin().is_terminal()
    }
}

impl Default for Output {
    fn default() -> Self {
        Self::new()
    }
}
