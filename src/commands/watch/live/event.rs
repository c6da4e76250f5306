//! What happens to a live view, and what it makes happen.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use ratatui::crossterm::event::KeyEvent;

use super::super::seen::Look;
use super::names::Described;
use crate::model::{About, OwnedSocket, SocketKey};
use crate::platform::SystemRequest;
use crate::query::{Change, Filter};

/// What happens.
#[derive(Debug)]
pub(super) enum Event {
    /// A key was pressed, and when it was read.
    Key(KeyEvent, Instant),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resized,
    /// A look, and what has changed since the one before.
    Looked {
        /// What was seen.
        look: Arc<Look>,
        /// What has changed.
        changes: Vec<Change>,
        /// When it was.
        at: SystemTime,
        /// How far apart looks are, and why.
        pace: Pace,
    },
    /// A look failed, for this reason.
    Failed(String),
    /// The action says something.
    Said(String),
    /// The action asks something, which this confirms when it is typed.
    Asked {
        /// What is asked.
        question: String,
        /// What is to be typed.
        token: String,
    },
    /// The action is over.
    Done,
    /// A filter was parsed, or why it cannot be.
    Parsed(String, Result<Box<Filter>, String>),
    /// The processes on the screen.
    Described(Described),
    /// The details of a socket.
    Details(SocketKey, Vec<String>),
    /// What came of writing a file.
    Wrote(String),
    /// The system wants something.
    System(SystemRequest),
    /// The terminal cannot be read.
    Unreadable(String),
    /// Time has passed.
    Tick,
}

/// How far looks are apart, and why.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Pace {
    /// From one look to the next.
    pub(super) interval: Duration,
    /// What the last one cost.
    pub(super) cost: Duration,
    /// Whether that is why the interval is what it is.
    pub(super) is_slowed: bool,
}

/// What an action does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Deed {
    /// It ends the owners of the socket.
    Kill,
    /// It closes the socket.
    Close,
}

/// What the view makes happen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Effect {
    /// It ends with this exit code.
    Quit(u8),
    /// The program stops until it is continued (Ctrl-Z).
    Stop,
    /// The terminal is taken over again, after another program may have had it.
    TakeTerminal,
    /// The socket that was shown is acted on.
    Act(Deed, Box<OwnedSocket>),
    /// The question is answered.
    Answer(bool),
    /// What was typed as a filter is to be parsed.
    Parse(String),
    /// So much is to be known of all processes from now on, and is asked again while it is needed; none where
    /// only what is visible shows any of it.
    Deepen(Option<About>),
    /// The details of this socket are wanted.
    Describe(Box<OwnedSocket>),
    /// This text goes to the terminal's clipboard.
    Copy(String),
    /// What is shown goes to a new file of this name.
    Write(String),
    /// The bell rings.
    Ring,
}
