//! Leaks of many processes together, sockets that many share, and many findings at once.

use portwho::model::{Os, OwnedSocket, TcpInfo, TcpState};
use serde_json::{Value, json};

use super::machine::Machine;
use super::parts::{Simulated, listener, process, tcp};
use crate::support::{Output, is_healthy};

const OLD: u32 = 65_000;

/// A CLOSE_WAIT on port 80 that these processes hold.
fn close_wait(number: u16, age_ms: u32, pids: &[u32]) -> OwnedSocket {
    let socket = tcp("10.0.0.1:80", TcpState::CloseWait).linux(50_000 + u64::from(number), 33);
    let [high, low] = number.to_be_bytes();
    socket.to(&format!("10.7.{high}.{low}:5000")).unread(0, age_ms).of(pids)
}

fn of(pid: u32, name: &str, parent: u32, uid: u32) -> Simulated {
    process(pid, name).named(name.into()).uid(uid).parent(parent)
}

/// A server at port 80 and its children, with these sockets.
fn server(children: Vec<Simulated>, sockets: Vec<OwnedSocket>) -> Machine {
    let listener = listener("0.0.0.0:80").linux(9, 33).of(&[900]);
    let sockets = std::iter::once(listener).chain(sockets).collect();
    let processes = std::iter::once(of(900, "server", 1, 33)).chain(children).collect();
    Machine::new(Os::Linux, processes, sockets)
}

#[track_caller]
fn findings(output: &Output) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    answer["findings"].as_array().expect("findings").clone()
}

/// `kind severity pid count` of each finding.
fn found(output: &Output) -> Vec<String> {
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let words = |one: &Value| {
        let (kind, severity) = (word(&one["kind"]), word(&one["severity"]));
        format!("{kind} {severity} {} {}", one["pid"], one["count"])
    };
    findings(output).iter().map(words).collect()
}

/// It accepts, forks, and never closes: each connection is held by it and by all later children.
#[trial]
fn a_fork_server_that_closes_nothing() {
    let children = (1000..1130).map(|pid| of(pid, "server", 900, 33)).collect();
    let held = |number: u16| {
        let later = 1000 + u32::from(number)..1130;
        close_wait(number, 3000, &std::iter::once(900).chain(later).collect::<Vec<_>>())
    };
    let machine = server(children, (0..130).map(held).collect());
    let output = machine.run("doctor --json");
    assert_eq!(found(&output), ["close-wait-leak warning 900 130"]);
    let evidence = &findings(&output)[0]["evidence"];
    assert_eq!(evidence["pid_count"], 131);
    let named: Vec<u32> = std::iter::once(900).chain(1000..1010).collect();
    assert_eq!(evidence["pids"], json!(named));
    let text = machine.run("doctor").stdout.replace("\n             ", " ");
    assert!(text.contains("shared with server (PID 1000, user 33)"), "{text}");
    assert!(text.contains("and 120 more\n"), "{text}");
}

/// Each connection is held by other siblings, none of which has a hundred.
#[trial]
fn siblings_that_share_in_every_way() {
    let children = (1000..1008).map(|pid| of(pid, "sibling", 900, 33)).collect();
    let held = |number: u16| {
        let some = (0..8).filter(|bit| (number + 1) >> bit & 1 == 1).map(|bit| 1000 + bit);
        close_wait(number, 3000, &some.collect::<Vec<u32>>())
    };
    let machine = server(children, (0..150).map(held).collect());
    assert_eq!(found(&machine.run("doctor --json")), ["close-wait-leak warning 900 150"]);
    // The first of them has a hundred, and shares them with the others: it is one leak all the same.
    let children = (1000..1008).map(|pid| of(pid, "sibling", 900, 33)).collect();
    let machine = server(children, (0..200).map(held).collect());
    let output = machine.run("doctor --json");
    assert_eq!(found(&output), ["close-wait-leak warning 900 200"]);
    assert_eq!(findings(&output)[0]["evidence"]["processes"], 8);
    // One that shares none of its own has a leak of its own.
    let children = (1000..1102).map(|pid| of(pid, "sibling", 900, 33)).collect();
    let held = |number: u16| {
        let owner = if number < 120 { 1000 } else { 881 + u32::from(number) };
        close_wait(number, 3000, &[owner])
    };
    let machine = server(children, (0..221).map(held).collect());
    let expected = ["close-wait-leak warning 1000 120", "close-wait-leak warning 900 101"];
    assert_eq!(found(&machine.run("doctor --json")), expected);
}

/// As sshd, PostgreSQL and CGI are: each connection has a process of its own, which keeps it.
fn a_process_for_each(count: u16, age_ms: u32) -> Machine {
    let pid = |number: u16| 1000 + u32::from(number);
    let children = (0..count).map(|number| of(pid(number), "session", 900, 33)).collect();
    let sockets = (0..count).map(|number| close_wait(number, age_ms, &[pid(number)]));
    server(children, sockets.collect())
}

#[trial]
fn a_process_for_each_connection() {
    let output = a_process_for_each(300, OLD).run("doctor --json");
    assert_eq!(found(&output), ["close-wait-leak warning 900 300"]);
    let finding = &findings(&output)[0];
    assert_eq!(finding["evidence"]["processes"], 300);
    assert_eq!(finding["now"], "sudo portwho close --state CLOSE_WAIT 80");
    let text = a_process_for_each(300, OLD).run("doctor").stdout.replace("\n             ", " ");
    let parts = [
        "what         300 CLOSE_WAIT on port 80, in 300 processes: ",
        "each of them keeps a process: until then, restart the program",
    ];
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
    // Ten that are old are a slow leak, as those of one process are.
    let found = |count, age_ms| found(&a_process_for_each(count, age_ms).run("doctor --json"));
    assert_eq!(found(10, OLD), ["close-wait-leak warning 900 10"]);
    assert_eq!(found(100, 3000), ["close-wait-leak warning 900 100"]);
    is_healthy(&a_process_for_each(9, OLD).run("doctor"), "10 sockets of 10 processes");
    is_healthy(&a_process_for_each(99, 3000).run("doctor"), "100 sockets of 100 processes");
}

/// Their parents have exited or are different ones: their name and their user are the same.
#[trial]
fn processes_of_one_program() {
    let machine = |name: fn(u16) -> String, uid: fn(u16) -> u32| {
        let one = |number: u16| of(1000 + u32::from(number), &name(number), 1, uid(number));
        let children = (0..120).map(one).collect();
        let sockets = (0..120).map(|number| close_wait(number, 3000, &[1000 + u32::from(number)]));
        server(children, sockets.collect())
    };
    let same = machine(|_| "session".to_owned(), |_| 33);
    assert_eq!(found(&same.run("doctor --json")), ["close-wait-leak warning 900 120"]);
    let different = machine(|number| format!("program-{number}"), |_| 33);
    assert_eq!(found(&different.run("doctor --json")), [""; 0]);
    let users = machine(|_| "session".to_owned(), |number| 5000 + u32::from(number));
    assert_eq!(found(&users.run("doctor --json")), [""; 0]);
}

/// The server still sends something every 15 seconds; the peer acknowledges it, so that the last segment is
/// that, and not the FIN.
fn streaming(count: u16, info: TcpInfo) -> Machine {
    let one = |number| {
        let mut row = close_wait(number, 0, &[900]);
        row.socket.queues.receive = Some(1);
        row.socket.tcp_info = Some(info);
        row
    };
    server(Vec::new(), (0..count).map(one).collect())
}

#[trial]
fn half_closed_connections_that_are_in_use_now_and_then() {
    let info = |ack, sent, received| TcpInfo {
        last_ack_received_ms: ack,
        last_data_received_ms: received,
        last_data_sent_ms: sent,
        is_unanswered: received < sent,
    };
    let machine = || streaming(130, info(13_500, 13_501, 44_000));
    let output = machine().run("doctor --json");
    output.is(0, &output.stdout, "");
    assert_eq!(found(&output), ["close-wait-leak note 900 130"]);
    let finding = &findings(&output)[0];
    assert_eq!(finding["now"], "portwho -v --state CLOSE_WAIT --pid 900 80");
    assert_eq!(finding["evidence"]["sent_lately"], 130);
    let text = machine().run("doctor").stdout;
    let parts = [
        "130 CLOSE_WAIT on port 80: the peers have closed, and it has not",
        "evidence     oldest at least 14s\n",
        "130 have sent data within the last minute, and may be in use\n",
        "fix          if it still sends, nothing is wrong; if not, ",
    ];
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
    // A burst is too few to say anything of.
    is_healthy(
        &streaming(99, info(13_000, 13_001, 44_000)).run("doctor"),
        "100 sockets of 1 process",
    );
    // The peer closed long after the last answer: it waits for nothing.
    let output = streaming(130, info(13_000, 19_000, 19_500)).run("doctor --json");
    assert_eq!(found(&output), ["close-wait-leak warning 900 130"]);
    assert_eq!(findings(&output)[0]["evidence"]["oldest_is_at_least"], false);
    // Nobody waits for more than a minute between two messages.
    let output = streaming(130, info(61_000, 61_001, 90_000)).run("doctor --json");
    assert_eq!(found(&output), ["close-wait-leak warning 900 130"]);
}

/// The peers asked for something, closed their side this long ago, and have no answer yet.
#[trial]
fn half_closed_connections_that_wait_for_the_answer() {
    let asked = |ago: u32, unread: u32| {
        let info = TcpInfo {
            last_ack_received_ms: ago,
            last_data_received_ms: ago + 500,
            last_data_sent_ms: ago + 9_000,
            is_unanswered: true,
        };
        let machine = streaming(104, info);
        for row in &mut machine.world.borrow_mut().sockets[1..] {
            row.socket.queues.receive = Some(unread);
        }
        machine
    };
    for unread in [0, 1] {
        let output = asked(59_000, unread).run("doctor --json");
        assert_eq!(found(&output), ["close-wait-leak note 900 104"]);
        let evidence = &findings(&output)[0]["evidence"];
        assert_eq!((&evidence["unanswered"], &evidence["sent_lately"]), (&json!(104), &json!(0)));
        assert!(!asked(59_000, unread).run("doctor").stdout.contains("portwho close"));
        let old = asked(61_000, unread).run("doctor --json");
        assert_eq!(found(&old), ["close-wait-leak warning 900 104"]);
    }
    // What waits to be read will not be answered.
    assert_eq!(found(&asked(6_000, 9).run("doctor --json")), ["close-wait-leak warning 900 104"]);
}

/// Listeners of one process of this user, each with this many waiting and this backlog.
fn full(
    pid: u32,
    uid: u32,
    ports: std::ops::Range<u16>,
    waiting: u32,
    backlog: u32,
) -> Vec<OwnedSocket> {
    let one = |port: u16| {
        let mut row = listener(&format!("127.0.0.1:{port}")).linux(port.into(), uid).of(&[pid]);
        row.socket.queues.receive = Some(waiting);
        row.socket.queues.send = Some(backlog);
        row
    };
    ports.map(one).collect()
}

fn two_users(sockets: Vec<OwnedSocket>) -> Machine {
    let processes = (4000..4100).map(|pid| of(pid, "flood", 1, 4000));
    let processes = processes.chain([of(700, "nginx", 1, 0), of(900, "victim", 1, 0)]);
    Machine::new(Os::Linux, processes.collect(), sockets)
}

/// It takes a process with many descriptors, and no rights.
#[trial]
fn a_flood_of_findings_is_one() {
    let leak = (0..110).map(|number| close_wait(number, 3000, &[900]));
    let flood = full(4000, 4000, 10_000..15_000, 2, 1);
    let machine = two_users(leak.chain(flood).chain(full(700, 0, 443..444, 600, 511)).collect());
    let output = machine.run("doctor --json");
    let found = found(&output);
    assert_eq!(found.len(), 8, "{found:?}");
    assert_eq!(found[0], "accept-queue-full critical 700 600");
    assert_eq!(found[1..7], ["accept-queue-full critical 4000 2"; 6]);
    assert_eq!(found[7], "close-wait-leak warning 900 110");
    let others = &findings(&output)[6]["evidence"]["others"];
    assert_eq!(others, &json!({"findings": 4994, "count": 9988}));
    let text = machine.run("doctor").stdout;
    assert!(text.lines().count() < 100, "{text}");
    let line = "4994 more of this kind are of the same user; their counts add up to 9988\n";
    assert!(text.replace("\n             ", " ").contains(line), "{text}");
}

/// A process for each.
#[trial]
fn a_flood_of_findings_of_one_user() {
    let flood = (0..100).flat_map(|number: u16| {
        full(4000 + u32::from(number), 4000, 10_000 + number..10_001 + number, 2, 1)
    });
    let output = two_users(flood.collect()).run("doctor --json");
    assert_eq!(findings(&output).len(), 6);
    assert_eq!(findings(&output)[5]["evidence"]["others"]["findings"], 94);
}

/// A backlog of 0 takes one: the next call of accept() may take it.
#[trial]
fn a_single_connection_that_waits() {
    let waits = |waiting| {
        let sockets = full(900, 0, 80..81, waiting, 0);
        found(&two_users(sockets).run("doctor --json"))
    };
    assert_eq!(waits(1), ["accept-queue-full warning 900 1"]);
    assert_eq!(waits(2), ["accept-queue-full critical 900 2"]);
}
