//! A Windows whose tables a test decides, see `support::lab`: what those hold that no machine shows at
//! will.

use portwho::model::{About, Pid, Process};
use portwho::platform::{Processes, ThisSystem};
use serde_json::{Value, json};
use std::collections::BTreeSet;

use crate::support::json::{gaps, only_socket, process};
use crate::support::lab::{
    CREATED, CREATED_LATER, DELETE_TCB, ESTABLISHED, LISTEN, Lab, TIME_WAIT, tcp, udp,
};
use crate::support::netstat;
use crate::support::peer::Peer;
use crate::support::skip_stand_in;

/// In the 100 ns that Windows counts in.
const HOUR: u64 = 36_000_000_000;

/// What is said of a port of PID 4.
const DRIVER: &str = "portwho: port 80 is held by the kernel (PID 4): a driver holds it, most often \
                      HTTP.sys; to see what that serves, run: netsh http show servicestate\n";

/// When a child was born.
fn birth(peer: &Peer) -> u64 {
    let pid = Pid(peer.pid());
    ThisSystem::default().processes(&BTreeSet::from([pid]), About::Table)[&pid]
        .birth
        .expect("a birth")
}

/// The upper half of each port is noise, which `lab` adds to all of them.
#[trial]
fn rows_of_every_table() {
    let peer = Peer::holding(&[]);
    let pid = peer.pid();
    let lab = Lab::with(&[
        tcp("10.1.2.3:80", LISTEN, pid).created(u64::MAX / 4),
        tcp("[fd00::5]:80", LISTEN, pid),
        tcp("10.1.2.3:80", ESTABLISHED, pid).to("10.9.9.9:65535"),
        udp("0.0.0.0:80", pid),
        udp("[fe80::7%12]:80", pid),
    ])
    .bound(&[]);
    let row = |protocol, local, foreign, state| {
        netstat::socket(protocol, local, foreign, state, pid).image(Peer::name())
    };
    let rows = [
        row("TCP", "10.1.2.3:80", "0.0.0.0:0", "LISTENING"),
        row("TCP", "10.1.2.3:80", "10.9.9.9:65535", "ESTABLISHED"),
        row("TCP", "[fd00::5]:80", "[::]:0", "LISTENING"),
        row("UDP", "0.0.0.0:80", "*:*", ""),
        row("UDP", "[fe80::7%12]:80", "*:*", ""),
    ];
    let output = lab.portwho("80").run();
    let expected = netstat::netstat(&rows);
    assert!(output.stdout.starts_with(&expected), "{expected}{}", output.stdout);
    output.is(0, &output.stdout, "");
}

#[trial]
pub fn time_wait_and_the_kernel() {
    let lab = Lab::with(&[
        tcp("10.1.2.3:80", TIME_WAIT, 0).to("10.9.9.9:50000"),
        tcp("0.0.0.0:80", LISTEN, 4).created(CREATED),
    ])
    .bound(&[]);
    let answer = lab.portwho("--json 80").run().json(0, DRIVER);
    let owners: Vec<&Value> =
        answer["sockets"].as_array().expect("sockets").iter().map(|one| &one["owner"]).collect();
    let kernel = |reason| json!({"kind": "kernel", "reason": reason});
    assert_eq!(owners, [&kernel("kernel"), &kernel("time-wait")]);
}

#[trial]
fn delete_tcb_has_its_name() {
    let row = tcp("10.1.2.3:80", DELETE_TCB, 0).to("10.9.9.9:50000");
    let answer = Lab::with(&[row]).bound(&[]).portwho("--json 80").run();
    let answer: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(only_socket(&answer)["state"], "DELETE_TCB");
}

/// The clock was set back after the process had started: it is older than its socket all the same.
#[trial]
fn a_clock_step() {
    let peer = Peer::holding(&[]);
    let row = tcp("10.1.2.3:80", LISTEN, peer.pid()).created(birth(&peer) - HOUR);
    let answer = Lab::with(&[row]).bound(&[]).portwho("--json 80").run().json(0, "");
    let owner = json!({"kind": "processes", "pids": [peer.pid()]});
    assert_eq!(only_socket(&answer)["owner"], owner);
}

/// System is as old as the machine, whatever the clock says.
#[trial]
pub fn system_never_exits() {
    let row = tcp("10.1.2.3:80", LISTEN, 4).created(1);
    let lab = Lab::with(&[row]).bound(&[]);
    let answer = lab.portwho("--json 80").run().json(0, DRIVER);
    assert_eq!(only_socket(&answer)["owner"], json!({"kind": "kernel", "reason": "kernel"}));
    for words in ["kill -n 80", "kill -y -f 80"] {
        let output = lab.portwho(words).run();
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(output.stderr.contains("PID 4"), "{output:?}");
        assert!(output.stderr.contains(" is the kernel: a driver holds it"), "{output:?}");
    }
}

/// In the details, in JSON and as a column. The peer is older than its socket: one that was born after
/// it may have the PID of a process that left children behind. System always was there.
#[trial]
pub fn the_age_of_a_socket() {
    let peer = Peer::holding(&[]);
    let row = udp("10.1.2.3:80", peer.pid()).created(CREATED_LATER);
    let lab = Lab::with(&[row]).bound(&[]);
    let answer = lab.portwho("-u --json 80").run().json(0, "");
    assert_eq!(only_socket(&answer)["created"], "2054-02-24T06:13:20Z");
    let output = lab.portwho("-u -v 80").run();
    let line = "\n  socket       UDP 10.1.2.3:80, created 2054-02-24T06:13:20Z\n";
    assert!(output.stdout.contains(line), "{output:?}");
    let lab = Lab::with(&[udp("10.1.2.3:80", 4).created(CREATED)]).bound(&[]);
    let output = lab.portwho("-u --no-header --columns age,pid 80").run();
    assert!(output.stdout.contains("years "), "{output:?}");
}

#[trial]
pub fn bound_endpoints_and_their_twins() {
    let (peer, other) = (Peer::holding(&[]), Peer::holding(&[]));
    let connected = tcp("10.1.2.3:50000", ESTABLISHED, peer.pid()).to("10.9.9.9:443");
    let lab = Lab::with(&[connected])
        .bound(&[tcp("0.0.0.0:50000", 0, peer.pid()), tcp("[::]:50000", 0, other.pid())]);
    let answer = lab.portwho("--json 50000 -t").run();
    let answer: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    let states: Vec<&Value> =
        answer["sockets"].as_array().expect("sockets").iter().map(|one| &one["state"]).collect();
    assert_eq!(states, ["ESTABLISHED", "BOUND"]);
    assert_eq!(gaps(&answer), []);
}

/// What one family has is shown, whatever the other answers.
#[trial]
fn bound_endpoints_of_one_family() {
    let peer = Peer::holding(&[]);
    let lab = Lab::new()
        .answer("bound4", 0, &Lab::bound_table(&[tcp("10.1.2.3:80", 0, peer.pid())]))
        .code("bound6", 50);
    let answer = lab.portwho("--json 80").run();
    let answer: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(only_socket(&answer)["state"], "BOUND");
    assert_eq!(gaps(&answer), [("bound-unknown", None)]);
}

/// A success without a table is an empty one.
#[trial]
fn no_bound_endpoints() {
    let lab = Lab::new().code("bound4", 0).code("bound6", 0);
    let answer = lab.portwho("--json -s BOUND").run();
    let answer: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(gaps(&answer), []);
}

/// A process that hosts services.
fn service_host() -> Option<Process> {
    let all = ThisSystem::default().all_processes().expect("processes");
    let all = ThisSystem::default().processes(&all, About::Table);
    all.into_values().find(|process| !process.services.is_empty())
}

/// The row is handed on as it was, and the answer counts where the Service Control Manager agrees.
#[trial]
fn the_service_of_a_socket() {
    let Some(host) = service_host() else {
        skip_stand_in("no process hosts services here (EnumServicesStatusExW)");
        return;
    };
    let own = host.services[0].name.to_lossy();
    let row = tcp("10.1.2.3:80", LISTEN, host.pid.0).created(CREATED);
    for (answer, expected) in [(own.as_str(), json!(own)), ("other", Value::Null)] {
        let name: Vec<u8> = answer.encode_utf16().chain([0]).flat_map(u16::to_ne_bytes).collect();
        let lab = Lab::with(&[row]).bound(&[]).answer("owner.tcp4", 0, &name);
        let output = lab.portwho("--json 80").run();
        let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
        assert_eq!(only_socket(&answer)["service"], expected, "{output:?}");
        assert_eq!(lab.asked(), format!("owner.tcp4 {}\n", row.module()));
    }
}

/// Between the call that asks for the size and the one that reads.
#[trial]
fn a_table_that_grows() {
    let peer = Peer::holding(&[]);
    let row = tcp("10.1.2.3:80", LISTEN, peer.pid());
    let few = 64_u32.to_ne_bytes();
    let lab = Lab::new()
        .answer("tcp4.pid", 122, &few)
        .answer("tcp4.module", 122, &few)
        .answer("tcp4.module", 122, &few)
        .rows(&[row])
        .bound(&[]);
    let answer = lab.portwho("--json 80").run().json(0, "");
    assert_eq!(process(&answer, peer.pid())["name"], Peer::name());
}

/// One table is refused: said once, in words that are true of Windows.
#[trial]
fn a_table_that_is_refused() {
    let peer = Peer::holding(&[]);
    let row = tcp("10.1.2.3:80", LISTEN, peer.pid());
    let lab = Lab::new().code("tcp6.pid", 5).rows(&[row]).bound(&[]);
    let output = lab.portwho("--no-header -l 80").run();
    let expected = "portwho: cannot read the table tcp6: Windows error 5 (ERROR_ACCESS_DENIED): \
                    its sockets are missing; run portwho again, with more privileges if that does not \
                    help\n";
    assert!(output.stderr.starts_with(expected), "{output:?}");
}

/// SetTcpEntry does what it says here, and the row is gone.
#[trial]
fn a_connection_is_closed() {
    let peer = Peer::holding(&[]);
    let row = tcp("10.1.2.3:50000", ESTABLISHED, peer.pid()).to("10.9.9.9:443");
    let closing =
        |code| Lab::with(&[row]).bound(&[]).rows_after_close(&[]).code("SetTcpEntry", code);
    let lab = closing(0);
    let output = lab.portwho("close -y 50000").run();
    assert!(output.stdout.ends_with("until it calls closesocket()\n"), "{output:?}");
    output.is(0, &output.stdout, "");
    // DELETE_TCB, and both ends in the network's byte order.
    let asked = "SetTcpEntry 0c0000000a010203c35000000a09090901bb0000\n";
    assert_eq!(lab.asked(), asked);
    for code in [5, 65] {
        let output = closing(code).portwho("close -y 50000").run();
        assert!(output.stderr.contains("permission denied"), "{code}: {output:?}");
        assert_eq!(output.code, Some(2), "{code}: {output:?}");
    }
}

/// What Windows reads of a program before it starts it ("Application manifests").
#[trial]
fn the_manifest() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_portwho")).expect("read the program");
    for part in ["level=\"asInvoker\"", ">UTF-8</activeCodePage>", ">true</longPathAware>"] {
        let is_there = program.windows(part.len()).any(|bytes| bytes == part.as_bytes());
        assert!(is_there, "{part}");
    }
}
