//! What doctor finds on machines that take too long to make: old leaks, peers that are gone, and
//! Windows, whose tables have no ages; and what looks the same and is in use.

use portwho::model::{Os, OwnedSocket, TcpInfo, TcpState, Timer, TimerKind};
use serde_json::{Value, json};

use super::machine::Machine;
use super::parts::{Part, listener, process, tcp};
use crate::support::{Output, is_healthy};

/// A socket of process 812 in this state, to that host.
fn to_host(host: u16, state: TcpState) -> Part {
    let [high, low] = host.to_be_bytes();
    let part = tcp(&format!("10.0.0.1:{}", 20_000 + host), state);
    part.linux(u64::from(host) + 1, 33).to(&format!("10.9.{high}.{low}:443"))
}

fn machine(os: Os, parts: Vec<Part>) -> Machine {
    let sockets: Vec<OwnedSocket> = parts.into_iter().map(|part| part.of(&[812])).collect();
    Machine::new(os, vec![process(812, "app").named("app".into())], sockets)
}

/// CLOSE_WAIT to this many hosts, whose last segments are this old.
fn forgotten(count: u16, age_ms: u32) -> Machine {
    let one = |host| to_host(host, TcpState::CloseWait).unread(0, age_ms);
    machine(Os::Linux, (0..count).map(one).collect())
}

/// `kind severity count` of each finding.
#[track_caller]
fn found(output: &Output) -> Vec<String> {
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let findings = answer["findings"].as_array().expect("findings").iter();
    let word = |value: &Value| value.as_str().expect("a word").to_owned();
    let words = |finding: &Value| {
        format!("{} {} {}", word(&finding["kind"]), word(&finding["severity"]), finding["count"])
    };
    findings.map(words).collect()
}

#[trial]
fn a_client_of_many_hosts_leaks_if_it_keeps_them() {
    let found = |count, age_ms| found(&forgotten(count, age_ms).run("doctor --json"));
    assert_eq!(found(300, 62_000), ["close-wait-leak warning 300"]);
    assert_eq!(found(100, 60_001), ["close-wait-leak warning 100"]);
    assert_eq!(found(300, 59_000), ["close-wait-leak note 300"]);
    assert_eq!(found(99, 62_000), [""; 0]);
    assert_eq!(found(1000, 62_000), ["close-wait-leak critical 1000"]);
}

/// As in the classic case of a database: three are left behind.
#[trial]
fn a_few_that_are_forgotten() {
    let output = forgotten(3, 301_000).run("doctor");
    output.is(0, &output.stdout, "");
    let parts = [
        "note         close-wait-leak\nwho          app (PID 812)\n",
        "3 CLOSE_WAIT with 3 addresses",
        "\nnow          portwho -v --state CLOSE_WAIT --pid 812\n",
    ];
    for part in parts {
        assert!(output.stdout.contains(part), "{part}: {output:?}");
    }
    assert_eq!(found(&forgotten(3, 301_000).run("doctor --json")), ["close-wait-leak note 3"]);
    is_healthy(&forgotten(3, 299_000).run("doctor"), "3 sockets of 1 process");
}

fn three_times_as_many(sockets: &mut Vec<OwnedSocket>) {
    let more = (100..160).map(|host| to_host(host, TcpState::CloseWait).unread(0, 3000).of(&[812]));
    sockets.extend(more);
}

/// Connections that were there before: no descriptor is used up by them.
#[trial]
fn clients_that_leave() {
    let machine = forgotten(30, 3000).descriptors(812, 269, Some(900));
    let output = machine.after_looks(1, three_times_as_many).run("doctor --interval 6");
    is_healthy(&output, "90 sockets of 1 process");
}

/// Six seconds later, with ten more each second.
fn six_seconds_later(sockets: &mut Vec<OwnedSocket>) {
    let closed =
        |host: u16, age_ms| to_host(host, TcpState::CloseWait).unread(0, age_ms).of(&[812]);
    *sockets = (0..20).map(|host| closed(host, 7000)).collect();
    sockets.extend((20..60).map(|host| closed(host, 3000)));
    sockets.extend((60..80).map(|host| closed(host, 1000)));
}

/// Those that are too young to count are left out at both snapshots.
#[trial]
fn what_is_left_lasts_as_long_as_the_leak_shows() {
    let machine = forgotten(20, 1000).only_sockets(812, 680).after_looks(1, six_seconds_later);
    let answer = machine.run("doctor --json --interval 6").json(1, "");
    let finding = &answer["findings"][0];
    assert_eq!(finding["severity"], "critical");
    assert_eq!(finding["evidence"]["growth"]["before"], 20);
    assert_eq!(finding["evidence"]["growth"]["now"], 80);
    // 600 are left, and 60 leak in 6 s.
    assert_eq!(finding["evidence"]["exhausted_in_ms"], 60_000);
}

/// Each answer to a probe makes the peer's last segment young again.
#[trial]
fn keepalive_does_not_hide_a_leak() {
    let leak = |timer: Option<Timer>| {
        let one = |host: u16| {
            let part = tcp("10.0.0.1:1521", TcpState::CloseWait).linux(u64::from(host), 33);
            let mut row = part.to(&format!("10.0.1.7:{}", 5000 + host)).unread(0, 500).of(&[812]);
            row.socket.timer = timer;
            row.socket.idle_ms = Some(75_000);
            row
        };
        let listener = listener("0.0.0.0:1521").linux(9, 33).of(&[812]);
        let sockets = std::iter::once(listener).chain((10..20).map(one)).collect();
        Machine::new(Os::Linux, vec![process(812, "app").named("app".into())], sockets)
    };
    let timer = Timer { kind: TimerKind::Keepalive, expires_ms: 500, retransmits: 0 };
    let output = leak(Some(timer)).run("doctor --json");
    assert_eq!(found(&output), ["close-wait-leak warning 10"]);
    is_healthy(&leak(None).run("doctor"), "11 sockets of 1 process");
}

/// Data that was sent after the peer's FIN.
#[trial]
fn a_server_that_answers_in_its_own_time() {
    let answering = |sent_ms| {
        let one = |host| {
            let mut row = to_host(host, TcpState::CloseWait).unread(0, 400_000).of(&[812]);
            row.socket.tcp_info = Some(TcpInfo {
                last_ack_received_ms: 400_000,
                last_data_received_ms: 400_000,
                last_data_sent_ms: sent_ms,
                is_unanswered: false,
            });
            row
        };
        Machine::new(Os::Linux, vec![process(812, "app")], (0..120).map(one).collect())
    };
    is_healthy(&answering(20_000).run("doctor"), "120 sockets of 1 process");
    let output = answering(400_001).run("doctor --json");
    assert_eq!(found(&output), ["close-wait-leak warning 120"]);
}

/// A client has read the answers, and closes nothing: it has not to answer them.
#[trial]
fn a_client_that_keeps_what_was_answered() {
    let one = |number: u16| {
        let part = tcp(&format!("10.0.0.1:{}", 20_000 + number), TcpState::CloseWait);
        let part = part.linux(u64::from(number) + 1, 33).to("10.9.0.1:443");
        let mut row = part.unread(0, 3_000).of(&[812]);
        row.socket.tcp_info = row.socket.tcp_info.map(|info| TcpInfo {
            last_data_received_ms: 4_000,
            last_data_sent_ms: 4_500,
            is_unanswered: true,
            ..info
        });
        row
    };
    let machine = Machine::new(Os::Linux, vec![process(812, "app")], (0..100).map(one).collect());
    assert_eq!(found(&machine.run("doctor --json")), ["close-wait-leak warning 100"]);
}

/// A pair whose server still sends needs no process to close it.
#[trial]
fn a_pair_in_use() {
    let pair = |sent_ms| {
        let mut here = tcp("10.0.0.1:80", TcpState::CloseWait).linux(1, 33);
        here = here.to("10.0.0.1:5000").unread(0, 9000);
        let mut here = here.of(&[812]);
        here.socket.tcp_info = Some(TcpInfo {
            last_ack_received_ms: 9000,
            last_data_received_ms: 9000,
            last_data_sent_ms: sent_ms,
            is_unanswered: false,
        });
        let there = tcp("10.0.0.1:5000", TcpState::FinWait2).linux(2, 33).to("10.0.0.1:80");
        let processes = vec![process(812, "app"), process(813, "client")];
        Machine::new(Os::Linux, processes, vec![here, there.of(&[813])])
    };
    assert_eq!(found(&pair(9500).run("doctor --json")), ["half-closed-pair note 1"]);
    is_healthy(&pair(100).run("doctor"), "2 sockets of 2 processes");
}

#[trial]
fn an_idle_websocket() {
    let mut socket = to_host(1, TcpState::Established).unread(0, 3_600_000).of(&[812]);
    socket.socket.idle_ms = Some(3_600_000);
    let machine = Machine::new(Os::Linux, vec![process(812, "app")], vec![socket]);
    is_healthy(&machine.run("doctor"), "1 socket of 1 process");
}

/// Closed here, and the FIN was sent so often; of a server with this many connections.
fn vanished(peers: u16, connections: u16, retransmits: u8) -> Machine {
    let timer = Timer { kind: TimerKind::Retransmit, expires_ms: 5000, retransmits };
    let at_port = |number: u16, state| {
        let [high, low] = number.to_be_bytes();
        let part = tcp("10.0.0.1:443", state).linux(u64::from(number) + 10, 33);
        part.to(&format!("10.8.{high}.{low}:5000"))
    };
    let gone = |number| {
        let mut row = at_port(number, TcpState::FinWait1).of(&[812]);
        row.socket.timer = Some(timer);
        row
    };
    let open = |number| at_port(number, TcpState::Established).of(&[812]);
    let sockets = (0..peers).map(gone).chain((peers..connections).map(open));
    let listener = listener("0.0.0.0:443").linux(9, 33).of(&[812]);
    let sockets = std::iter::once(listener).chain(sockets).collect();
    Machine::new(Os::Linux, vec![process(812, "app")], sockets)
}

#[trial]
fn single_silent_clients_are_not_a_finding() {
    let found = |peers, connections, retransmits| {
        found(&vanished(peers, connections, retransmits).run("doctor --json"))
    };
    assert_eq!(found(10, 200, 3), ["unacknowledged-close warning 10"]);
    assert_eq!(found(10, 201, 3), ["unacknowledged-close note 10"]);
    assert_eq!(found(9, 9, 3), [""; 0]);
    assert_eq!(found(50, 100, 2), [""; 0]);
}

/// A queue that was emptied between the snapshots.
#[trial]
fn a_burst_of_clients() {
    let queue = |waiting| {
        let mut listener = listener("0.0.0.0:80").linux(9, 33).of(&[812]);
        listener.socket.queues.receive = Some(waiting);
        listener.socket.queues.send = Some(500);
        Machine::new(Os::Linux, vec![process(812, "app")], vec![listener])
    };
    assert_eq!(found(&queue(400).run("doctor --json")), ["accept-queue-full warning 400"]);
    let accepted = |sockets: &mut Vec<OwnedSocket>| {
        for row in sockets {
            row.socket.queues.receive = Some(0);
        }
    };
    let drained = queue(400).after_looks(1, accepted);
    is_healthy(&drained.run("doctor"), "1 socket of 1 process");
}

/// A socket of Windows, which has neither ages nor timers.
fn on_windows(host: u16, state: TcpState) -> Part {
    let [high, low] = host.to_be_bytes();
    let part = tcp(&format!("192.168.0.7:{}", 50_000 + host), state);
    part.to(&format!("10.9.{high}.{low}:445"))
}

fn none_is_left(sockets: &mut Vec<OwnedSocket>) {
    sockets.truncate(1);
}

#[trial]
fn windows_by_two_snapshots() {
    let of = |state, count| {
        machine(Os::Windows, (0..count).map(|host| on_windows(host, state)).collect())
    };
    let closed = || of(TcpState::CloseWait, 100);
    assert_eq!(found(&closed().run("doctor --json")), ["close-wait-leak note 100"]);
    let passed = closed().after_looks(1, none_is_left);
    is_healthy(&passed.run("doctor"), "1 socket of 1 process");
    let scan = || of(TcpState::SynSent, 100);
    assert_eq!(found(&scan().run("doctor --json")), ["syn-sent-fan-out warning 100"]);
    let answered = scan().after_looks(1, none_is_left);
    is_healthy(&answered.run("doctor"), "1 socket of 1 process");
    is_healthy(&of(TcpState::SynSent, 99).run("doctor"), "99 sockets of 1 process");
    assert_eq!(json!(found(&scan().run("doctor --json --count 1"))), json!([]));
}
