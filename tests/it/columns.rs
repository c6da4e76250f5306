//! Tables with the columns that were asked for, and the same as comma-separated values.

use std::fs;
use std::net::SocketAddr;

use crate::support::golden;
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner, Process, server};
use crate::support::terminal::Terminal;
use crate::support::{mounts, portwho};

/// The command line of a process whose arguments have no blanks.
fn command(pid: u32) -> String {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).expect("cmdline");
    line.trim_end_matches('\0').replace('\0', " ")
}

/// The words of a row, with one blank between them.
fn words(row: &str) -> String {
    row.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[trial]
fn the_wide_table() {
    let owner = server(80);
    let _udp = makers::udp(Loopback::V4.port(53));
    let (pid, own) = (owner.pid(), std::process::id());
    let width = pid.to_string().len().max(own.to_string().len());
    let name = golden::name_of(own);
    let expected = format!(
        "Proto Local Address Foreign Address State     {:<width$} {:<3$} User Command\n\
         TCP   127.0.0.1:80  0.0.0.0:0       LISTENING {pid:<width$} {:<3$} root {command}\n",
        "PID",
        "Image Name",
        "server",
        name.len(),
        command = command(pid),
    );
    let output = portwho(["-w"]).run();
    let (tcp, udp) = output.stdout.split_at(output.stdout.find("UDP").expect("a row"));
    assert_eq!(tcp, expected);
    let udp: Vec<&str> = udp.split_whitespace().take(7).collect();
    assert_eq!(udp, ["UDP", "127.0.0.1:53", "*:*", "-", &own.to_string(), &name, "root"]);
    output.is(0, &output.stdout, "");
    let rows = portwho(["--wide", "--no-header", "80"]).run();
    assert_eq!(rows.stdout.lines().count(), 1, "{rows:?}");
}

/// The command takes what the terminal leaves.
#[trial]
fn the_wide_table_on_terminals() {
    let words = ["letters", "3000"];
    let socket = makers::listening(Loopback::V4.port(80)).socket;
    let mut talker: Actor = Owner::named("talker").playing_with("command-line", &words, socket);
    if talker.line() != "ready" {
        return crate::support::skip("PR_SET_MM_MAP is refused");
    }
    for columns in [50, 60, 80, 200] {
        let run = portwho(["-w", "80"]).env("NO_COLOR", "1");
        let output = Terminal::of_columns(&run, columns).finish();
        let lines: Vec<&str> = output.stdout.lines().collect();
        assert_eq!(lines.len(), 2, "{output:?}");
        let row = lines[1];
        assert_eq!(row.chars().count(), usize::from(columns), "{output:?}");
        assert!(row.ends_with('…'), "{output:?}");
        assert!(row.contains(":80 ") && row.contains(&format!(" {} ", talker.pid())), "{row:?}");
    }
    let piped = portwho(["-w", "80"]).env("COLUMNS", "50").run();
    let row = piped.stdout.lines().last().expect("a row");
    assert!(row.len() > 3000 && !row.ends_with('…'), "{piped:?}");
}

/// In a pipe too there is an end, which shows.
#[trial]
fn a_command_has_4_kib_at_most() {
    let words = ["letters", "5000"];
    let socket = makers::listening(Loopback::V4.port(80)).socket;
    let mut talker: Actor = Owner::named("talker").playing_with("command-line", &words, socket);
    if talker.line() != "ready" {
        return crate::support::skip("PR_SET_MM_MAP is refused");
    }
    for words in [&["--columns", "command", "--no-header"][..], &["--csv", "--columns", "command"]]
    {
        let output = portwho(words).run();
        let row = output.stdout.lines().last().expect("a row");
        assert!(row.ends_with('…') && row.len() <= 4096 + 4, "{}", row.len());
    }
}

#[trial]
fn columns_in_the_order_that_was_asked_for() {
    let owner = server(80);
    let pid = owner.pid();
    let width = pid.to_string().len();
    let table = |words: &[&str]| portwho([&["--columns"], words].concat()).run();
    table(&["pid,image,local"]).is(
        0,
        &format!("{:<width$} Image Name Local Address\n{pid} server     127.0.0.1:80\n", "PID"),
        "",
    );
    // Any case, several options, and twice the same.
    let again = table(&["PROTO", "--columns", "recv_q,send-q,State,state"]);
    again.is(
        0,
        "Proto Recv-Q Send-Q State     State\nTCP        0     16 LISTENING LISTENING\n",
        "",
    );
    let lsofs = "type,size/off,node,name,fd,idle,timer,netns";
    let output = table(&[lsofs, "--no-header"]);
    assert_eq!(words(&output.stdout), "IPv4 0t0 TCP 127.0.0.1:80 (LISTEN) 0 - - -");
}

#[trial]
fn ports_as_numbers() {
    let made = makers::established(Loopback::V6);
    let port = made.server_address.port();
    let client = made.client_address.port();
    let csv = |words: &[&str]| portwho([&["--csv", "--columns"], words].concat()).run();
    let words = ["port,foreign-port", "-l", &port.to_string()];
    csv(&words).is(0, &format!("port,foreign-port\n{port},\n"), "");
    let words = ["port,foreign-port", "-s", "ESTABLISHED", &client.to_string()];
    csv(&words).is(0, &format!("port,foreign-port\n{client},{port}\n"), "");
}

#[trial]
fn the_age_and_the_service() {
    mounts::hide_cgroups().expect("no units");
    let _owner = server(80);
    let output = portwho(["--columns", "age,service", "--no-header"]).run();
    let (age, service) = output.stdout.trim_end().split_once(' ').expect("two cells");
    assert!(age.ends_with('s') && age[..1].parse::<u8>().is_ok(), "{output:?}");
    assert_eq!(service.trim(), "-");
}

#[trial]
fn timers_and_inodes() {
    let made = makers::time_wait(Loopback::V4);
    let port = made.client_address.port().to_string();
    let columns = "timer,inode,user,command,fd,image";
    let output = portwho(["--columns", columns, "--no-header", &port]).run();
    let (timer, rest) = output.stdout.split_once("s ").expect("seconds");
    assert!(timer.starts_with("time-wait "), "{output:?}");
    assert_eq!(words(rest), "0 - - - (time-wait)");
}

#[trial]
fn comma_separated_values() {
    let owner = server(80);
    let pid = owner.pid();
    let header = "proto,local,foreign,state,pid,image,user,command\n";
    let row = format!("TCP,127.0.0.1:80,0.0.0.0:0,LISTENING,{pid},server,root,{}\n", command(pid));
    portwho(["--csv"]).run().is(0, &format!("{header}{row}"), "");
    portwho(["--csv", "--wide"]).run().is(0, &format!("{header}{row}"), "");
    portwho(["--csv", "--no-header"]).run().is(0, &row, "");
    let some = portwho(["--csv", "--columns", "pid,idle,timer,recv-q,netns"]).run();
    some.is(0, &format!("pid,idle,timer,recv-q,netns\n{pid},,,0,\n"), "");
    let nothing = portwho(["--csv", "81", "--pid", &pid.to_string()]).run();
    assert_eq!((nothing.code, nothing.stdout.as_str()), (Some(1), header));
}

/// Whoever named a process chose no formula for a spreadsheet.
#[trial]
fn values_are_no_formulas() {
    for name in ["=1+1", "+1", "-bash", "@sum", "a=b"] {
        let _owner = Owner::named(name).holding(makers::listening(Loopback::V4.port(80)).socket);
        let shown = match name.split_at(1) {
            ("a", _) => name.to_owned(),
            (first, rest) => format!("\\x{:02x}{rest}", first.as_bytes()[0]),
        };
        let values = portwho(["--csv", "--columns", "image", "--no-header"]).run();
        values.is(0, &format!("{shown}\n"), "");
        portwho(["--columns", "image", "--no-header"]).run().is(0, &format!("{name}\n"), "");
    }
}

/// All owners, however many: a program reads it.
#[trial]
fn lists_are_whole_in_values() {
    let socket = makers::listening(Loopback::V4.port(80)).socket;
    let hold = |index: u32| {
        Owner::named(format!("owner{index}")).holding(socket.try_clone().expect("dup"))
    };
    let owners: Vec<Process> = (0..6).map(hold).collect();
    drop(socket);
    let mut pids: Vec<(u32, String)> = owners
        .iter()
        .zip(0..)
        .map(|(owner, index)| (owner.pid(), format!("owner{index}")))
        .collect();
    pids.sort();
    let join =
        |part: fn(&(u32, String)) -> String| pids.iter().map(part).collect::<Vec<_>>().join(",");
    let (all, names) = (join(|(pid, _)| pid.to_string()), join(|(_, name)| name.clone()));
    let expected = format!("\"{all}\",\"{names}\",\"0,0,0,0,0,0\"\n");
    portwho(["--csv", "--columns", "pid,image,fd", "--no-header"]).run().is(0, &expected, "");
    let first: Vec<&str> = pids.iter().take(3).map(|(_, name)| name.as_str()).collect();
    let expected = format!("{} +5 {} +3 0 +5\n", pids[0].0, first.join(","));
    portwho(["--columns", "pid,image,fd", "--no-header"]).run().is(0, &expected, "");
}

#[trial]
fn values_are_quoted_and_escaped() {
    let socket = makers::listening(Loopback::V4.port(80)).socket;
    let _owner = Owner::named("a,\"b\"\n").holding(socket);
    let output = portwho(["--csv", "--columns", "image,state"]).run();
    output.is(0, "image,state\n\"a,\"\"b\"\"\\n\",LISTENING\n", "");
}

#[trial]
fn an_unknown_column_is_answered_with_all() {
    let all = "proto, local, foreign, state, pid, image, user, command, port, foreign-port, \
               service, age, recv-q, send-q, timer, idle, inode, fd, netns, v6only, type, device, \
               size/off, node, name";
    for words in [&["--columns", "pid,color"][..], &["--csv", "--columns", "color"]] {
        let line = format!("portwho: --columns 'color': unknown column; columns are {all}\n");
        portwho(words).run().is(2, "", &line);
    }
}

#[trial]
fn views_exclude_each_other() {
    for (one, other) in [
        ("--wide", "--json"),
        ("--wide", "--lsof"),
        ("--wide", "--columns=pid"),
        ("--lsof", "--csv"),
        ("--lsof", "--columns=pid"),
        ("--lsof", "--summary"),
        ("--csv", "--json"),
        ("--csv", "--pids"),
        ("--csv", "--verbose"),
        ("--columns=pid", "--pids"),
        ("--columns=pid", "--verbose"),
    ] {
        for words in [[one, other], [other, one]] {
            let output = portwho(words).run();
            output.is(2, "", &output.stderr);
            assert!(output.stderr.contains(": cannot be used with --"), "{output:?}");
        }
    }
}

/// The details of each owner stand below the wide table too.
#[trial]
fn wide_and_verbose() {
    let owner = server(80);
    let wide = portwho(["-w", "80"]).run().stdout;
    let output = portwho(["-w", "-v", "80"]).run();
    let title = format!("{wide}\nserver (PID {})\n  user ", owner.pid());
    assert!(output.stdout.starts_with(&title), "{output:?}");
}

#[trial]
fn nothing_of_lsof_without_a_process() {
    let made = makers::time_wait(Loopback::V4);
    let port = made.client_address.port().to_string();
    let output = portwho(["--lsof", &port]).run().without_seconds();
    assert_eq!((output.code, output.stdout.as_str()), (Some(1), ""), "{output:?}");
    assert!(output.stderr.starts_with("portwho: no process holds these"), "{output:?}");
}

/// Listeners that other machines can reach.
#[trial]
fn exposed() {
    let at = |text: &str| -> SocketAddr { text.parse().expect("an address") };
    let listen = |text: &str| makers::listening(at(text)).socket;
    let _inside = [listen("127.0.0.1:80"), listen("127.0.0.2:80"), listen("[::1]:80")];
    let _udp_inside = makers::udp(at("127.0.0.1:53"));
    let _bound = makers::bound(at("0.0.0.0:83"));
    let _outside = [listen("0.0.0.0:81"), listen("[::]:82")];
    let _udp_outside = makers::udp(at("0.0.0.0:54"));
    let only = makers::listening_with(at("0.0.0.0:85"), 16, |socket| {
        let loopback = nix::sys::socket::setsockopt(
            socket,
            nix::sys::socket::sockopt::BindToDevice,
            &"lo".into(),
        );
        loopback.expect("SO_BINDTODEVICE");
    });
    let output = portwho(["--exposed", "--columns", "local", "--no-header"]).run();
    output.is(0, "0.0.0.0:81\n[::]:82\n0.0.0.0:54\n", "");
    let output = portwho(["--exposed", "--columns", "local", "--no-header", "80-82"]).run();
    output.is(0, "0.0.0.0:81\n[::]:82\n", "");
    let none = portwho(["--exposed", "-t", "80,85"]).run();
    assert_eq!((none.code, none.stdout.as_str()), (Some(1), ""), "{none:?}");
    drop(only);
}
