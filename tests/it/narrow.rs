//! Tables on terminals of many widths: no row wraps, and what a row is read for stays.

use std::net::SocketAddr;
use std::process::Command;

use unicode_width::UnicodeWidthStr;

use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, Process};
use crate::support::terminal::Terminal;
use crate::support::{portwho, skip};

const WIDTHS: [u16; 4] = [50, 60, 80, 200];
const LONG: &str = "fd00:1111:2222:3333:4444:5555:6666:7777";

/// Listeners at addresses of many lengths, one of them with a long name; none where a long address
/// cannot be had.
fn listeners() -> Option<Vec<(SocketAddr, Process)>> {
    let words = format!("addr add {LONG}/128 dev lo nodad");
    let added = Command::new("ip").args(words.split(' ')).status();
    if !added.is_ok_and(|status| status.success()) {
        skip("no ip, or no address to add");
        return None;
    }
    let long: SocketAddr = format!("[{LONG}]:65000").parse().expect("an address");
    let at = [Loopback::V4.port(80), Loopback::V6.port(8080), long];
    let names = ["web", "a-name-of-many-letters", "inetinfo.exe"];
    let held = at.iter().zip(names).map(|(at, name)| {
        let socket = makers::listening(*at).socket;
        (*at, Owner::named(name).holding(socket))
    });
    Some(held.collect())
}

/// What is on the screen, line by line.
fn screen(words: &[&str], columns: u16) -> Vec<String> {
    let output = Terminal::of_columns(&portwho(words).env("NO_COLOR", "1"), columns).finish();
    assert_eq!(output.code, Some(0), "{output:?}");
    output.stdout.lines().map(str::to_owned).collect()
}

/// The row of each socket, by its port, which is never cut.
#[track_caller]
fn rows<'a>(lines: &'a [String], held: &[(SocketAddr, Process)]) -> Vec<&'a str> {
    let row = |(at, _): &(SocketAddr, _)| {
        let port = format!(":{} ", at.port());
        let found = lines.iter().find(|line| line.contains(&port));
        found.unwrap_or_else(|| panic!("no {port}in {lines:#?}")).as_str()
    };
    held.iter().map(row).collect()
}

#[trial]
fn no_row_of_the_netstat_table_wraps() {
    let Some(held) = listeners() else { return };
    for columns in WIDTHS {
        let lines = screen(&["-l"], columns);
        // The table of processes is as wide as that of tasklist.
        let table: Vec<String> =
            lines.iter().take_while(|line| !line.starts_with("Image Name")).cloned().collect();
        for line in &table {
            assert!(line.width() <= usize::from(columns), "{columns}: {line:?}");
        }
        for (row, (_, owner)) in rows(&table, &held).iter().zip(&held) {
            assert!(row.contains(&format!(" {} ", owner.pid())), "{columns}: {row:?}");
            assert!(row.contains(" LISTENING "), "{columns}: {row:?}");
        }
    }
}

/// What gives way is the middle of the long address and long headings, before a short address.
#[trial]
fn headings_and_short_addresses_beside_a_long_one() {
    let Some(held) = listeners() else { return };
    let _client = std::net::TcpStream::connect(held[2].0).expect("connect");
    for columns in [100, 80, 60, 50] {
        for words in [&["-t"][..], &["-w"]] {
            let lines = screen(words, columns);
            let headings: Vec<&str> = lines
                .iter()
                .find(|line| line.contains("State"))
                .expect("headings")
                .split_whitespace()
                .collect();
            for heading in ["Proto", "State", "PID"] {
                assert!(headings.contains(&heading), "{columns}: {headings:?}");
            }
        }
    }
    for columns in [100, 80] {
        let lines = screen(&["-t"], columns);
        let headings = lines.iter().find(|line| line.contains("State")).expect("headings");
        let words: Vec<&str> = headings.split_whitespace().collect();
        assert_eq!(words[..5], ["Proto", "Local", "Address", "Foreign", "Address"], "{columns}");
        assert!(headings.ends_with("Image Name") || columns < 100, "{headings:?}");
        let row = rows(&lines, &held)[0];
        assert!(row.contains(" 127.0.0.1:80 ") && row.contains(" 0.0.0.0:0 "), "{row:?}");
    }
}

/// PIDs are counted before an address is cut, and never cut themselves; what is cut of an address
/// still tells whether other machines reach it.
#[trial]
fn pids_are_counted_and_loopback_is_recognized() {
    let at = ["127.0.0.1:80", "12.3.4.1:80"].map(|at| at.parse().expect("an address"));
    let added = Command::new("ip").args("addr add 12.3.4.1/32 dev lo".split(' ')).status();
    if !added.is_ok_and(|status| status.success()) {
        return skip("no ip, or no address to add");
    }
    let workers = at.map(|at: SocketAddr| {
        let socket = makers::listening(at).socket;
        let hold = |_| Owner::named("nginx").holding(socket.try_clone().expect("dup"));
        (0..4).map(hold).collect::<Vec<Process>>()
    });
    for (columns, words, addresses) in [
        (80, "-l", ["127.0.0.1:80 ", "12.3.4.1:80 "]),
        (80, "-lw", ["127.0.0.1:80 ", "12.3.4.1:80 "]),
        (60, "-l", ["127.0.0.1:80 ", "12.3.4.1:80 "]),
        // How much of them is left depends on how long PIDs are.
        (50, "-l", ["127", "12."]),
    ] {
        let lines = screen(&[words], columns);
        for (workers, address) in workers.iter().zip(addresses) {
            let address = format!(" {address}");
            let row = lines.iter().find(|line| line.contains(&address));
            let row = row.unwrap_or_else(|| panic!("no {address} in {lines:#?}"));
            let pids: Vec<String> = workers.iter().map(|worker| worker.pid().to_string()).collect();
            let counted = format!(" {} +3 ", pids[0]);
            let is_whole = row.contains(&format!(" {} ", pids.join(",")));
            assert!(row.contains(&counted) || is_whole && columns == 80, "{lines:#?}");
            assert!(row.width() <= usize::from(columns), "{row:?}");
        }
    }
}

/// Why the kernel keeps a socket is in its state, too.
#[trial]
fn a_reason_gives_way_before_a_short_address() {
    let held = Owner::named("web").holding(makers::listening(Loopback::V4.port(9001)).socket);
    // The listener is this program's, whose name is long.
    drop(makers::time_wait(Loopback::V4).listener);
    for columns in [60, 80] {
        let lines = screen(&[], columns);
        let row = lines.iter().find(|line| line.contains("LISTENING ")).expect("a listener");
        let pid = held.pid().to_string();
        assert!(row.contains("TCP ") && row.contains(&format!(" {pid} ")), "{lines:#?}");
        assert_eq!(row.contains(" 127.0.0.1:9001 "), columns == 80 || pid.len() < 6, "{lines:#?}");
    }
}

#[trial]
fn a_wide_terminal_has_what_a_pipe_has() {
    let Some(_held) = listeners() else { return };
    let piped = portwho(["-l"]).run();
    assert_eq!(screen(&["-l"], 200), piped.stdout.lines().collect::<Vec<_>>());
}

/// Padding gives way first, the widest column's before that of others.
#[trial]
fn what_gives_way_first() {
    let held = [("web", 80), ("db", 5432)].map(|(name, port)| {
        Owner::named(name).holding(makers::listening(Loopback::V4.port(port)).socket)
    });
    let shown = screen(&["--no-header", "-l"], 70)[..2].to_vec();
    let [web, db] = [held[0].pid(), held[1].pid()];
    let expected = [
        format!("  TCP    127.0.0.1:80   0.0.0.0:0     LISTENING    {web:<8} web"),
        format!("  TCP    127.0.0.1:5432 0.0.0.0:0     LISTENING    {db:<8} db"),
    ];
    assert_eq!(shown, expected);
}

/// A pipe is no terminal: nothing is cut for its width.
#[trial]
fn nothing_is_cut_in_a_pipe() {
    let Some(held) = listeners() else { return };
    let output = portwho(["-l"]).env("COLUMNS", "50").run();
    for (at, owner) in &held {
        let row = output.stdout.lines().find(|line| line.contains(&at.to_string()));
        let row = row.unwrap_or_else(|| panic!("no {at} in {output:?}"));
        assert!(row.contains(&format!(" {} ", owner.pid())), "{row:?}");
    }
}
