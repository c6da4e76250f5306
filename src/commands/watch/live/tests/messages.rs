//! What the view says: whole, and only what is so.

use super::acts::answering;
use super::screens::lines;
use super::*;
use crate::commands::watch::live::mode::{Mode, Stage};
use crate::model::Gap;

/// The lines of a screen as one text.
fn said(trial: &mut Trial, width: u16) -> String {
    let lines = lines(&trial.screen(width, 15));
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}

#[test]
fn help_has_no_keys_that_are_off() {
    let help = |read_only| {
        let mut trial = Trial::with(|settings| settings.read_only = read_only);
        trial.types("?");
        lines(&trial.screen(80, 40))
    };
    for key in ["x ", "c ", "w "] {
        let has = |lines: &[String]| lines.iter().any(|line| line.starts_with(key));
        assert!(has(&help(false)), "{key}");
        assert!(!has(&help(true)), "{key}");
    }
}

/// On a screen that is too narrow for a line, it takes several.
#[test]
fn a_long_message_is_whole() {
    let mut trial = Trial::of(&[listener(1, 80)]);
    trial.types("/sort:pid");
    let end = "ipv4: ipv6:";
    for width in [60, 80, 100] {
        assert!(said(&mut trial, width).contains(end), "{width} {}", said(&mut trial, width));
        assert!(said(&mut trial, width).contains("/sort:pid"), "what is typed stays");
    }
    trial.press(KeyCode::Enter);
    for width in [60, 80, 100] {
        assert!(said(&mut trial, width).contains(end), "{width} {}", said(&mut trial, width));
    }
    trial.press(KeyCode::Down);
    assert!(!said(&mut trial, 60).contains(end));
}

#[test]
fn the_header_says_how_many_of_all_are_shown() {
    let mut trial = Trial::of(&[listener(1, 80), connection(2, 90), connection(3, 91)]);
    assert!(said(&mut trial, 80).starts_with("3 sockets  2 owners"));
    trial.types("/state:listen");
    trial.press(KeyCode::Enter);
    assert!(said(&mut trial, 80).starts_with("1 of 3 sockets  2 owners"));
}

#[test]
fn an_answer_that_confirms_nothing_says_so() {
    let mut trial = answering();
    trial.types("8");
    trial.press(KeyCode::Enter);
    assert!(said(&mut trial, 80).ends_with("not 7; nothing was done yet"));
    trial.types("7");
    assert!(!said(&mut trial, 80).contains("not 7"));
    assert_eq!(trial.press(KeyCode::Enter), [Effect::Answer(true)]);
}

/// Lines that are pasted are words, and not one word.
#[test]
fn a_pasted_newline_separates() {
    let mut trial = Trial::of(&[listener(1, 80)]);
    trial.types("/");
    trial.paste("\ntcp:\r\npid:7\n");
    assert_eq!(trial.0.typed, "tcp: pid:7");
    assert_eq!(trial.rows(), [">80"]);
}

/// What answers at the address has another one.
#[test]
fn a_filter_by_address_shows_what_covers_it() {
    let mut everywhere = listener(1, 80);
    everywhere.socket.local.address = [0, 0, 0, 0].into();
    let mut trial = Trial::of(&[everywhere, listener(2, 81)]);
    for typed in ["/127.0.0.1:80", "/localhost:80"] {
        trial.types(typed);
        assert_eq!(trial.rows(), [">80"], "{typed}");
        trial.press(KeyCode::Esc);
    }
}

/// They are told as they were, so a socket that changes has them told anew, and one that is gone for good
/// leaves nothing to act on.
#[test]
fn details_follow_their_socket() {
    let mut trial = Trial::of(&[connection(1, 80), listener(2, 90)]);
    let describe = |row: OwnedSocket| vec![Effect::Describe(Box::new(row))];
    let told = |trial: &mut Trial| {
        trial.0.note(Event::Details(connection(1, 80).socket.key(), vec!["told".to_owned()]));
    };
    let (other, waits) = (listener(2, 90), row(1, 80, TcpState::CloseWait));
    assert_eq!(trial.press(KeyCode::Enter), describe(connection(1, 80)));
    // One answer at a time, however often it changes.
    assert_eq!(trial.sees(&[waits.clone(), other.clone()]), []);
    told(&mut trial);
    assert_eq!(trial.sees(&[waits.clone(), other.clone()]), describe(waits.clone()));
    told(&mut trial);
    assert_eq!(trial.sees(&[waits.clone(), other.clone()]), []);
    // Whether it is gone is asked of the system: it may only have left what is watched, and come back.
    let (without, with) = (vec![other.clone()], vec![waits.clone(), other]);
    for seen in [&without, &with, &without] {
        assert_eq!(trial.sees(seen), describe(waits.clone()));
        told(&mut trial);
        assert_eq!(trial.sees(seen), []);
    }
    trial.passes(6);
    trial.is_drawn();
    assert!(!said(&mut trial, 80).contains("c close"));
    assert_eq!(trial.types("x"), [], "the socket that is selected by now is another one");
}

#[test]
fn gaps_can_be_read_in_the_log() {
    let mut trial = Trial::new();
    let mut seen = look(&[listener(1, 80)]);
    seen.snapshot.gaps = vec![Gap::NamespacesUnseen { why: Some("no".to_owned()) }];
    trial.looked(seen, Vec::new());
    trial.types("e");
    assert!(said(&mut trial, 100).contains("network namespaces"));
}

/// The number belongs to what is asked at the moment, and not to the first holder of the socket.
#[test]
fn each_question_has_its_own_token() {
    let mut trial = Trial::of(&[listener(1, 80)]);
    trial.types("x");
    for pid in ["7", "12"] {
        let question = format!("Terminate server (PID {pid})?");
        trial.0.note(Event::Asked { question: question.clone(), token: pid.to_owned() });
        let Mode::Act(act) = &mut trial.0.mode else { panic!("{:?}", trial.0.mode) };
        act.stage = Stage::Answering(question, tui_input::Input::default());
        trial.types(pid);
        assert_eq!(trial.press(KeyCode::Enter), [Effect::Answer(true)], "{pid}");
    }
}
