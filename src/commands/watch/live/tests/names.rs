//! What is described: what is on the screen.

use std::collections::BTreeSet;

use super::*;
use crate::commands::watch::live::names::{Asked, Described};
use crate::commands::watch::live::rows::Item;
use crate::query::SocketColumn;

/// A hundred listeners with a process each, on a screen of twelve rows that shows their users.
fn crowd() -> Trial {
    let mut trial = Trial::with(|settings| settings.about = About::Identity);
    let held = |number: u32| {
        let port = u16::try_from(1000 + number).unwrap();
        OwnedSocket { owner: Owner::of_process(Pid(number)), ..listener(number.into(), port) }
    };
    trial.sees(&(1..=100).map(held).collect::<Vec<_>>());
    trial.screen(60, 15);
    trial
}

/// The answer to what is asked.
fn answered(trial: &mut Trial, asked: &Asked) {
    let process = |pid: &Pid| {
        let name = format!("user{pid}");
        (
            *pid,
            Some(Process { user: Some(name.as_str().into()), ..Process::named(*pid, "it".into()) }),
        )
    };
    let (processes, users) = (asked.pids.iter().map(process).collect(), [].into());
    trial.0.note(Event::Described(Described { processes, users, about: asked.about }));
}

fn pids(asked: Option<&Asked>) -> BTreeSet<u32> {
    asked.iter().flat_map(|asked| &asked.pids).map(|pid| pid.0).collect()
}

#[test]
fn what_is_not_on_the_screen_is_not_described() {
    let mut trial = crowd();
    let asked = trial.0.note_drawn();
    assert_eq!(pids(asked.as_ref()), (1..=12).collect());
    assert_eq!(trial.0.note_drawn(), None, "an answer is awaited");
    answered(&mut trial, &asked.unwrap());
    assert_eq!(trial.0.note_drawn(), None, "all that is visible is described");
    trial.press(KeyCode::PageDown);
    trial.press(KeyCode::Down);
    assert_eq!(pids(trial.0.note_drawn().as_ref()), [13].into());
}

/// Another program may run there, or another process.
#[test]
fn what_stays_on_the_screen_is_described_again() {
    let mut trial = crowd();
    let asked = trial.0.note_drawn().unwrap();
    answered(&mut trial, &asked);
    trial.passes(9);
    assert_eq!(trial.0.note_drawn(), None);
    trial.passes(1);
    assert_eq!(trial.0.note_drawn(), Some(asked));
}

/// One that had the PID before is not what is shown.
#[test]
fn a_process_with_the_pid_of_another_is_described_again_once_a_second() {
    let mut trial = Trial::of(&[listener(1, 80)]);
    let answer = |trial: &mut Trial, birth, name: &str| {
        let process = Process { birth: Some(birth), ..Process::named(Pid(7), name.into()) };
        let processes = [(Pid(7), Some(process))].into();
        let described = Described { processes, users: [].into(), about: About::Table };
        trial.0.note(Event::Described(described));
    };
    answer(&mut trial, 1, "older");
    let mut now = look(&[listener(1, 80)]);
    now.snapshot.processes.get_mut(&Pid(7)).unwrap().birth = Some(2);
    trial.looked(now, Vec::new());
    let shown = |trial: &Trial| trial.0.line(&Item::There(0)).unwrap();
    assert!(shown(&trial).ends_with(" 7 server"), "{}", shown(&trial));
    assert_eq!(trial.0.note_drawn(), None);
    trial.passes(1);
    assert_eq!(pids(trial.0.note_drawn().as_ref()), [7].into());
    answer(&mut trial, 2, "newer");
    assert!(shown(&trial).ends_with(" 7 newer"), "{}", shown(&trial));
}

#[test]
fn what_is_described_is_shown() {
    let mut trial = crowd();
    trial.0.settings.columns.push(SocketColumn::User);
    let asked = trial.0.note_drawn().unwrap();
    answered(&mut trial, &asked);
    let row = trial.0.line(&Item::There(11)).unwrap();
    assert_eq!(row, "TCP 127.0.0.1:1012 0.0.0.0:0 LISTENING 12 it user12");
}

/// A row that is gone keeps what was known of it, and not the look that has seen it.
#[test]
fn a_row_that_is_gone_does_not_keep_its_look() {
    let mut trial = Trial::of(&[listener(1, 80), listener(2, 90)]);
    let first = Arc::downgrade(trial.0.table.look.as_ref().unwrap());
    trial.press(KeyCode::Char(' '));
    trial.sees(&[listener(2, 90)]);
    assert_eq!(trial.rows(), [">80-", "90"]);
    assert!(first.upgrade().is_none());
    let gone = trial.0.table.items[0].clone();
    assert_eq!(trial.0.line(&gone).unwrap(), "TCP 127.0.0.1:80 0.0.0.0:0 LISTENING 7 server");
}
