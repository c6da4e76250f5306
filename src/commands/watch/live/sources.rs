//! Where events come from: looks and keys, each on a thread of its own.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ratatui::crossterm::event::{self as terminal, KeyEventKind};

use super::super::look::Looker;
use super::super::pace;
use super::super::seen::Look;
use super::super::subject::Subject;
use super::event::{Event, Pace};
use super::names::Asked;
use super::narrow;
use crate::commands::shared::measured::measured;
use crate::model::About;
use crate::platform::{System, reason};
use crate::query::changes;

/// What the view says to the thread that looks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wake {
    /// The last look was taken over.
    Taken,
    /// The next look is wanted before it is time.
    Now,
    /// So much is needed of all processes; where the last look has less, the next is wanted at once.
    About(Option<About>),
}

/// Looks at the system again and again.
///
/// # Errors
/// When no thread can be started.
pub(super) fn looks<S: System + Sync>(
    subject: Subject,
    interval: Duration,
    system: &'static S,
    events: Sender<Event>,
) -> io::Result<Sender<Wake>> {
    let (wake, woken) = channel();
    let looks = move || look_again_and_again(&subject, interval, system, &events, &woken);
    thread::Builder::new().name("looks".to_owned()).spawn(looks)?;
    Ok(wake)
}

fn look_again_and_again<S: System>(
    subject: &Subject,
    asked: Duration,
    system: &S,
    events: &Sender<Event>,
    woken: &Receiver<Wake>,
) {
    let mut looker = Looker::new(system, subject);
    let begun = Instant::now();
    let mut last: Option<Arc<Look>> = None;
    loop {
        let (answer, cost) = measured(system, || looker.look(begun.elapsed()));
        // The first look also pays for what is done once.
        let interval = if last.is_none() { asked } else { pace::interval(asked, cost) };
        let pace = Pace { interval, cost, is_slowed: interval > asked };
        let event = match answer {
            Ok(now) => {
                let before = last.take();
                let changes = before.as_ref().map(|before| changes(before.seen(), now.seen()));
                let now = match &before {
                    Some(before) => now.after(before),
                    None => now,
                };
                let look = Arc::new(now);
                last = Some(Arc::clone(&look));
                let (changes, at) = (changes.unwrap_or_default(), SystemTime::now());
                Event::Looked { look, changes, at, pace }
            }
            Err(error) => Event::Failed(error.to_string()),
        };
        if events.send(event).is_err() || !rest(interval, woken, &mut |about| looker.deepen(about))
        {
            return;
        }
    }
}

/// Rests until the next look: at least until the last one was taken over, for where the terminal takes no
/// output, looks would pile up. Returns whether the view is still there.
fn rest(
    interval: Duration,
    woken: &Receiver<Wake>,
    deepen: &mut dyn FnMut(Option<About>) -> bool,
) -> bool {
    let mut is_wanted = false;
    let mut taken: Option<Instant> = None;
    while !(taken.is_some() && is_wanted) {
        let told = match taken {
            Some(taken) => woken.recv_timeout(interval.saturating_sub(taken.elapsed())),
            None => woken.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match told {
            Ok(Wake::Taken) => taken = Some(Instant::now()),
            Ok(Wake::Now) => is_wanted = true,
            Ok(Wake::About(about)) => is_wanted |= deepen(about),
            Err(RecvTimeoutError::Timeout) => return true,
            Err(RecvTimeoutError::Disconnected) => return false,
        }
    }
    true
}

/// Parses filters that are typed, on a thread of its own: the names of users may be those of another
/// machine. What is typed is sent to the channel that is returned; only the last of it counts.
///
/// # Errors
/// When no thread can be started.
pub(super) fn filters<S: System + Sync>(
    system: &'static S,
    events: Sender<Event>,
) -> io::Result<Sender<String>> {
    let (typed, inbox) = channel::<String>();
    let parse = move || {
        while let Ok(first) = inbox.recv() {
            let last = inbox.try_iter().last().unwrap_or(first);
            let parsed = narrow::parse(&last, system).map(Box::new);
            if events.send(Event::Parsed(last, parsed)).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("filters".to_owned()).spawn(parse)?;
    Ok(typed)
}

/// Describes what comes on the screen, on a thread of its own: the names of users may be those of another
/// machine. What is to be described is sent to the channel that is returned.
///
/// # Errors
/// When no thread can be started.
pub(super) fn names<S: System + Sync>(
    system: &'static S,
    events: Sender<Event>,
) -> io::Result<Sender<Asked>> {
    let (asked, inbox) = channel::<Asked>();
    let describe = move || {
        while let Ok(asked) = inbox.recv() {
            if events.send(Event::Described(asked.answer(system))).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().name("names".to_owned()).spawn(describe)?;
    Ok(asked)
}

/// Reads the keyboard.
///
/// # Errors
/// When no thread can be started.
pub(super) fn keys(events: Sender<Event>) -> io::Result<()> {
    let read = move || {
        loop {
            let event = match terminal::read() {
                Ok(read) => event(read),
                Err(error) => Some(Event::Unreadable(reason(&error))),
            };
            let is_over = matches!(event, Some(Event::Unreadable(_)));
            if event.is_some_and(|event| events.send(event).is_err()) || is_over {
                return;
            }
        }
    };
    thread::Builder::new().name("keys".to_owned()).spawn(read)?;
    Ok(())
}

/// Only keys that go down count: Windows also tells when they come up.
fn event(read: terminal::Event) -> Option<Event> {
    match read {
        terminal::Event::Key(key) if key.kind == KeyEventKind::Press => {
            Some(Event::Key(key, Instant::now()))
        }
        terminal::Event::Paste(text) => Some(Event::Paste(text)),
        terminal::Event::Resize(..) => Some(Event::Resized),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Depth;
    use crate::platform::ThisSystem;
    use crate::query::Filter;

    /// A terminal that takes no output must not make this process grow.
    #[test]
    fn no_look_is_taken_before_the_last_one_is_taken_over() {
        let (events, inbox) = channel();
        let filter = Filter::everything();
        let subject = Subject { filter, depth: Depth::LEAST, everywhere: false };
        let system: &'static ThisSystem = Box::leak(Box::default());
        let wake = looks(subject, Duration::from_millis(1), system, events).unwrap();
        assert!(inbox.recv().is_ok());
        wake.send(Wake::Now).unwrap();
        assert!(inbox.recv_timeout(Duration::from_millis(100)).is_err());
        wake.send(Wake::Taken).unwrap();
        assert!(inbox.recv().is_ok());
    }
}
