//! doctor on recorded machines: old leaks, services, Windows, and machines that are half hidden.

use portwho::model::{
    Gap, Hiding, Os, OwnedSocket, Owner, PortRules, Service, TcpSettings, TcpState, Uid,
};
use serde_json::{Value, json};

use super::machine::Machine;
use super::parts::{Simulated, listener, process, tcp};
use crate::support::{Output, is_healthy};

fn unit(one: Simulated, unit: &str) -> Simulated {
    let service = Service { name: unit.into(), of_user: false };
    one.with(|process| process.services = vec![service])
}

fn oracle() -> Simulated {
    unit(process(22725, "oracle").named("oracle".into()).user("oracle"), "oracle.service")
}

/// A CLOSE_WAIT on that port, whose peer has been gone for so long.
fn close_wait(port: u16, number: u16, unread: u32, age_ms: u32) -> super::parts::Part {
    let local = format!("10.0.0.1:{port}");
    let foreign = format!("10.0.1.7:{}", 10_000 + number);
    let socket = tcp(&local, TcpState::CloseWait).linux(50_000 + u64::from(number), 54);
    socket.to(&foreign).unread(unread, age_ms)
}

/// This many of them of one process, the first `old` ones three hours old and the others two seconds.
fn leak(pid: u32, count: u16, old: u16) -> Vec<OwnedSocket> {
    const THREE_HOURS: u32 = 3 * 60 * 60 * 1000;
    let age = |number| if number < old { THREE_HOURS } else { 2000 };
    (0..count).map(|number| close_wait(1521, number, 0, age(number)).of(&[pid])).collect()
}

fn database(sockets: Vec<OwnedSocket>) -> Machine {
    let listener = listener("0.0.0.0:1521").linux(4711, 54).of(&[22725]);
    let sockets = std::iter::once(listener).chain(sockets).collect();
    Machine::new(Os::Linux, vec![oracle()], sockets)
}

#[track_caller]
fn findings(output: &Output, code: i32, stderr: &str) -> Vec<Value> {
    output.json(code, stderr)["findings"].as_array().expect("findings").clone()
}

#[trial]
fn an_old_leak_of_a_service() {
    let expected = "\
critical     close-wait-leak
who          oracle (PID 22725, user oracle, oracle.service)
what         1012 CLOSE_WAIT on port 1521: everything was read, and close() was
             never called
evidence     oldest 3h; 12 over 1m
             receive queue: 0 in 1012
             4100 of 65536 descriptors are open
now          sudo portwho close --state CLOSE_WAIT --pid 22725 1521
fix          call close() on every code path, especially when read() returns 0;
             until then, restart it before its descriptors are used up: closing
             the connections from outside does not free them; run: systemctl
             restart oracle.service
";
    let machine = database(leak(22725, 1012, 12)).descriptors(22725, 4100, Some(65536));
    machine.run("doctor").is(1, expected, "");
}

#[trial]
fn the_json_of_it() {
    let machine = database(leak(22725, 1012, 12)).descriptors(22725, 4100, Some(65536));
    let answer = machine.run("doctor --json").json(1, "");
    let fix = answer["findings"][0]["fix"].clone();
    assert!(fix.as_str().is_some_and(|fix| fix.ends_with(": systemctl restart oracle.service")));
    let checks = answer["checks"].clone();
    let expected = json!({"schema": 1, "os": "linux", "gaps": [], "checks": checks, "findings": [{
        "kind": "close-wait-leak", "severity": "critical",
        "pid": 22725, "image": "oracle", "service": "oracle.service", "count": 1012,
        "evidence": {
            "port": 1521, "processes": 1, "oldest_ms": 10_800_000, "oldest_is_at_least": false,
            "sent_lately": 0, "unanswered": 0, "older_than_60_s": 12, "older_than_5_min": 12, "young": 0, "in_use": 0,
            "cause": "not-closed", "causes": {"not-closed": 1012}, "not_accepted": 0,
            "descriptors": 4100, "descriptor_limit": 65536,
        },
        "now": "sudo portwho close --state CLOSE_WAIT --pid 22725 1521",
        "fix": fix,
    }]});
    assert_eq!(answer, expected);
}

/// A user may name cgroups at will, and root types what is advised.
#[trial]
fn the_name_of_a_unit_is_quoted() {
    for (name, advised) in [
        ("x;id;.service", "systemctl restart \"x;id;.service\""),
        ("$(id).service", "systemctl restart '$(id).service'"),
        ("-Hevil.service", "systemctl restart -- -Hevil.service"),
        ("a\nid\n.service", "systemctl restart $'a\\012id\\012.service'"),
        ("a\u{202e}.service", "systemctl restart $'a\\342\\200\\256.service'"),
    ] {
        let machine = database(leak(22725, 1012, 12)).process(unit(oracle(), name));
        let output = machine.run("doctor --json");
        let [finding] = &findings(&output, 1, "")[..] else { panic!("{output:?}") };
        let fix = finding["fix"].as_str().expect("text");
        assert!(fix.ends_with(&format!(": {advised}")), "{fix}");
        let stop = advised.replace("restart", "stop");
        let output = machine.run("kill -n 1521");
        let line = format!("  it runs as a service; to stop the service, run: {stop}\n");
        assert!(output.stdout.contains(&line), "{output:?}");
    }
}

#[trial]
fn a_slow_leak_is_one_by_its_age() {
    let output = database(leak(22725, 12, 10)).run("doctor --json");
    let [finding] = &findings(&output, 1, "")[..] else { panic!("{output:?}") };
    assert_eq!((&finding["severity"], &finding["count"]), (&json!("warning"), &json!(12)));
    // Nine are only known to be forgotten.
    let output = database(leak(22725, 12, 9)).run("doctor --json");
    let [finding] = &findings(&output, 0, "")[..] else { panic!("{output:?}") };
    assert_eq!((&finding["severity"], &finding["count"]), (&json!("note"), &json!(9)));
    let fix = finding["fix"].as_str().expect("text");
    assert!(fix.starts_with("call close() on every code path"), "{fix}");
}

/// The descriptors themselves are another finding from 90 % on.
#[trial]
fn a_leak_near_the_limit_is_critical() {
    let kinds = |open| {
        let machine = database(leak(22725, 100, 0)).descriptors(22725, open, Some(1000));
        let found = findings(&machine.run("doctor --json"), 1, "");
        let word = |finding: &Value| format!("{} {}", finding["severity"], finding["kind"]);
        found.iter().map(word).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(kinds(799), r#""warning" "close-wait-leak""#);
    assert_eq!(kinds(800), r#""critical" "close-wait-leak""#);
    let both = r#""critical" "close-wait-leak", "warning" "descriptors-nearly-used""#;
    assert_eq!(kinds(900), both);
}

#[trial]
fn shared_sockets_are_their_parents() {
    let worker = |pid| process(pid, "httpd").named("httpd".into()).parent(900);
    let master = process(900, "httpd").named("httpd".into()).parent(1);
    let shared = |number| close_wait(80, number, 70_000, 1000).of(&[850, 900]);
    let sockets = (0..100).map(shared).collect();
    let machine = Machine::new(Os::Linux, vec![worker(850), master], sockets);
    let output = machine.run("doctor");
    output.is(1, &output.stdout, "");
    let who = "who          httpd (PID 900); shared with httpd (PID 850)\n\
               what         100 CLOSE_WAIT on port 80: it stopped reading with data waiting\n";
    assert!(output.stdout.contains(who), "{output:?}");
    let [finding] = &findings(&machine.run("doctor --json"), 1, "")[..] else { panic!() };
    assert_eq!((&finding["pid"], &finding["evidence"]["pids"]), (&json!(900), &json!([900, 850])));
    assert_eq!(finding["evidence"]["pid_count"], 2);
}

#[trial]
fn hidden_owners_have_no_pid() {
    let sockets = (0..100).map(|number| close_wait(80, number, 1, 1000).owner(Owner::Hidden));
    let gap = Gap::OwnersHidden { count: 100, users: vec!["www-data".into()], why: Hiding::Rights };
    let machine = Machine::new(Os::Linux, Vec::new(), sockets.collect()).gap(gap).user(54, "web");
    let remark = "portwho: the owners of 100 sockets are hidden (www-data): run with sudo to see \
                  the owners of other users' sockets\n";
    let [finding] = &findings(&machine.run("doctor --json"), 1, remark)[..] else { panic!() };
    assert_eq!((&finding["pid"], &finding["image"]), (&Value::Null, &Value::Null));
    assert_eq!(finding["evidence"]["cause"], "end-not-read");
    let output = machine.run("doctor");
    output.is(1, &output.stdout, remark);
    assert!(output.stdout.contains("\nwho          a process of web\n"), "{output:?}");
    assert_eq!(machine.users.get(&Uid(54)), Some(&"web".into()));
}

#[trial]
fn a_windows_machine() {
    let leaked = (0..120).map(|number| {
        let part = tcp("192.168.0.7:8081", TcpState::CloseWait);
        part.to(&format!("192.168.0.9:{}", 50_000 + number)).of(&[1688])
    });
    let listener = listener("0.0.0.0:8081").of(&[1688]);
    let sockets = std::iter::once(listener).chain(leaked).collect();
    let inetinfo = process(1688, "inetinfo.exe").user("OFFICE\\anna").hosting(&["W3SVC"]);
    let machine = Machine::new(Os::Windows, vec![inetinfo], sockets).descriptors(1688, 511, None);
    let expected = "\
warning      close-wait-leak
who          inetinfo.exe (PID 1688, user OFFICE\\anna, W3SVC)
what         120 CLOSE_WAIT on port 8081: the peers have closed, and it has not
evidence     511 handles are open
             CLOSE_WAIT did not grow in 1s
now          in an elevated prompt, run: portwho close --state CLOSE_WAIT --pid 1688 8081
fix          call closesocket() on every code path, especially when recv()
             returns 0; until then, restart it before its handles are used up:
             closing the connections from outside does not free them; run:
             Restart-Service W3SVC
";
    machine.run("doctor").is(1, expected, "");
}

#[trial]
fn windows_ports_that_run_out() {
    let time_wait = |port: u16| {
        let part = tcp(&format!("192.168.0.7:{port}"), TcpState::TimeWait);
        part.to("192.168.0.20:1433").of_kernel(portwho::model::KernelReason::TimeWait)
    };
    let open = tcp("192.168.0.7:50090", TcpState::Established).to("192.168.0.20:1433").of(&[600]);
    let sockets = (50_000..50_080).map(time_wait).chain(std::iter::once(open)).collect();
    let mut machine = Machine::new(Os::Windows, vec![process(600, "report.exe")], sockets);
    machine.rules = PortRules { ephemeral: Some(50_000..=50_099), ..PortRules::default() };
    let expected = "\
warning      ephemeral-ports
who          report.exe (PID 600)
what         81 of 100 ephemeral ports are in use from 192.168.0.7 to
             192.168.0.20:1433: connect() fails when they are used up
evidence     80 of them in TIME_WAIT; the range is 50000 to 50099
now          in an elevated prompt, run: netsh int ipv4 set dynamicport tcp start=10000 num=55535
fix          keep connections open and reuse them (a pool, HTTP keep-alive), or
             spread them over more addresses; tcp_fin_timeout does not shorten
             TIME_WAIT
";
    machine.run("doctor").is(1, expected, "");
    machine.rules.ephemeral = Some(50_000..=50_101);
    is_healthy(&machine.run("doctor"), "81 sockets of 1 process");
    // Ports that are not handed out are not there.
    machine.rules.reserved = vec![50_090..=50_099];
    let output = machine.run("doctor --json");
    let [finding] = &findings(&output, 1, "")[..] else { panic!("{output:?}") };
    // The one that is open at 50090 is not one of these either.
    assert_eq!((&finding["evidence"]["of"], &finding["count"]), (&json!(92), &json!(80)));
}

#[trial]
fn a_table_that_was_not_read() {
    let gap = || Gap::TableUnreadable { table: "tcp6".to_owned(), why: "no".to_owned() };
    let remark = "portwho: cannot read the table tcp6: no: its sockets are missing; run portwho \
                  again, with more privileges if that does not help\n";
    database(Vec::new()).gap(gap()).run("doctor").is(2, "", remark);
    let output = database(leak(22725, 100, 0)).gap(gap()).run("doctor --json");
    assert_eq!(findings(&output, 1, remark).len(), 1);
}

#[trial]
fn notes_are_not_counted() {
    let here = close_wait(1521, 0, 0, 1000).of(&[22725]);
    let there = tcp("10.0.1.7:10000", TcpState::FinWait2).linux(60_000, 54).to("10.0.0.1:1521");
    let mut machine = database(vec![here, there.of(&[22725])]);
    machine.settings = TcpSettings { max_time_wait: Some(100), ..TcpSettings::default() };
    let output = machine.run("doctor --json");
    let [finding] = &findings(&output, 0, "")[..] else { panic!("{output:?}") };
    assert_eq!(finding["kind"], "half-closed-pair");
    assert_eq!(finding["evidence"]["waiting_pid"], 22725);
}
