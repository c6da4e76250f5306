//! The state of the view: a function of the events.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::super::seen::Look;
use super::counts::Counts;
use super::event::{Deed, Effect, Event, Pace};
use super::layout::Layout;
use super::log::Log;
use super::mode::{Act, Mode, Stage};
use super::order::Sort;
use super::rows::{Arrangement, Item, Table};
use crate::model::{About, Gap, OwnedSocket, SocketKey};
use crate::platform::SystemRequest;
use crate::query::{Change, Filter, Row, SocketColumn};
use crate::text::{gaps, watch as text};

/// What is decided when the view begins.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own")]
pub(super) struct Settings {
    /// The columns.
    pub(super) columns: Vec<SocketColumn>,
    /// How much they show of processes.
    pub(super) about: About,
    /// Whether they were asked for by their names.
    pub(super) has_own_columns: bool,
    /// Whether nothing is done to the machine.
    pub(super) read_only: bool,
    /// Whether a port was asked for, whose opening and closing is heard.
    pub(super) has_port: bool,
    /// Whether there are colors.
    pub(super) color: bool,
    /// How many looks there are; none for no end.
    pub(super) count: Option<u64>,
}

/// The state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) settings: Settings,
    /// How long it has run.
    pub(super) now: Duration,
    pub(super) table: Table,
    pub(super) how: Arrangement,
    /// What was typed as the filter.
    pub(super) typed: String,
    /// What was typed as the filter that is applied: the last valid one.
    pub(super) applied: String,
    /// A filter for which the next look is awaited.
    pub(super) awaited: Option<(String, Box<Filter>)>,
    /// What is wrong with it.
    pub(super) wrong: Option<String>,
    /// The socket that is selected.
    pub(super) selected: Option<SocketKey>,
    /// The line that it is in, or was in last.
    pub(super) cursor: usize,
    /// The first line that is shown.
    pub(super) top: usize,
    /// How many lines the screen has room for.
    pub(super) room: usize,
    /// The selected row as it was drawn last: keys are about that. None where a key has selected another
    /// since.
    pub(super) drawn: Option<OwnedSocket>,
    pub(super) mode: Mode,
    pub(super) counts: Counts,
    pub(super) log: Log,
    pub(super) pace: Pace,
    /// Why the last look failed.
    pub(super) failure: Option<String>,
    /// What is said in the footer until the next key.
    pub(super) message: Option<String>,
    /// How the table fits the screen.
    pub(super) layout: Layout,
    /// How much the looks were told to find out of all processes.
    pub(super) needed: Option<About>,
    /// Whether the screen shows something else than this.
    pub(super) is_stale: bool,
    /// How many looks there were.
    pub(super) looks: u64,
}

impl State {
    /// A view that has seen nothing yet.
    pub(super) fn new(settings: Settings, sort: Sort) -> Self {
        let how =
            Arrangement { filter: Filter::everything(), sort, reverse: false, grouped: false };
        Self {
            settings,
            now: Duration::ZERO,
            table: Table::default(),
            how,
            typed: String::new(),
            applied: String::new(),
            awaited: None,
            wrong: None,
            selected: None,
            cursor: 0,
            top: 0,
            room: 10,
            drawn: None,
            mode: Mode::Table,
            counts: Counts::default(),
            log: Log::default(),
            pace: Pace::default(),
            failure: None,
            message: None,
            layout: Layout::default(),
            needed: None,
            is_stale: true,
            looks: 0,
        }
    }

    /// Takes note of everything but keys.
    pub(super) fn note(&mut self, event: Event) -> Vec<Effect> {
        match event {
            Event::Looked { look, changes, at, pace } => {
                return self.looked(look, &changes, at, pace);
            }
            Event::Failed(why) => {
                if self.failure.as_ref() != Some(&why) {
                    self.log.say(text::failed(&why));
                }
                self.failure = Some(why);
            }
            Event::Said(line) => self.act(|act| act.lines.push(line)),
            Event::Asked { question, token } => self.act(|act| {
                act.stage = Stage::Asked(question);
                act.token = token;
            }),
            Event::Done => self.act(|act| act.stage = Stage::Done),
            Event::Parsed(typed, parsed) => return self.narrowed(typed, parsed),
            Event::Wrote(what) => self.message = Some(what),
            Event::Described(described) => self.table.names.note(described, self.now),
            Event::Details(key, lines) => self.note_details(key, lines),
            Event::System(SystemRequest::Stop) => return vec![Effect::Stop],
            Event::System(SystemRequest::Continue) => return vec![Effect::TakeTerminal],
            Event::Tick if self.table.marks.expire(self.now, self.table.frozen.is_some()) => {
                self.is_stale = true;
                self.arrange();
            }
            // The loop answers to the others by itself.
            _ => {}
        }
        Vec::new()
    }

    fn act(&mut self, change: impl FnOnce(&mut Act)) {
        if let Mode::Act(act) = &mut self.mode {
            change(act);
        }
    }

    fn looked(
        &mut self,
        look: Arc<Look>,
        changes: &[Change],
        at: SystemTime,
        pace: Pace,
    ) -> Vec<Effect> {
        self.failure = None;
        self.pace = pace;
        self.looks += 1;
        self.counts.note(&look.snapshot);
        let mut effects = Vec::new();
        self.log_gaps(&look.snapshot.gaps);
        if let Some(before) = self.table.look.take() {
            let names = |row: Row<'_>| self.table.names.of(&[row], &before);
            self.table.marks.note(changes, names, self.now);
            self.log.add(changes, &before, &look, at);
            if self.settings.has_port && changes.iter().any(is_of_a_listener) {
                effects.push(Effect::Ring);
            }
        }
        self.table.look = Some(look);
        effects.extend(self.follow_details());
        if let Some((typed, filter)) = self.awaited.take() {
            effects.extend(self.narrowed(typed, Ok(filter)));
        }
        self.table.marks.expire(self.now, self.table.frozen.is_some());
        self.arrange();
        if self.settings.count.is_some_and(|count| self.looks >= count) {
            effects.push(Effect::Quit(0));
        }
        effects
    }

    /// Tells what could not be seen, and was seen or not asked for before.
    fn log_gaps(&mut self, gaps: &[Gap]) {
        let before = self.table.look.as_ref().map(|look| look.snapshot.gaps.as_slice());
        let kinds: Vec<&str> = before.unwrap_or_default().iter().map(Gap::kind).collect();
        for gap in gaps.iter().filter(|gap| !kinds.contains(&gap.kind())) {
            self.log.say(gaps::line(gap));
        }
    }

    /// Puts the rows in order, and finds the selected socket again, wherever it is now.
    pub(super) fn arrange(&mut self) {
        self.table.arrange(&self.how);
        match self.selected.and_then(|key| self.table.place(&key)) {
            Some(place) => self.cursor = place,
            // It is gone for good: whatever is in its line is selected.
            None => self.select(self.cursor),
        }
        self.scroll();
    }

    /// Selects the socket of a line, or of the next one that has a socket.
    pub(super) fn select(&mut self, line: usize) {
        let items = &self.table.items;
        let line = line.min(items.len().saturating_sub(1));
        let is_socket = |place: &usize| !matches!(items.get(*place), Some(Item::Group(_)) | None);
        let below = (line..items.len()).find(is_socket);
        let place = below.or_else(|| (0..line).rev().find(is_socket));
        self.cursor = place.unwrap_or_default();
        let item = place.and_then(|place| items.get(place)).cloned();
        self.selected = item.and_then(|item| self.table.key(&item));
        self.scroll();
    }

    /// Keeps the selected line on the screen.
    pub(super) fn scroll(&mut self) {
        let last_top = self.table.items.len().saturating_sub(self.room);
        let lowest = self.cursor.saturating_sub(self.room.saturating_sub(1));
        self.top = self.top.clamp(lowest, self.cursor.max(lowest)).min(last_top.max(lowest));
        // A group's line above the first row comes along.
        if self.cursor == 1 && self.top == 1 {
            self.top = 0;
        }
    }

    /// The selected row as it is now.
    pub(super) fn current(&self) -> Option<&OwnedSocket> {
        let place = self.selected.and_then(|key| self.table.place(&key))?;
        self.table.row(self.table.items.get(place)?).map(|(row, ..)| row)
    }

    /// The selected row for an action: as it was drawn, if it is that still.
    ///
    /// # Errors
    /// Why nothing is done.
    pub(super) fn target(&self) -> Result<OwnedSocket, &'static str> {
        let now = self.current().ok_or(text::NOTHING_SELECTED)?;
        let drawn = self.drawn.as_ref().ok_or(text::NOT_DRAWN)?;
        let item = self.table.items.get(self.cursor);
        if matches!(item, Some(Item::Gone(_))) {
            return Err(text::IS_GONE);
        }
        if drawn.socket.is_still(&now.socket) {
            Ok(drawn.clone())
        } else {
            Err(text::CHANGED_SOCKET)
        }
    }

    /// Begins to do something to the selected socket.
    pub(super) fn begin(&mut self, deed: Deed) -> Vec<Effect> {
        match self.target() {
            Err(why) => {
                self.message = Some(why.to_owned());
                Vec::new()
            }
            Ok(row) if deed == Deed::Kill && !row.socket.holds_port() => {
                self.message = Some(text::KILL_TAKES_LISTENERS.to_owned());
                Vec::new()
            }
            Ok(row) => self.act_on(deed, row),
        }
    }

    /// Whoever is terminated was shown: without an owner nobody is, whoever a later search finds.
    fn act_on(&mut self, deed: Deed, row: OwnedSocket) -> Vec<Effect> {
        if deed == Deed::Kill && row.owner.holders().is_empty() {
            self.message = Some(text::no_owner(&row.socket));
            return Vec::new();
        }
        let look = self.table.look.as_ref();
        let title = look.map(|look| text::deed(deed == Deed::Kill, &row.socket, &look.snapshot));
        let (title, token) = (title.unwrap_or_default(), String::new());
        let (lines, stage) = (Vec::new(), Stage::Working);
        self.mode = Mode::Act(Act { title, token, lines, stage });
        vec![Effect::Act(deed, Box::new(row))]
    }
}

/// Whether a port has opened or closed: something has begun to listen, or no longer does.
fn is_of_a_listener(change: &Change) -> bool {
    match change {
        Change::Opened(row) | Change::Closed(row) => row.socket.is_listening(),
        Change::Changed { previous, now, .. } => {
            previous.socket.is_listening() != now.socket.is_listening()
        }
    }
}
