//! Why a CLOSE_WAIT is not closed.

use std::collections::BTreeMap;

use crate::model::Api;
use crate::text::api::{close_call, read_call};

/// Why a CLOSE_WAIT is not closed, as far as its receive queue tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Cause {
    /// Everything was read, the end of the stream too, and close() was never called.
    NotClosed,
    /// The end of the stream has not been read: a stuck thread, or a forgotten socket.
    EndNotRead,
    /// Data is waiting to be read.
    DataUnread,
}

impl Cause {
    /// The cause that a receive queue of this many bytes shows: in CLOSE_WAIT the kernel counts the FIN
    /// as one until it is read (`tcp_inq()` in include/net/tcp.h).
    pub(super) const fn of_queue(bytes: u32) -> Self {
        match bytes {
            0 => Self::NotClosed,
            1 => Self::EndNotRead,
            _ => Self::DataUnread,
        }
    }

    /// The fixed word for it in JSON.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::NotClosed => "not-closed",
            Self::EndNotRead => "end-not-read",
            Self::DataUnread => "data-unread",
        }
    }

    /// The receive queue that shows it.
    const fn queue(self) -> &'static str {
        match self {
            Self::NotClosed => "0",
            Self::EndNotRead => "1",
            Self::DataUnread => "more than 1",
        }
    }
}

/// What the process does wrong.
pub(super) fn bug(cause: Option<Cause>, api: Api) -> String {
    match cause {
        Some(Cause::NotClosed) => {
            format!("everything was read, and {} was never called", close_call(api))
        }
        Some(Cause::EndNotRead) => {
            "end of stream not read: a thread is stuck, or these sockets are forgotten".to_owned()
        }
        Some(Cause::DataUnread) => "it stopped reading with data waiting".to_owned(),
        None => "the peers have closed, and it has not".to_owned(),
    }
}

/// What to change in it.
pub(super) fn fix(cause: Option<Cause>, api: Api) -> String {
    let (close, read) = (close_call(api), read_call(api));
    match cause {
        Some(Cause::NotClosed) | None => {
            format!("call {close} on every code path, especially when {read} returns 0")
        }
        Some(Cause::EndNotRead) => "find the thread that should read: it is stuck, or waits for \
             something else; an idle socket must be watched for the end of its stream"
            .to_owned(),
        Some(Cause::DataUnread) => format!(
            "find out why it stopped reading: a stuck handler, or sockets that were forgotten \
             without {close}"
        ),
    }
}

/// `receive queue: 0 in 456, 1 in 2`.
pub(super) fn queues(causes: &BTreeMap<Cause, usize>) -> Option<String> {
    let words = causes.iter().map(|(cause, count)| format!("{} in {count}", cause.queue()));
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("receive queue: {}", words.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receive_queue_distinguishes_the_bugs() {
        let words = [0, 1, 2, 70_000].map(|bytes| Cause::of_queue(bytes).word());
        assert_eq!(words, ["not-closed", "end-not-read", "data-unread", "data-unread"]);
    }
}
