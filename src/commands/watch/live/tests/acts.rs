//! kill and close from the view: on what was shown, and on nothing else.

use super::*;
use crate::commands::watch::live::event::Deed;
use crate::commands::watch::live::mode::{Mode, Stage, TextKind};
use crate::text::watch as text;

/// A view that has asked, and takes the answer.
pub(super) fn answering() -> Trial {
    let mut trial = Trial::of(&[listener(1, 80)]);
    let expected = Effect::Act(Deed::Kill, Box::new(listener(1, 80)));
    assert_eq!(trial.types("x"), [expected]);
    // What is typed until the question can be read is no answer.
    assert_eq!(trial.types("7"), []);
    assert_eq!(trial.press(KeyCode::Enter), []);
    trial.0.note(Event::Asked {
        question: "Terminate server (PID 7)?".to_owned(),
        token: "7".to_owned(),
    });
    assert_eq!(trial.types("7"), []);
    assert_eq!(trial.press(KeyCode::Enter), []);
    let Mode::Act(act) = &mut trial.0.mode else { panic!("{:?}", trial.0.mode) };
    let Stage::Asked(question) = &act.stage else { panic!("{act:?}") };
    act.stage = Stage::Answering(question.clone(), tui_input::Input::default());
    trial
}

#[test]
fn the_pid_and_enter_confirm() {
    let mut trial = answering();
    assert_eq!(trial.types("7"), [], "never one key");
    assert_eq!(trial.press(KeyCode::Enter), [Effect::Answer(true)]);
    // What was asked stays in sight while it is done.
    let Mode::Act(act) = &trial.0.mode else { panic!("{:?}", trial.0.mode) };
    assert_eq!(act.lines, ["Terminate server (PID 7)? 7"]);
}

#[test]
fn nothing_else_confirms() {
    for typed in ["", "y", "yes", "xy", "77", "8", "7x"] {
        let mut trial = answering();
        assert_eq!(trial.types(typed), []);
        assert_eq!(trial.press(KeyCode::Enter), [], "{typed:?}");
    }
    let mut trial = answering();
    assert_eq!(trial.paste("7"), []);
    assert_eq!(trial.press(KeyCode::Enter), [], "pasted");
    assert_eq!(trial.press(KeyCode::Esc), [Effect::Answer(false)]);
}

#[test]
fn a_row_that_moves_while_the_key_is_pressed_is_the_one_that_was_shown() {
    let mut trial = Trial::of(&[listener(2, 90)]);
    trial.sees(&[listener(1, 80), listener(2, 90)]);
    assert_eq!(trial.types("x"), [Effect::Act(Deed::Kill, Box::new(listener(2, 90)))]);
}

#[test]
fn a_socket_that_is_not_what_was_shown_is_left_alone() {
    let end = |port| Endpoint::new([127, 0, 0, 1].into(), port);
    let shown = listener(1, 80);
    let mut moved = shown.clone();
    moved.socket.local = end(81);
    let mut connected = shown.clone();
    connected.socket.state = Some(TcpState::Established);
    connected.socket.foreign = Some(end(9));
    for now in [moved, connected] {
        for key in ["x", "c"] {
            let mut trial = Trial::of(std::slice::from_ref(&shown));
            trial.sees(std::slice::from_ref(&now));
            assert_eq!(trial.types(key), []);
            assert_eq!(trial.0.message.as_deref(), Some(text::CHANGED_SOCKET), "{now:?}");
        }
    }
}

#[test]
fn a_socket_that_is_gone_is_left_alone_and_so_is_its_successor() {
    let mut trial = Trial::of(&[listener(1, 80)]);
    trial.sees(&[listener(2, 80)]);
    assert_eq!(trial.types("x"), []);
    assert_eq!(trial.0.message.as_deref(), Some(text::IS_GONE));
    // When its row is gone too, another is selected, which was not shown as such.
    trial.passes(6);
    assert_eq!(trial.types("x"), []);
    assert_eq!(trial.0.message.as_deref(), Some(text::CHANGED_SOCKET));
    trial.is_drawn();
    assert_eq!(trial.types("x"), [Effect::Act(Deed::Kill, Box::new(listener(2, 80)))]);
}

#[test]
fn kill_refuses_a_connection_and_offers_close() {
    let mut trial = Trial::of(&[connection(1, 80)]);
    assert_eq!(trial.types("x"), []);
    assert_eq!(trial.0.message.as_deref(), Some(text::KILL_TAKES_LISTENERS));
    assert_eq!(trial.types("c"), [Effect::Act(Deed::Close, Box::new(connection(1, 80)))]);
}

#[test]
fn read_only_does_nothing() {
    let mut trial = Trial::with(|settings| settings.read_only = true);
    trial.sees(&[listener(1, 80)]);
    trial.is_drawn();
    for key in ["x", "c", "w"] {
        assert_eq!(trial.types(key), []);
        assert!(matches!(trial.0.mode, Mode::Table), "{key}");
        assert_eq!(trial.0.message, Some(format!("{key} is off: --read-only")));
    }
    trial.press(KeyCode::Enter);
    assert_eq!(trial.types("x"), []);
}

/// Whoever a later search finds was not shown, and has no PID that could be typed.
#[test]
fn nobody_is_terminated_whose_pid_was_not_shown() {
    let hidden = OwnedSocket { owner: Owner::Hidden, ..listener(1, 80) };
    let mut trial = Trial::of(&[hidden]);
    assert_eq!(trial.types("x"), []);
    let no_owner = text::no_owner(&listener(1, 80).socket);
    assert_eq!(trial.0.message, Some(no_owner));
    assert!(matches!(trial.0.mode, Mode::Table));
}

#[test]
fn a_selection_that_was_not_drawn_yet_is_left_alone() {
    let mut trial = Trial::of(&[listener(1, 80), listener(2, 90)]);
    assert_eq!(trial.types("jx"), []);
    assert_eq!(trial.0.message.as_deref(), Some(text::NOT_DRAWN));
    trial.is_drawn();
    assert_eq!(trial.types("x"), [Effect::Act(Deed::Kill, Box::new(listener(2, 90)))]);
}

/// Those of another socket may come late.
#[test]
fn details_are_those_of_the_selected_socket() {
    let mut trial = Trial::of(&[listener(1, 80), listener(2, 90)]);
    let details = |port| vec![format!("of port {port}")];
    trial.press(KeyCode::Enter);
    trial.0.note(Event::Details(listener(2, 90).socket.key(), details(90)));
    trial.0.note(Event::Details(listener(1, 80).socket.key(), details(80)));
    trial.0.note(Event::Details(listener(2, 90).socket.key(), details(90)));
    let Mode::Text(pane) = &trial.0.mode else { panic!("{:?}", trial.0.mode) };
    let TextKind::Details(shown) = &pane.kind else { panic!("{pane:?}") };
    assert_eq!(shown.lines, details(80));
}
