//! Cross-checks with other tools: what the program says of a socket is what `ss`, lsof and netstat2 say,
//! field by field, at rest and while connections come and go.

mod lsof;
mod netstat2;
mod sighting;
mod ss;

use std::any::Any;
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, getsockname, sockopt};
use serde_json::Value;

use crate::support::json::{end, sockets};
use crate::support::limits::allow_descriptors;
use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::process::{Actor, Owner, Process};
use crate::support::{portwho, rounds, skip};
use sighting::{Ends, Sighting, agree, compare};

/// Sockets in every state, held by this process, by others, by several and by none.
struct Zoo {
    owners: Vec<Process>,
    held: Vec<Box<dyn Any>>,
}

/// How many sockets the zoo has; another tool that sees fewer proves nothing.
const TCP: usize = 56;
const UDP: usize = 4;

fn zoo() -> Zoo {
    let mut zoo = lasting_zoo();
    for at in Loopback::BOTH {
        zoo.hold(makers::time_wait(at));
        zoo.hold(makers::syn_sent(at));
        zoo.hold(makers::syn_received(at));
    }
    zoo
}

/// Without what the kernel gives up after a minute.
fn lasting_zoo() -> Zoo {
    let mut zoo = Zoo { owners: Vec::new(), held: Vec::new() };
    for at in Loopback::BOTH {
        zoo.hold(makers::listening_with(SocketAddr::new(at.any(), 80), 16, v6_only));
        zoo.hold(makers::not_accepted(at));
        zoo.hold(makers::fin_wait_1(at));
        zoo.hold(makers::half_closed(at));
        zoo.hold(makers::last_ack(at));
        zoo.hold(makers::closing(at));
        zoo.hold(makers::udp(at.port(123)));
        zoo.hold(makers::udp_connected(at.port(53)));
        let shared = makers::established(at);
        zoo.owners.push(Owner::named("first").holding(shared.client.try_clone().expect("dup")));
        zoo.owners.push(Owner::named("second").holding(shared.client));
        zoo.hold((shared.listener, shared.server));
    }
    zoo
}

impl Zoo {
    fn hold(&mut self, made: impl Any) {
        self.held.push(Box::new(made));
    }
}

/// What the program says of all its sockets, while nothing changes.
#[track_caller]
fn ours(words: &[&str]) -> BTreeMap<Ends, Sighting> {
    let output = portwho([&["--json"], words].concat()).run();
    seen(&output.json(0, ""))
}

/// The same while sockets vanish: the owner of one that did cannot be found, which is said.
#[track_caller]
fn ours_amid_churn(words: &[&str]) -> BTreeMap<Ends, Sighting> {
    let output = portwho([&["--json"], words].concat()).run();
    seen(&output.json(0, &output.stderr))
}

#[track_caller]
fn seen(answer: &Value) -> BTreeMap<Ends, Sighting> {
    let mut seen = BTreeMap::new();
    for (ends, sighting) in sockets(answer).iter().map(sighting) {
        let before = seen.insert(ends, sighting);
        assert!(before.is_none(), "{ends:?} is shown twice");
    }
    seen
}

/// Two listeners on port 80, one for each family, that leave each other alone.
fn v6_only(socket: &OwnedFd) {
    if getsockname(socket).expect("getsockname").address_family() == AddressFamily::INET6 {
        sockopt::set_ipv6_v6only(socket, true).expect("IPV6_V6ONLY");
    }
}

/// A socket of the program's JSON.
fn sighting(socket: &Value) -> (Ends, Sighting) {
    let ends = Ends {
        tcp: socket["protocol"] == "tcp",
        local: end(&socket["local"]).expect("a local end"),
        foreign: end(&socket["foreign"]),
    };
    let pids = socket["owner"]["pids"].as_array().into_iter().flatten();
    let number = |name: &str| socket[name].as_u64();
    let sighting = Sighting {
        state: socket["state"].as_str().map(str::to_owned),
        pids: pids.map(|pid| pid.as_u64().expect("a PID")).collect(),
        inode: number("inode"),
        uid: number("uid"),
        queues: Some((number("recv_queue"), number("send_queue"))),
        has_timer: Some(socket["timer"].is_object()),
    };
    (ends, sighting)
}

#[trial]
fn ss_agrees_about_tcp() {
    let Some(ss) = ss::Ss::find() else {
        return skip("no ss");
    };
    let _zoo = zoo();
    let theirs = agree(|| ours(&["-t"]), || ss.tcp());
    assert_eq!(theirs.len(), TCP);
}

#[trial]
fn ss_agrees_about_udp() {
    let Some(ss) = ss::Ss::find() else {
        return skip("no ss");
    };
    let _zoo = zoo();
    let theirs = agree(|| ours(&["-u"]), || ss.udp());
    assert_eq!(theirs.len(), UDP);
}

#[trial]
fn netstat2_agrees() {
    let _zoo = zoo();
    compare_with_netstat2();
}

/// The sources must agree about which namespace they speak of: the thread's, not the process's.
#[trial]
fn netstat2_agrees_inside_a_thread_of_its_own_namespace() {
    let _outside = makers::listening(Loopback::V4.port(7));
    in_netns(|| {
        let _zoo = zoo();
        compare_with_netstat2();
    });
}

#[track_caller]
fn compare_with_netstat2() {
    let theirs = netstat2::all();
    assert_eq!(theirs.keys().filter(|ends| ends.tcp).count(), TCP);
    let mut ours = ours(&[]);
    // netstat2 gives UDP no foreign endpoint.
    let connected: Vec<Ends> =
        ours.keys().filter(|ends| !ends.tcp && ends.foreign.is_some()).copied().collect();
    for ends in connected {
        let sighting = ours.remove(&ends).expect("a row");
        ours.insert(Ends { foreign: None, ..ends }, sighting);
    }
    compare(&ours, &theirs);
}

#[trial]
fn both_agree_about_what_stays_while_connections_come_and_go() {
    let ss = ss::Ss::find();
    let _zoo = lasting_zoo();
    let stable = ours(&[]);
    let only_stable = |mut seen: BTreeMap<Ends, Sighting>| {
        seen.retain(|ends, _| stable.contains_key(ends));
        seen
    };
    let stable_tcp = stable.keys().filter(|ends| ends.tcp).count();
    while_connections_come_and_go(|| {
        for _ in rounds(8) {
            let ours = || only_stable(ours_amid_churn(&["-t"]));
            assert_eq!(ours().len(), stable_tcp, "a socket that stays was missed");
            agree(ours, || {
                let mut theirs = netstat2::all();
                theirs.retain(|ends, _| ends.tcp);
                only_stable(theirs)
            });
            if let Some(ss) = &ss {
                agree(ours, || only_stable(ss.tcp()));
            }
        }
    });
}

/// A small hash table makes a dump start again in the middle of a long chain, and repeat itself.
#[trial]
fn no_socket_is_shown_twice_where_the_tables_are_small() {
    let entries = "/proc/sys/net/ipv4/tcp_child_ehash_entries";
    if let Err(error) = fs::write(entries, "256") {
        return skip(&format!("{entries}: {error}"));
    }
    let pairs = 4000;
    let Ok(()) = allow_descriptors(4 * pairs) else {
        return skip("too few descriptors");
    };
    in_netns(|| {
        let listener = TcpListener::bind(("127.0.0.1", 80)).expect("bind");
        let connect = |_| {
            let client = TcpStream::connect(("127.0.0.1", 80)).expect("connect");
            (client, listener.accept().expect("accept"))
        };
        let _held: Vec<_> = (0..pairs).map(connect).collect();
        while_connections_come_and_go(|| {
            while_connections_come_and_go(|| {
                for _ in rounds(15) {
                    each_inode_once(usize::try_from(2 * pairs).expect("a count"));
                }
            });
        });
    });
}

#[track_caller]
fn each_inode_once(at_least: usize) {
    let output = portwho(["--json", "-t"]).run();
    let answer = output.json(0, &output.stderr);
    let mut seen = HashSet::new();
    for socket in sockets(&answer) {
        let inode = socket["inode"].as_u64().expect("an inode");
        assert!(inode == 0 || seen.insert(inode), "inode {inode} is shown twice");
    }
    // A dump that goes on in the middle of a chain from which sockets were taken meanwhile skips
    // as many, and nothing tells that it did: a few may be missing, and no more than a few.
    assert!(seen.len() + at_least / 200 >= at_least, "{} of {at_least} sockets", seen.len());
}

/// Several dumps' worth of sockets, of several processes: every row, every owner.
#[trial]
fn a_crowd_is_shown_whole() {
    const HOLDERS: usize = 6;
    const PAIRS: usize = 2000;
    let spawn = |_| Owner::named("crowd").playing("crowd", &[&PAIRS.to_string()]);
    let mut holders: Vec<Actor> = (0..HOLDERS).map(spawn).collect();
    for holder in &mut holders {
        assert_eq!(holder.line(), "ready");
    }
    let answer = portwho(["--json"]).run().json(0, "");
    let mut held: BTreeMap<u64, usize> = BTreeMap::new();
    for socket in sockets(&answer) {
        let owner = socket["owner"]["pids"].as_array().expect("PIDs");
        assert_eq!(owner.len(), 1, "{socket}");
        *held.entry(owner[0].as_u64().expect("a PID")).or_default() += 1;
    }
    let expected = holders.iter().map(|holder| (holder.pid().into(), 2 * PAIRS + 1)).collect();
    assert_eq!(held, expected);
}

/// Runs the function beside a thread, in the same namespace, that opens and closes connections.
fn while_connections_come_and_go(run: impl FnOnce()) {
    struct Stop<'a>(&'a AtomicBool);
    impl Drop for Stop<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let stop = AtomicBool::new(false);
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
    let address = listener.local_addr().expect("local address");
    thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                let client = TcpStream::connect(address).expect("connect");
                let server = listener.accept().expect("accept");
                // A reset, or the ephemeral ports would be used up by TIME_WAIT.
                sockopt::set_socket_linger(&client, Some(Duration::ZERO)).expect("SO_LINGER");
                drop((client, server));
            }
        });
        // Stops the thread also when `run` panics: the scope waits for it.
        let _stop = Stop(&stop);
        run();
    });
}
