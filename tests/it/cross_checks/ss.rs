//! `ss` as a cross-check: it asks the same kernel interface, with code of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use super::sighting::{Ends, Sighting};
use crate::support::programs::find_in_path;

pub struct Ss(PathBuf);

impl Ss {
    pub fn find() -> Option<Self> {
        find_in_path("ss").map(Self)
    }

    pub fn tcp(&self) -> BTreeMap<Ends, Sighting> {
        self.run("-Htanpe").lines().map(|line| sighting(line, true)).collect()
    }

    pub fn udp(&self) -> BTreeMap<Ends, Sighting> {
        self.run("-Huanpe").lines().map(|line| sighting(line, false)).collect()
    }

    fn run(&self, options: &str) -> String {
        let output = Command::new(&self.0).arg(options).output().expect("run ss");
        String::from_utf8(output.stdout).expect("UTF-8")
    }
}

/// `LISTEN 0 16 127.0.0.1:80 0.0.0.0:* users:(("a",pid=1,fd=3)) timer:(on,1sec,0) uid:33 ino:5`
fn sighting(line: &str, tcp: bool) -> (Ends, Sighting) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let number = |text: &str| text.parse::<u64>().expect("a number");
    let ends = Ends {
        tcp,
        local: address(words[3]).expect("a local address"),
        foreign: address(words[4]),
    };
    let after = |key: &str| words.iter().find_map(|word| word.strip_prefix(key));
    let pids: BTreeSet<u64> = line
        .split(",pid=")
        .skip(1)
        .map(|rest| number(rest.split(',').next().expect("a PID")))
        .collect();
    let sighting = Sighting {
        state: tcp.then(|| state(words[0]).to_owned()),
        pids,
        inode: after("ino:").map(number),
        // ss leaves root's out.
        uid: Some(after("uid:").map_or(0, number)),
        queues: Some((Some(number(words[1])), Some(number(words[2])))),
        has_timer: Some(after("timer:").is_some()),
    };
    (ends, sighting)
}

/// `0.0.0.0:*` is no address; neither is `[::]:*`.
fn address(text: &str) -> Option<SocketAddr> {
    // ss appends the interface to a scoped address: `fe80::1%eth0`.
    let address: SocketAddr = text.parse().ok()?;
    Some(SocketAddr::new(address.ip().to_canonical(), address.port()))
}

fn state(word: &str) -> &str {
    match word {
        "LISTEN" => "LISTENING",
        "SYN-SENT" => "SYN_SENT",
        "SYN-RECV" => "SYN_RECEIVED",
        "ESTAB" => "ESTABLISHED",
        "FIN-WAIT-1" => "FIN_WAIT_1",
        "FIN-WAIT-2" => "FIN_WAIT_2",
        "TIME-WAIT" => "TIME_WAIT",
        "CLOSE-WAIT" => "CLOSE_WAIT",
        "LAST-ACK" => "LAST_ACK",
        "CLOSING" => "CLOSING",
        other => other,
    }
}
