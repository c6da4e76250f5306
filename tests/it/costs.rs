//! Costs: the program makes only the system calls whose answers it needs, as strace shows.

use std::collections::BTreeSet;
use std::fs;

use crate::support::features::lists_bound;
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner};
use crate::support::programs::can_strace;
use crate::support::{Scratch, portwho, refuse, skip};

/// The calls of these kinds that are made when these words are typed.
#[track_caller]
fn calls(kinds: &str, words: &[&str], code: i32) -> String {
    let scratch = Scratch::new();
    let log = scratch.path().join("log").to_str().expect("UTF-8").to_owned();
    let kinds = format!("trace={kinds}");
    let run = portwho(words).through(["strace", "-f", "-y", "-s", "256", "-e", &kinds, "-o", &log]);
    let output = run.run();
    assert_eq!(output.code, Some(code), "{output:?}");
    fs::read_to_string(&log).expect("the log")
}

/// Whether a file is opened whose name ends so.
#[track_caller]
fn opens(end: &str, words: &[&str], code: i32) -> bool {
    let end = format!("{end}\"");
    calls("open,openat", words, code).lines().any(|call| call.contains(&end))
}

fn server() -> impl Sized {
    Owner::named("server").holding(makers::listening(Loopback::V4.port(80)).socket)
}

#[trial]
fn a_port_that_no_socket_holds_costs_no_walk() {
    // Where BOUND sockets are not listed they are looked for among descriptors.
    if !can_strace() || !lists_bound() {
        return;
    }
    refuse::other_namespaces();
    let _server = server();
    let walks = |words: &[&str], code| opens("fd", words, code);
    assert!(walks(&["80"], 0), "it walks to find an owner");
    assert!(!walks(&["81"], 1), "it walks without need");
    assert!(walks(&["kill", "-n", "80"], 0), "kill walks to find an owner");
    assert!(!walks(&["kill", "-n", "81"], 1), "kill walks without need");
}

/// What is asked of the tables of sockets, in the order of the requests. Each goes through all sockets of the
/// machine.
#[track_caller]
fn requests(words: &[&str], code: i32) -> Vec<String> {
    let calls = calls("sendto", words, code);
    // It stands behind the number of the request.
    let requests = calls.lines().filter_map(|call| call.split_once("nlmsg_pid=0}, "));
    requests.map(|(_, request)| request.to_owned()).collect()
}

#[trial]
fn no_table_is_asked_for_twice() {
    if !can_strace() {
        return;
    }
    refuse::entering_namespaces();
    let _server = server();
    let requests = requests(&["-l", "81"], 1);
    let different: BTreeSet<&String> = requests.iter().collect();
    assert!(different.len() > 3, "{requests:#?}");
    assert_eq!(requests.len(), different.len(), "{requests:#?}");
}

/// What listens at an address also shows whether something else is in its way.
#[trial]
fn listeners_of_an_address_are_asked_for_once() {
    if !can_strace() {
        return;
    }
    let _server = server();
    // TCP, and UDP of both families.
    let requests = requests(&["-l", "127.0.0.1:80"], 0);
    assert_eq!(requests.len(), 3, "{requests:#?}");
}

/// Whether BOUND sockets are listed shows in the table that is asked for anyway.
#[trial]
fn bound_sockets_cost_no_request() {
    if !can_strace() || !lists_bound() {
        return;
    }
    refuse::entering_namespaces();
    let _server = server();
    // What holds the port, and the connections to that port elsewhere: TCP, and UDP of both families.
    let requests = requests(&["81"], 1);
    assert_eq!(requests.len(), 6, "{requests:#?}");
}

/// A user may have hundreds of processes hold a port, each with thousands of descriptors.
#[trial]
fn who_holds_a_port_by_a_known_descriptor_is_not_searched_again() {
    if !can_strace() {
        return;
    }
    let listener = makers::listening(Loopback::V4.port(80)).socket;
    let mut family: Actor = Owner::named("nginx").playing_with("family", &["8"], listener);
    family.line();
    let calls = calls("open,openat", &["kill", "-y", "-f", "80"], 0);
    let searched = calls.lines().filter(|call| call.contains(", \"fd\",")).count();
    assert_eq!(searched, 0, "{calls}");
}

/// A name service may be slow, and wait for what is down. Where the machine is slow, a gap may name
/// whose command line did not come in time.
#[trial(alone)]
fn users_are_named_only_where_they_are_shown() {
    if !can_strace() {
        return;
    }
    let _server = server();
    let asks_for_users = |words: &[&str]| opens("/etc/passwd", words, 0);
    for words in [&["--json", "80"][..], &["-v", "80"], &["--sort", "user", "80"]] {
        assert!(asks_for_users(words), "{words:?}");
    }
    for words in [&["80"][..], &["-q", "80"], &["--summary", "80"], &["--sort", "state", "80"]] {
        assert!(!asks_for_users(words), "{words:?}");
    }
}

/// The kernel need not make a list of descriptors that can be named.
#[trial]
fn a_table_without_holes_is_not_listed() {
    if !can_strace() {
        return;
    }
    if fs::metadata("/proc/self/fd").expect("a directory").len() == 0 {
        return skip("this kernel does not count descriptors: it is older than Linux 6.2");
    }
    let addresses: Vec<String> = (8000..8060).map(|port| format!("127.0.0.1:{port}")).collect();
    let words: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let mut actor: Actor = Owner::named("server").playing("listen", &words);
    actor.line();
    let calls = calls("getdents64", &["-q", "-l"], 0);
    let directory = format!("</proc/{}/fd>", actor.pid());
    let listed = calls.lines().filter(|call| call.contains(&directory)).map(entries);
    let listed: Vec<usize> = listed.collect();
    assert!(!listed.is_empty(), "{calls}");
    assert!(listed.iter().sum::<usize>() < addresses.len(), "{listed:?}");
}

/// The entries that a call returned, as strace tells them.
fn entries(call: &str) -> usize {
    let told = call.split_once("/* ").and_then(|(_, rest)| rest.split_once(" entries */"));
    told.and_then(|(count, _)| count.parse().ok()).unwrap_or_default()
}
