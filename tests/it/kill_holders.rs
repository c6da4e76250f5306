//! Several processes on one port, and several ports at once.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::sockopt::set_ipv6_v6only;

use crate::kill::{
    KILL, TERM, assert_free, assert_held, assert_lives, ended, freed, held, held_here, identity,
    kill, listener, named, run, runs, server, shared_listeners, survives,
};
use crate::support::features;
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner, Process};
use crate::support::{Scratch, wait_until};

/// A parent and its children that hold the listener of port 80.
fn family(children: usize) -> (Actor, Vec<u32>) {
    let mut parent =
        Owner::named("nginx").playing_with("family", &[&children.to_string()], listener(80));
    let pids = pids(&parent.line(), "nginx");
    (parent, pids)
}

/// The PIDs in a line, ascending, when all of them have become what they are to be, and rest.
fn pids(line: &str, name: &str) -> Vec<u32> {
    let mut pids: Vec<u32> = line.split(' ').map(|pid| pid.parse().expect("a PID")).collect();
    pids.sort_unstable();
    wait_until("the children to be at rest", || {
        let rests = |pid: &u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
            stat.contains(&format!("({name}) S "))
        };
        pids.iter().all(rests).then_some(())
    });
    pids
}

/// `nginx (PID 813), nginx (PID 814)`.
fn list(name: &str, pids: &[u32]) -> String {
    pids.iter().map(|pid| named(name, *pid)).collect::<Vec<_>>().join(", ")
}

fn numbers(pids: &[u32]) -> String {
    pids.iter().map(u32::to_string).collect::<Vec<_>>().join(", ")
}

/// The children do not end with their parent: they are told in turn.
#[trial]
fn a_family() {
    let (parent, children) = family(3);
    let all = [&[parent.pid()], children.as_slice()].concat();
    let expected = held_here(80, "nginx", parent.pid())
        + &format!("  also held by {}\n", list("nginx", &children))
        + &format!("PIDs {} exited after T; port 80 is free\n", numbers(&all));
    run(kill(["80"])).is(0, &expected, "");
    assert_eq!(parent.process.ended_by(), TERM);
    assert!(!children.iter().any(|pid| runs(*pid)));
    assert_free(80);
}

/// Each notes whether its parent still runs when it is told to end; a zombie has no descriptors.
const WORKER: &str = r#"
    trap 'if [ -e /proc/$PPID/fd/0 ]; then echo early; else echo late; fi >>"$0"; exit' TERM
    echo $$; while :; do sleep 3600 & wait; done"#;

#[trial]
fn the_master_is_signaled_first() {
    let scratch = Scratch::new();
    let log = scratch.path().join("log");
    // A shell gives its background commands /dev/null for a stdin, but leaves other descriptors.
    let script = format!(
        r"exec 3<&0; for i in 1 2; do sh -c '{}' '{}' <&3 3<&- & done; wait",
        WORKER.replace('\'', r"'\''"),
        log.display()
    );
    let mut master = Owner::named("master").running(&script, listener(80));
    let workers = [master.line(), master.line()].join(" ");
    let workers = pids(&workers, "sh");
    let all = [&[master.pid()], workers.as_slice()].concat();
    let expected = held_here(80, "master", master.pid())
        + &format!("  also held by {}\n", list("sh", &workers))
        + &format!("PIDs {} exited after T; port 80 is free\n", numbers(&all));
    run(kill(["80"])).is(0, &expected, "");
    assert_eq!(fs::read_to_string(&log).expect("the log"), "late\nlate\n");
    assert_eq!(master.process.ended_by(), TERM);
    assert!(!workers.iter().any(|pid| runs(*pid)));
    assert_free(80);
}

/// Each is the child of the one before, and they are more than there are waves.
#[trial]
fn a_chain_of_holders() {
    const LINK: &str = r#"exec 3<&0; trap exit TERM
        if [ "$1" -gt 0 ]; then sh "$0" $(($1 - 1)) <&3 3<&- & else sleep 3600 3<&- & fi
        echo $$; wait"#;
    let scratch = Scratch::new();
    let link = scratch.path().join("link");
    fs::write(&link, LINK).expect("write");
    let script = format!("exec 3<&0; sh '{}' 20 <&3 3<&- & wait", link.display());
    let mut first = Owner::named("first").running(&script, listener(80));
    let links: Vec<String> = (0..=20).map(|_| first.line()).collect();
    let links = pids(&links.join(" "), "sh");
    let output = run(kill(["80"]));
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(
        output.stdout.ends_with(" and 12 more exited after T; port 80 is free\n"),
        "{output:?}"
    );
    assert!(!links.iter().any(|pid| runs(*pid)));
    assert_free(80);
}

/// As nginx does: no other process needs a signal, and none gets one.
#[trial]
fn a_master_that_ends_its_workers() {
    let script = r#"exec 3<&0
        trap 'kill -USR1 $workers; wait; exit' TERM
        for i in 1 2; do sleep 3600 <&3 3<&- & workers="$workers $!"; done
        echo $workers; wait"#;
    let mut master = Owner::named("master").running(script, listener(80));
    let workers = pids(&master.line(), "sleep");
    let all = [&[master.pid()], workers.as_slice()].concat();
    let expected = held_here(80, "master", master.pid())
        + &format!("  also held by {}\n", list("sleep", &workers))
        + &format!("PIDs {} exited after T; port 80 is free\n", numbers(&all));
    run(kill(["80"])).is(0, &expected, "");
    assert!(master.process.has_exited());
    assert!(!workers.iter().any(|pid| runs(*pid)));
    assert_free(80);
}

/// The master is gone, which is told even though the port is not free.
#[trial]
fn a_worker_that_does_not_end() {
    let script = r#"exec 3<&0
        sh -c 'trap "" TERM; echo $$; exec sleep 3600' <&3 3<&- &
        trap 'exit' TERM; wait"#;
    let mut master = Owner::named("master").running(script, listener(80));
    let worker = pids(&master.line(), "sleep")[0];
    let expected = held_here(80, "master", master.pid())
        + &format!("  also held by {}\n", named("sleep", worker))
        + &format!("PID {} exited after T\n", master.pid());
    let line = survives("sleep", worker, "0.3");
    run(kill(["--timeout", "0.3", "80"])).is(2, &expected, &line);
    assert!(master.process.has_exited());
    assert!(runs(worker));
    assert_held(80);
    let output = run(kill(["--force", "80"]));
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(!runs(worker));
    assert_free(80);
}

/// The others still hold the socket, and they were not asked for.
#[trial]
fn one_of_a_family() {
    let (parent, children) = family(2);
    let others = list("nginx", &[parent.pid(), children[1]]);
    let expected = held_here(80, "nginx", children[0])
        + &format!("  also held by {others}, which the filters exclude\n");
    let line = format!(
        "portwho: PID {} exited after T, but port 80 is still held by {others}\n",
        children[0]
    );
    run(kill(["--pid", &children[0].to_string(), "80"])).is(2, &expected, &line);
    assert_lives(&parent.process);
    assert!(!runs(children[0]));
    assert!(runs(children[1]));
    assert_held(80);
}

/// Two programs that share a port by SO_REUSEPORT, and the refusal to choose.
fn unrelated(ends: [(SocketAddr, Process); 2]) {
    let [(first, one), (second, other)] = &ends;
    let who = held(&first.to_string(), "one", one.pid())
        + &held(&second.to_string(), "other", other.pid());
    let names = [identity("one", one.pid()), identity("other", other.pid())].join(", ");
    for (words, again) in [
        (&["80"][..], "80"),
        (&["-n", "80"], "80"),
        (&["-nf", "80"], "-f 80"),
        (&["80", "--dry-run"], "80"),
        (&["--force", "80"], "--force 80"),
    ] {
        let line = format!(
            "portwho: port 80: unrelated processes hold it: {names}; choose with --pid, --name or \
             --user; to terminate all of them, run: portwho kill -y {again}\n"
        );
        run(kill(words)).is(2, &who, &line);
    }
    assert_lives(one);
    assert_lives(other);
    let expected = who + &freed(one.pid(), 80, "") + &freed(other.pid(), 80, "");
    run(kill(["-y", "80"])).is(0, &expected, "");
    assert_eq!((one.ended_by(), other.ended_by()), (TERM, TERM));
    assert_free(80);
}

/// Each with a socket of its own.
fn two_strangers(end: SocketAddr) -> [Process; 2] {
    let [first, second] = shared_listeners(end);
    [Owner::named("one").holding(first), Owner::named("other").holding(second)]
}

#[trial]
fn unrelated_on_one_port() {
    let end = Loopback::V4.port(80);
    let [one, other] = two_strangers(end);
    unrelated([(end, one), (end, other)]);
}

#[trial]
fn unrelated_on_two_addresses() {
    let [v4, v6] = [Loopback::V4.port(80), SocketAddr::new(Loopback::V6.any(), 80)];
    let one = Owner::named("one").holding(makers::listening(v4).socket);
    let alone = |socket: &OwnedFd| set_ipv6_v6only(socket, true).expect("IPV6_V6ONLY");
    let other = Owner::named("other").holding(makers::listening_with(v6, 16, alone).socket);
    unrelated([(v4, one), (v6, other)]);
}

#[trial]
fn one_of_unrelated() {
    let [one, other] = two_strangers(Loopback::V4.port(80));
    let line = format!(
        "portwho: PID {} exited after T, but port 80 is still held by {}\n",
        one.pid(),
        named("other", other.pid())
    );
    let first = held_here(80, "one", one.pid());
    run(kill(["--pid", &one.pid().to_string(), "80"])).is(2, &first, &line);
    assert_eq!(one.ended_by(), TERM);
    assert_lives(&other);
    assert_held(80);
    run(kill(["80"])).is(0, &ended(&other, "other", 80), "");
    assert_eq!(other.ended_by(), TERM);
}

#[trial]
fn all_ports_and_the_worst_verdict() {
    let stubborn = Owner::named("stubborn").ignoring_term().holding(listener(80));
    let [web, last] = [server("web", 81), server("last", 82)];
    let expected = held_here(80, "stubborn", stubborn.pid())
        + &held_here(81, "web", web.pid())
        + &held_here(82, "last", last.pid())
        + &freed(web.pid(), 81, "")
        + &freed(last.pid(), 82, "");
    let line = survives("stubborn", stubborn.pid(), "0.3");
    run(kill(["--timeout", "0.3", "80", "81,82"])).is(2, &expected, &line);
    assert_lives(&stubborn);
    assert_eq!((web.ended_by(), last.ended_by()), (TERM, TERM));
    assert_held(80);
    assert_free(81);
    assert_free(82);
    run(kill(["-9", "80"])).is(0, &ended(&stubborn, "stubborn", 80), "");
    assert_eq!(stubborn.ended_by(), KILL);
}

#[trial]
fn one_held_and_one_not() {
    let web = server("web", 80);
    let output = run(kill(["81", "80"]));
    // Before Linux 6.8 the BOUND sockets of port 81 are looked for among the descriptors of all
    // processes, some of which may be ending.
    let line = features::remark_on_bound(&output) + "portwho: port 81: nothing holds it\n";
    output.is(1, &ended(&web, "web", 80), &line);
    assert_eq!(web.ended_by(), TERM);
}

/// A process on several of the ports is one target, told once.
#[trial]
fn a_range() {
    let mut web = Owner::named("web").playing("listen", &["127.0.0.1:8001", "127.0.0.1:8003"]);
    web.line();
    let outside = server("outside", 8011);
    let held = held("127.0.0.1:8001, 127.0.0.1:8003", "web", web.pid());
    let expected = held.replace(" is held", " are held")
        + &format!("PID {} exited after T; ports 8001, 8003 are free\n", web.pid());
    run(kill(["8000-8010"])).is(0, &expected, "");
    assert_eq!(web.process.ended_by(), TERM);
    assert_lives(&outside);
    run(kill(["8000-8010"])).is(1, "", "portwho: ports 8000-8010: nothing holds it\n");
}
