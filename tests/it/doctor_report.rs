//! What doctor reports besides findings: that nothing is wrong, that nothing could be read, its
//! thresholds, and that it waits.

use nix::libc;
use serde_json::json;

use crate::support::makers::{self, Loopback};
use crate::support::mounts::empty_proc;
use crate::support::netns::in_netns;
use crate::support::terminal::Terminal;
use crate::support::{features, is_healthy, portwho, refuse, skip};

#[trial]
fn a_healthy_namespace() {
    let _established = [makers::established(Loopback::V4), makers::established(Loopback::V6)];
    let _time_wait = makers::time_wait(Loopback::V4);
    let _bound = makers::bound(Loopback::V4.port(0));
    let _udp = makers::udp(Loopback::V4.port(0));
    is_healthy(
        &portwho(["doctor"]).run(),
        &format!("{} sockets of 1 process", if features::lists_bound() { 10 } else { 9 }),
    );
    let answer = portwho(["doctor", "--json"]).run().json(0, "");
    assert_eq!((&answer["findings"], &answer["gaps"]), (&json!([]), &json!([])));
    is_healthy(&in_netns(|| portwho(["doctor"]).run()), "0 sockets of 0 processes");
}

/// A person sees what it waits for; the line is replaced by the answer.
#[trial]
fn the_wait_is_shown_on_a_terminal() {
    let screen = Terminal::whole(&portwho(["doctor", "--interval", "0.1"])).finish();
    let waiting = "portwho: waiting 100ms for snapshot 2 of 2\r ";
    assert!(screen.stdout.contains(waiting), "{screen:?}");
    let answer = screen.stdout.rsplit('\r').next().expect("an answer");
    assert!(answer.starts_with("no problems found in 0 sockets"), "{screen:?}");
}

#[trial]
fn thresholds_and_settings_on_demand() {
    let output = portwho(["doctor", "-v"]).run();
    output.is(0, &output.stdout, "");
    assert!(output.stdout.starts_with("no problems found in 0 sockets of 0 processes ("));
    for part in [
        "\n\nChecks\nclose-wait-leak\n             100 on one port or to one destination",
        "\nhalf-closed-pair\n             any that lasts and is not in use (a note)",
        "\nephemeral-ports\n             80% of them in use to one destination",
        "\ntime-wait-pressure\n             80% of tcp_max_tw_buckets",
        "\nsyn-sent-fan-out\n             100 foreign addresses",
        "\nsyn-flood\n             32 SYN_RECEIVED on a port",
        "\naccept-queue-full\n             more connections than the backlog",
        "\nunacknowledged-close\n             10 with 3 retransmissions or more",
        "\ndescriptors-nearly-used\n             90% of the limit",
        "\n\nSettings and counters\n  net.ipv4.ip_local_port_range = ",
        "\n  net.ipv4.tcp_max_tw_buckets = ",
        "\n  ListenOverflows in total = 0\n",
    ] {
        assert!(output.stdout.contains(part), "{part}: {output:?}");
    }
    assert!(output.stdout.lines().all(|line| line.len() <= 80), "{output:?}");
    let answer = portwho(["doctor", "-v", "--json"]).run().json(0, "");
    let thresholds = answer["thresholds"].as_array().expect("thresholds");
    let fan_out = thresholds.iter().find(|one| one["kind"] == "syn-sent-fan-out");
    assert_eq!(
        fan_out.expect("syn-sent-fan-out")["threshold"],
        "100 foreign addresses, after 2 retransmissions or more"
    );
    assert_eq!(answer["settings"]["ListenDrops in total"], "0");
}

#[trial]
fn without_sockets_there_is_no_verdict() {
    if let Err(error) = empty_proc() {
        return skip(&format!("cannot mount: {error}"));
    }
    refuse::netlink(libc::EACCES);
    let why = "portwho: netlink refused (Permission denied (os error 13)), and cannot read \
               /proc/thread-self/net/tcp: No such file or directory (os error 2)\n";
    portwho(["doctor"]).run().is(2, "", why);
    portwho(["doctor", "--json"]).run().is(2, "", why);
}
