//! Thresholds of doctor that only a recorded machine meets to the millisecond: one less says nothing.

use portwho::model::{Os, OwnedSocket, PortRules, TcpSettings, TcpState, Timer, TimerKind};
use serde_json::Value;

use super::machine::Machine;
use super::parts::{Part, listener, process, tcp};

/// `kind severity count` of each finding.
#[track_caller]
fn found(machine: &Machine, words: &str) -> Vec<String> {
    let output = machine.run(&format!("doctor --json {words}"));
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let words = |one: &Value| {
        let word = |name: &str| one[name].as_str().expect("a word").to_owned();
        format!("{} {} {}", word("kind"), word("severity"), one["count"])
    };
    answer["findings"].as_array().expect("findings").iter().map(words).collect()
}

fn machine(sockets: Vec<OwnedSocket>) -> Machine {
    Machine::new(Os::Linux, vec![process(812, "app")], sockets)
}

/// Connection number `number` of process 812 in this state.
fn connection(number: u16, state: TcpState, to: &str) -> Part {
    tcp(&format!("10.0.0.1:{}", 20_000 + number), state).linux(u64::from(number) + 100, 33).to(to)
}

fn with_timer(row: OwnedSocket, kind: TimerKind, retransmits: u8) -> OwnedSocket {
    let mut row = row;
    row.socket.timer = Some(Timer { kind, expires_ms: 900, retransmits });
    row
}

const NONE: [String; 0] = [];

#[trial]
fn hosts_that_do_not_answer() {
    let waiting = |count: u16, retransmits, host: fn(u16) -> u16| {
        let one = |number: u16| {
            let [high, low] = host(number).to_be_bytes();
            let row = connection(number, TcpState::SynSent, &format!("10.9.{high}.{low}:443"));
            with_timer(row.of(&[812]), TimerKind::Retransmit, retransmits)
        };
        found(&machine((0..count).map(one).collect()), "")
    };
    assert_eq!(waiting(19, 2, |_| 7), NONE);
    assert_eq!(waiting(20, 1, |_| 7), NONE);
    assert_eq!(waiting(20, 2, |_| 7), ["unanswered-connect warning 20"]);
    assert_eq!(waiting(99, 2, |number| number), NONE);
    assert_eq!(waiting(100, 1, |number| number), NONE);
    assert_eq!(waiting(100, 2, |number| number), ["syn-sent-fan-out warning 100"]);
}

#[trial]
fn peers_that_do_not_read() {
    let closed = |count: u16, age_ms, probes| {
        let one = |number| {
            let row = connection(number, TcpState::Established, "10.9.0.1:443");
            let mut row = row.unread(0, age_ms).of(&[812]);
            row.socket.queues.send = Some(9000);
            with_timer(row, TimerKind::Probe, probes)
        };
        found(&machine((0..count).map(one).collect()), "")
    };
    assert_eq!(closed(9, 30_000, 0), NONE);
    assert_eq!(closed(10, 29_999, 0), NONE);
    assert_eq!(closed(10, 30_000, 2), ["peer-not-reading warning 10"]);
    // Without an answer to its probes a peer is gone.
    assert_eq!(closed(10, 30_000, 3), ["peer-gone warning 10"]);
}

#[trial]
fn processes_that_do_not_read() {
    let unread = |count: u16, idle_ms| {
        let one = |number: u16| {
            let part = tcp("10.0.0.1:80", TcpState::Established).linux(u64::from(number) + 100, 33);
            let mut row = part.to(&format!("10.9.0.1:{}", 5000 + number)).unread(18, 0).of(&[812]);
            row.socket.idle_ms = Some(idle_ms);
            row
        };
        let listener = listener("0.0.0.0:80").linux(9, 33).of(&[812]);
        found(&machine(std::iter::once(listener).chain((0..count).map(one)).collect()), "")
    };
    assert_eq!(unread(9, 30_000), NONE);
    assert_eq!(unread(10, 29_999), NONE);
    assert_eq!(unread(10, 30_000), ["not-reading warning 10"]);
}

/// A CLOSE_WAIT of a server at port 80, closed this long ago.
fn close_wait(number: u16, age_ms: u32) -> OwnedSocket {
    let part = tcp("10.0.0.1:80", TcpState::CloseWait).linux(u64::from(number) + 100, 33);
    part.to(&format!("10.9.0.1:{}", 5000 + number)).unread(0, age_ms).of(&[812])
}

fn leak(count: u16, age_ms: u32) -> Machine {
    let listener = listener("0.0.0.0:80").linux(9, 33).of(&[812]);
    let sockets = (0..count).map(|number| close_wait(number, age_ms));
    machine(std::iter::once(listener).chain(sockets).collect())
}

#[trial]
fn how_old_a_leak_is() {
    assert_eq!(found(&leak(99, 2_000), ""), NONE);
    assert_eq!(found(&leak(100, 1_999), "--count 1"), NONE);
    assert_eq!(found(&leak(100, 2_000), "--count 1"), ["close-wait-leak warning 100"]);
    assert_eq!(found(&leak(9, 60_001), ""), NONE);
    assert_eq!(found(&leak(10, 60_000), ""), NONE);
    assert_eq!(found(&leak(10, 60_001), ""), ["close-wait-leak warning 10"]);
    assert_eq!(found(&leak(1, 300_000), ""), NONE);
    assert_eq!(found(&leak(1, 300_001), ""), ["close-wait-leak note 1"]);
}

fn nine_more(sockets: &mut Vec<OwnedSocket>) {
    sockets.extend((20..29).map(|number| close_wait(number, 3_000)));
}

fn ten_more(sockets: &mut Vec<OwnedSocket>) {
    sockets.extend((20..30).map(|number| close_wait(number, 3_000)));
}

/// What is left of its descriptors lasts for 85 s.
#[trial]
fn how_fast_a_leak_grows() {
    let growing = |more: fn(&mut Vec<OwnedSocket>), words: &str| {
        found(&leak(20, 3_000).only_sockets(812, 201).after_looks(1, more), words)
    };
    assert_eq!(growing(nine_more, "--interval 5"), NONE);
    assert_eq!(growing(ten_more, "--interval 4.9"), NONE);
    assert_eq!(growing(ten_more, "--interval 5"), ["close-wait-leak critical 30"]);
}

/// A port of a TIME_WAIT is in use until connect() may take it: when it is older than a second, or what
/// `tcp_tw_reuse_delay` says.
#[trial]
fn how_old_a_time_wait_is() {
    let ports = |age_ms: u32, delay_ms| {
        let one = |number| {
            let row = connection(number, TcpState::TimeWait, "127.0.0.1:443");
            let mut row = row.time_wait_ms(60_000 - age_ms).of(&[]);
            row.socket.local.address = [127, 0, 0, 1].into();
            row
        };
        let mut machine = machine((0..80).map(one).collect());
        machine.rules = PortRules { ephemeral: Some(20_000..=20_099), ..PortRules::default() };
        machine.settings = TcpSettings {
            time_wait_reuse: Some(2),
            time_wait_reuse_delay_ms: delay_ms,
            timestamps: Some(1),
            ..TcpSettings::default()
        };
        found(&machine, "")
    };
    assert_eq!(ports(1_000, None), ["ephemeral-ports warning 80"]);
    assert_eq!(ports(1_001, None), NONE);
    assert_eq!(ports(5_000, Some(5_000)), ["ephemeral-ports warning 80"]);
    assert_eq!(ports(5_001, Some(5_000)), NONE);
}
