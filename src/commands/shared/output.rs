//! Where a command writes: results to stdout, through one buffer; remarks to stderr.

use std::fmt::Display;
use std::io::{self, BufRead, BufWriter, IsTerminal, Write};

use anyhow::anyhow;
use terminal_size::{Width, terminal_size_of};
use thiserror::Error;

use crate::platform::{reason, stdout_is_read};
use crate::text::errors;
use crate::text::escape::harmless;

/// How much is collected before it is written.
const BUFFER: usize = 64 * 1024;

/// How long a line of progress is at most.
const PROGRESS: usize = 60;

/// The reader of stdout has left, as in `portwho | head -1`. That is no failure.
#[derive(Debug, Error)]
#[error("the reader closed the pipe")]
pub struct Broken;

/// Asks a person in another way than on the terminal, with what is to be typed to confirm it.
type Asker = Box<dyn FnMut(&str, &str) -> bool>;

/// The streams of the program.
pub struct Output {
    stdout: BufWriter<Box<dyn Write>>,
    stderr: Box<dyn Write>,
    stdin: Box<dyn BufRead>,
    terminals: Terminals,
    /// Asks whether stdout has a reader; none where that is not known.
    is_read: Option<fn() -> bool>,
    /// Who asks instead of the terminal.
    asker: Option<Asker>,
}

/// Which of the streams a person sits at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Terminals {
    /// There is a person to ask.
    pub stdin: bool,
    /// There is a person to show colors to.
    pub stdout: bool,
    /// There is a person to show progress to.
    pub stderr: bool,
    /// How many columns stdout's terminal has, where it reports that.
    pub columns: Option<usize>,
}

impl Output {
    /// The streams of this process.
    #[must_use]
    pub fn of_process() -> Self {
        // 0 is what a terminal without a size answers.
        let columns = terminal_size_of(io::stdout()).map(|(Width(columns), _)| columns.into());
        let terminals = Terminals {
            stdin: io::stdin().is_terminal(),
            stdout: io::stdout().is_terminal(),
            stderr: io::stderr().is_terminal(),
            columns: columns.filter(|columns| *columns > 0),
        };
        let streams = Self::new(io::stdout().lock(), io::stderr(), io::stdin().lock(), terminals);
        Self { is_read: Some(stdout_is_read), ..streams }
    }

    /// Any streams, for programs and tests that use the library.
    pub fn new(
        stdout: impl Write + 'static,
        stderr: impl Write + 'static,
        stdin: impl BufRead + 'static,
        terminals: Terminals,
    ) -> Self {
        Self {
            stdout: BufWriter::with_capacity(BUFFER, Box::new(stdout)),
            stderr: Box::new(stderr),
            stdin: Box::new(stdin),
            terminals,
            is_read: None,
            asker: None,
        }
    }

    /// The same, with another way to ask.
    #[must_use]
    pub fn asking(self, asker: impl FnMut(&str, &str) -> bool + 'static) -> Self {
        Self { asker: Some(Box::new(asker)), ..self }
    }

    /// Whether stdout is a terminal.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        self.terminals.stdout
    }

    /// How many columns a row may have: those of stdout, where that is a terminal of a known size.
    #[must_use]
    pub const fn columns(&self) -> Option<usize> {
        self.terminals.columns
    }

    /// Whether there is a person to ask: stdin is a terminal, or there is another way.
    #[must_use]
    pub const fn can_ask(&self) -> bool {
        self.terminals.stdin || self.asker.is_some()
    }

    /// Writes a result with `write`, to the end.
    ///
    /// # Errors
    /// [`Broken`] when the reader closed the pipe; otherwise why it could not be written.
    pub fn result(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> anyhow::Result<()> {
        match write(&mut self.stdout).and_then(|()| self.stdout.flush()) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Broken.into()),
            Err(error) => Err(anyhow!(errors::not_written(&reason(&error)))),
            Ok(()) => Ok(()),
        }
    }

    /// Nothing is written for a while: a reader of stdout that leaves meanwhile is noticed all the same.
    ///
    /// # Errors
    /// [`Broken`] when the reader closed the pipe.
    pub fn expect_reader(&self) -> anyhow::Result<()> {
        if self.is_read.is_some_and(|is_read| !is_read()) { Err(Broken.into()) } else { Ok(()) }
    }

    /// Writes a remark, which is not part of the result, in one line: `portwho: WHAT: WHY`. Where
    /// even that fails there is nowhere left to report it.
    pub fn remark(&mut self, text: impl Display) {
        let line = harmless(&text.to_string()).replace('\n', "\\n");
        let _ = writeln!(self.stderr, "portwho: {line}");
    }

    /// Shows a person what takes time, in a line that the next one replaces; an empty text leaves no
    /// trace of it.
    pub fn progress(&mut self, text: &str) {
        if self.terminals.stderr {
            let text = if text.is_empty() { String::new() } else { format!("portwho: {text}") };
            // A line that fills the terminal would go on in the next one, and stay.
            let columns =
                self.terminals.columns.map_or(PROGRESS, |columns| columns.min(PROGRESS + 1) - 1);
            let text: String = text.chars().take(columns).collect();
            let _ = write!(self.stderr, "\r{:columns$}\r{text}", "");
            let _ = self.stderr.flush();
        }
    }

    /// Asks the person on the terminal; anything but yes is no, and so is the end of the input. Where there is
    /// another way to ask, `confirms` is to be typed there.
    pub fn ask(&mut self, question: &str, confirms: &str) -> bool {
        if let Some(asker) = &mut self.asker {
            return asker(question, confirms);
        }
        let _ = write!(self.stderr, "{question} [y/N] ").and_then(|()| self.stderr.flush());
        let mut answer = String::new();
        let read = self.stdin.read_line(&mut answer);
        if !answer.ends_with('\n') {
            let _ = writeln!(self.stderr);
        }
        read.is_ok() && matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").field("terminals", &self.terminals).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;

    use super::*;

    #[derive(Clone, Default)]
    struct Screen(Rc<RefCell<Vec<u8>>>);

    impl Write for Screen {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Where a line goes on in the next one, a carriage return leads to the last of them only.
    #[test]
    fn progress_fits_in_a_line_of_the_terminal() {
        for (columns, longest) in [(Some(40), 39), (Some(1), 0), (Some(500), 60), (None, 60)] {
            let screen = Screen::default();
            let terminals = Terminals { stderr: true, columns, ..Terminals::default() };
            let mut output = Output::new(io::sink(), screen.clone(), io::empty(), terminals);
            output.progress(&"waiting ".repeat(20));
            let written = String::from_utf8(screen.0.borrow().clone()).unwrap();
            let lines = written.split('\r').map(|line| line.chars().count());
            assert_eq!(lines.max(), Some(longest), "{columns:?} {written:?}");
        }
    }
}
