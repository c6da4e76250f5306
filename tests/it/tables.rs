//! The two tables: their order, their columns, their colors.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use crate::support::golden;
use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, Process, server};
use crate::support::terminal::{self, Terminal};
use crate::support::{Run, VIEWS, portwho, skip, wait_until};

#[trial]
fn without_a_header() {
    let owner = server(80);
    let expected = golden::server(80, owner.pid());
    let rows: Vec<&str> = expected.lines().filter(|line| line.contains("127.0.0.1")).collect();
    let processes: Vec<&str> = expected.lines().filter(|line| line.starts_with("server")).collect();
    let output = portwho(["--no-header", "80"]).run();
    let shown: Vec<&str> = output.stdout.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!(shown, [rows, processes].concat(), "{output:?}");
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
}

/// The words of the socket rows, those at `columns` of each.
fn columns(words: &[&str], columns: &[usize]) -> Vec<String> {
    let output = portwho([&["--no-header"], words].concat()).run();
    assert_eq!(output.code, Some(0), "{output:?}");
    let rows = output.stdout.lines().filter(|line| line.starts_with("  TCP"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split_whitespace().collect();
        columns.iter().map(|&place| cells[place]).collect::<Vec<_>>().join(" ")
    })
    .collect()
}

#[trial]
fn sorted() {
    let names = ["bravo", "charlie", "alpha"];
    let ports = [9, 100, 22];
    let owners: Vec<Process> = names
        .iter()
        .zip(ports)
        .map(|(name, port)| {
            Owner::named(name).holding(makers::listening(Loopback::V4.port(port)).socket)
        })
        .collect();
    let sorted_by = |key: &str| columns(&["--sort", key], &[1, 4]);
    let row = |place: usize| format!("127.0.0.1:{} {}", ports[place], owners[place].pid());
    assert_eq!(sorted_by("image"), [row(2), row(0), row(1)]);
    assert_eq!(sorted_by("local"), [row(0), row(2), row(1)]);
    assert_eq!(sorted_by("age").len(), 3);
    let mut by_pid: Vec<usize> = vec![0, 1, 2];
    by_pid.sort_unstable_by_key(|&place| owners[place].pid());
    assert_eq!(sorted_by("pid"), by_pid.into_iter().map(row).collect::<Vec<_>>());
    let unknown = portwho(["--sort", "color"]).run();
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(2), ""));
    assert!(unknown.stderr.contains("color"), "{unknown:?}");
}

/// TCP v4, TCP v6, UDP v4, UDP v6; each by port; listeners first, then by address.
#[trial]
fn the_order_of_rows() {
    let mut expected = Vec::new();
    let mut held = Vec::new();
    let own = std::process::id();
    for at in Loopback::BOTH {
        let nowhere = if at == Loopback::V4 { "0.0.0.0:0" } else { "[::]:0" };
        for port in [100, 9] {
            held.push(makers::udp(at.port(port)).socket);
            held.push(makers::listening(at.port(port)).socket);
        }
        for port in [9, 100] {
            expected.push(golden::socket("TCP", at.port(port), nowhere, "LISTENING", own));
        }
    }
    for at in Loopback::BOTH {
        for port in [9, 100] {
            expected.push(golden::socket("UDP", at.port(port), "*:*", "", own));
        }
    }
    let output = portwho(["9,100"]).run();
    let netstat = output.stdout.split("\nImage Name").next().expect("a table").to_owned();
    assert_eq!(netstat, golden::netstat(&expected));
    drop(held);

    let one: SocketAddr = "127.0.0.1:80".parse().expect("an address");
    let two: SocketAddr = "127.0.0.2:80".parse().expect("an address");
    let two_listens = makers::listening(two);
    let one_listens = makers::listening(one);
    assert_eq!(columns(&["80"], &[1]), ["127.0.0.1:80", "127.0.0.2:80"]);
    let client = TcpStream::connect(one).expect("connect");
    assert_eq!(
        columns(&["80"], &[1, 3]),
        ["127.0.0.1:80 LISTENING", "127.0.0.2:80 LISTENING", "127.0.0.1:80 ESTABLISHED"]
    );
    drop((one_listens, two_listens, client));
}

#[trial]
fn a_wide_cell_widens_its_column_for_all() {
    let address = "fd00:1111:2222:3333:4444:5555:6666:7777";
    let add = ["addr", "add", "fd00:1111:2222:3333:4444:5555:6666:7777/128", "dev", "lo", "nodad"];
    let added = Command::new("ip").args(add).status();
    if !added.is_ok_and(|status| status.success()) {
        return skip("no ip, or no address to add");
    }
    let wide: SocketAddr = format!("[{address}]:80").parse().expect("an address");
    let wide = Owner::named("wide").holding(makers::listening(wide).socket);
    let narrow = Owner::named("narrow").holding(makers::listening(Loopback::V4.port(80)).socket);
    let rows = [
        golden::server_row(80, narrow.pid()),
        golden::socket("TCP", format!("[{address}]:80"), "[::]:0", "LISTENING", wide.pid()),
    ];
    let mut owners = [("wide", wide.pid()), ("narrow", narrow.pid())];
    owners.sort_by_key(|(_, pid)| *pid);
    let owners = owners.map(|(name, pid)| golden::process(name, pid));
    portwho(["80"]).run().is(0, &golden::tables(&rows, &owners), "");
}

const ESCAPE: char = '\u{1b}';

#[trial]
fn no_escapes_into_a_pipe() {
    let _owner = server(80);
    for view in VIEWS {
        let output = portwho(view).env("TERM", "xterm-256color").run();
        assert_ne!(output.stdout, "", "{output:?}");
        assert!(!output.stdout.contains(ESCAPE), "{output:?}");
        assert!(!output.stderr.contains(ESCAPE), "{output:?}");
        // A second may pass between two runs, and ages grow with it.
        wait_until("the same without color", || {
            let output = portwho(view).env("TERM", "xterm-256color").run();
            let never = portwho([view, &["--color", "never"]].concat()).run();
            (never.stdout == output.stdout).then_some(())
        });
    }
    let wrong = portwho(["--frobnicate"]).env("TERM", "xterm-256color").run();
    assert!(!wrong.stderr.contains(ESCAPE), "{wrong:?}");
}

#[trial]
fn colors_when_asked_for() {
    let owner = server(80);
    let output = portwho(["--color", "always", "80"]).run();
    assert!(output.stdout.contains(ESCAPE), "{output:?}");
    assert_eq!(without_escapes(&output.stdout), golden::server(80, owner.pid()));
    for view in [&["--json"] as &[&str], &["-q"]] {
        let output = portwho([&["--color", "always"], view].concat()).run();
        assert!(!output.stdout.contains(ESCAPE), "a program reads it: {output:?}");
    }
    let wrong = portwho(["--color", "sometimes"]).run();
    assert_eq!((wrong.code, wrong.stdout.as_str()), (Some(2), ""));
    assert!(wrong.stderr.contains("sometimes"), "{wrong:?}");
}

#[trial]
fn colors_on_a_terminal() {
    let owner = server(80);
    let shown = |run: Run| Terminal::whole(&run).finish().stdout;
    let colored = shown(portwho(["80"]).env("TERM", "xterm-256color"));
    assert!(colored.contains(ESCAPE), "{colored:?}");
    assert_eq!(without_escapes(&colored), golden::server(80, owner.pid()));
    let plain = shown(portwho(["80"]).env("TERM", "xterm-256color").env("NO_COLOR", "1"));
    assert_eq!(plain, golden::server(80, owner.pid()));
    let empty = shown(portwho(["80"]).env("TERM", "xterm-256color").env("NO_COLOR", ""));
    assert!(empty.contains(ESCAPE), "an empty NO_COLOR asks for nothing: {empty:?}");
    let never = shown(portwho(["--color", "never", "80"]).env("TERM", "xterm-256color"));
    assert_eq!(never, golden::server(80, owner.pid()));
    let dumb = shown(portwho(["80"]).env("TERM", "dumb"));
    assert_eq!(dumb, golden::server(80, owner.pid()));
}

/// The text without its colors: `ESC [ ... m`.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').expect("a color's end").1)
}

#[trial]
fn flags_of_netstat_are_accepted() {
    let owner = server(80);
    for words in
        [&["-aon", "80"] as &[&str], &["-tlnp", "80"], &["-anp", "80"], &["-a", "-n", "80"]]
    {
        portwho(words).run().is(0, &golden::server(80, owner.pid()), "");
    }
    portwho(["-tulpn"]).run().is(0, &golden::server(80, owner.pid()), "");
}

/// `setsid -c` makes the terminal on stdin the controlling one; the table then names it.
#[trial]
fn the_session_of_a_process_on_a_terminal() {
    let held = makers::listening(Loopback::V4.port(80));
    let (master, terminal) = terminal::open();
    let name = terminal::name(&master);
    let mut setsid = Command::new("setsid");
    setsid.args(["-c", "sleep", "3600"]).stdin(terminal).stdout(held.socket);
    let mut child = setsid.spawn().expect("start setsid");
    drop(setsid);
    let pid = child.id();
    wait_until("setsid to become sleep", || {
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).expect("comm");
        (comm == "sleep\n" && is_asleep(pid)).then_some(())
    });
    let expected = golden::tables(&[golden::server_row(80, pid)], &[golden::process("sleep", pid)]);
    let table = portwho(["80"]).run();
    let answer = portwho(["--json", "80"]).run();
    child.kill().expect("kill");
    child.wait().expect("wait");
    assert!(expected.contains(&format!(" {name} ")), "{name} in {expected}");
    table.is(0, &expected, "");
    assert_eq!(answer.json(0, "")["processes"][0]["session_name"], name);
}

/// Whether a process waits: sleep(1) does once it is loaded, and its memory is what it will be.
fn is_asleep(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    stat.rsplit(") ").next().is_some_and(|rest| rest.starts_with('S'))
}
