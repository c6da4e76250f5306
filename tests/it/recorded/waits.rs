//! wait on recorded machines: Windows, excluded ranges, what cannot be read, and what changes between
//! two looks. Nobody waits there for time to pass.

use portwho::model::{Family, Gap, Os, OwnedSocket, Owner, PortRules};

use super::machine::Machine;
use super::office::office;
use super::parts::{listener, process, udp};

fn windows() -> Machine {
    Machine::new(Os::Windows, Vec::new(), Vec::new())
}

#[track_caller]
fn says(machine: &Machine, words: &str, code: i32, stdout: &str, stderr: &str) {
    machine.run(words).without_wait().is(code, stdout, stderr);
}

#[trial]
fn a_server_on_windows() {
    let line = "port 8081 is open after N: inetinfo.exe (PID 1688)\n";
    says(&office(), "wait 8081", 0, line, "");
    says(&office(), "wait --name inetinfo.exe 8081", 0, line, "");
    says(&office(), "wait 47", 1, "nothing listens on port 47 after N\n", "");
    says(&office(), "wait -u 123", 0, "UDP port 123 is open after N: svchost.exe (PID 1044)\n", "");
}

/// The fourth look finds it, and the one that names its owner.
#[trial]
fn a_server_that_starts_between_two_looks() {
    let start = |sockets: &mut Vec<OwnedSocket>| sockets.push(listener("127.0.0.1:47").of(&[1688]));
    let machine = office().after_looks(3, start);
    says(&machine, "wait 47", 0, "port 47 is open after N: inetinfo.exe (PID 1688)\n", "");
}

/// It is there at the first look, and gone when its owner is asked for: it is waited for again.
#[trial]
fn a_server_that_stops_while_its_owner_is_searched() {
    let stop = |sockets: &mut Vec<OwnedSocket>| sockets.retain(|row| row.socket.local.port != 8082);
    let machine = office().after_looks(1, stop);
    says(&machine, "wait 8082", 1, "nothing listens on port 8082 after N\n", "");
}

#[trial]
fn a_port_that_becomes_free_between_two_looks() {
    let stop = |sockets: &mut Vec<OwnedSocket>| sockets.retain(|row| row.socket.local.port != 8082);
    let machine = office().after_looks(3, stop);
    says(&machine, "wait --free 8082", 0, "port 8082 is free after N\n", "");
    let line = "port 8081 is still in use after N: inetinfo.exe (PID 1688)\n";
    says(&machine, "wait --free 8081", 1, line, "");
}

/// A socket at one address does not block one at every address.
#[trial]
fn what_is_narrower_blocks_nothing_on_windows() {
    says(&office(), "wait --free 0.0.0.0:8082", 0, "0.0.0.0:8082 is free after N\n", "");
    let linux = Machine::new(Os::Linux, Vec::new(), vec![listener("127.0.0.1:8082").of(&[5])]);
    let line = "0.0.0.0:8082 is still in use: PID 5\n";
    says(&linux, "wait --free --timeout 0 0.0.0.0:8082", 1, line, "");
}

/// No time makes it better, and somebody may hold it meanwhile.
#[trial]
fn an_excluded_range_ends_it_at_once() {
    let rules = PortRules { excluded: vec![(Family::V4, 50_000..=50_059)], ..PortRules::default() };
    let machine = Machine { rules, ..office() }.socket(listener("0.0.0.0:50001").of(&[1688]));
    let line = |port| {
        format!(
            "portwho: port {port} cannot be bound: 50000-50059 is an excluded range; to list such \
             ranges, run: netsh int ipv4 show excludedportrange protocol=tcp\n"
        )
    };
    says(&machine, "wait --free --timeout none 50059", 2, "", &line(50_059));
    says(&machine, "wait --free --timeout none --json 47 50001", 2, "", &line(50_001));
    says(&machine, "wait --free 50060", 0, "port 50060 is free after N\n", "");
    says(&machine, "wait 50001", 0, "port 50001 is open after N: inetinfo.exe (PID 1688)\n", "");
}

/// The rules are read again when the port is free after half a minute, and not at each look.
#[trial]
fn a_range_that_is_excluded_meanwhile() {
    let stop = |sockets: &mut Vec<OwnedSocket>| sockets.retain(|row| row.socket.local.port != 8082);
    let excluded =
        || PortRules { excluded: vec![(Family::V4, 8080..=8089)], ..PortRules::default() };
    let waits = |looks: usize| {
        Machine { later_rules: Some(excluded()), ..office() }.after_looks(looks, stop)
    };
    // A look is followed by a pause of 100 ms at least.
    let line = "portwho: port 8082 cannot be bound: 8080-8089 is an excluded range; to list such \
                ranges, run: netsh int ipv4 show excludedportrange protocol=tcp\n";
    says(&waits(350), "wait --free --timeout none 8082", 2, "", line);
    says(&waits(3), "wait --free --timeout none 8082", 0, "port 8082 is free after N\n", "");
}

#[trial]
fn a_table_that_cannot_be_read_ends_it_at_once() {
    let gap = || Gap::TableUnreadable { table: "tcp6".to_owned(), why: "no".to_owned() };
    let machine = office().gap(gap());
    let told = machine.run("47").stderr;
    let told = told.lines().next().map(|line| format!("{line}\n")).expect("a gap");
    assert!(told.contains("tcp6"), "{told}");
    says(&machine, "wait --timeout none 47", 2, "", &told);
    says(&machine, "wait --timeout none --free 47", 2, "", &told);
    says(&machine, "wait --timeout none --free 8081", 2, "", &told);
    // What was found is there all the same.
    says(&machine, "wait 8081", 0, "port 8081 is open after N: inetinfo.exe (PID 1688)\n", &told);
}

const NOT_LISTED: &str = "portwho: this system does not list BOUND sockets: Linux has listed \
                          them since 6.8; Windows lists them if netstat has -q\n";

#[trial]
fn bound_sockets_that_cannot_be_seen() {
    let machine = windows().gap(Gap::BoundNotListed);
    let line = "port 47 is free after N, as far as sockets can be seen\n";
    says(&machine, "wait --free 47", 0, line, NOT_LISTED);
    says(&machine, "wait --timeout 0 47", 1, "nothing listens on port 47\n", "");
    says(&machine, "wait --free -u 47", 0, "UDP port 47 is free after N\n", "");
}

/// The one that made the socket has exited: nobody can tell whose it is now, and it may close.
#[trial]
fn an_owner_that_has_exited() {
    let left = || listener("0.0.0.0:47").owner(Owner::Exited(portwho::model::Pid(77)));
    let stderr = |machine: &Machine| {
        let told = machine.run("47").stderr;
        told.lines().next().map(|line| format!("{line}\n")).expect("a gap")
    };
    let machine = windows().socket(left());
    let gap = stderr(&machine);
    let unknown = "portwho: cannot tell whether the owner of port 47 matches the filters\n";
    let absent = "portwho: no process is named 'a.exe'\n";
    says(&machine, "wait --name a.exe 47", 2, "", &format!("{unknown}{absent}{gap}"));
    let change = |sockets: &mut Vec<OwnedSocket>| {
        sockets.clear();
        sockets.push(listener("0.0.0.0:47").of(&[1688]));
    };
    let machine = office().socket(left()).after_looks(5, change);
    let line = "port 47 is open after N: inetinfo.exe (PID 1688)\n";
    says(&machine, "wait --name inetinfo.exe 47", 0, line, "");
}

/// More ports than are told of one by one.
#[trial]
fn every_port_that_there_is() {
    let sink = vec![process(5, "sink.exe")];
    let machine = Machine::new(Os::Windows, sink, vec![udp("0.0.0.0:9").of(&[5])]);
    let line = "ports 1-65535 are free after N\n";
    says(&machine, "wait --free 1-65535", 0, line, "");
    let line = "UDP port 9 is still in use: sink.exe (PID 5)\n";
    says(&machine, "wait --free -u --timeout 0 1-65535", 1, line, "");
    let answer = machine.run("wait --free -u --timeout 0 --json 1-65535").json(1, "");
    assert_eq!(answer["ports"].as_array().map(Vec::len), Some(1));
}
