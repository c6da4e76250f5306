//! A recorded Linux, through the same program on every system.

use portwho::model::{Gap, Hiding, KernelReason, Os, Owner, Service, Signal, TcpState, Uid};
use portwho::platform::Ending;
use serde_json::json;

use super::machine::Machine;
use super::parts::{Fate, Simulated, listener, process, tcp, udp};
use crate::support::json::{process as described, socket};

fn linux(pid: u32, name: &str) -> Simulated {
    process(pid, name).named(name.into()).in_session("-", pid).parent(1)
}

fn unit(one: Simulated, unit: &str) -> Simulated {
    let service = Service { name: unit.into(), of_user: false };
    one.in_session(unit, 812).with(|process| process.services = vec![service])
}

fn server() -> Machine {
    server_with(33)
}

/// The listener of its web server was created by this user.
fn server_with(creator: u32) -> Machine {
    let nginx = |pid| unit(linux(pid, "nginx"), "nginx.service");
    let master = nginx(812).user("root").with(|process| process.uid = Some(Uid(0)));
    let worker =
        nginx(813).parent(812).user("www-data").with(|process| process.uid = Some(Uid(33)));
    let forwarder = linux(950, "docker-proxy").with(|process| process.uid = Some(Uid(0)));
    let processes = vec![linux(1, "systemd"), master, worker, forwarder, linux(990, "a\\b")];
    let time_wait = tcp("10.0.0.1:80", TcpState::TimeWait).linux(0, 0).to("10.0.0.9:50000");
    let sockets = vec![
        listener("0.0.0.0:80").linux(31337, creator).of(&[812, 813]),
        time_wait.time_wait_ms(57_001).of_kernel(KernelReason::TimeWait),
        listener("127.0.0.1:5432").linux(31400, 999).owner(Owner::Hidden),
        listener("[fe80::1]:22").linux(31500, 0).interface(2).of(&[1]),
        listener("0.0.0.0:8080").linux(31600, 0).of(&[950]),
        udp("0.0.0.0:9").linux(31700, 4_000_000_000).of(&[990]),
    ];
    Machine::new(Os::Linux, processes, sockets)
        .user(0, "root")
        .user(33, "www-data")
        .user(999, "postgres")
        .interface(2, "eth0")
}

#[trial]
fn both_tables() {
    let expected = "
Active Connections

  Proto  Local Address          Foreign Address        State           PID      Image Name
  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       812,813  nginx
  TCP    10.0.0.1:80            10.0.0.9:50000         TIME_WAIT       0        (time-wait)
  TCP    127.0.0.1:5432         0.0.0.0:0              LISTENING       ?        (postgres)
  TCP    0.0.0.0:8080           0.0.0.0:0              LISTENING       950      docker-proxy
  TCP    [fe80::1%eth0]:22      [::]:0                 LISTENING       1        systemd
  UDP    0.0.0.0:9              *:*                                    990      a\\\\b

Image Name                     PID Session Name        Session#    Mem Usage
========================= ======== ================ =========== ============
systemd                          1 -                          1      2,800 K
nginx                          812 nginx.service            812      2,800 K
nginx                          813 nginx.service            812      2,800 K
docker-proxy                   950 -                        950      2,800 K
a\\\\b                           990 -                        990      2,800 K
";
    server().run("").is(0, expected, "");
}

#[trial]
fn users_and_kernel_owners_in_json() {
    let answer = server().run("--json").json(0, "");
    assert_eq!(answer["os"], "linux");
    let at = |local: &str, foreign: Option<&str>| {
        let parsed = |text: &str| text.parse().expect("an address");
        socket(&answer, parsed(local), foreign.map(parsed))
    };
    let http = at("0.0.0.0:80", None);
    assert_eq!(http["owner"], json!({"kind": "processes", "pids": [812, 813]}));
    assert_eq!((&http["user"], &http["uid"]), (&json!("www-data"), &json!(33)));
    assert_eq!(http["inode"], 31337);
    let over = at("10.0.0.1:80", Some("10.0.0.9:50000"));
    assert_eq!(over["owner"], json!({"kind": "kernel", "reason": "time-wait"}));
    let timer = json!({"kind": "time-wait", "expires_ms": 57001, "retransmits": 0});
    assert_eq!(over["timer"], timer);
    let hidden = at("127.0.0.1:5432", None);
    let owner = json!({"kind": "hidden", "user": "postgres", "service": null, "container": null,
        "candidates": []});
    assert_eq!(hidden["owner"], owner);
    assert_eq!(hidden["note"], "held by a process of postgres");
    assert_eq!(over["note"], "TIME_WAIT, 58s left");
    assert_eq!(http["note"], json!(null));
    let nameless = at("0.0.0.0:9", None);
    assert_eq!(nameless["user"], "4000000000");
    assert_eq!(described(&answer, 813)["service"], "nginx.service");
    assert_eq!(described(&answer, 813)["user"], "www-data");
    assert_eq!(described(&answer, 813)["started"], "2026-11-20T04:19:00Z");
}

#[trial]
fn interfaces_by_name() {
    let row =
        "  TCP    [fe80::1%eth0]:22      [::]:0                 LISTENING       1        systemd\n";
    for place in ["[fe80::1%eth0]:22", "[fe80::1%2]:22", "[fe80::1]:22"] {
        let output = server().run(&format!("--no-header {place}"));
        assert!(output.stdout.starts_with(row), "{place}: {output:?}");
        output.is(0, &output.stdout, "");
    }
    let none = "portwho: interface 'eth9': not found\n";
    server().run("[fe80::1%eth9]:22").is(2, "", none);
}

#[trial]
fn users_by_name_and_number() {
    for user in ["postgres", "999"] {
        let row = "  TCP    127.0.0.1:5432         0.0.0.0:0              LISTENING       ?        (postgres)\n";
        server().run(&format!("--no-header --user {user}")).is(0, row, "");
    }
}

#[trial]
fn signals_are_sent_by_name() {
    let machine = server_with(0);
    let held = "0.0.0.0:80 is held by nginx (PID 812, user root, nginx.service)\n  also held by \
                nginx (PID 813)\n  \
                it runs as a service; to stop the service, run: systemctl stop nginx.service\n";
    let would = "would send SIGTERM to nginx (PID 812), then nginx (PID 813) if it still holds the \
                 port\n";
    machine.run("kill -n 80").is(0, &format!("{held}{would}"), "");
    let would = "would send SIGHUP to nginx (PID 812), then nginx (PID 813) if it still holds the \
                 port\n";
    machine.run("kill -n -s hup 80").is(0, &format!("{held}{would}"), "");
    let ended = "PIDs 812, 813 exited after 0ms; port 80 is free (1 TIME_WAIT, 58s left; until it \
                 ends, a bind fails unless both sockets set SO_REUSEADDR, which no table shows)\n";
    machine.asked("kill 80", "y\n").is(
        0,
        &format!("{held}{ended}"),
        "Terminate nginx (PID 812), then nginx (PID 813) if it still holds the port? [y/N] ",
    );
    let term = Ending::Signal(Signal::Term);
    assert_eq!(machine.ended(), [(812, term), (813, term)]);
}

#[trial]
fn pid_1_and_forwarders_are_refused() {
    let machine = server().privileged();
    let held = "0.0.0.0:8080 is held by docker-proxy (PID 950)\n\
                [fe80::1%eth0]:22 is held by systemd (PID 1)\n";
    let why = "portwho: port 8080: refused: docker-proxy (PID 950) serves a container; stop the \
               container instead; to find it with docker or podman, run: docker ps --filter \
               publish=8080\n\
               portwho: port 22: refused: systemd (PID 1) holds the socket for socket \
               activation; stop its .socket unit; to find it, run: systemctl list-sockets\n";
    machine.run("kill -y -f 22 8080").is(2, held, why);
    machine.is_untouched();
}

#[trial]
fn a_hidden_owner_needs_sudo() {
    let gap = Gap::OwnersHidden { count: 1, users: vec!["postgres".into()], why: Hiding::Rights };
    let machine = server().gap(gap);
    let why = "portwho: port 5432: held by a process of postgres; run: sudo portwho kill 5432\n";
    machine.run("kill 5432").is(2, "", why);
    let gap = "portwho: the owners of 1 socket are hidden (postgres): run with sudo to see the \
               owners of other users' sockets\n";
    let row = "  TCP    127.0.0.1:5432         0.0.0.0:0              LISTENING       ?        (postgres)\n";
    machine.run("--no-header 5432").is(0, row, gap);
}

#[trial]
fn a_stopped_process_is_named_as_such() {
    let machine = server().process(linux(990, "a").fate(Fate::Stopped));
    let held = "0.0.0.0:9 is held by a (PID 990)\n  its socket belongs to user 4000000000\n";
    let why = "portwho: a (PID 990) is still running after 5s and holds port 9: it is stopped \
               (SIGSTOP) and does not act on SIGTERM until it resumes; --force kills it \
               immediately; \
               to resume it, run: kill -CONT 990\n";
    machine.run("kill -u 9").is(2, held, why);
    let ended = "PID 990 exited after 0ms; port 9 is free\n";
    let asked = "Terminate a (PID 990)? [y/N] Kill a (PID 990) with SIGKILL? [y/N] ";
    let still = "a (PID 990) is still running after 5s\n  a (PID 990) is stopped (SIGSTOP)\n";
    machine.asked("kill -u 9", "y\ny\n").is(0, &format!("{held}{still}{ended}"), asked);
}

#[trial]
fn a_backslash_is_doubled() {
    let machine = server().process(linux(990, "a\\b").fate(Fate::Hangs));
    let row =
        "  UDP    0.0.0.0:9              *:*                                    990      a\\\\b\n";
    let task = "\na\\\\b                           990 -                        990      2,800 K\n";
    machine.run("--no-header 9").is(0, &format!("{row}{task}"), "");
}
