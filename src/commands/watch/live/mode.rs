//! What the keys are for at a moment.

use tui_input::Input;

use crate::model::OwnedSocket;

/// What the keys are for.
#[derive(Debug, Default)]
pub(super) enum Mode {
    /// The table.
    #[default]
    Table,
    /// The filter is typed.
    Filter {
        /// What was typed.
        input: Input,
        /// What the filter was before.
        before: String,
    },
    /// The name of a file is typed.
    Name(Input),
    /// A text is read.
    Text(Text),
    /// Something is done to a socket.
    Act(Act),
}

/// A text that is read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Text {
    /// What it is.
    pub(super) kind: TextKind,
    /// The first line that is shown.
    pub(super) top: usize,
}

/// Which text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum TextKind {
    /// The keys.
    Help,
    /// The log of changes.
    Log,
    /// The details of a socket.
    Details(Box<Details>),
}

/// The details of a socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Details {
    /// The socket as it was when they were asked for.
    pub(super) row: OwnedSocket,
    /// Whether it was missing at the last look.
    pub(super) is_missing: bool,
    /// Whether an answer is awaited: one at a time.
    pub(super) is_awaited: bool,
    /// What is told; empty until it has come.
    pub(super) lines: Vec<String>,
}

/// Something that is done to a socket.
#[derive(Debug)]
pub(super) struct Act {
    /// What is done, and to which socket.
    pub(super) title: String,
    /// What has to be typed: it belongs to the last question.
    pub(super) token: String,
    /// What it has said.
    pub(super) lines: Vec<String>,
    /// How far it is.
    pub(super) stage: Stage,
}

/// How far an action is.
#[derive(Debug)]
pub(super) enum Stage {
    /// It works.
    Working,
    /// It has asked, and the question is not on the screen yet, or only just: what was typed before is not
    /// an answer.
    Asked(String),
    /// The answer is typed.
    Answering(String, Input),
    /// It is over.
    Done,
}
