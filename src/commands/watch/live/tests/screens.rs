//! Screens, letter by letter, and their styles.

use ratatui::style::{Color, Modifier};

use super::*;

/// The lines of a screen without the blanks at their ends.
fn lines(buffer: &Buffer) -> Vec<String> {
    let width = usize::from(buffer.area.width);
    let line = |cells: &[ratatui::buffer::Cell]| {
        cells.iter().map(ratatui::buffer::Cell::symbol).collect::<String>().trim_end().to_owned()
    };
    buffer.content.chunks(width).map(line).collect()
}

/// The color and the modifier of the first letter of each line.
fn styles(buffer: &Buffer) -> Vec<(Color, Modifier)> {
    let first = |y| buffer.cell((0, y)).map(|cell| (cell.fg, cell.modifier)).unwrap();
    (0..buffer.area.height).map(first).collect()
}

fn some() -> Trial {
    let mut trial = Trial::of(&[listener(1, 80), connection(2, 80), connection(4, 90)]);
    let changed = row(4, 90, TcpState::CloseWait);
    trial.sees(&[listener(1, 80), listener(3, 8080), changed]);
    trial.is_drawn();
    trial
}

#[test]
fn a_small_screen() {
    let screen = some().screen(60, 8);
    let expected = [
        "3 sockets  2 owners  by port  every 1s  2 LISTENING",
        "  Proto Local Address  Foreign Addre… State       PID Image…",
        "  TCP   127.0.0.1:80   0.0.0.0:0      LISTENING   7   server",
        "- TCP   127.0.0.1:80   127.0.0.1:5000 ESTABLISHED 8   client",
        "~ TCP   127.0.0.1:90   127.0.0.1:5000 CLOSE_WAIT  8   client",
        "+ TCP   127.0.0.1:8080 0.0.0.0:0      LISTENING   7   server",
        "",
        "? help  q quit  / filter  x kill  c close  Enter details  s",
    ];
    assert_eq!(lines(&screen), expected);
    let none = (Color::Reset, Modifier::empty());
    let bold = |color| (color, Modifier::BOLD);
    let expected = [
        bold(Color::Reset),
        bold(Color::Reset),
        (Color::Green, Modifier::REVERSED),
        bold(Color::Red),
        bold(Color::Yellow),
        bold(Color::Green),
        none,
        (Color::Reset, Modifier::DIM),
    ];
    assert_eq!(styles(&screen), expected);
}

#[test]
fn without_color_signs_and_the_selection_are_seen() {
    let mut trial = some();
    trial.0.settings.color = false;
    let screen = trial.screen(60, 8);
    let has_color =
        |cell: &ratatui::buffer::Cell| cell.fg != Color::Reset || cell.bg != Color::Reset;
    assert!(!screen.content.iter().any(has_color));
    assert_eq!(styles(&screen)[2], (Color::Reset, Modifier::REVERSED));
    assert_eq!(styles(&screen)[3], (Color::Reset, Modifier::BOLD));
}

#[test]
fn a_large_screen_has_sparklines() {
    let screen = lines(&some().screen(100, 20));
    let header = "3 sockets  2 owners  by port  every 1s  what lives shorter is not seen  2 LISTENING  \
                  0 ESTABLISHED";
    assert_eq!(screen[0], header);
    assert_eq!(screen[1], "LISTENING 2 ▄█  ESTABLISHED 0 █▁  CLOSE_WAIT 1 ▁█");
    assert!(screen[2].starts_with("  Proto  Local Address          Foreign Address "));
}

/// One header line and ten rows at least.
#[test]
fn sixty_by_fifteen() {
    let sockets: Vec<OwnedSocket> =
        (1..100).map(|number| listener(number, 1000 + u16::try_from(number).unwrap())).collect();
    let mut trial = Trial::of(&sockets);
    assert_eq!(lines(&trial.screen(60, 15)).iter().filter(|it| it.contains("server")).count(), 12);
    trial.press(KeyCode::End);
    let screen = lines(&trial.screen(60, 15));
    assert!(screen[13].contains(":1099"), "{screen:?}");
    trial.press(KeyCode::PageUp);
    assert!(lines(&trial.screen(60, 15))[2].contains(":1088"));
    for (width, height) in [(1, 1), (5, 2), (20, 3), (200, 60)] {
        trial.screen(width, height);
    }
}

#[test]
fn a_look_that_failed_is_told_and_the_rows_stay() {
    let mut trial = some();
    trial.0.note(Event::Failed("cannot read /proc/net/tcp: no".to_owned()));
    let screen = trial.screen(80, 8);
    assert_eq!(
        lines(&screen)[0],
        "cannot read /proc/net/tcp: no; the sockets of the last successful look are kept"
    );
    assert_eq!(styles(&screen)[0].0, Color::Red);
    assert!(lines(&screen)[2].contains(":80"));
}

#[test]
fn a_question_is_whole() {
    let mut trial = Trial::of(&[listener(1, 80)]);
    trial.types("x");
    trial.0.note(Event::Said("127.0.0.1:80 is held by server (PID 7, user root)".to_owned()));
    trial.0.note(Event::Asked("Terminate server (PID 7)?".to_owned()));
    let expected = [
        "Terminate the owner of a port: TCP 127.0.0.1:80 LISTENING",
        "127.0.0.1:80 is held by server (PID 7, user root)",
        "Terminate server (PID 7)?",
    ];
    assert_eq!(lines(&trial.screen(60, 15))[1..4], expected);
    assert_eq!(lines(&trial.screen(60, 15))[14], "working");
}
