//! Limits that all programs share: what can be made full in a test is, and the file of a limit that
//! cannot be set here has another in its place.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::Command;

use serde_json::{Value, json};

use crate::doctor::{LOOPBACK, findings, is, silent};
use crate::support::makers::{self, Loopback};
use crate::support::mounts;
use crate::support::programs::find_in_path;
use crate::support::{Scratch, portwho};

/// A /proc/sys of which single files can be replaced.
struct Limits(Scratch);

impl Limits {
    fn new() -> Self {
        mounts::own_mounts().expect("own mounts");
        Self(Scratch::new())
    }

    /// This text instead of that of the kernel.
    fn set(&self, place: &str, text: &str) {
        let file = self.0.path().join(place.replace('/', "-"));
        let is_mounted = file.exists();
        fs::write(&file, text).expect("write");
        if !is_mounted {
            mounts::bind(file.to_str().expect("a path"), place).expect("bind");
        }
    }
}

#[track_caller]
fn only() -> Value {
    let found = findings();
    let [finding] = &found[..] else { panic!("{found:#?}") };
    finding.clone()
}

/// Which checks need something, and what.
fn needs(kind: &str) -> Value {
    let output = portwho(["doctor", "--json"]).run();
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let checks = answer["checks"].as_array().expect("checks").iter();
    let check = checks.into_iter().find(|check| check["kind"] == kind);
    check.unwrap_or_else(|| panic!("no {kind} in {answer:#}"))["needs"].clone()
}

#[trial]
fn open_files() {
    let limits = Limits::new();
    limits.set("/proc/sys/fs/file-nr", "899\t0\t1000\n");
    silent();
    limits.set("/proc/sys/fs/file-nr", "900\t0\t1000\n");
    let finding = only();
    is(&finding, "open-files", "critical", None, 900);
    assert_eq!(finding["evidence"], json!({"of": 1000, "most_descriptors": null}));
    assert_eq!(finding["now"], "sysctl -w fs.file-max=2000");
    // Most machines have no limit.
    limits.set("/proc/sys/fs/file-nr", "9000000\t0\t9223372036854775807\n");
    silent();
    limits.set("/proc/sys/fs/file-nr", "none of your business\n");
    assert_eq!(needs("open-files"), "system");
    // One port is not the machine.
    limits.set("/proc/sys/fs/file-nr", "900\t0\t1000\n");
    let listener = TcpListener::bind(LOOPBACK).expect("bind");
    let port = listener.local_addr().expect("address").port().to_string();
    let output = portwho(["doctor", &port]).run();
    output.is(0, &output.stdout, "");
}

/// Whether netfilter tracks the connections of this namespace from now on: it does where a rule asks
/// for their state.
fn tracks_connections() -> bool {
    const RULE: &str = "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT";
    let add = || Command::new("iptables").args(RULE.split(' ')).output().expect("iptables");
    find_in_path("iptables").is_some() && add().status.success()
}

#[trial]
fn tracked_connections() {
    const COUNT: &str = "/proc/sys/net/netfilter/nf_conntrack_count";
    const MAX: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
    if fs::metadata(MAX).is_err() {
        // Netfilter tracks nothing, so nothing can be full.
        return assert_eq!(needs("conntrack-full"), Value::Null);
    }
    let limits = Limits::new();
    let listener = TcpListener::bind(LOOPBACK).expect("bind");
    let address = listener.local_addr().expect("address");
    let connect = |_| {
        let client = TcpStream::connect(address).expect("connect");
        (client, listener.accept().expect("accept"))
    };
    let is_tracking = tracks_connections();
    let connections: Vec<_> = (0..45).map(connect).collect();
    if is_tracking {
        assert_eq!(fs::read_to_string(COUNT).expect("count"), "45\n");
    } else {
        limits.set(COUNT, "45\n");
    }
    silent();
    limits.set(MAX, "51\n");
    silent();
    limits.set(MAX, "50\n");
    let finding = only();
    is(&finding, "conntrack-full", "warning", None, 45);
    assert_eq!(finding["evidence"], json!({"of": 50}));
    let now = "on the host, run: sysctl -w net.netfilter.nf_conntrack_max=100";
    assert_eq!(finding["now"], now);
    limits.set(MAX, "45\n");
    is(&only(), "conntrack-full", "critical", None, 45);
    drop(connections);
}

/// The limit is a file of the first namespace alone, and the orphans of all are counted together.
#[trial]
fn orphans() {
    assert_eq!(needs("orphans"), "first-namespace");
    let orphans: Vec<_> = (0..8)
        .map(|_| {
            let connection = makers::fin_wait_1(Loopback::V4);
            (connection.listener, connection.server)
        })
        .collect();
    silent();
    // Its settings are gone then, and this one is there.
    mounts::own_mounts().expect("own mounts");
    mounts::empty("/proc/sys/net/ipv4").expect("mount");
    let set = |limit: &str| fs::write("/proc/sys/net/ipv4/tcp_max_orphans", limit).expect("write");
    set("10\n");
    let finding = only();
    let count = finding["count"].as_u64().expect("a number");
    assert!(count >= 8, "{finding:#}");
    is(&finding, "orphans", "warning", None, usize::try_from(count).expect("a number"));
    assert_eq!(finding["evidence"], json!({"of": 10, "tcp_orphan_retries": null}));
    set("1000000\n");
    silent();
    drop(orphans);
}
