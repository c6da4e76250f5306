//! Who holds a socket: all of them, whatever they are doing, or the reason why none is named.

mod hidden;

use std::fs;
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::support::flight::Flight;
use crate::support::golden::{self, SocketRow};
use crate::support::json::{only_socket, process};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner};
use crate::support::{Run, portwho, rounds, skip, wait_until};

const NOBODY: u32 = 65534;

fn listener(port: u16) -> OwnedFd {
    makers::listening(Loopback::V4.port(port)).socket
}

fn listener_row(port: u16, pid: impl ToString) -> SocketRow {
    golden::socket("TCP", format!("127.0.0.1:{port}"), "0.0.0.0:0", "LISTENING", pid)
}

#[track_caller]
fn owner(run: Run, stderr: &str) -> Value {
    only_socket(&run.run().json(0, stderr))["owner"].clone()
}

/// A parent and its children that hold the listener of port 80; all PIDs, ascending.
fn family(children: usize) -> (Actor, Vec<u32>) {
    let words = [children.to_string()];
    let mut parent = Owner::named("nginx").playing_with("family", &[&words[0]], listener(80));
    let mut pids: Vec<u32> =
        parent.line().split(' ').map(|pid| pid.parse().expect("a PID")).collect();
    assert_eq!(pids.len(), children);
    for pid in &pids {
        await_rest(*pid);
    }
    pids.push(parent.pid());
    pids.sort_unstable();
    (parent, pids)
}

/// Waits until a process that another one has started is what it is to be, and does nothing.
fn await_rest(pid: u32) {
    wait_until("a child to be named and at rest", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
        stat.contains("(nginx) S ").then_some(())
    });
}

#[trial]
fn several_by_fork() {
    let (_parent, pids) = family(3);
    let cell = pids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
    let processes: Vec<_> = pids.iter().map(|pid| golden::process("nginx", *pid)).collect();
    let expected = golden::tables(&[listener_row(80, cell)], &processes);
    portwho(["80"]).run().is(0, &expected, "");
    assert_eq!(owner(portwho(["--json", "80"]), ""), json!({"kind": "processes", "pids": pids}));
}

#[trial]
fn more_than_four() {
    let (_parent, pids) = family(6);
    let cell = format!("{} +6", pids[0]);
    let processes: Vec<_> = pids.iter().map(|pid| golden::process("nginx", *pid)).collect();
    let expected = golden::tables(&[listener_row(80, cell)], &processes);
    portwho(["80"]).run().is(0, &expected, "");
    assert_eq!(owner(portwho(["--json", "80"]), ""), json!({"kind": "processes", "pids": pids}));
    let lines: String = pids.iter().map(|pid| format!("{pid}\n")).collect();
    portwho(["-q", "80"]).run().is(0, &lines, "");
}

/// The same socket on stdin and stdout: one owner, named once.
#[trial]
fn one_process_with_two_descriptors() {
    let socket = listener(80);
    let mut command = Command::new("sleep");
    let copy = socket.try_clone().expect("dup");
    let mut child = command.arg("3600").stdin(socket).stdout(copy).spawn().expect("spawn");
    drop(command);
    let pid = child.id();
    wait_until("sleep to have started", || {
        (fs::read(format!("/proc/{pid}/comm")).expect("comm") == b"sleep\n").then_some(())
    });
    let found = owner(portwho(["--json", "80"]), "");
    let quiet = portwho(["-q", "80"]).run();
    child.kill().expect("kill");
    child.wait().expect("wait");
    assert_eq!(found, json!({"kind": "processes", "pids": [pid]}));
    quiet.is(0, &format!("{pid}\n"), "");
}

/// One process, two rows: one line in the table of processes.
#[trial]
fn one_process_with_two_sockets() {
    let mut role = Owner::named("server").playing("listen", &["127.0.0.1:80", "127.0.0.1:81"]);
    role.line();
    let rows = [listener_row(80, role.pid()), listener_row(81, role.pid())];
    let expected = golden::tables(&rows, &[golden::process("server", role.pid())]);
    portwho(["80,81"]).run().is(0, &expected, "");
    portwho(["-q", "80-81"]).run().is(0, &format!("{}\n", role.pid()), "");
}

/// Processes come and go all the time, and hold the socket while they live.
#[trial]
fn exiting_in_the_middle_of_the_walk() {
    let socket = listener(80);
    let shared = socket.try_clone().expect("dup");
    let owner = Owner::named("steady").holding(socket);
    let steady = json!(owner.pid());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let _stop = StopOnDrop(&stop);
        for _ in 0..2 {
            scope.spawn(|| storm(&shared, &stop));
        }
        for _ in rounds(100) {
            let answer = portwho(["--json", "80"]).run().json(0, "");
            let found = &only_socket(&answer)["owner"];
            assert_eq!(found["kind"], "processes", "{found}");
            let pids = found["pids"].as_array().expect("PIDs");
            assert!(pids.contains(&steady), "{found}");
            assert!(pids.is_sorted_by_key(Value::as_u64), "{found}");
            process(&answer, owner.pid());
        }
    });
}

fn storm(socket: &OwnedFd, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        let spawn = |_| {
            let socket = socket.try_clone().expect("dup");
            Command::new("true").stdin(socket).spawn().expect("spawn")
        };
        let children: Vec<_> = (0..8).map(spawn).collect();
        for mut child in children {
            child.wait().expect("wait");
        }
    }
}

/// Stops the storms also when the test fails: the scope waits for them.
struct StopOnDrop<'a>(&'a AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A socket that no process has a descriptor of has no owner, even while others exit: one that ends
/// while it is searched is no reason to say that something is hidden. In a PID namespace, because
/// even root may not read every process on every machine.
#[trial]
fn no_owner_while_processes_exit() {
    if !can_make_pid_namespaces() {
        return;
    }
    let socket = listener(80);
    let _in_flight = Flight::of(&socket);
    drop(socket);
    let storms = "for _ in 1 2 3; do while :; do (exit); done & done; exec \"$@\"";
    let wrapper = [&IN_NAMESPACE[..], &["sh", "-c", storms, "sh"]].concat();
    for _ in rounds(150) {
        let output = portwho(["--json", "80"]).through(&wrapper).run();
        let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
        assert_eq!(only_socket(&answer)["owner"]["kind"], "not-found", "{output:?}");
    }
}

#[trial]
fn a_zombie_is_not_an_owner() {
    let socket = listener(80);
    let mut zombie = Owner::named("zombie").holding(socket.try_clone().expect("dup"));
    let living = Owner::named("living").holding(socket);
    zombie.make_zombie();
    assert_eq!(zombie.state(), 'Z');
    let processes = [golden::process("living", living.pid())];
    let expected = golden::tables(&[listener_row(80, living.pid())], &processes);
    portwho(["80"]).run().is(0, &expected, "");
}

#[trial]
fn a_process_whose_first_thread_has_exited_is_one() {
    let mut leader = Owner::named("leader").playing_with("zombie-leader", &[], listener(80));
    assert_eq!(leader.line(), "ready");
    wait_until("the first thread to be a zombie", || (leader.process.state() == 'Z').then_some(()));
    let found = owner(portwho(["--json", "80"]), "");
    assert_eq!(found, json!({"kind": "processes", "pids": [leader.pid()]}));
}

const IN_NAMESPACE: [&str; 3] = ["unshare", "-pf", "--mount-proc"];

fn can_make_pid_namespaces() -> bool {
    let probe = Command::new("unshare").args(["-pf", "--mount-proc", "true"]).status();
    let can = probe.is_ok_and(|status| status.success());
    if !can {
        skip("unshare -pf --mount-proc is refused");
    }
    can
}
