//! What a narrow screen leaves out so that addresses are whole.

use super::screens::lines;
use super::*;
use crate::query::SocketColumn;
use crate::text::watch as text;

/// A connection between these ends.
fn between(cookie: u64, local: &str, foreign: &str) -> OwnedSocket {
    let end = |text: &str| {
        let end: std::net::SocketAddr = text.parse().unwrap();
        Endpoint::new(end.ip(), end.port())
    };
    let mut row = connection(cookie, 80);
    row.socket.local = end(local);
    row.socket.foreign = Some(end(foreign));
    row
}

/// Those of a machine at home.
fn usual() -> OwnedSocket {
    between(1, "192.168.1.20:54321", "140.82.112.25:443")
}

/// As long as those of IPv4 are.
fn longest() -> OwnedSocket {
    between(2, "192.168.100.123:55555", "203.100.113.200:44321")
}

/// The table's lines.
fn table(trial: &mut Trial, width: u16, rows: usize) -> Vec<String> {
    lines(&trial.screen(width, 8))[1..2 + rows].to_vec()
}

#[test]
fn addresses_are_whole_on_a_narrow_screen() {
    let mut trial = Trial::of(&[usual(), listener(3, 80)]);
    let expected = [
        "  Local Address      Foreign Address   State       Image Na…",
        "  127.0.0.1:80       0.0.0.0:0         LISTENING   server",
        "  192.168.1.20:54321 140.82.112.25:443 ESTABLISHED client",
    ];
    assert_eq!(table(&mut trial, 60, 2), expected);
    let mut trial = Trial::of(&[longest(), listener(3, 80)]);
    let expected = [
        "  Local Address          Foreign Address        Image Name",
        "  127.0.0.1:80           0.0.0.0:0              server",
        "  192.168.100.123:55555  203.100.113.200:44321  client",
    ];
    assert_eq!(table(&mut trial, 60, 2), expected);
    let expected = [
        "  Proto Local Address         Foreign Address       State       PID   Image Name",
        "  TCP   127.0.0.1:80          0.0.0.0:0             LISTENING   7     server",
        "  TCP   192.168.100.123:55555 203.100.113.200:44321 ESTABLISHED 8     client",
    ];
    assert_eq!(table(&mut trial, 80, 2), expected);
    let expected = "  192.16…123:55555 203.10…200:44321 client";
    assert_eq!(table(&mut trial, 42, 2)[2], expected);
}

/// UDP has no state, whose place its name takes.
#[test]
fn udp_is_seen_without_the_column_of_protocols() {
    let mut udp = listener(4, 5353);
    udp.socket.protocol = Protocol::Udp;
    udp.socket.state = None;
    let mut trial = Trial::of(&[usual(), udp]);
    assert_eq!(
        table(&mut trial, 60, 2)[2],
        "  127.0.0.1:5353     *:*               UDP         server"
    );
    let wide = "  UDP   127.0.0.1:5353     *:*                           7   server";
    assert_eq!(
        table(&mut trial, 80, 2)[2].split_whitespace().collect::<Vec<_>>(),
        wide.split_whitespace().collect::<Vec<_>>()
    );
}

#[test]
fn no_line_of_the_help_is_longer_than_a_small_screen() {
    let longest = text::keys(false).map(str::len).max();
    assert_eq!(longest.map(|length| length.max(60)), Some(60));
}

/// Nothing of it is cut off.
#[test]
fn the_log_is_folded_on_a_narrow_screen() {
    let mut trial = Trial::of(&[]);
    trial.sees(&[longest()]);
    trial.types("e");
    let expected = [
        "00:00:00Z opened TCP 192.168.100.123:55555",
        "  203.100.113.200:44321 ESTABLISHED 8 client",
    ];
    assert_eq!(table(&mut trial, 60, 1), expected);
    let expected = "1970-01-01T00:00:00Z opened  TCP    192.168.100.123:55555  203.100.113.200:44321  ESTABLISHED     8        client";
    assert_eq!(table(&mut trial, 120, 0), [expected]);
}

/// IPv6 is cut in its middle where IPv4 would fit.
#[test]
fn long_addresses_are_cut_as_far_as_those_of_ipv4_go() {
    let long = between(1, "[2001:db8:1111:2222:3333:4444:5555:6666]:50000", "[2001:db8::1]:443");
    let mut trial = Trial::of(&[long]);
    let expected = "  [2001:db8…6666]:50000 [2001:db8::1]:443 ESTABLISHED client";
    assert_eq!(table(&mut trial, 60, 1)[1], expected);
}

/// The table would jump with each row that comes and goes.
#[test]
fn what_is_left_out_comes_back_with_another_filter_or_width() {
    let titles = |trial: &mut Trial, width| {
        let line = table(trial, width, 0).remove(0);
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ")
    };
    let narrow = "Local Address Foreign Address Image Name";
    let wide = "Proto Local Address Foreign Address State PID Image Name";
    let mut trial = Trial::of(&[longest(), listener(3, 80)]);
    assert_eq!(titles(&mut trial, 60), narrow);
    trial.sees(&[listener(3, 80)]);
    trial.passes(6);
    assert_eq!(trial.rows(), [">80"]);
    assert_eq!(titles(&mut trial, 60), narrow);
    assert_eq!(titles(&mut trial, 70), wide);
    assert!(titles(&mut trial, 60).starts_with("Proto Local Address"));
    trial.sees(&[longest(), listener(3, 80)]);
    assert_eq!(titles(&mut trial, 60), narrow);
    trial.types("/80");
    trial.press(KeyCode::Enter);
    assert!(titles(&mut trial, 60).starts_with("Proto Local Address"));
}

/// They are cut instead.
#[test]
fn columns_that_were_asked_for_are_not_left_out() {
    let mut trial = Trial::with(|settings| settings.has_own_columns = true);
    trial.sees(&[longest()]);
    assert!(table(&mut trial, 60, 1)[1].starts_with("  TCP   "));
    let mut trial = Trial::with(|settings| settings.columns = SocketColumn::WIDE.to_vec());
    trial.sees(&[longest()]);
    assert!(
        table(&mut trial, 80, 1)[1]
            .starts_with("  TCP   192.168.100.123:55555 203.100.113.200:44321 ")
    );
}
