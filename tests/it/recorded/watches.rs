//! watch on recorded machines: what changes between two looks, and what cannot be read. Nobody waits
//! there for time to pass.

use portwho::model::{Gap, Os, OwnedSocket, Owner, Pid, Socket, TableOwner};
use serde_json::{Value, json};

use super::machine::Machine;
use super::office::office;
use super::parts::{listener, process};

/// What `watch --json` says, as words and the local ports that they are about.
#[track_caller]
fn told(machine: &Machine, looks: u32) -> Vec<(String, u64)> {
    let output = machine.run(&format!("watch --json --count {looks}"));
    output.is(0, &output.stdout, "");
    let of = |line: &str| {
        let object: Value = serde_json::from_str(line).expect("JSON");
        let port = object["socket"]["local"]["port"].as_u64().unwrap_or_default();
        (object["change"].as_str().expect("a word").to_owned(), port)
    };
    output.stdout.lines().map(of).collect()
}

fn one(sockets: Vec<OwnedSocket>) -> Machine {
    Machine::new(Os::Windows, vec![process(7, "a.exe"), process(8, "b.exe")], sockets)
}

fn words(told: &[(String, u64)]) -> Vec<(&str, u64)> {
    told.iter().map(|(word, port)| (word.as_str(), *port)).collect()
}

#[trial]
fn what_opens_and_closes_on_windows() {
    let change = |sockets: &mut Vec<OwnedSocket>| {
        sockets.retain(|row| row.socket.local.port != 80);
        sockets.push(listener("127.0.0.1:81").of(&[8]));
    };
    let machine = one(vec![listener("127.0.0.1:80").of(&[7])]).after_looks(2, change);
    let expected = [("present", 80), ("ready", 0), ("opened", 81), ("closed", 80)];
    assert_eq!(words(&told(&machine, 4)), expected);
}

/// A socket whose process has closed it is the same socket.
#[trial]
fn a_pid_that_becomes_0_is_a_change() {
    let owned = |pid| {
        let mut row = listener("127.0.0.1:80").of(&[pid]);
        row.socket.table_owner = Some(TableOwner { pid: Pid(pid), created: Some(1) });
        row
    };
    let machine = one(vec![owned(7)]).after_looks(2, |sockets| {
        let table_owner = Some(TableOwner { pid: Pid(0), created: Some(1) });
        let socket = Socket { table_owner, ..sockets[0].socket.clone() };
        sockets[0] = OwnedSocket { socket, owner: Owner::NotFound };
    });
    let expected = [("present", 80), ("ready", 0), ("changed", 80)];
    assert_eq!(words(&told(&machine, 4)), expected);
}

#[trial]
fn a_table_that_cannot_be_read_is_a_gap_and_nothing_has_closed() {
    let gap = Gap::TableUnreadable { table: "tcp".to_owned(), why: "no".to_owned() };
    let machine = one(vec![listener("127.0.0.1:80").of(&[7])]).gap(gap);
    let machine = machine.after_looks(1, Vec::clear);
    let expected = [("gap", 0), ("present", 80), ("ready", 0)];
    assert_eq!(words(&told(&machine, 4)), expected);
}

#[trial]
fn lines_of_a_recorded_machine() {
    let machine =
        office().after_looks(1, |sockets| sockets.retain(|row| row.socket.local.port != 8081));
    let output = machine.run("watch --count 3 8081");
    let lines = output.stdout.lines().skip(1).map(|line| line.split_at(21).1);
    let expected = [
        "closed  TCP    0.0.0.0:8081           0.0.0.0:0              LISTENING       1688     inetinfo.exe",
        "closed  TCP    127.0.0.1:8081         127.0.0.1:50001        ESTABLISHED     1688     inetinfo.exe",
        "closed  TCP    192.168.0.7:8081       192.168.0.9:50231      TIME_WAIT       0        (time-wait)",
        "closed  TCP    [::]:8081              [::]:0                 LISTENING       1688     inetinfo.exe",
        "closed  TCP    [::1]:8081             [::1]:50002            CLOSE_WAIT      1688     inetinfo.exe",
    ];
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""));
    assert_eq!(lines.collect::<Vec<_>>(), expected);
}

/// Owners are described when they are new, and when something is printed of them: nothing else is.
#[trial]
fn a_process_is_described_when_it_is_printed() {
    let machine = Machine::new(
        Os::Linux,
        vec![process(7, "a"), process(8, "b"), process(9, "c")],
        vec![listener("127.0.0.1:80").of(&[7]), listener("127.0.0.1:81").of(&[8])],
    );
    let machine = machine.after_looks(22, |sockets| {
        sockets.push(listener("127.0.0.1:82").of(&[9]));
        sockets.push(listener("127.0.0.1:83").of(&[8]));
    });
    let expected = [("present", 80), ("present", 81), ("ready", 0), ("opened", 82), ("opened", 83)];
    assert_eq!(words(&told(&machine, 40)), expected);
    assert_eq!(machine.world.borrow().described, [vec![7, 8], vec![8, 9]]);
}

/// A filter by name takes all of them, and another program may run there.
#[trial]
fn all_processes_are_described_again_where_names_are_asked_for() {
    let machine = Machine::new(
        Os::Linux,
        vec![process(7, "a"), process(8, "b")],
        vec![listener("127.0.0.1:80").of(&[7]), listener("127.0.0.1:81").of(&[8])],
    );
    let output = machine.run("watch --json --count 25 --name b");
    output.is(0, &output.stdout, "");
    assert_eq!(machine.world.borrow().described, [[7, 8], [7, 8], [7, 8]]);
}

/// Every 10 seconds, and not at each look.
#[trial]
fn namespaces_are_found_anew_every_ten_seconds() {
    let machine =
        Machine::new(Os::Linux, vec![process(7, "a")], vec![listener("127.0.0.1:80").of(&[7])]);
    let output = machine.run("watch --json --all-netns --count 25");
    output.is(0, &output.stdout, "");
    assert_eq!(machine.world.borrow().namespace_searches, 3, "at 0, 10 and 20 seconds");
}

/// A new socket is found first among the processes that hold others like it; who else holds it is found at
/// the next look, where that is cheap.
#[trial]
fn a_shared_socket_has_all_its_holders_soon() {
    let machine = Machine::new(
        Os::Linux,
        vec![process(7, "a"), process(8, "b")],
        vec![listener("127.0.0.1:80").of(&[7])],
    );
    let machine = machine.after_looks(1, |sockets| {
        let mut shared = listener("127.0.0.1:80").of(&[7, 8]);
        shared.socket.inode = Some(99);
        sockets.push(shared);
    });
    let output = machine.run("watch --json --count 4");
    let parsed = |line| serde_json::from_str::<Value>(line).expect("JSON");
    let told: Vec<Value> = output.stdout.lines().map(parsed).collect();
    let told: Vec<_> =
        told.iter().map(|it| (&it["change"], &it["socket"]["owner"]["pids"])).collect();
    let expected = [
        (json!("present"), json!([7])),
        (json!("ready"), Value::Null),
        (json!("opened"), json!([7])),
        (json!("changed"), json!([7, 8])),
    ];
    assert_eq!(told, expected.iter().map(|(word, pids)| (word, pids)).collect::<Vec<_>>());
}
