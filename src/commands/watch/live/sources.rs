//! Where events come from: looks and keys, each on a thread of its own.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ratatui::crossterm::event::{self as terminal, KeyEventKind};

use super::super::look::{Look, Looker, Subject};
use super::super::pace;
use super::event::{Event, Pace};
use crate::commands::shared::measured::measured;
use crate::platform::{System, reason};
use crate::query::changes;

/// Looks at the system again and again. A message on the channel that is returned asks for a look before
/// it is time.
///
/// # Errors
/// When no thread can be started.
pub(super) fn looks<S: System + Sync>(
    subject: Subject,
    interval: Duration,
    system: &'static S,
    events: Sender<Event>,
) -> io::Result<Sender<()>> {
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
    woken: &Receiver<()>,
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
        if events.send(event).is_err() {
            return;
        }
        if woken.recv_timeout(interval) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
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
