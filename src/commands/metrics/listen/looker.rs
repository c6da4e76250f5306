//! The thread that looks, one look at a time, and what it keeps from one to the next.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;

use super::super::look::{Seen, Wanted, exposition, look};
use crate::metrics::{Drops, Remembered};
use crate::platform::{PlatformError, System};

/// Two looks that are closer than this say little about what grows or lasts.
const APART: Duration = Duration::from_secs(1);

/// The text of the metrics, or why there is none.
pub(super) type Text = Result<Arc<[u8]>, String>;

/// A look that someone waits for: its text, once it is there.
type Awaited = watch::Sender<Option<Text>>;

/// Where looks are asked for.
#[derive(Clone)]
pub(super) struct Looker {
    jobs: Sender<Awaited>,
    /// The look that is being taken, if one is.
    current: Arc<Mutex<Option<watch::Receiver<Option<Text>>>>>,
}

impl Looker {
    /// Starts the thread. It ends with the program.
    pub(super) fn start<S: System + Sync>(wanted: Wanted, system: &'static S) -> io::Result<Self> {
        let (jobs, todo) = channel();
        let current = Arc::default();
        let looks = Looks {
            wanted,
            system,
            newest: None,
            older: None,
            drops: Drops::default(),
            remembered: Remembered::default(),
        };
        thread::Builder::new().spawn(move || looks.work(&todo))?;
        Ok(Self { jobs, current })
    }

    /// A look that is begun now, or the one that is being taken.
    pub(super) fn look(&self) -> watch::Receiver<Option<Text>> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = current.as_ref().filter(|taken| is_awaited(taken)) {
            return taken.clone();
        }
        let (awaited, text) = watch::channel(None);
        // A thread that has ended drops it, which tells who waits.
        let _ = self.jobs.send(awaited);
        *current = Some(text.clone());
        text
    }
}

/// Whether its text will come, and has not yet.
fn is_awaited(taken: &watch::Receiver<Option<Text>>) -> bool {
    taken.borrow().is_none() && taken.has_changed().is_ok()
}

/// The looks of a resident.
struct Looks<S: 'static> {
    wanted: Wanted,
    system: &'static S,
    newest: Option<Seen>,
    /// One that is at least [`APART`] older than the newest.
    older: Option<Seen>,
    drops: Drops,
    remembered: Remembered,
}

impl<S: System> Looks<S> {
    fn work(mut self, todo: &Receiver<Awaited>) {
        for awaited in todo {
            let text = self.take().map_err(|error| error.to_string());
            // Nobody may wait any longer.
            let _ = awaited.send(Some(text));
        }
    }

    fn take(&mut self) -> Result<Arc<[u8]>, PlatformError> {
        // Containers come and go while it serves.
        self.system.forget();
        let now = look(&self.wanted, self.system)?;
        let is_apart = |seen: &Seen| seen.age().saturating_sub(now.age()) >= APART;
        if self.newest.as_ref().is_some_and(is_apart) {
            self.older = self.newest.take();
        }
        let earlier = self.older.as_ref().map(|seen| (seen, seen.age().saturating_sub(now.age())));
        let (drops, remembered) = (Some(&mut self.drops), &mut self.remembered);
        let text = exposition(&now, earlier, &self.wanted, drops, remembered);
        self.newest = Some(now);
        Ok(text.into())
    }
}
