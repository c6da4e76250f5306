//! The live view: a loop that takes events, changes the state and draws it.
//!
//! Looks are taken on one thread and keys are read on another; what is done to a socket, and its details,
//! have threads of their own. Only this one has the terminal.

mod act;
mod counts;
mod describe;
mod details;
mod draw;
mod event;
mod keep;
mod keys;
mod layout;
mod log;
mod marks;
mod mode;
mod names;
mod narrow;
mod narrowing;
mod order;
mod panes;
mod rows;
mod screen;
mod sources;
mod state;

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};

use super::subject;
use crate::cli::WatchRequest;
use crate::commands::shared::color::wants_color;
use crate::commands::{Outcome, Output};
use crate::model::{About, OwnedSocket};
use crate::platform::{System, SystemRequest};
use crate::query::SocketColumn;
use crate::render::Grid;
use crate::text::watch as text;
use event::{Deed, Effect, Event};
use mode::{Mode, Stage};
use names::Asked;
use order::Sort;
use screen::Screen;
use sources::Wake;
use state::{Settings, State};

/// How often marks are looked after, where nothing else happens.
const TICK: Duration = Duration::from_millis(250);

/// How long a question is on the screen before it takes an answer. What was typed until then was typed
/// before anybody could read it.
const READING: Duration = Duration::from_millis(150);

/// How long the view may take to end when the system says so.
const STALLED: Duration = Duration::from_secs(1);

/// Watches on a terminal.
pub(super) fn run<S: System + Sync>(
    request: &WatchRequest,
    system: &'static S,
    output: &Output,
) -> anyhow::Result<Outcome> {
    let columns = columns(request);
    let mut subject = subject(request, system)?;
    // What the columns show of processes is asked for what is on the screen.
    let sort = Sort::Key(request.sort);
    subject.depth.about = subject.filter.about().max(sort.about().unwrap_or(About::Table));
    let settings = Settings {
        about: Grid::needs(&columns).about,
        has_own_columns: request.columns.as_ref().is_some_and(|it| *it != SocketColumn::WIDE),
        columns,
        read_only: request.read_only,
        has_port: subject.filter.local.is_some(),
        color: wants_color(request.color, system, output),
        count: request.count,
    };
    let (events, inbox) = channel();
    let screen = Screen::enter()?;
    let told = events.clone();
    system.on_request(Box::new(move |request| {
        let _ = told.send(Event::System(request));
        if matches!(request, SystemRequest::End(_) | SystemRequest::Die(_)) {
            end_anyway(request, system);
        }
    }))?;
    let wake = sources::looks(subject, request.interval, system, events.clone())?;
    let parser = sources::filters(system, events.clone())?;
    let names = sources::names(system, events.clone())?;
    sources::keys(events.clone())?;
    let mut state = State::new(settings, sort);
    state.needed = state.need();
    let _ = wake.send(Wake::About(state.needed));
    let begun = Instant::now();
    let (answers, drawn, armed) = (None, None, begun);
    let view =
        View { state, screen, system, events, wake, parser, names, answers, begun, drawn, armed };
    view.run(&inbox)
}

/// Ends the program although its terminal takes no output, in which case the view does not get to it.
fn end_anyway<S: System + Sync>(request: SystemRequest, system: &'static S) {
    let _ = thread::Builder::new().spawn(move || {
        thread::sleep(STALLED);
        screen::end_raw_mode();
        system.obey(request);
    });
}

fn columns(request: &WatchRequest) -> Vec<SocketColumn> {
    let usual = || {
        let namespace = request.all_namespaces.then_some(SocketColumn::Namespace);
        super::print::COLUMNS.into_iter().chain(namespace).collect()
    };
    request.columns.clone().unwrap_or_else(usual)
}

/// The view, and what it is connected with.
struct View<S: System + Sync + 'static> {
    state: State,
    screen: Screen,
    system: &'static S,
    events: Sender<Event>,
    /// Wakes the thread that looks.
    wake: Sender<Wake>,
    /// Where filters are parsed.
    parser: Sender<String>,
    /// Where what comes on the screen is described.
    names: Sender<Asked>,
    /// Where the answers to an action go.
    answers: Option<Sender<bool>>,
    begun: Instant,
    /// When the question was drawn.
    drawn: Option<Instant>,
    /// From then on keys are an answer.
    armed: Instant,
}

impl<S: System + Sync> View<S> {
    fn run(mut self, inbox: &Receiver<Event>) -> anyhow::Result<Outcome> {
        loop {
            if std::mem::take(&mut self.state.is_stale) {
                self.screen.draw(&mut self.state)?;
                if let Some(asked) = self.state.note_drawn() {
                    let _ = self.names.send(asked);
                }
                self.question_was_drawn();
            }
            let mut next = match inbox.recv_timeout(self.patience()) {
                Ok(event) => Some(event),
                Err(RecvTimeoutError::Timeout) => Some(Event::Tick),
                Err(RecvTimeoutError::Disconnected) => bail!("no events"),
            };
            // What has come meanwhile is drawn at once.
            while let Some(event) = next {
                let effects = self.take(event)?;
                for effect in effects {
                    if let Some(outcome) = self.make(effect)? {
                        return Ok(outcome);
                    }
                }
                next = inbox.try_recv().ok();
            }
            self.arm();
        }
    }

    fn patience(&self) -> Duration {
        if self.drawn.is_some() { READING } else { TICK }
    }

    /// Takes note that a question is on the screen.
    fn question_was_drawn(&mut self) {
        let is_asked =
            matches!(&self.state.mode, Mode::Act(act) if matches!(act.stage, Stage::Asked(_)));
        match (is_asked, self.drawn) {
            (true, None) => self.drawn = Some(Instant::now()),
            (false, _) => self.drawn = None,
            _ => {}
        }
    }

    /// Lets the question take an answer, when it was there long enough to be read.
    fn arm(&mut self) {
        if self.drawn.is_none_or(|drawn| drawn.elapsed() < READING) {
            return;
        }
        if let Mode::Act(act) = &mut self.state.mode
            && let Stage::Asked(question) = &act.stage
        {
            act.stage = Stage::Answering(question.clone(), tui_input::Input::default());
            self.armed = Instant::now();
            self.state.is_stale = true;
        }
        self.drawn = None;
    }

    /// What an event makes of the state.
    fn take(&mut self, event: Event) -> anyhow::Result<Vec<Effect>> {
        self.state.now = self.begun.elapsed();
        self.state.is_stale |= !matches!(event, Event::Tick);
        match event {
            Event::Key(_, read) if self.is_early(read) => Ok(Vec::new()),
            Event::Key(key, _) => Ok(self.state.press(key)),
            Event::Paste(text) => Ok(self.state.paste(&text)),
            Event::System(end @ (SystemRequest::End(signal) | SystemRequest::Die(signal))) => {
                screen::restore();
                self.system.obey(end);
                bail!("ended by signal {signal}")
            }
            Event::Failed(why) if self.state.table.look.is_none() => Err(anyhow!(why)),
            Event::Unreadable(why) => Err(anyhow!(why)),
            Event::Done => {
                self.answers = None;
                let _ = self.wake.send(Wake::Now);
                Ok(self.state.note(Event::Done))
            }
            Event::Looked { .. } | Event::Failed(_) => {
                let effects = self.state.note(event);
                let _ = self.wake.send(Wake::Taken);
                Ok(effects)
            }
            event => Ok(self.state.note(event)),
        }
    }

    /// Whether a key was pressed before the question took an answer.
    fn is_early(&self, read: Instant) -> bool {
        let is_answer = |stage: &Stage| matches!(stage, Stage::Answering(..));
        matches!(&self.state.mode, Mode::Act(act) if is_answer(&act.stage)) && read < self.armed
    }

    /// Makes something happen; returns how the view ends, if it does.
    fn make(&mut self, effect: Effect) -> anyhow::Result<Option<Outcome>> {
        match effect {
            Effect::Quit(0) => return Ok(Some(Outcome::Success)),
            Effect::Quit(_) => return Ok(Some(Outcome::Interrupted)),
            Effect::Stop => {
                let system = self.system;
                self.screen.while_restored(|| system.obey(SystemRequest::Stop))?;
            }
            Effect::TakeTerminal => self.screen.while_restored(|| {})?,
            Effect::Act(deed, row) => self.act(deed, *row)?,
            Effect::Answer(answer) => {
                if let Some(answers) = &self.answers {
                    let _ = answers.send(answer);
                }
            }
            Effect::Parse(typed) => {
                let _ = self.parser.send(typed);
            }
            Effect::Deepen(about) => {
                let _ = self.wake.send(Wake::About(about));
            }
            Effect::Describe(row) => self.describe(*row)?,
            Effect::Copy(line) => Screen::send(&keep::to_clipboard(&line)),
            Effect::Write(name) => self.write(name)?,
            Effect::Ring => Screen::send("\u{7}"),
        }
        Ok(None)
    }

    fn act(&mut self, deed: Deed, row: OwnedSocket) -> anyhow::Result<()> {
        let (answers, asked) = channel();
        self.answers = Some(answers);
        let (system, events) = (self.system, self.events.clone());
        thread::Builder::new().spawn(move || act::act(deed, &row, system, &events, asked))?;
        Ok(())
    }

    fn write(&mut self, name: String) -> anyhow::Result<()> {
        let Some(shown) = self.state.shown() else {
            self.state.message = Some(text::LOOKING.to_owned());
            return Ok(());
        };
        let (system, events) = (self.system, self.events.clone());
        thread::Builder::new().spawn(move || {
            let _ = events.send(Event::Wrote(shown.write(&name, system)));
        })?;
        Ok(())
    }

    fn describe(&mut self, row: OwnedSocket) -> anyhow::Result<()> {
        let (system, events) = (self.system, self.events.clone());
        let columns = self.screen.columns()?;
        thread::Builder::new().spawn(move || {
            let lines = describe::describe(&row, columns, system);
            let _ = events.send(Event::Details(row.socket.key(), lines));
        })?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
