//! doctor with filters: what is asked for is only what it reports on. It counts whole groups, and compares
//! with everything.

use portwho::model::{
    Gap, Os, OwnedSocket, PortRules, TcpCounters, TcpSettings, TcpState, Timer, TimerKind,
};
use serde_json::{Value, json};

use super::machine::Machine;
use super::parts::{listener, process, tcp, udp};
use crate::support::{Output, is_healthy};

/// `kind severity count` of each finding.
#[track_caller]
fn found(output: &Output) -> Vec<String> {
    let words = |one: &Value| {
        let word = |name: &str| one[name].as_str().expect("a word").to_owned();
        format!("{} {} {}", word("kind"), word("severity"), one["count"])
    };
    findings(output).iter().map(words).collect()
}

fn findings(output: &Output) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    answer["findings"].as_array().expect("findings").clone()
}

/// A server at port 443 with connections from two hosts, in turn.
fn server(count: u16, make: impl Fn(u16, OwnedSocket) -> OwnedSocket) -> Machine {
    let one = |number: u16| {
        let part = tcp("10.0.0.1:443", TcpState::Established).linux(u64::from(number) + 10, 33);
        let host = 5 + number % 2;
        make(number, part.to(&format!("10.9.0.{host}:{}", 5000 + number)).of(&[812]))
    };
    let listener = listener("0.0.0.0:443").linux(9, 33).of(&[812]);
    let sockets = std::iter::once(listener).chain((0..count).map(one)).collect();
    Machine::new(Os::Linux, vec![process(812, "web").named("web".into())], sockets)
}

/// Half of a leak is that leak, and says which part of it was asked for.
#[trial]
fn a_leak_of_which_some_connections_were_asked_for() {
    let leak = |count| {
        server(count, |_, mut row| {
            row.socket.state = Some(TcpState::CloseWait);
            row.socket.queues.receive = Some(0);
            row.socket.tcp_info = tcp_info(3000);
            row
        })
    };
    let output = leak(120).run("doctor --json --foreign 10.9.0.5");
    assert_eq!(found(&output), ["close-wait-leak warning 120"]);
    assert_eq!(findings(&output)[0]["evidence"]["matching"], 60);
    let text = leak(120).run("doctor --foreign 10.9.0.5").stdout;
    assert!(text.contains("\n             60 of them match the filters\n"), "{text}");
    for words in ["doctor --json", "doctor --json 443", "doctor --json --pid 812"] {
        let output = leak(120).run(words);
        assert_eq!(found(&output), ["close-wait-leak warning 120"], "{words}");
        assert_eq!(findings(&output)[0]["evidence"]["matching"], Value::Null, "{words}");
    }
    is_healthy(&leak(99).run("doctor --foreign 10.9.0.5"), "50 sockets of 1 process");
    // It is none of what was asked for.
    is_healthy(&leak(120).run("doctor --state LISTEN"), "1 socket of 1 process");
}

fn tcp_info(age_ms: u32) -> Option<portwho::model::TcpInfo> {
    tcp("10.0.0.1:1", TcpState::CloseWait).unread(0, age_ms).of(&[]).socket.tcp_info
}

/// Ten of two hundred and forty on the port: a note, whichever of them were asked for.
#[trial]
fn clients_that_are_gone_are_compared_with_all_of_their_port() {
    let machine = || {
        server(240, |number, mut row| {
            let gone = Timer { kind: TimerKind::Retransmit, expires_ms: 5000, retransmits: 3 };
            row.socket.timer = (number < 20 && number % 2 == 0).then_some(gone);
            // Each is a host of its own.
            if number < 20 {
                let host = u8::try_from(number).expect("a number");
                row.socket.foreign.as_mut().expect("a peer").address = [10, 8, 0, host].into();
            }
            row
        })
    };
    for words in ["doctor --json", "doctor --json --foreign 10.8.0.0/16"] {
        assert_eq!(found(&machine().run(words)), ["peer-gone note 10"], "{words}");
    }
}

/// The descriptors of the other side are another matter.
#[trial]
fn a_peer_near_its_limit() {
    let machine = || {
        let end = |local, foreign: &str, number| {
            tcp(local, TcpState::Established).linux(number, 33).to(foreign)
        };
        let here = end("127.0.0.1:443", "127.0.0.1:5000", 1).of(&[812]);
        let there = end("127.0.0.1:5000", "127.0.0.1:443", 2).of(&[813]);
        let processes = vec![process(812, "web"), process(813, "client")];
        let machine = Machine::new(Os::Linux, processes, vec![here, there]);
        machine.descriptors(813, 95, Some(100)).descriptors(812, 10, Some(100))
    };
    assert_eq!(found(&machine().run("doctor --json")), ["descriptors-nearly-used warning 95"]);
    is_healthy(&machine().run("doctor 443"), "1 socket of 1 process");
    let output = machine().run("doctor --json 5000");
    assert_eq!(found(&output), ["descriptors-nearly-used warning 95"]);
    // How many of these are sockets is not known of a part.
    assert_eq!(findings(&output)[0]["evidence"]["sockets"], Value::Null);
}

/// A check of what the filters leave out is none that was made.
#[trial]
fn checks_of_what_was_not_asked_for() {
    let machine = || {
        let sockets = vec![
            udp("0.0.0.0:53").linux(3, 33).of(&[812]),
            listener("0.0.0.0:53").linux(4, 33).of(&[812]),
            tcp("10.0.0.1:53", TcpState::Established).linux(5, 33).to("10.9.0.1:5000").of(&[812]),
        ];
        Machine::new(Os::Linux, vec![process(812, "named")], sockets)
    };
    let made = |words: &str| {
        let answer = machine().run(words).json(0, "");
        let checks = answer["checks"].as_array().expect("checks").clone();
        let made = checks.into_iter().filter(|check| check["made"] == true);
        made.map(|check| check["kind"].as_str().expect("a word").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(made("doctor --json 53/udp"), ["udp-drops", "descriptors-nearly-used"]);
    let of_listeners = ["accept-queue-full", "listener-drops", "descriptors-nearly-used"];
    assert_eq!(made("doctor --json -l -t"), of_listeners);
    assert_eq!(made("doctor --json --exposed -t"), of_listeners);
    let of_connections = made("doctor --json -t --foreign 10.9.0.1");
    let is_of_listeners = |kind: &String| kind == "accept-queue-full" || kind == "listener-drops";
    assert!(!of_connections.iter().any(is_of_listeners), "{of_connections:?}");
    assert_eq!(of_connections.len(), 10);
    assert_eq!(made("doctor --json --state CLOSE_WAIT,LISTEN 53").len(), 7);
    let text = machine().run("doctor 53/udp");
    text.is(0, "no problems found in 1 socket of 1 process (2 checks)\n", "");
    let text = machine().run("doctor -v 53/udp").stdout.replace("\n             ", " ");
    assert!(text.contains("not run: concerns sockets that the filters leave out\n"), "{text}");
}

/// What the kernel does not list may use up the ports, or not, as its number of sockets tells.
#[trial]
fn bound_sockets_that_are_not_listed() {
    let needs = |allocated: Option<u64>, ports: u16| {
        let mut machine = server(30, |_, row| row).gap(Gap::BoundNotListed);
        machine.rules =
            PortRules { ephemeral: Some(40_000..=39_999 + ports), ..Default::default() };
        let counters = TcpCounters { allocated, ..TcpCounters::default() };
        machine.settings = TcpSettings { counters, ..TcpSettings::default() };
        let output = machine.run("doctor --json");
        let answer = output.json(0, "");
        assert_eq!(answer["gaps"], json!([]));
        let checks = answer["checks"].as_array().expect("checks").clone();
        let check = checks.into_iter().find(|check| check["kind"] == "ephemeral-ports");
        check.expect("the check")["needs"].clone()
    };
    // 31 are listed.
    assert_eq!(needs(Some(31 + 79), 100), Value::Null);
    assert_eq!(needs(Some(31 + 80), 100), "kernel");
    assert_eq!(needs(None, 100), "kernel");
    assert_eq!(needs(Some(31 + 80), 101), Value::Null);
}
