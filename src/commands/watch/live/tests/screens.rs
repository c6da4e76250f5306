//! Screens, letter by letter, and their styles.

use ratatui::style::{Color, Modifier};

use super::*;
use crate::text::watch as text;

/// The lines of a screen without the blanks at their ends.
pub(super) fn lines(buffer: &Buffer) -> Vec<String> {
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
        "3 sockets  2 owners  every 1s  by port  2 LISTENING",
        "  Proto Local Address  Foreign Addre… State       PID Image…",
        "  TCP   127.0.0.1:80   0.0.0.0:0      LISTENING   7   server",
        "- TCP   127.0.0.1:80   127.0.0.1:5000 ESTABLISHED 8   client",
        "~ TCP   127.0.0.1:90   127.0.0.1:5000 CLOSE_WAIT  8   client",
        "+ TCP   127.0.0.1:8080 0.0.0.0:0      LISTENING   7   server",
        "",
        "? help  q quit  / filter  x kill  c close  Enter details",
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
    let header = "3 sockets  2 owners  every 1s  by port  what opens and closes between two looks is \
                  not seen";
    assert_eq!(screen[0], header);
    assert_eq!(screen[1], "2 LISTENING ▄█  0 ESTABLISHED █▁  1 CLOSE_WAIT ▁█");
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
    trial.0.note(Event::Asked {
        question: "Terminate server (PID 7)?".to_owned(),
        token: "7".to_owned(),
    });
    let expected = [
        "Terminate the owner of a port: TCP 127.0.0.1:80 LISTENING",
        "127.0.0.1:80 is held by server (PID 7, user root)",
        "Terminate server (PID 7)?",
    ];
    assert_eq!(lines(&trial.screen(60, 15))[1..4], expected);
    assert_eq!(lines(&trial.screen(60, 15))[14], "working");
}

/// Header and footer of a screen of this size.
fn frame(trial: &mut Trial, width: u16, height: u16) -> (Vec<String>, String) {
    let mut screen = lines(&trial.screen(width, height));
    let footer = screen.pop().unwrap();
    screen.truncate(2);
    (screen, footer)
}

/// What does not fit is left out as a whole.
#[test]
fn header_and_footer_have_whole_parts() {
    let mut trial = some();
    trial.types("/state:listening,established local:127.0.0.0/8");
    trial.press(KeyCode::Enter);
    trial.types(" ");
    trial.0.pace = Pace {
        interval: Duration::from_millis(2300),
        cost: Duration::from_millis(230),
        is_slowed: true,
    };
    let (header, footer) = frame(&mut trial, 60, 15);
    assert_eq!(header[0], "2 of 3 sockets  2 owners  frozen  slowed to 2.3s  by port");
    assert_eq!(footer, "? help  q quit  Esc show all  / filter  x kill  c close");
    let (header, footer) = frame(&mut trial, 80, 24);
    // Of the filter that is applied the footer and the number of sockets tell.
    assert_eq!(header[0], "2 of 3 sockets  2 owners  frozen  slowed to 2.3s  by port");
    assert_eq!(header[1], "2 LISTENING  1 CLOSE_WAIT");
    let line = "? help  q quit  Esc show all  / filter  x kill  c close  Enter details  s sort";
    assert_eq!(footer, line);
    let (header, _) = frame(&mut trial, 140, 24);
    let line = "2 of 3 sockets  2 owners  frozen  every 2.3s: a look uses 230ms of CPU time  by port  \
                /state:listening,established local:127.0.0.0/8";
    assert_eq!(header[0], line);
    for width in 1..200 {
        let (header, footer) = frame(&mut trial, width, 15);
        for part in header[0].split("  ") {
            let is_whole =
                ["", "frozen", "by port", "slowed to 2.3s", "2 LISTENING", "1 CLOSE_WAIT"];
            let is_whole = is_whole.contains(&part) || part.starts_with(['/', '3', '2', 'e']);
            assert!(is_whole, "{width} {header:?}");
        }
        let all = text::table_keys(text::Moment {
            read_only: false,
            has_socket: true,
            holds_port: true,
            can_close: true,
            is_frozen: true,
            is_grouped: false,
            is_filtered: true,
        });
        let is_key = |key: &str| key.is_empty() || all.contains(&key);
        assert!(footer.split("  ").all(is_key), "{width} {footer:?}");
        assert_eq!(footer.contains("? help  q quit"), width >= 14, "{width}");
    }
}

#[test]
fn the_footer_fits_the_moment() {
    let keys = |trial: &mut Trial| frame(trial, 200, 24).1;
    let mut trial = Trial::of(&[]);
    let rest = "s sort  g group  e log  r reverse";
    let none = format!("? help  q quit  / filter  Space freeze  {rest}  w write");
    assert_eq!(keys(&mut trial), none);
    trial.sees(&[listener(1, 80), connection(2, 90)]);
    let of = |acts: &str| {
        format!(
            "? help  q quit  / filter  {acts}  Enter details  Space freeze  {rest}  y copy  w write"
        )
    };
    assert_eq!(keys(&mut trial), of("x kill  c close"));
    trial.press(KeyCode::Down);
    assert_eq!(keys(&mut trial), of("c close"));
    trial.sees(&[listener(1, 80)]);
    assert_eq!(keys(&mut trial), none, "one that is gone");
    trial.types("/");
    assert_eq!(keys(&mut trial), "/  Enter keep  Esc undo");
    trial.types("state:nope");
    assert_eq!(keys(&mut trial), "/state:nope");
    let wrong = |trial: &mut Trial| {
        let lines = lines(&trial.screen(200, 24));
        lines.iter().any(|line| line.starts_with("--state 'nope': unknown state"))
    };
    assert!(wrong(&mut trial));
    trial.press(KeyCode::Enter);
    assert!(wrong(&mut trial));
    let mut trial = Trial::with(|settings| settings.read_only = true);
    trial.sees(&[listener(1, 80)]);
    let told = keys(&mut trial);
    assert!(!["x kill", "c close", "w write"].iter().any(|key| told.contains(key)), "{told}");
}

/// Of a filter that is longer than the screen the part around the cursor is shown.
#[test]
fn a_long_filter_scrolls() {
    let mut trial = some();
    trial.types("/name:");
    trial.types(&"abcdefghij".repeat(8));
    let (_, footer) = frame(&mut trial, 60, 15);
    assert!(footer.ends_with("ghij") && footer.len() <= 60, "{footer}");
    trial.press(KeyCode::Home);
    assert!(frame(&mut trial, 60, 15).1.starts_with("/name:abc"));
}
