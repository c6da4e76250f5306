//! The terminal: taken over, and given back however the program ends.

use std::fs::File;
use std::io::{self, BufWriter, Stdout, Write, stderr, stdout};
use std::panic;
use std::process;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Rect;

use super::draw;
use super::state::State;
use crate::platform;
use crate::text::watch as text;

/// Whether the terminal is taken over.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal by another way than stdout, which the drawing thread may hold when another one panics.
static TERMINAL: OnceLock<File> = OnceLock::new();

/// The exit code after a panic of any thread.
const FAILURE: i32 = 2;

/// The terminal while it is taken over.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal over.
    ///
    /// # Errors
    /// When it cannot be.
    pub(super) fn enter() -> io::Result<Self> {
        if TERMINAL.get().is_none() {
            let _ = TERMINAL.set(platform::stdout_again()?);
            restore_after_panics();
        }
        let screen = Self { terminal: blank()? };
        take()?;
        Ok(screen)
    }

    /// Gives the terminal back while `away` is done, and takes it over again.
    ///
    /// # Errors
    /// When it cannot be.
    pub(super) fn while_restored(&mut self, away: impl FnOnce()) -> io::Result<()> {
        restore();
        away();
        // Not `clear`: it asks the terminal where the cursor is, and another thread reads the answer.
        self.terminal = blank()?;
        take()
    }

    /// Draws the state.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn draw(&mut self, state: &mut State) -> io::Result<()> {
        let size = self.terminal.size()?;
        state.fit(Rect::new(0, 0, size.width, size.height));
        self.terminal.draw(|frame| draw::draw(state, frame))?;
        Ok(())
    }

    /// How many columns it has.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(super) fn columns(&self) -> io::Result<usize> {
        Ok(self.terminal.size()?.width.into())
    }

    /// Sends something that moves nothing on the screen.
    pub(super) fn send(text: &str) {
        let mut out = stdout();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
    }
}

/// A terminal of which nothing is known: all of it is drawn.
fn blank() -> io::Result<Terminal<CrosstermBackend<BufWriter<Stdout>>>> {
    Terminal::new(CrosstermBackend::new(BufWriter::new(stdout())))
}

fn take() -> io::Result<()> {
    TAKEN.store(true, Ordering::SeqCst);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste)
}

/// Lets the terminal edit lines again, which it does even where it takes no output.
pub(super) fn end_raw_mode() {
    let _ = disable_raw_mode();
}

/// Gives the terminal back, if it is taken over.
pub(super) fn restore() {
    let taken = TAKEN.swap(false, Ordering::SeqCst);
    if let Some(mut terminal) = TERMINAL.get().filter(|_| taken) {
        // What fails here cannot be helped.
        let _ = execute!(terminal, DisableBracketedPaste, LeaveAlternateScreen, Show);
        let _ = disable_raw_mode();
    }
}

/// A panic of any thread ends the program, on a terminal that is as it was.
fn restore_after_panics() {
    panic::set_hook(Box::new(move |panic| {
        restore();
        let _ = writeln!(stderr(), "portwho: {}", text::internal_error(&panic.to_string()));
        process::exit(FAILURE);
    }));
}
