//! What kill is asked and how it answers: words at fault, dry runs, names that attack, streams
//! that fail. Whatever becomes of the words, the process is ended or it is not.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::pipe;
use std::os::unix::ffi::OsStrExt;

use crate::kill::{
    TERM, assert_free, assert_held, assert_lives, declined, ended, held_here, kill, listener,
    named, run, server, survives,
};
use crate::support::makers::{self, Loopback};
use crate::support::process::Owner;
use crate::support::terminal::Terminal;
use crate::support::{portwho, refuse};

#[trial]
fn a_command_out_of_place() {
    let web = server("web", 80);
    let line = "portwho: 'kill' is a command and must come first; run: portwho kill 80\n";
    for words in [
        &["-n", "kill", "80"][..],
        &["80", "kill"],
        &["-s", "LISTEN", "kill", "80"],
        &["-y", "kill", "80"],
        &["--force", "kill", "80"],
        &["-9", "80", "kill"],
    ] {
        portwho(words).run().is(2, "", line);
    }
    assert_lives(&web);
    assert_held(80);
}

#[trial]
fn without_a_port() {
    let web = server("web", 80);
    for words in [&[][..], &["-y"], &["--name", "web"], &["-9"]] {
        let line = "portwho: kill needs a PORT; to see all options, run: portwho kill --help\n";
        run(kill(words)).is(2, "", line);
    }
    assert_lives(&web);
}

/// One wrong word, and nothing is ended.
#[trial]
fn an_invalid_port() {
    let web = server("web", 80);
    let range = "ports are 1 to 65535";
    for (word, why) in [
        ("0", range),
        ("65536", range),
        ("90-80", "range ends before it begins; did you mean 80-90?"),
    ] {
        let line = format!("portwho: port '{word}': {why}\n");
        run(kill(["80", word])).is(2, "", &line);
        run(kill([word, "80"])).is(2, "", &line);
    }
    let by_name = "; to find processes by name, run: portwho --name nope";
    for (word, unknown, by_name) in
        [("nope", "service or command", by_name), ("80x", "service", "")]
    {
        let line = format!(
            "portwho: port '{word}': unknown {unknown}; use a number from 1 to 65535{by_name}\n"
        );
        run(kill(["80", word])).is(2, "", &line);
    }
    assert_lives(&web);
    assert_held(80);
}

/// kill takes the owners' filters of list, and neither its states nor its views.
#[trial]
fn options_of_list() {
    let web = server("web", 80);
    for word in ["--state=LISTEN", "--json", "-q", "-l", "--foreign-port=80", "--summary", "-a"] {
        let option = word.split('=').next().unwrap_or_default();
        let line = format!(
            "portwho: {option}: unknown option; to see all options, run: portwho kill --help\n"
        );
        run(kill([word, "80"])).is(2, "", &line);
    }
    assert_lives(&web);
}

#[trial]
fn a_dry_run() {
    let web = server("web", 80);
    let first = held_here(80, "web", web.pid());
    for (words, signal) in [
        (&["-n", "80"][..], "SIGTERM"),
        (&["--dry-run", "80"], "SIGTERM"),
        (&["-n", "-y", "80"], "SIGTERM"),
        (&["-n", "-9", "80"], "SIGKILL"),
        (&["-n", "-s", "INT", "80"], "SIGINT"),
    ] {
        let expected = format!("{first}would send {signal} to {}\n", named("web", web.pid()));
        run(kill(words)).is(0, &expected, "");
    }
    run(kill(["-n", "81"])).is(1, "", "portwho: port 81: nothing holds it\n");
    assert_lives(&web);
    assert_held(80);
}

/// The exit code that the run would have had.
#[trial]
fn a_dry_run_of_several() {
    let web = server("web", 80);
    let forwarder = server("conmon", 81);
    let would = held_here(80, "web", web.pid())
        + &format!("would send SIGTERM to {}\n", named("web", web.pid()));
    run(kill(["-n", "80", "82"])).is(1, &would, "portwho: port 82: nothing holds it\n");
    let line = format!(
        "portwho: port 81: refused: {} serves a container; stop the container instead; to find it \
         with docker or podman, run: docker ps \
         --filter publish=81\n",
        named("conmon", forwarder.pid())
    );
    let expected = would + &held_here(81, "conmon", forwarder.pid());
    run(kill(["-n", "80", "81"])).is(2, &expected, &line);
    assert_lives(&web);
    assert_lives(&forwarder);
}

/// Names as bytes, and what stands for them.
const HOSTILE: &[(&[u8], &str)] = &[
    (b"a\nPID 1 exited", "a\\nPID 1 exited"),
    (b"\x1b]52;c;AA==\x07", "\\x1b]52;c;AA==\\x07"),
    (b"\r\x1b[2K", "\\r\\x1b[2K"),
    (b"w\xffb", "w\\xffb"),
    ("\u{202e}bew".as_bytes(), "\\u{202e}bew"),
    ("w\u{200b}eb".as_bytes(), "w\\u{200b}eb"),
    (b"{} %s \\", "{} %s \\\\"),
];

fn hostile(name: &[u8]) -> Owner {
    Owner::named(OsStr::from_bytes(name))
}

#[trial]
fn a_hostile_name() {
    for (name, shown) in HOSTILE {
        let web = hostile(name).holding(listener(80));
        let question = format!("Terminate {}? [y/N] ", named(shown, web.pid()));
        let mut terminal = Terminal::asked(&kill(["80"]));
        terminal.await_text("[y/N] ");
        terminal.type_in("n\n");
        let said = question + &declined(shown, web.pid());
        terminal.finish().is(2, &held_here(80, shown, web.pid()), &said);
        assert_lives(&web);
    }
    let (name, shown) = HOSTILE[0];
    let web = hostile(name).holding(listener(80));
    run(kill(["80"])).is(0, &ended(&web, shown, 80), "");
    assert_eq!(web.ended_by(), TERM);
}

#[trial]
fn a_hostile_name_that_survives() {
    for (name, shown) in HOSTILE {
        let web = hostile(name).ignoring_term().holding(listener(80));
        let line = survives(shown, web.pid(), "0.1");
        let first = held_here(80, shown, web.pid());
        run(kill(["--timeout", "0.1", "80"])).is(2, &first, &line);
        assert_lives(&web);
    }
}

/// As in `portwho kill 80 | true`: the words are lost, the deed is done.
#[trial]
fn the_reader_has_left() {
    let web = server("web", 80);
    let (reader, writer) = pipe().expect("a pipe");
    drop(reader);
    run(kill(["80"]).stdout(writer)).is(0, "", "");
    assert_eq!(web.ended_by(), TERM);
    assert_free(80);
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("/dev/full")
}

const FULL: &str =
    "portwho: cannot write to standard output: No space left on device (os error 28)\n";

#[trial]
fn the_disk_is_full() {
    let web = server("web", 80);
    run(kill(["80"]).stdout(full())).is(2, "", FULL);
    assert_eq!(web.ended_by(), TERM);
    assert_free(80);
}

#[trial]
fn the_disk_is_full_and_it_survives() {
    let web = Owner::named("web").ignoring_term().holding(listener(80));
    let line = survives("web", web.pid(), "0.1");
    run(kill(["--timeout", "0.1", "80"]).stdout(full())).is(2, "", &(line + FULL));
    assert_lives(&web);
}

/// Without it BOUND sockets cannot be seen, which is said before "nothing" is.
#[trial]
fn without_netlink() {
    let web = server("web", 80);
    let bound = Owner::named("bound").holding(makers::bound(Loopback::V4.port(81)).socket);
    refuse::netlink(libc::EPERM);
    let output = run(kill(["80"]));
    output.is(0, &ended(&web, "web", 80), &output.stderr);
    assert_eq!(web.ended_by(), TERM);
    let gap = output.stderr;
    assert!(gap.contains("BOUND sockets"), "{gap}");
    let output = run(kill(["81"]));
    output.is(1, "", &(gap + "portwho: port 81: nothing holds it\n"));
    assert_lives(&bound);
}

#[trial]
fn every_spelling_of_a_port() {
    for word in [":80", "http", "127.0.0.1:80", "79-81"] {
        let web = server("web", 80);
        let bystander = server("other", 8080);
        let output = run(kill([word]));
        let first = held_here(80, "web", web.pid());
        assert!(output.stdout.starts_with(&first), "{output:?}");
        assert_eq!(web.ended_by(), TERM, "{word}");
        assert_free(80);
        assert_lives(&bystander);
    }
}
