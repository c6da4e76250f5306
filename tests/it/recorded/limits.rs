//! doctor on machines that no test can make: peers of several processes, memory that is scarce, and
//! what a Windows does not report.

use portwho::model::{
    Gap, KernelReason, Os, OwnedSocket, Owner, Particulars, Pid, Queues, Reading, TcpMemory,
    TcpState, Timer, TimerKind, Unconnected, Whereabouts,
};
use serde_json::{Value, json};

use super::machine::Machine;
use super::parts::{listener, process, tcp};
use crate::support::Output;

#[track_caller]
fn findings(output: &Output, code: i32) -> Vec<Value> {
    output.json(code, "")["findings"].as_array().expect("findings").clone()
}

/// A SYN_SENT that was retransmitted so often.
fn unanswered(pid: u32, number: u16, to: &str, retransmits: u8) -> OwnedSocket {
    let local = format!("10.0.0.1:{}", 20_000 + number);
    let part = tcp(&local, TcpState::SynSent).linux(60_000 + u64::from(number), 33).to(to);
    let timer = Timer { kind: TimerKind::Retransmit, expires_ms: 900, retransmits };
    let mut row = part.of(&[pid]);
    row.socket.timer = Some(timer);
    row
}

#[trial]
fn a_dead_backend_of_many_workers() {
    let workers = || (900..950).map(|pid| process(pid, "php-fpm").named("php-fpm".into()));
    let machine = |retransmits| {
        let sockets = (0..50).map(|number| {
            unanswered(900 + u32::from(number), number, "10.0.9.9:5432", retransmits)
        });
        let more = unanswered(949, 50, "10.0.9.9:5432", retransmits);
        Machine::new(Os::Linux, workers().collect(), sockets.chain([more]).collect())
    };
    let expected = "\
warning      unanswered-connect
who          php-fpm (PID 949)
what         10.0.9.9 does not answer 51 connection attempts: it is down, its
             accept queue is full, or a firewall drops the SYNs or the answers
evidence     SYN_SENT to port 5432 (51), retransmitted up to 2 times
             in 50 processes, most of them in php-fpm (PID 949): 2
now          portwho --state SYN_SENT --foreign 10.0.9.9
fix          start the service there, or correct the address, the route or the
             firewall; until then, give connect() a timeout and let clients fail
             fast (a circuit breaker)
";
    machine(2).run("doctor").is(1, expected, "");
    assert_eq!(findings(&machine(1).run("doctor --json"), 0), Vec::<Value>::new());
}

/// The kinds of what doctor finds, with exit code 1.
#[track_caller]
fn kinds(machine: &Machine) -> Vec<Value> {
    let found = findings(&machine.run("doctor --json"), 1);
    found.iter().map(|finding| finding["kind"].clone()).collect()
}

/// What is young is no scan, and hides nothing.
#[trial]
fn a_dead_backend_beside_young_connections() {
    let dead = (0..30).map(|number| unanswered(812, number, "10.0.9.9:5432", 3));
    let young =
        (0..110).map(|host| unanswered(812, 100 + host, &format!("10.0.8.{}:443", 1 + host), 0));
    let proxy = vec![process(812, "proxy")];
    let machine = Machine::new(Os::Linux, proxy, dead.chain(young).collect());
    assert_eq!(kinds(&machine), ["unanswered-connect"]);
}

/// The queue is the finding, and not that its host is down.
#[trial]
fn a_full_queue_on_this_machine() {
    let machine = |address: &str| {
        let mut server = listener("0.0.0.0:5432").linux(7, 33).of(&[700]);
        server.socket.queues = Queues { receive: Some(17), send: Some(16) };
        let clients = (0..30).map(|number| unanswered(812, number, address, 3));
        let processes = vec![process(700, "server"), process(812, "client")];
        Machine::new(Os::Linux, processes, clients.chain([server]).collect())
    };
    assert_eq!(kinds(&machine("10.0.0.1:5432")), ["accept-queue-full"]);
    assert_eq!(kinds(&machine("127.0.0.1:5432")), ["accept-queue-full"]);
    let elsewhere = ["accept-queue-full", "unanswered-connect"];
    assert_eq!(kinds(&machine("10.0.0.2:5432")), elsewhere);
}

/// With SO_REUSEADDR others may listen at the local port of a client: that makes no server of it.
#[trial]
fn a_listener_of_another_user_at_a_clients_port() {
    let severity = |listens: u32| {
        let at = listener("0.0.0.0:40000").linux(7, listens).of(&[700]);
        let unread = (0..12).map(|number: u16| {
            let part =
                tcp("10.0.0.1:40000", TcpState::Established).linux(100 + u64::from(number), 33);
            let mut row =
                part.to(&format!("10.0.9.9:{}", 443 + number)).unread(5, 60_000).of(&[812]);
            row.socket.idle_ms = Some(60_000);
            row
        });
        let processes = vec![process(700, "other"), process(812, "client")];
        let machine = Machine::new(Os::Linux, processes, unread.chain([at]).collect());
        let output = machine.run("doctor --json");
        let answer = output.json(output.code.expect("a code"), "");
        answer["findings"][0]["severity"].as_str().expect("a severity").to_owned()
    };
    assert_eq!([severity(33), severity(0), severity(4000)], ["warning", "warning", "note"]);
}

/// Windows tells no retransmissions: what is there at two snapshots is not answered.
#[trial]
fn a_dead_backend_of_a_windows() {
    let sockets = (0..20).map(|number| {
        let part = tcp(&format!("10.0.0.1:{}", 50_000 + number), TcpState::SynSent);
        part.to("10.0.9.9:1433").of(&[600])
    });
    let machine = Machine::new(Os::Windows, vec![process(600, "report.exe")], sockets.collect());
    let found = findings(&machine.run("doctor --json"), 1);
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(json!([finding["kind"], finding["count"]]), json!(["unanswered-connect", 20]));
    assert_eq!(finding["evidence"]["most_retransmits"], Value::Null);
}

/// It has a finding of its own, and not one more for each address.
#[trial]
fn a_scanner_of_many_ports() {
    let to = |host: u16, port: u16| format!("10.0.{}.{}:{}", host / 250, 1 + host % 250, port);
    let addresses = (0..120_u16).flat_map(|host| (0..25_u16).map(move |port| (host, 1 + port)));
    let sockets = addresses.zip(0_u16..);
    let sockets = sockets.map(|((host, port), number)| unanswered(666, number, &to(host, port), 3));
    let machine = Machine::new(Os::Linux, vec![process(666, "masscan")], sockets.collect());
    let found = findings(&machine.run("doctor --json"), 1);
    let kinds: Vec<&Value> = found.iter().map(|finding| &finding["kind"]).collect();
    assert_eq!(kinds, [&json!("syn-sent-fan-out")]);
}

#[trial]
fn memory_that_is_scarce() {
    let mut machine = Machine::new(Os::Linux, Vec::new(), Vec::new());
    let memory = TcpMemory {
        is_scarce: true,
        pages: Some(130_000),
        bounds: Some([92_139, 122_852, 184_278]),
    };
    machine.limits.tcp_memory = Reading::Read(memory);
    let expected = "\
warning      tcp-memory
who          all processes together
what         TCP memory is scarce: the kernel keeps the buffers of all sockets
             small, and connections are slow
evidence     130000 pages are used
             tcp_mem is 92139 122852 184278: it stays scarce until fewer than
             92139 pages are used
now          portwho --columns local,foreign,state,recv-q,send-q,idle,pid,image
fix          find what does not read (large receive queues) and whose peers do
             not (large send queues); if all of it is needed, raise
             net.ipv4.tcp_mem
";
    machine.run("doctor").is(1, expected, "");
}

/// What a check needs, by an answer of doctor.
#[track_caller]
fn needs(output: &Output, kind: &str) -> Value {
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let checks = answer["checks"].as_array().expect("checks").iter();
    let check = checks.into_iter().find(|check| check["kind"] == kind).expect("the check");
    assert_eq!(check["made"], check["needs"].is_null(), "{check}");
    check["needs"].clone()
}

/// The descriptors of owners that are not seen were not counted; what was found is told all the same.
#[trial]
fn descriptors_of_hidden_owners() {
    const KIND: &str = "descriptors-nearly-used";
    let machine = |owner: Owner, gaps: Vec<Gap>| {
        let other = listener("0.0.0.0:80").linux(2, 33).owner(owner);
        let sockets = vec![listener("0.0.0.0:443").linux(1, 0).of(&[7]), other];
        let machine = Machine::new(Os::Linux, vec![process(7, "web")], sockets);
        Machine { gaps, ..machine.descriptors(7, 10, Some(100)) }
    };
    let asked = |machine: &Machine, words: &str| needs(&machine.run(words), KIND);
    let needs = |machine: &Machine| asked(machine, "doctor --json");
    let kernel = Owner::Kernel(KernelReason::Orphaned);
    assert_eq!(needs(&machine(kernel, Vec::new())), Value::Null);
    let hidden = || machine(Owner::Hidden, Vec::new());
    assert_eq!(needs(&hidden()), "rights");
    assert_eq!(needs(&hidden().privileged()), "ptrace");
    assert_eq!(asked(&hidden(), "doctor --json 443"), Value::Null);
    assert_eq!(asked(&hidden(), "doctor --json 80"), "rights");
    assert_eq!(needs(&hidden().descriptors(7, 95, Some(100))), Value::Null);
    let unreadable = Gap::ProcessesUnreadable { why: "no /proc".to_owned() };
    assert_eq!(needs(&machine(Owner::Hidden, vec![unreadable])), "system");
    // No process has the socket of a tunnel, and any outside of a PID namespace may.
    for (place, expected) in
        [(Whereabouts::NoProcess, Value::Null), (Whereabouts::OutsidePidNamespace, "ptrace".into())]
    {
        let gap = Gap::OwnersNotFound { count: 1, place };
        assert_eq!(needs(&machine(Owner::NotFound, vec![gap])), expected, "{place:?}");
    }
    // A process is seen, and its descriptors are not.
    let mut unread = machine(Owner::of_process(Pid(7)), Vec::new());
    let own = Particulars { descriptor_limit: Some(100), ..Default::default() };
    unread.particulars.insert(Pid(7), own);
    assert_eq!(needs(&unread), "rights");
}

/// Without rights the descriptors of others are unknown, and what was found is told all the same.
#[trial]
fn descriptors_of_other_users() {
    let needs = |machine: &Machine| needs(&machine.run("doctor --json"), "dead-descriptors");
    let mut machine = Machine::new(Os::Linux, vec![process(7, "proxy")], Vec::new());
    assert_eq!(needs(&machine), Value::Null);
    machine.unconnected = Reading::Read(Unconnected { is_unreadable: true, ..Default::default() });
    assert_eq!(needs(&machine), "rights");
    machine.privileged = true;
    assert_eq!(needs(&machine), "ptrace");
    let sockets = [(Pid(7), (1..=100).collect())].into();
    let found = Unconnected { sockets, is_unreadable: true, gaps: Vec::new() };
    machine.unconnected = Reading::Read(found);
    assert_eq!(needs(&machine), Value::Null);
    let found = findings(&machine.run("doctor --json"), 0);
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(json!([finding["kind"], finding["count"]]), json!(["dead-descriptors", 100]));
}

#[trial]
fn windows_does_not_report_these() {
    let answer = Machine::new(Os::Windows, Vec::new(), Vec::new()).run("doctor --json").json(0, "");
    let checks = answer["checks"].as_array().expect("checks");
    let unmade =
        |kind: &str| checks.iter().any(|check| check["kind"] == kind && check["needs"] == "system");
    for kind in [
        "peer-gone",
        "peer-not-reading",
        "not-reading",
        "udp-drops",
        "listener-drops",
        "dead-descriptors",
        "conntrack-full",
        "tcp-memory",
        "orphans",
        "open-files",
    ] {
        assert!(unmade(kind), "{kind} in {checks:#?}");
    }
}
