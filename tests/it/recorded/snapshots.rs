//! How many snapshots doctor takes, of what, and how it compares them.

use portwho::model::{Gap, Os, OwnedSocket, TcpState};
use serde_json::{Value, json};

use super::machine::Machine;
use super::parts::{listener, process, tcp};
use crate::support::{Output, is_healthy};

/// Connections that were closed by their peers so long ago, on this port of that process.
fn half_closed(pid: u32, port: u16, count: u16, age_ms: u32) -> Vec<OwnedSocket> {
    let one = |number: u16| {
        let inode = u64::from(port) * 10_000 + u64::from(number);
        let closed = tcp(&format!("10.0.0.1:{port}"), TcpState::CloseWait).linux(inode, 33);
        closed.to(&format!("10.0.1.7:{}", 10_000 + number)).unread(0, age_ms).of(&[pid])
    };
    let listener = listener(&format!("0.0.0.0:{port}")).linux(u64::from(port), 33).of(&[pid]);
    std::iter::once(listener).chain((0..count).map(one)).collect()
}

fn web(sockets: Vec<OwnedSocket>) -> Machine {
    let processes = vec![
        process(812, "nginx").named("nginx".into()),
        process(900, "oracle").named("oracle".into()),
    ];
    Machine::new(Os::Linux, processes, sockets)
}

fn kinds(output: &Output) -> Vec<Value> {
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let findings = answer["findings"].as_array().expect("findings").iter();
    findings.map(|finding| finding["kind"].clone()).collect()
}

/// They are the same at both snapshots.
#[trial]
fn young_connections_that_last_are_a_leak() {
    let machine = web(half_closed(812, 80, 100, 300));
    let output = machine.run("doctor --json");
    let answer = output.json(1, "");
    assert_eq!((&answer["findings"][0]["count"], kinds(&output).len()), (&json!(100), 1));
    // One snapshot cannot tell.
    is_healthy(&machine.run("doctor --count 1"), "101 sockets of 1 process");
}

/// A server that drains what a load test closed at once.
#[trial]
fn brief_young_connections_are_not_a_leak() {
    let drained = |sockets: &mut Vec<OwnedSocket>| sockets.truncate(1);
    let machine = web(half_closed(812, 80, 500, 300)).after_looks(1, drained);
    is_healthy(&machine.run("doctor"), "1 socket of 1 process");
    // Others have taken their place.
    let others = |sockets: &mut Vec<OwnedSocket>| {
        for row in sockets.iter_mut().filter(|row| row.socket.foreign.is_some()) {
            row.socket.cookie = row.socket.cookie.map(|cookie| cookie + 100_000);
        }
    };
    let machine = web(half_closed(812, 80, 500, 300)).after_looks(1, others);
    is_healthy(&machine.run("doctor"), "501 sockets of 1 process");
    // These were still in use.
    let mut sockets = half_closed(812, 80, 500, 300);
    for row in sockets.iter_mut().filter(|row| row.socket.foreign.is_some()) {
        row.socket.state = Some(TcpState::Established);
    }
    let closed = |sockets: &mut Vec<OwnedSocket>| {
        for row in sockets.iter_mut().filter(|row| row.socket.foreign.is_some()) {
            row.socket.state = Some(TcpState::CloseWait);
        }
    };
    let machine = web(sockets).after_looks(1, closed);
    is_healthy(&machine.run("doctor --interval 1"), "501 sockets of 1 process");
}

/// Where nothing is in doubt there is one snapshot: a change after it is not seen.
#[trial]
fn a_second_snapshot_is_taken_only_where_it_decides() {
    let vanish = |sockets: &mut Vec<OwnedSocket>| sockets.clear();
    for (count, age_ms) in [(99, 300), (100, 2000)] {
        let machine = web(half_closed(812, 80, count, age_ms)).after_looks(1, vanish);
        let output = machine.run("doctor --json");
        assert_eq!(kinds(&output).len(), usize::from(count >= 100), "{output:?}");
        assert!(output.stdout.contains("\"findings\":["), "{output:?}");
        let sockets = machine.world.borrow().sockets.len();
        assert_eq!(sockets, usize::from(count) + 1, "a second snapshot: {output:?}");
    }
}

#[trial]
fn growth_names_what_it_is_of() {
    let machine = web(half_closed(812, 80, 120, 5000));
    let output = machine.run("doctor --interval 5");
    output.is(1, &output.stdout, "");
    assert!(output.stdout.contains("\n             CLOSE_WAIT did not grow in 5s\n"), "{output:?}");
}

/// The exit code is that of the last one.
#[trial]
fn as_many_snapshots_as_are_asked_for() {
    let closed = |sockets: &mut Vec<OwnedSocket>| sockets.truncate(1);
    let machine = web(half_closed(812, 80, 120, 5000)).after_looks(2, closed);
    let output = machine.run("doctor --count 4");
    output.is(0, &output.stdout, "");
    let places: Vec<&str> =
        output.stdout.lines().filter(|line| line.starts_with("snapshot ")).collect();
    assert_eq!(places, ["snapshot 2 of 4", "snapshot 3 of 4", "snapshot 4 of 4"]);
    assert_eq!(output.stdout.matches("close-wait-leak").count(), 1, "{output:?}");
    assert_eq!(output.stdout.matches("no problems found in 1 socket").count(), 2, "{output:?}");
    let lines = web(half_closed(812, 80, 120, 5000)).run("doctor --json --count 3").stdout;
    let answers: Vec<Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(answers.len(), 2);
}

#[trial]
fn one_service_of_several() {
    let mut sockets = half_closed(812, 80, 120, 5000);
    sockets.extend(half_closed(900, 1521, 130, 5000));
    let machine = web(sockets);
    assert_eq!(kinds(&machine.run("doctor --json")).len(), 2);
    for words in ["1521", "--name oracle", "--pid 900", "--name ora*"] {
        let output = machine.run(&format!("doctor --json {words}"));
        let answer = output.json(1, "");
        let [finding] = answer["findings"].as_array().expect("findings").as_slice() else {
            panic!("{words}: {answer:#}")
        };
        assert_eq!((&finding["pid"], &finding["count"]), (&json!(900), &json!(130)), "{words}");
    }
    is_healthy(&machine.run("doctor --state LISTENING 80"), "1 socket of 1 process");
}

/// `no problems found` says what was not looked for.
#[trial]
fn checks_that_could_not_be_made() {
    let one = listener("0.0.0.0:80").of(&[1688]);
    let windows = Machine::new(Os::Windows, vec![process(1688, "inetinfo.exe")], vec![one]);
    let output = windows.run("doctor");
    is_healthy(&output, "1 socket of 1 process");
    let words = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in ["not run: ", "accept-queue-full, ", "(this system does not report it)"] {
        assert!(words.contains(part), "{part}: {output:?}");
    }
    let answer = windows.run("doctor --json").json(0, "");
    let checks = answer["checks"].as_array().expect("checks");
    let of = |kind: &str| checks.iter().find(|check| check["kind"] == kind).expect("a check");
    assert_eq!(of("accept-queue-full")["made"], false);
    assert_eq!(of("accept-queue-full")["needs"], "system");
    let made = json!({"kind": "close-wait-leak", "made": true, "needs": null});
    assert_eq!(*of("close-wait-leak"), made);
    let verbose = windows.run("doctor -v").stdout;
    let not_made = "\n             not run: this system does not report it\n";
    assert!(verbose.contains(not_made), "{verbose}");
    // Netlink shows the backlogs of Linux, and /proc/net does not.
    let gap = Gap::NetlinkRefused { why: "no".to_owned() };
    let output = web(half_closed(812, 80, 0, 0)).gap(gap).run("doctor --json");
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let checks = answer["checks"].as_array().expect("checks");
    let queue = checks.iter().find(|check| check["kind"] == "accept-queue-full").expect("it");
    assert_eq!(
        (&queue["needs"], &queue["why"]),
        (&json!("kernel"), &json!("requires sock_diag (netlink)"))
    );
}

#[trial]
fn a_service_that_is_not_there() {
    let machine = web(half_closed(812, 80, 120, 5000));
    machine.run("doctor --name orcale").is(1, "", "portwho: no process is named 'orcale'\n");
    machine.run("doctor 6800").is(1, "", "portwho: port 6800: no socket matches\n");
    let answer =
        machine.run("doctor --json 6800").json(1, "portwho: port 6800: no socket matches\n");
    assert_eq!(answer["findings"], json!([]));
}
