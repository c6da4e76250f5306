//! Readers who leave, full disks and closed streams: an answer that could not be given is said
//! or silent, and never a panic.

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::net::{Ipv4Addr, UdpSocket};
use std::process::Stdio;

use crate::support::limits::allow_descriptors;
use crate::support::process::server;
use crate::support::{VIEWS, portwho};

#[trial]
fn stdout_closed_from_the_start() {
    let _owner = server(80);
    let others: [&[&str]; 3] = [&["--help"], &["--version"], &["kill", "--help"]];
    for words in VIEWS.into_iter().chain(others) {
        assert_ne!(portwho(words).run().stdout, "", "there is something to write: {words:?}");
        let (reader, writer) = io::pipe().expect("pipe");
        drop(reader);
        portwho(words).stdout(writer).run().is(0, "", "");
    }
}

/// More rows than a pipe holds: the program still writes when the reader has gone.
#[trial]
fn a_reader_who_leaves_after_a_line() {
    let _sockets = many_sockets();
    for view in [&[] as &[&str], &["--json"]] {
        let (mut reader, writer) = io::pipe().expect("pipe");
        let mut command = portwho(view).command();
        let child = command.stdin(Stdio::null()).stdout(writer).stderr(Stdio::piped());
        let child = child.spawn().expect("start the program");
        drop(command);
        let mut beginning = [0; 64];
        reader.read_exact(&mut beginning).expect("the beginning of the answer");
        drop(reader);
        let output = child.wait_with_output().expect("wait");
        assert_eq!(output.status.code(), Some(0), "{view:?}: {output:?}");
        assert_eq!(output.stderr, b"", "{view:?}: {output:?}");
    }
}

fn many_sockets() -> Vec<UdpSocket> {
    const COUNT: u16 = 1500;
    allow_descriptors(u64::from(COUNT) + 100).expect("more descriptors");
    let bind = |port| UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("bind");
    (20_000..20_000 + COUNT).map(bind).collect()
}

const DISK_FULL: &str =
    "portwho: cannot write to standard output: No space left on device (os error 28)\n";

#[trial]
fn a_full_disk() {
    let _owner = server(80);
    for view in VIEWS {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("open /dev/full");
        let output = portwho(view).stdout(full).run();
        output.is(2, "", DISK_FULL);
    }
    for words in [&["--help"] as &[&str], &["--version"]] {
        let full = OpenOptions::new().write(true).open("/dev/full").expect("open /dev/full");
        let output = portwho(words).stdout(full).run();
        output.is(2, "", DISK_FULL);
    }
}

/// std opens /dev/null in the place of a closed stream, so that nothing is lost but the answer.
#[trial]
fn closed_streams() {
    let _owner = server(80);
    for closed in [">&-", "<&-", "2>&-", "<&- >&- 2>&-"] {
        for words in [&["80"] as &[&str], &["81"], &["--json"], &["nope"], &["--help"]] {
            let script = format!(r#"exec "$0" "$@" {closed}"#);
            let output = portwho(words).through(["sh", "-c", &script]).run();
            let expected = match words[0] {
                "81" => 1,
                "nope" => 2,
                _ => 0,
            };
            let code = output.code.expect("a code, and no signal");
            assert!(code == expected || code == 2, "{closed}: {output:?}");
            assert!(!output.stderr.contains("panicked"), "{output:?}");
            if closed.starts_with('<') && closed.len() == 3 {
                assert_eq!(code, expected, "{output:?}");
            }
        }
    }
}
