//! Processes that hold connections, and renew one when they are told to.

use std::collections::VecDeque;
use std::env;
use std::io::{self, BufRead};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use rustix::net::sockopt;

use crate::support::limits::allow_descriptors;
use crate::support::process::{Actor, Owner, ROLE};
use crate::support::role::say;

/// The role's name.
const NAME: &str = "renew";

/// What a renewal changes: two ends close and two open.
pub const CHANGES: u32 = 4;

/// How many processes there are, and what each has.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub processes: u32,
    /// Listeners.
    pub listeners: u16,
    /// Connections to the first of them, both ends of each.
    pub connections: usize,
    /// Descriptors that are no sockets.
    pub plain: usize,
}

impl Size {
    /// How many sockets there are in all.
    pub fn sockets(self) -> usize {
        (usize::from(self.listeners) + 2 * self.connections) * self.processes as usize
    }
}

/// The processes of a load.
pub struct Crowd(Vec<Actor>);

impl Crowd {
    pub fn of(size: Size) -> Self {
        let first = u32::from(Ipv4Addr::new(127, 1, 0, 1));
        let start = |number: u32| {
            let words = [
                Ipv4Addr::from(first + number).to_string(),
                size.listeners.to_string(),
                size.connections.to_string(),
                size.plain.to_string(),
            ];
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut actor = Owner::named("server").playing(NAME, &words);
            assert_eq!(actor.line(), "ready");
            actor
        };
        Self((0..size.processes).map(start).collect())
    }

    /// Renews connections, `pace` in a second, one process after the other, for so long.
    pub fn renew(&mut self, pace: u32, time: Duration) {
        let (begun, mut done) = (Instant::now(), 0_u32);
        let mut next = (0..self.0.len()).cycle();
        while begun.elapsed() < time {
            if begun.elapsed() < Duration::from_secs(1) * done / pace {
                thread::sleep(Duration::from_millis(1));
                continue;
            }
            let actor = &mut self.0[next.next().expect("processes")];
            assert_eq!(actor.tell("renew"), "done");
            done += 1;
        }
    }
}

/// Plays the role, if this process was started for it: `renew ADDRESS LISTENERS CONNECTIONS PLAIN` says
/// `ready`, and obeys `renew` (reset the oldest connection, make another, say `done`).
pub fn played() -> bool {
    if env::var(ROLE).as_deref() != Ok(NAME) {
        return false;
    }
    let words: Vec<String> = env::args().skip(1).collect();
    let number = |place: usize| -> usize { words[place].parse().expect("a number") };
    allow_descriptors(4096).expect("more descriptors");
    let address: Ipv4Addr = words[0].parse().expect("an address");
    let listen = |number: usize| {
        let port = 9000 + u16::try_from(number).expect("a port");
        TcpListener::bind((address, port)).expect("listen")
    };
    let listeners: Vec<TcpListener> = (0..number(1)).map(listen).collect();
    let to = listeners[0].local_addr().expect("an address");
    let connect = || connection(&listeners[0], to);
    let mut connections: VecDeque<_> = (0..number(2)).map(|_| connect()).collect();
    let open = |_| std::fs::File::open("/dev/null").expect("open");
    let _plain: Vec<_> = (0..number(3)).map(open).collect();
    say("ready");
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        assert_eq!(line, "renew");
        connections.pop_front();
        connections.push_back(connect());
        say("done");
    }
    true
}

/// Both ends of a connection that is reset when it is closed, so that nothing remains of it.
fn connection(listener: &TcpListener, to: SocketAddr) -> [TcpStream; 2] {
    let near = TcpStream::connect(to).expect("connect");
    let (far, _) = listener.accept().expect("accept");
    for end in [&near, &far] {
        sockopt::set_socket_linger(end, Some(Duration::ZERO)).expect("SO_LINGER");
    }
    [near, far]
}
