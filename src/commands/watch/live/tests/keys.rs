//! What keys do in the table, and in a filter.

use super::screens::lines;
use super::*;
use crate::commands::watch::live::mode::Mode;

#[test]
fn a_filter_applies_while_it_is_typed_and_a_wrong_one_leaves_the_last() {
    let mut trial = Trial::of(&[connection(1, 80), listener(2, 90)]);
    trial.types("/state:listen");
    assert_eq!(trial.rows(), [">90"]);
    trial.types("n");
    assert_eq!(trial.rows(), [">90"]);
    assert!(trial.0.wrong.as_ref().is_some_and(|why| why.contains("unknown state")));
    trial.press(KeyCode::Esc);
    assert_eq!((trial.rows(), &trial.0.wrong), (vec!["80".to_owned(), ">90".to_owned()], &None));
    trial.types("/");
    trial.paste("server\n");
    trial.press(KeyCode::Enter);
    assert_eq!((trial.rows(), trial.0.typed.as_str()), (vec![">90".to_owned()], "server"));
    trial.press(KeyCode::Esc);
    assert_eq!(trial.rows(), ["80", ">90"]);
}

#[test]
fn keys_that_end_stop_and_ring() {
    let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
    let mut trial = Trial::with(|settings| {
        settings.has_port = true;
        settings.count = Some(3);
    });
    assert_eq!(trial.sees(&[listener(1, 80)]), []);
    assert_eq!(trial.types("/q"), [Effect::Deepen(Some(About::Table))], "a letter of a filter");
    assert_eq!(trial.0.press(control('z')), [Effect::Stop]);
    assert_eq!(trial.0.press(control('c')), [Effect::Quit(130)]);
    assert_eq!(trial.press(KeyCode::Esc), [Effect::Deepen(None)]);
    assert_eq!(trial.types("q"), [Effect::Quit(0)]);
    assert_eq!(trial.sees(&[]), [Effect::Ring]);
    assert_eq!(trial.sees(&[connection(2, 80)]), [Effect::Quit(0)], "a connection does not ring");
}

#[test]
fn a_row_goes_to_the_clipboard_as_one_line() {
    let mut trial = Trial::of(&[listener(1, 80)]);
    let line = "TCP 127.0.0.1:80 0.0.0.0:0 LISTENING 7 server".to_owned();
    assert_eq!(trial.types("y"), [Effect::Copy(line)]);
}

#[test]
fn what_is_shown_goes_to_a_new_file_and_never_over_another() {
    let mut trial = Trial::of(&[listener(1, 80), connection(2, 90)]);
    let directory = std::env::temp_dir().join(format!("portwho-watch-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let name = directory.join("rows.csv").to_str().unwrap().to_owned();
    trial.types("/80");
    trial.press(KeyCode::Enter);
    trial.types("w");
    trial.types(&name);
    assert_eq!(trial.press(KeyCode::Enter), [Effect::Write(name.clone())]);
    let system = ThisSystem::default();
    let written = trial.0.shown().unwrap().write(&name, &system);
    assert_eq!(written, format!("wrote 1 socket to {name}"));
    let text = std::fs::read_to_string(&name).unwrap();
    let row = "TCP,127.0.0.1:80,0.0.0.0:0,LISTENING,7,server";
    assert_eq!(text, format!("proto,local,foreign,state,pid,image\n{row}\n"));
    let again = trial.0.shown().unwrap().write(&name, &system);
    assert!(again.starts_with(&format!("{name}: cannot be written: ")), "{again}");
    std::fs::remove_dir_all(directory).unwrap();
}

/// A port opens when something listens on it, not when it is bound.
#[test]
fn the_bell_is_about_what_listens() {
    let mut trial = Trial::with(|settings| settings.has_port = true);
    let bound = || row(1, 80, TcpState::Bound);
    assert_eq!(trial.sees(&[]), []);
    assert_eq!(trial.sees(&[bound()]), []);
    assert_eq!(trial.sees(&[listener(1, 80)]), [Effect::Ring]);
    assert_eq!(trial.sees(&[listener(1, 80), connection(2, 80)]), []);
    assert_eq!(trial.sees(&[connection(2, 80)]), [Effect::Ring]);
    assert_eq!(trial.sees(&[]), []);
}

/// What is parsed comes when it comes, and only counts if it is what is typed.
#[test]
fn a_filter_that_is_parsed_late() {
    let parsed = |text: &str| {
        Event::Parsed(text.to_owned(), narrow::parse(text, &ThisSystem::default()).map(Box::new))
    };
    let mut trial = Trial::of(&[connection(1, 80), listener(2, 90)]);
    let key = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
    trial.0.press(key('/'));
    for c in "90".chars() {
        trial.0.press(key(c));
    }
    trial.0.note(parsed("9"));
    assert_eq!(trial.rows(), [">80", "90"]);
    trial.0.press(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
    trial.0.note(parsed("90"));
    assert_eq!(trial.rows(), [">90"]);
    // One that turns out to be wrong after Enter.
    trial.0.press(key('/'));
    trial.0.press(key('x'));
    trial.0.press(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
    trial.0.note(Event::Parsed("90x".to_owned(), Err("not a port".to_owned())));
    assert_eq!((trial.rows(), trial.0.typed.as_str()), (vec![">90".to_owned()], "90"));
    assert_eq!(trial.0.message.as_deref(), Some("not a port"));
}

/// Of users nothing is known until a look asks for them.
#[test]
fn a_filter_or_an_order_that_takes_a_deeper_look() {
    let deepen = Effect::Deepen(Some(About::Identity));
    let mut trial = Trial::of(&[listener(1, 80), connection(2, 90)]);
    trial.types("/");
    assert_eq!(trial.paste("user:root"), std::slice::from_ref(&deepen));
    assert_eq!((trial.rows(), trial.0.applied.as_str()), (vec![">80".into(), "90".into()], ""));
    let mut deep = look(&[listener(1, 80), connection(2, 90)]);
    deep.about = About::Identity;
    for (pid, process) in &mut deep.snapshot.processes {
        process.user = Some(if *pid == Pid(7) { "root" } else { "www" }.into());
    }
    assert_eq!(trial.looked(deep, Vec::new()), []);
    assert_eq!((trial.rows(), trial.0.applied.as_str()), (vec![">80".to_owned()], "user:root"));
    assert_eq!(trial.press(KeyCode::Esc), [Effect::Deepen(None)]);
    // One that needs no more is applied at once.
    let mut trial = Trial::of(&[listener(1, 80)]);
    trial.types("/");
    assert_eq!(trial.paste("pid:8"), []);
    assert_eq!(trial.rows(), [""; 0]);
    let mut trial = Trial::of(&[listener(1, 80)]);
    let sorts = Sort::all(&COLUMNS).len();
    let effects: Vec<Effect> = (0..sorts).flat_map(|_| trial.types("s")).collect();
    let by_name = Effect::Deepen(Some(About::Table));
    assert_eq!(effects, [by_name, deepen, Effect::Deepen(None)], "by image, by age, by port");
}

/// A letter is a command by itself only.
#[test]
fn keys_that_are_held_make_another_key() {
    for held in [KeyModifiers::ALT, KeyModifiers::CONTROL] {
        for letter in ['x', 'q'] {
            let mut trial = Trial::of(&[listener(1, 80)]);
            assert_eq!(trial.0.press(KeyEvent::new(KeyCode::Char(letter), held)), []);
            assert!(matches!(trial.0.mode, Mode::Table), "{held:?} {letter}");
        }
    }
    let redraw = KeyEvent::new(KeyCode::Char('l'), KeyModifiers::CONTROL);
    assert_eq!(Trial::of(&[]).0.press(redraw), [Effect::TakeTerminal]);
}

/// What is bound has no connection that could be closed.
#[test]
fn no_key_is_offered_that_is_always_refused() {
    let mut trial = Trial::of(&[row(1, 80, TcpState::Bound)]);
    let screen = lines(&trial.screen(200, 24));
    assert!(screen[23].contains("x kill") && !screen[23].contains("c close"), "{screen:?}");
}
