//! Who is related to whom: without a terminal, kill goes on only with related holders.

use portwho::model::{Os, OwnedSocket};

use super::machine::Machine;
use super::parts::{Simulated, listener, process};

const WEB: &str = "/usr/sbin/web";

fn linux(pid: u32, parent: u32, uid: u32) -> Simulated {
    process(pid, "web").named("web".into()).parent(parent).uid(uid).program(WEB)
}

/// A socket that this user has created, held by 20 and 21.
fn shared(creator: u32) -> OwnedSocket {
    listener("0.0.0.0:80").linux(7, creator).of(&[20, 21])
}

#[track_caller]
fn goes_on(machine: &Machine, does: bool, what: &str) {
    let output = machine.run("kill -n 80");
    assert_eq!(output.code, Some(if does { 0 } else { 2 }), "{what}: {output:?}");
    let contested = output.stderr.contains("unrelated processes hold it");
    assert_eq!(contested, !does, "{what}: {output:?}");
    let asked = machine.asked("kill 80", "n\nn\n");
    let questions = asked.stderr.matches("[y/N]").count();
    assert_eq!(questions, if does { 1 } else { 2 }, "{what}: {asked:?}");
    machine.run("kill 80");
    assert_eq!(machine.ended().is_empty(), !does, "{what}");
}

#[trial]
fn on_one_linux_socket() {
    let elsewhere = |one: Simulated| one.in_session("-", 9);
    let cases = [
        ("root's master and a worker", linux(20, 1, 0), linux(21, 20, 33), 0, true),
        ("workers without their parent", linux(20, 1, 33), linux(21, 1, 33), 33, true),
        ("another session", linux(20, 1, 33), elsewhere(linux(21, 1, 33)), 33, false),
        ("another program", linux(20, 1, 33), linux(21, 1, 33).program("/bin/x"), 33, false),
        ("another user", linux(20, 1, 33), linux(21, 1, 34), 0, false),
        ("a user's socket at root's daemon", linux(20, 1, 0), linux(21, 1, 1000), 1000, false),
        ("and the daemon is the parent", linux(20, 1, 0), linux(21, 20, 1000), 1000, false),
        ("and the daemon is the child", linux(20, 1, 1000), linux(21, 20, 0), 1000, false),
    ];
    for (what, one, other, creator, does) in cases {
        goes_on(&Machine::new(Os::Linux, vec![one, other], vec![shared(creator)]), does, what);
    }
}

#[trial]
fn side_by_side() {
    for os in [Os::Linux, Os::Windows] {
        for (parent, does) in [(20, true), (1, false)] {
            let sockets = [("127.0.0.1:80", 20), ("[::1]:80", 21)];
            let sockets = sockets.map(|(end, pid)| listener(end).of(&[pid])).to_vec();
            let processes = vec![linux(20, 1, 0), linux(21, parent, 0)];
            let output = Machine::new(os, processes, sockets).run("kill -n 80");
            assert_eq!(output.code, Some(if does { 0 } else { 2 }), "{os:?} {parent}: {output:?}");
        }
    }
}

#[trial]
fn a_filter_that_names_them() {
    for (filter, ended) in [
        ("--user 1000", &[21][..]),
        ("--user 0", &[20]),
        ("--user 0,1000", &[20, 21]),
        ("--pid 20", &[20]),
        ("--pid 20,21", &[20, 21]),
        ("--name web", &[20, 21]),
        ("--name w*", &[]),
        ("", &[]),
        ("-y", &[20, 21]),
    ] {
        let processes = vec![linux(20, 1, 0), linux(21, 1, 1000)];
        let machine = Machine::new(Os::Linux, processes, vec![shared(1000)]);
        machine.run(&format!("kill {filter} 80"));
        let pids: Vec<u32> = machine.ended().iter().map(|(pid, _)| *pid).collect();
        assert_eq!(pids, ended, "{filter}");
    }
}

/// Its ancestors between hold nothing.
#[trial]
fn a_grandchild_far_away() {
    let chain = (100..200).map(|pid| linux(pid, pid - 1, 0));
    let mut processes: Vec<Simulated> = chain.collect();
    processes.extend([linux(20, 1, 0), linux(99, 20, 0), linux(21, 199, 33).program("/bin/x")]);
    for one in &mut processes {
        one.process.birth = None;
    }
    goes_on(&Machine::new(Os::Linux, processes, vec![shared(0)]), true, "a hundred generations");
}

/// Any process may pass a socket to as many others as it likes.
#[trial]
fn lists_of_holders_are_bounded() {
    let pids: Vec<u32> = (20..220).collect();
    let ten = |pids: &[u32]| {
        let names = pids.iter().take(10).map(|pid| format!("web (PID {pid})"));
        names.collect::<Vec<_>>().join(", ")
    };
    let machine = |parent_of: fn(u32) -> u32| {
        let processes = pids.iter().map(|&pid| linux(pid, parent_of(pid), 0)).collect();
        let shared = listener("0.0.0.0:80").linux(7, 0).of(&pids);
        Machine::new(Os::Linux, processes, vec![shared])
    };
    // The workers of one master.
    let family = machine(|pid| if pid == 20 { 1 } else { 20 }).asked("kill 80", "n\n");
    let also = format!("  also held by {} and 189 more\n", ten(&pids[1..]));
    assert!(family.stdout.ends_with(&also), "{family:?}");
    let question = "Terminate web (PID 20), then 199 others that share the socket, if they still \
                    hold the port? [y/N] portwho: port 80: not confirmed; nothing was sent to \
                    web (PID 20)\n";
    family.is(2, &family.stdout, question);
    // Workers whose master has exited: all of them are signaled first.
    let orphans = machine(|_| 1);
    let asked = orphans.asked("kill 80", "y\n");
    let question = format!("Terminate {} and 190 more of user 0? [y/N] ", ten(&pids));
    let exited = "PIDs 20, 21, 22, 23, 24, 25, 26, 27, 28, 29 and 190 more exited after 0ms; port 80 \
                  is free\n";
    assert!(asked.stdout.ends_with(exited), "{asked:?}");
    asked.is(0, &asked.stdout, &question);
    assert_eq!(orphans.ended().len(), pids.len());
}

/// A socket may be passed to hundreds of processes that have nothing in common.
#[trial]
fn unrelated_holders_are_bounded_and_counted() {
    let pids: Vec<u32> = (20..320).collect();
    let machine = || {
        let stranger = |&pid: &u32| linux(pid, 1, 1000 + pid % 3).in_session("-", pid);
        let processes = pids.iter().map(stranger).collect();
        let shared = listener("0.0.0.0:80").linux(7, 0).of(&pids);
        Machine::new(Os::Linux, processes, vec![shared])
    };
    let told = machine().run("kill -n 80");
    assert_eq!(told.code, Some(2), "{told:?}");
    assert_eq!(told.stdout.matches("0.0.0.0:80 is held by").count(), 17, "{told:?}");
    assert!(told.stdout.len() + told.stderr.len() < 20_000, "{} bytes", told.stdout.len());
    // One question for the rest, which counts all of them.
    let asked = machine().asked("kill 80", &"n\n".repeat(17));
    let questions: Vec<&str> = asked.stderr.matches("[y/N]").collect();
    assert_eq!(questions.len(), 17, "{asked:?}");
    assert!(asked.stderr.contains("web (PID 45) and 274 more ("), "{asked:?}");
    // Only what the last question names or counts is ended.
    let answered = machine();
    answered.asked("kill 80", &("n\n".repeat(16) + "y\n"));
    let ended: Vec<u32> = answered.ended().iter().map(|(pid, _)| *pid).collect();
    assert_eq!(ended, pids[16..]);
}
