//! watch on recorded machines: what changes between two looks, and what cannot be read. Nobody waits
//! there for time to pass.

use portwho::model::{Gap, Os, OwnedSocket, Owner, Pid, Socket, TableOwner};
use serde_json::Value;

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
