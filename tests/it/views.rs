//! The views other than the tables: PIDs, counts, JSON.

use serde_json::{Value, json};

use crate::support::features;
use crate::support::makers::{self, Loopback};
use crate::support::portwho;
use crate::support::process::{Owner, Process, server};

#[trial]
fn pids_are_bare_unique_and_ascending() {
    let owners: Vec<Process> = (80..90).map(server).collect();
    let _more: Vec<_> = owners.iter().map(|_| makers::not_accepted(Loopback::V6)).collect();
    let mut pids: Vec<u32> = owners.iter().map(Process::pid).collect();
    pids.push(std::process::id());
    pids.sort_unstable();
    let lines: String = pids.iter().map(|pid| format!("{pid}\n")).collect();
    portwho(["-q"]).run().is(0, &lines, "");
    portwho(["--pids", "--no-header"]).run().is(0, &lines, "");
}

/// No process can be signaled for it: nothing is shown, and stderr says so.
#[trial]
fn a_kernel_socket_has_no_pid() {
    let made = makers::time_wait(Loopback::V4);
    let port = made.client_address.port().to_string();
    assert!(portwho([&port]).run().stdout.contains("TIME_WAIT"));
    let nobody = "portwho: no process holds these sockets: the kernel keeps them\n";
    let verdict = format!(
        "portwho: port {port} is not in use (1 TIME_WAIT, N left; until it ends, a bind fails \
         unless both sockets set SO_REUSEADDR, which no table shows); to find out, run: portwho --try-bind \
         {port}\n"
    );
    let output = portwho(["-q", &port]).run().without_seconds();
    output.is(1, "", &format!("{nobody}{verdict}"));
}

#[trial]
fn summary_counts() {
    let made = makers::half_closed(Loopback::V4);
    let client = Owner::named("client").holding(made.client);
    let server = Owner::named("server").holding(made.server);
    let output = portwho(["--summary"]).run();
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    let lines: Vec<Vec<&str>> =
        output.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
    let has =
        |words: &[&str]| lines.iter().any(|line| words.iter().all(|word| line.contains(word)));
    for state in ["LISTENING", "FIN_WAIT_2", "CLOSE_WAIT"] {
        assert!(has(&[state, "1"]), "{state}: {output:?}");
    }
    assert!(has(&["FIN_WAIT_2", &client.pid().to_string(), "1"]), "{output:?}");
    assert!(has(&["CLOSE_WAIT", &server.pid().to_string(), "1"]), "{output:?}");
    assert!(has(&["CLOSE_WAIT", "server"]), "{output:?}");
}

#[trial]
fn the_shape_of_json() {
    let owner = server(80);
    let answer = portwho(["--json", "80"]).run().json(0, "");
    assert_eq!((&answer["schema"], &answer["os"]), (&json!(1), &json!("linux")));
    let keys = |value: &Value| {
        let object = value.as_object().expect("an object");
        object.keys().cloned().collect::<Vec<_>>()
    };
    for key in [
        "protocol",
        "family",
        "local",
        "foreign",
        "state",
        "owner",
        "user",
        "uid",
        "inode",
        "recv_queue",
        "send_queue",
        "timer",
        "idle_ms",
        "netns",
        "note",
    ] {
        assert!(keys(&answer["sockets"][0]).contains(&key.to_owned()), "{key} in {answer:#}");
    }
    let process = &answer["processes"][0];
    for key in [
        "pid",
        "name",
        "command",
        "executable",
        "user",
        "parent",
        "session_name",
        "session_id",
        "memory_bytes",
        "started",
        "service",
        "container",
    ] {
        assert!(keys(process).contains(&key.to_owned()), "{key} in {answer:#}");
    }
    assert_eq!(process["pid"], owner.pid());
    assert_eq!(process["parent"], std::process::id());
    assert_eq!(process["user"], "root");
    assert!(process["memory_bytes"].as_u64().is_some_and(|bytes| bytes > 100_000), "{process:#}");
    let started = process["started"].as_str().expect("a time");
    assert_eq!((started.len(), &started[10..11], &started[19..]), (20, "T", "Z"), "{started}");
    features::assert_no_gap(&answer);
}
