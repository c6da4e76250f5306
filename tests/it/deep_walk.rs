//! Sockets that the first thread of no process has a descriptor of: found all the same, in another
//! thread's table or in an io_uring, and their holders ended like any other.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;

use serde_json::json;

use crate::support::features;
use crate::support::flight::Flight;
use crate::support::golden;
use crate::support::json::{gaps, only_socket};
use crate::support::limits::allow_descriptors;
use crate::support::process::{Actor, Owner, can_become};
use crate::support::{portwho, refuse, rounds, skip, wait_until};

const NOBODY: u32 = 65534;
const AT: &str = "127.0.0.1:8080";

/// A process that plays the role and listens on port 8080; or a skip.
fn playing(owner: Owner, role: &str) -> Option<Actor> {
    let mut actor = owner.playing(role, &[AT]);
    let line = actor.line();
    if line.starts_with("refused: ") {
        skip(&line);
        return None;
    }
    assert_eq!(line, AT);
    let zombie = role == "own-table-alone";
    wait_until("the first thread to be as it will be", || {
        (!zombie || actor.process.state() == 'Z').then_some(())
    });
    Some(actor)
}

fn named(role: &str) -> Option<Actor> {
    playing(Owner::named("deep"), role)
}

/// One with an io_uring, where the kernel tells what is registered there.
fn with_ring() -> Option<Actor> {
    if features::names_registered_sockets() { named("ring") } else { None }
}

/// No descriptor of its first thread is the socket.
#[track_caller]
fn first_thread_has_none(actor: &Actor) {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{}/fd", actor.pid())) else { return };
    let links = descriptors.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let sockets: Vec<_> =
        links.filter(|link| link.to_string_lossy().starts_with("socket:")).collect();
    assert!(sockets.is_empty(), "{sockets:?}");
}

#[track_caller]
fn is_found(actor: &Actor) {
    first_thread_has_none(actor);
    let row = golden::socket("TCP", AT, "0.0.0.0:0", "LISTENING", actor.pid());
    let output = portwho(["8080"]).run();
    assert!(output.stdout.starts_with(&golden::netstat(&[row])), "{output:?}");
    output.is(0, &output.stdout, "");
    let answer = portwho(["--json", "8080"]).run().json(0, "");
    let owner = json!({"kind": "processes", "pids": [actor.pid()]});
    assert_eq!(only_socket(&answer)["owner"], owner);
    portwho(["-q", "8080"]).run().is(0, &format!("{}\n", actor.pid()), "");
}

#[trial(alone)]
fn a_thread_with_descriptors_of_its_own() {
    let Some(actor) = named("own-table") else { return };
    is_found(&actor);
}

// Other tests have io_urings, of which older kernels tell no sockets.
#[trial(alone)]
fn one_whose_first_thread_has_exited() {
    let held = crate::support::makers::listening(AT.parse().expect("an address"));
    let mut actor = Owner::named("deep").playing_with("zombie-leader", &[], held.socket);
    assert_eq!(actor.line(), "ready");
    wait_until("a zombie", || (actor.process.state() == 'Z').then_some(()));
    is_found(&actor);
    let answer = portwho(["-v", "--json", "8080"]).run().json(0, "");
    let descriptors = &answer["processes"][0]["descriptors"];
    assert!(descriptors.as_u64().is_some_and(|count| count > 0), "{answer:#}");
}

#[trial(alone)]
fn the_only_thread_that_is_left_has_its_own() {
    let Some(actor) = named("own-table-alone") else { return };
    is_found(&actor);
}

#[trial]
fn registered_in_an_io_uring() {
    let Some(actor) = named("ring") else { return };
    if features::names_registered_sockets() {
        is_found(&actor);
    } else {
        owner_is_missed();
    }
}

/// No process is named, and a gap reports a ring that may have the socket.
#[track_caller]
fn owner_is_missed() {
    let output = portwho(["--json", "8080"]).run();
    let answer = output.json(0, &output.stderr);
    assert_eq!(only_socket(&answer)["owner"]["kind"], "not-found", "{answer:#}");
    let told = gaps(&answer);
    assert!(told.contains(&("rings-unread", Some(1))), "{told:?}");
}

/// The kernel reports nothing about a ring while it is in use, if only to read the same.
#[trial]
fn registered_in_an_io_uring_that_is_in_use() {
    let Some(actor) = with_ring() else { return };
    let directory = format!("/proc/{}/fd", actor.pid());
    let mut descriptors = fs::read_dir(directory).expect("descriptors").flatten();
    let is_ring = |entry: &fs::DirEntry| {
        fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == "anon_inode:[io_uring]")
    };
    let ring = descriptors.find(is_ring).expect("a ring").file_name();
    let info = Path::new(&format!("/proc/{}/fdinfo", actor.pid())).join(ring);
    let stop = AtomicBool::new(false);
    let found = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    fs::read(&info).expect("fdinfo");
                }
            });
        }
        let runs: Vec<_> = rounds(50).map(|_| portwho(["-q", "8080"]).run()).collect();
        stop.store(true, Ordering::Relaxed);
        runs
    });
    for run in found {
        run.is(0, &format!("{}\n", actor.pid()), "");
    }
}

#[track_caller]
fn is_ended(actor: &Actor) {
    let output = portwho(["kill", "8080"]).run();
    let ended = format!("PID {} exited after ", actor.pid());
    assert!(output.stdout.contains(&ended), "{output:?}");
    assert!(output.stdout.ends_with("; port 8080 is free\n"), "{output:?}");
    output.is(0, &output.stdout, "");
    assert!(actor.process.has_exited());
    TcpListener::bind(AT).expect("the port is free");
}

#[trial(alone)]
fn kill_ends_a_thread_with_its_own() {
    let Some(actor) = named("own-table") else { return };
    is_ended(&actor);
}

#[trial(alone)]
fn kill_ends_the_only_thread_that_is_left() {
    let Some(actor) = named("own-table-alone") else { return };
    is_ended(&actor);
}

#[trial]
fn kill_ends_one_with_an_io_uring() {
    let Some(actor) = with_ring() else { return };
    is_ended(&actor);
}

/// Without any right to look into others'. What a user's process keeps in a thread of its own can
/// be read by that user as long as the first thread lives.
#[trial]
fn ones_own_as_another_user() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let roles = ["own-table", "own-table-alone", "ring"];
    for role in &roles[..if features::names_registered_sockets() { 3 } else { 2 }] {
        let Some(actor) = playing(Owner::named("deep").user(NOBODY), role) else { return };
        let answer = portwho(["--json", "8080"]).user(NOBODY).run().json(0, "");
        let owner = json!({"kind": "processes", "pids": [actor.pid()]});
        assert_eq!(only_socket(&answer)["owner"], owner, "{role}");
        drop(actor);
        wait_until("the port to be free", || TcpListener::bind(AT).ok());
    }
}

/// One row, and the one that can be found at once: there the search ends.
// Other tests have io_urings, of which older kernels tell no sockets.
#[trial(alone)]
fn with_a_holder_that_has_a_descriptor() {
    let Some(actor) = named("own-table") else { return };
    let mut plain = Owner::named("plain").playing("listen", &["127.0.0.1:8081"]);
    plain.line();
    let answer = portwho(["-q", "8080,8081"]).run();
    let mut pids = [actor.pid(), plain.pid()];
    pids.sort_unstable();
    answer.is(0, &pids.map(|pid| format!("{pid}\n")).concat(), "");
}

/// In flight it is in no table of descriptors. kcmp(2) shows which threads share their process's.
#[trial]
fn many_threads_that_share_a_table() {
    with_threads(100, 2_000, || {
        let told = answer_in_flight();
        assert!(told.iter().all(|(kind, _)| kind != "search-bounded"), "{told:?}");
    });
}

/// Where kcmp(2) is refused, what is most likely the same table is searched within the budget. The threads of
/// another test would be counted too.
#[trial(alone)]
fn more_threads_than_can_be_searched() {
    with_threads(100, 2_000, || {
        refuse::kcmp();
        let told = answer_in_flight();
        let bounded = told.iter().find(|(kind, _)| kind == "search-bounded");
        let count = bounded.and_then(|(_, count)| *count).unwrap_or_default();
        assert!((1..100).contains(&count), "{told:?}");
    });
}

/// The gaps of an answer that shows a listener in flight.
#[track_caller]
fn answer_in_flight() -> Vec<(String, Option<u64>)> {
    let _flight = Flight::of(&TcpListener::bind(AT).expect("bind").into());
    let output = portwho(["--json", "8080"]).run();
    let answer = output.json(0, &output.stderr);
    assert_eq!(only_socket(&answer)["state"], "LISTENING");
    gaps(&answer).into_iter().map(|(kind, count)| (kind.to_owned(), count)).collect()
}

/// Runs this with this many other threads, in a process with this many descriptors; or a skip.
fn with_threads(threads: usize, descriptors: usize, run: impl FnOnce()) {
    if allow_descriptors(descriptors as u64 + 1_000).is_err() {
        return skip("too few descriptors are allowed");
    }
    let plain = |_| File::open("/dev/null").expect("open");
    let _plain: Vec<File> = (0..descriptors).map(plain).collect();
    let (end, ended) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let (begun, begins) = mpsc::channel();
        let ended = std::sync::Arc::new(std::sync::Mutex::new(ended));
        for _ in 0..threads {
            let (begun, ended) = (begun.clone(), std::sync::Arc::clone(&ended));
            scope.spawn(move || {
                begun.send(()).expect("begin");
                // The lock is as good to wait at as the channel.
                let _ = ended.lock().map(|ended| ended.recv());
            });
        }
        (0..threads).for_each(|_| begins.recv().expect("a thread"));
        run();
        drop(end);
    });
}
