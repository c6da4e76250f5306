//! Which rows there are, in which order, and which one is selected.

use super::*;
use crate::commands::watch::live::rows::Item;

#[test]
fn the_selection_is_a_socket_and_not_a_line() {
    let mut trial = Trial::of(&[listener(1, 80), listener(2, 90)]);
    trial.press(KeyCode::Down);
    assert_eq!(trial.rows(), ["80", ">90"]);
    trial.sees(&[listener(3, 70), listener(4, 85), listener(1, 80), listener(2, 90)]);
    assert_eq!(trial.rows(), ["70+", "80", "85+", ">90"]);
    trial.press(KeyCode::Char('r'));
    assert_eq!(trial.rows(), [">90", "85+", "80", "70+"]);
}

#[test]
fn what_is_gone_stays_for_five_seconds_and_what_changes_stays_in_its_place() {
    let mut trial = Trial::of(&[connection(1, 80), connection(2, 90), connection(3, 95)]);
    assert_eq!(trial.rows(), [">80", "90", "95"], "the first look has no signs");
    for _ in 0..4 {
        trial.press(KeyCode::Char('s'));
    }
    assert_eq!(trial.0.how.sort, Sort::Key(SortKey::Pid));
    for _ in 0..5 {
        trial.press(KeyCode::Char('s'));
    }
    while trial.0.how.sort != Sort::Key(SortKey::State) {
        trial.press(KeyCode::Char('s'));
    }
    trial.sees(&[row(1, 80, TcpState::CloseWait), connection(3, 95)]);
    assert_eq!(trial.rows(), [">80~", "90-", "95"]);
    trial.passes(4);
    assert_eq!(trial.rows(), [">80~", "90-", "95"]);
    trial.passes(1);
    assert_eq!(trial.rows(), ["95", ">80"]);
}

#[test]
fn a_frozen_order_goes_on_collecting() {
    let mut trial = Trial::of(&[listener(1, 80), listener(2, 90)]);
    trial.press(KeyCode::Char(' '));
    trial.sees(&[listener(3, 70), listener(2, 90)]);
    assert_eq!(trial.rows(), [">80-", "90", "70+"]);
    trial.passes(60);
    assert_eq!(trial.rows(), [">80-", "90", "70"]);
    trial.press(KeyCode::Char(' '));
    assert_eq!(trial.rows(), [">70", "90"]);
}

#[test]
fn what_is_gone_is_not_counted_in_its_group() {
    let mut trial = Trial::of(&[listener(2, 90), listener(3, 95)]);
    trial.press(KeyCode::Char('g'));
    trial.sees(&[listener(2, 90)]);
    assert_eq!(trial.rows(), ["group", ">90", "95-"]);
    assert_eq!(trial.0.table.items[0], Item::Group("server (PID 7): 1 socket".to_owned()));
}

#[test]
fn groups_have_lines_that_cannot_be_selected() {
    let mut trial = Trial::of(&[connection(1, 80), listener(2, 90), listener(3, 95)]);
    trial.press(KeyCode::Char('g'));
    assert_eq!(trial.rows(), ["group", "90", "95", "group", ">80"]);
    trial.press(KeyCode::Up);
    assert_eq!(trial.rows(), ["group", "90", ">95", "group", "80"]);
    trial.press(KeyCode::Home);
    trial.press(KeyCode::Up);
    assert_eq!(trial.rows(), ["group", ">90", "95", "group", "80"]);
    trial.press(KeyCode::End);
    assert_eq!(trial.rows(), ["group", "90", "95", "group", ">80"]);
}

/// A frozen order keeps what is gone for two minutes, and 5,000 of them at most.
#[test]
fn what_is_gone_is_kept_within_bounds_while_frozen() {
    let mut trial = Trial::of(&[listener(1, 80)]);
    trial.press(KeyCode::Char(' '));
    trial.sees(&[]);
    trial.passes(119);
    assert_eq!(trial.rows(), [">80-"]);
    trial.passes(1);
    assert_eq!(trial.rows(), [""; 0]);
    let port = |cookie: u64| u16::try_from(cookie % 50_000 + 1).unwrap();
    let many: Vec<OwnedSocket> = (10..6_010).map(|one| listener(one, port(one))).collect();
    trial.sees(&many);
    trial.sees(&[]);
    assert_eq!(trial.0.table.marks.gone().len(), 5_000);
    assert_eq!(trial.0.table.items.len(), 5_000);
    trial.sees(&many);
    trial.sees(&[]);
    assert_eq!(trial.0.table.marks.gone().len(), 5_000);
}

/// What comes while the order is frozen stays where it came.
#[test]
fn a_frozen_order_holds_for_what_is_new() {
    let mut trial = Trial::of(&[listener(1, 90)]);
    trial.types(" ");
    trial.sees(&[listener(1, 90), listener(2, 82)]);
    trial.sees(&[listener(1, 90), listener(2, 82), listener(3, 81)]);
    assert_eq!(trial.rows(), [">90", "82+", "81+"]);
    // A filter that is taken off again leaves them there.
    trial.types("/81");
    assert_eq!(trial.rows(), [">81+"]);
    trial.press(KeyCode::Esc);
    trial.press(KeyCode::Esc);
    trial.sees(&[listener(1, 90), listener(2, 82), listener(3, 81), listener(4, 80)]);
    assert_eq!(trial.rows(), ["90", "82+", ">81+", "80+"]);
    trial.types(" ");
    assert_eq!(trial.rows(), ["80+", ">81+", "82+", "90"]);
}
