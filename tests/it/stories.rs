//! Stories of the field, from the first look to the end: what is in the way is seen, explained and found
//! by doctor, ended by the command that was given, and the port is free.

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::close::{assert_gone, close, is_of, sockets_held};
use crate::doctor::{await_count, findings, is, only_finding, server_at};
use crate::kill::{
    TERM, assert_free, assert_held, assert_lives, freed, held, held_here, identity, kill, named,
    run, runs,
};
use crate::support::json::{only_socket, sockets};
use crate::support::kernel_table::{self, State, await_state};
use crate::support::makers;
use crate::support::neighbor::ip;
use crate::support::process::Owner;
use crate::support::programs::find_in_path;
use crate::support::{features, golden, portwho, refuse, skip, wait_until};

/// The port is free: portwho says so, and a bind succeeds.
#[track_caller]
fn is_free(port: u16, and_says: &str) {
    refuse::other_namespaces();
    let expected = format!("portwho: port {port} is free\n{and_says}");
    portwho([port.to_string()]).run().without_seconds().is(1, "", &expected);
    assert_free(port);
}

/// What explain says of a state, and of who has how many.
#[track_caller]
fn explains(state: &str, sentence: &str, count: usize, who: &str) {
    let output = portwho(["explain", state]).run();
    output.is(0, &output.stdout, &features::remark_on_bound(&output));
    let words = output.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(sentence), "{sentence}: {output:?}");
    let here = format!("\nHere now     {count}\n{count:>21}  {who}\n");
    assert!(output.stdout.contains(&here), "{here}: {output:?}");
}

/// The command that a finding recommends, without the name of the program.
fn now(finding: &Value) -> Vec<String> {
    let command = finding["now"].as_str().expect("a command");
    let words = command.strip_prefix("portwho ").expect("a command of portwho");
    words.split(' ').map(str::to_owned).collect()
}

/// Who has port 80? It is ended, and the next server can have it.
#[trial]
fn a_server_on_port_80() {
    let everywhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 80);
    let web = Owner::named("web").holding(makers::listening(everywhere).socket);
    assert_held(80);
    let row = golden::socket("TCP", everywhere, "0.0.0.0:0", "LISTENING", web.pid());
    let expected = golden::tables(&[row], &[golden::process("web", web.pid())]);
    portwho(["80"]).run().is(0, &expected, "");
    explains("LISTENING", "A server is waiting", 1, &named("web", web.pid()));
    let expected = held(&everywhere.to_string(), "web", web.pid()) + &freed(web.pid(), 80, "");
    run(kill(["80"])).is(0, &expected, "");
    assert_eq!(web.ended_by(), TERM);
    is_free(80, "");
    let next = Owner::named("next").holding(makers::listening(everywhere).socket);
    portwho(["-q", "80"]).run().is(0, &format!("{}\n", next.pid()), "");
}

/// Many SYN_SENT of one process, to addresses of which none answers.
#[trial]
fn a_scanner() {
    if find_in_path("ip").is_none() {
        return skip("no ip in the PATH");
    }
    // What is sent to lo, and is for no address here, is dropped without an answer.
    ip("route add 198.18.0.0/15 dev lo");
    let mut scanner = Owner::named("scanner").playing("connections", &[]);
    scanner.line();
    let hosts = 1..=110;
    for host in hosts.clone() {
        scanner.tell(&format!("begin 198.18.7.{host}:23"));
    }
    let pid = scanner.pid();
    // As soon as each has been retransmitted twice.
    let is_all = |finding: &Value| finding["count"] == 110;
    wait_until("doctor to find it", || findings().iter().any(is_all).then_some(()));
    let found = only_finding();
    is(&found, "syn-sent-fan-out", "warning", Some((pid, "scanner")), 110);
    assert_eq!(found["evidence"], json!({"sockets": 110, "foreign_ports": {"23": 110}}));
    let listed = portwho(now(&found)).run();
    listed.is(0, &listed.stdout, "");
    for host in hosts {
        let row = format!("  198.18.7.{host}:23 ");
        let rows = || listed.stdout.lines().filter(|line| line.contains(&row));
        assert!(rows().all(|line| line.contains(" SYN_SENT ")), "{listed:?}");
        assert_eq!(rows().count(), 1, "{row}: {listed:?}");
    }
    let scan = "Many from one process to many addresses may be a scan";
    explains("SYN_SENT", scan, 110, &named("scanner", pid));
    let pid_word = pid.to_string();
    let closed = format!(
        "closed 110 sockets; {} keeps their descriptors until it calls close()\n",
        named("scanner", pid)
    );
    close(["-y", "--state", "SYN_SENT", "--pid", &pid_word]).run().is(
        0,
        &(is_of("110 SYN_SENT", "scanner", pid) + &closed),
        "",
    );
    await_count("tcp", State::SYN_SENT, 0);
    assert_lives(&scanner.process);
}

/// No process closes the connections that two processes of a database share.
#[trial]
fn a_database_that_leaks() {
    const LEAKED: usize = 100;
    let (mut listener, address) = server_at("oracle", "127.0.0.1:1521");
    let clients: Vec<TcpStream> =
        (0..LEAKED).map(|_| TcpStream::connect(address).expect("connect")).collect();
    listener.tell(&format!("accept {LEAKED}"));
    let worker: u32 = listener.tell("share").parse().expect("a PID");
    let ends: Vec<SocketAddr> =
        clients.iter().map(|client| client.local_addr().expect("local address")).collect();
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, LEAKED);
    listener.tell("read");
    let pid = listener.pid();

    // Each is seen, with both.
    let answer = portwho(["--json", "--state", "CLOSE_WAIT", "1521"]).run().json(0, "");
    let owners = json!({"kind": "processes", "pids": sorted([pid, worker])});
    let owned = sockets(&answer).iter().filter(|socket| socket["owner"] == owners);
    assert_eq!(owned.count(), LEAKED, "{answer:#}");
    explains("CLOSE_WAIT", "it must call close()", LEAKED, &named("oracle", pid));
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((pid, "oracle")), LEAKED);
    assert_eq!(finding["evidence"]["cause"], "not-closed");

    // Each is closed by the command that doctor gives, though both keep their descriptors.
    let held_before = [pid, worker].map(sockets_held);
    let [first, second] = sorted([pid, worker]);
    let who = format!("{}, {}", named("oracle", first), named("oracle", second));
    let closed = format!(
        "{LEAKED} CLOSE_WAIT of {}, {}\nclosed {LEAKED} sockets; {who} keep their descriptors until \
         they call close()\n",
        identity("oracle", first),
        identity("oracle", second)
    );
    close(now(&finding).into_iter().skip(1).chain(["-y".to_owned()])).run().is(0, &closed, "");
    for end in ends {
        assert_gone(address, end);
    }
    assert_eq!([pid, worker].map(sockets_held), held_before);

    // The processes are ended together, and the port is free.
    let expected = held_here(1521, "oracle", pid)
        + &format!("  also held by {}\n", named("oracle", worker))
        + &format!("PIDs {pid}, {worker} exited after T; port 1521 is free\n");
    run(kill(["1521"])).is(0, &expected, "");
    assert_eq!(listener.process.ended_by(), TERM);
    assert!(!runs(worker), "the other holder has ended too");
    is_free(1521, "");
}

fn sorted(mut pids: [u32; 2]) -> [u32; 2] {
    pids.sort_unstable();
    pids
}

/// FIN_WAIT_2 here waits for the process of CLOSE_WAIT there, and both are on this machine.
#[trial]
fn half_closed_on_one_machine() {
    let (mut database, address) = server_at("database", "127.0.0.1:5432");
    let client = TcpStream::connect(address).expect("connect");
    database.tell("accept 1");
    client.shutdown(Shutdown::Write).expect("shutdown");
    let end = client.local_addr().expect("local address");
    await_state(end, address, State::FIN_WAIT_2);
    await_state(address, end, State::CLOSE_WAIT);
    let report = Owner::named("report").holding(client.into());
    let pid = database.pid();

    // Both are seen, from either side.
    let closed_there = golden::socket("TCP", address, end, "CLOSE_WAIT", pid);
    let expected = golden::tables(&[closed_there], &[golden::process("database", pid)]);
    portwho(["--state", "CLOSE_WAIT", "5432"]).run().is(0, &expected, "");
    let waits_here = golden::socket("TCP", end, address, "FIN_WAIT_2", report.pid());
    let expected = golden::tables(&[waits_here], &[golden::process("report", report.pid())]);
    portwho(["--foreign-port", "5432"]).run().is(0, &expected, "");
    let answer = portwho(["--json", "--state", "FIN_WAIT_2"]).run().json(0, "");
    assert_eq!(only_socket(&answer)["owner"]["pids"], json!([report.pid()]));

    // Each is explained with the other side, and doctor names both.
    let is_close_wait = "The peer's process: it must call close(). On its side this is CLOSE_WAIT.";
    explains("FIN_WAIT_2", is_close_wait, 1, &named("report", report.pid()));
    explains("CLOSE_WAIT", "The peer has closed its side", 1, &named("database", pid));
    let text = portwho(["doctor"]).run();
    let expected = format!(
        "note         half-closed-pair\n\
         who          {}\n\
         what         it must call close() for 1 connection on port 5432; the peer waits\n\
         {:13}in FIN_WAIT_2: {}\n",
        identity("database", pid),
        "",
        named("report", report.pid())
    );
    text.is(0, &text.stdout, "");
    assert!(text.stdout.starts_with(&expected), "{expected}{text:?}");

    // The process of CLOSE_WAIT is ended: FIN_WAIT_2 gets the FIN that it waited for.
    let expected = held_here(5432, "database", pid) + &freed(pid, 5432, "");
    run(kill(["5432"])).is(0, &expected, "");
    assert_eq!(database.process.ended_by(), TERM);
    assert_gone(address, end);
    await_state(end, address, State::TIME_WAIT);
    assert_lives(&report);
    assert!(kernel_table::rows("tcp").iter().all(|row| row.state == State::TIME_WAIT));
    let to_there = "portwho: 1 connection goes to foreign port 5432; to see it, run: portwho \
                    --foreign-port 5432\n";
    is_free(5432, to_there);
    let silent = portwho(["doctor"]).run();
    silent.is(0, &silent.stdout, "");
    assert!(silent.stdout.starts_with("no problems found in 1 socket "), "{silent:?}");
}
