//! What is in the way of an address: every pair of ends that a listener may hold and a server may
//! bind, compared with what a bind does.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
use serde_json::{Value, json};

use crate::support::{features, portwho, refuse};

/// An end, as it can be typed, and whether the socket is told not to take IPv4.
#[derive(Clone, Copy, Debug)]
struct End {
    typed: &'static str,
    v6_only: bool,
}

const fn end(typed: &'static str) -> End {
    End { typed, v6_only: false }
}

/// `[::]` without IPv4 cannot be typed; whoever holds it is seen.
const V6_ONLY: End = End { typed: "[::]:80", v6_only: true };

const TYPED: [End; 6] = [
    end("0.0.0.0:80"),
    end("[::]:80"),
    end("127.0.0.1:80"),
    end("127.0.0.2:80"),
    end("[::1]:80"),
    end("[::ffff:127.0.0.1]:80"),
];

/// What the holder does after its bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Listening,
    Bound,
    Udp,
}

/// Binds as a server does: with SO_REUSEADDR for TCP, without for UDP.
fn bind_at(end: End, kind: Kind, reuse: bool) -> io::Result<OwnedFd> {
    let address: SocketAddr = end.typed.parse().expect("an address");
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let of = if kind == Kind::Udp { SocketType::DGRAM } else { SocketType::STREAM };
    let socket = socket_with(family, of, SocketFlags::CLOEXEC, None)?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, end.v6_only)?;
    }
    sockopt::set_socket_reuseaddr(&socket, reuse)?;
    bind(&socket, &address)?;
    Ok(socket)
}

fn hold(end: End, kind: Kind, reuse: bool) -> OwnedFd {
    let socket = bind_at(end, kind, reuse).expect("bind");
    if kind == Kind::Listening {
        listen(&socket, 1).expect("listen");
    }
    socket
}

/// The entry for `asked` and one protocol, with the whole answer.
fn verdict(asked: End, kind: Kind) -> (Value, Value) {
    let option = if kind == Kind::Udp { "-u" } else { "-t" };
    let output = portwho(["--json", option, asked.typed]).run();
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let [entry] = &answer["ports"].as_array().expect("a list")[..] else { panic!("{answer}") };
    let is_answered = answer["sockets"] != json!([]);
    assert_eq!(output.code, Some(i32::from(!is_answered)), "{output:?}");
    (entry.clone(), answer)
}

/// Every pair: a bind fails exactly where the verdict is not `free`, and then the holder is a row.
fn compare(kind: Kind, reuse: bool) {
    refuse::other_namespaces();
    for holder in TYPED.into_iter().chain([V6_ONLY]) {
        let held = hold(holder, kind, reuse);
        for asked in TYPED {
            let fails = bind_at(asked, kind, kind != Kind::Udp && reuse).is_err();
            let (entry, answer) = verdict(asked, kind);
            let pair = format!("{kind:?} at {holder:?}, asked for {asked:?}: {answer}");
            if entry["verdict"] == "unknown" && !features::lists_bound() {
                assert!(!fails, "{pair}");
                continue;
            }
            assert_eq!(entry["verdict"] != "free", fails, "{pair}");
            assert_eq!(answer["sockets"] != json!([]), fails, "{pair}");
            assert_eq!(entry["blockers"] != json!([]), fails, "{pair}");
        }
        drop(held);
    }
}

#[trial]
fn beside_a_listener() {
    compare(Kind::Listening, true);
}

/// Where neither socket sets SO_REUSEADDR.
#[trial]
fn beside_a_bound_socket() {
    compare(Kind::Bound, false);
}

#[trial]
fn beside_udp() {
    compare(Kind::Udp, false);
}

/// A listener of TCP is in the way of TCP alone, where the port says which protocol is meant.
#[trial]
fn a_port_with_its_own_protocol() {
    refuse::other_namespaces();
    let _everywhere = hold(end("0.0.0.0:80"), Kind::Listening, true);
    for (asked, expected, rows) in [
        ("127.0.0.1:80/tcp", json!([["tcp", "held"]]), 1),
        ("127.0.0.1:80/udp", json!([["udp", "free"]]), 0),
        // Port 81 makes TCP sockets known, and is no reason to show that of port 80.
        ("81,127.0.0.1:80/udp", json!([["tcp", "free"], ["udp", "free"], ["udp", "free"]]), 0),
        ("127.0.0.1:80", json!([["tcp", "held"], ["udp", "free"]]), 1),
    ] {
        let output = portwho(["--json", asked]).run();
        let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
        let entries = answer["ports"].as_array().expect("a list").iter();
        let verdicts: Vec<Value> =
            entries.map(|entry| json!([entry["protocol"], entry["verdict"]])).collect();
        assert_eq!(json!(verdicts), expected, "{asked}: {answer}");
        assert_eq!(answer["sockets"].as_array().map(Vec::len), Some(rows), "{asked}: {answer}");
    }
}
