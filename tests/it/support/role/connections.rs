//! A program with connections, which does with them what it is told.

use std::io::{self, BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};

use super::{passing, say};
use crate::support::limits::{allow_descriptors, limit_descriptors};
use crate::support::makers;

/// `connections [ADDRESS]`: listens there, if anywhere, prints the address or nothing in a line,
/// and obeys with `done`: `accept N` (and keep them), `read` (of all that it keeps, what there is
/// to read), `connect ADDRESS N` (and keep them), `churn ADDRESS N` (connect and close, one after
/// the other), `begin ADDRESS` (connect, and do not wait), `descriptors USED LIMIT` (have that many),
/// `write TEXT` (to all that it keeps), `fill` (each, until nothing more can be sent), `close` (all of
/// them). `share` starts a child that holds all of these and the listener too, and says its PID.
pub(super) fn connections(words: &[String]) {
    allow_descriptors(4096).expect("more descriptors");
    let listener = words.first().map(|word| TcpListener::bind(word.as_str()).expect("bind"));
    say(&listener
        .as_ref()
        .map_or(String::new(), |it| it.local_addr().expect("address").to_string()));
    let mut kept = Vec::new();
    let mut begun = Vec::new();
    let mut opened = Vec::new();
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |place: usize| -> u64 { words[place].parse().expect("a number") };
        match words[0] {
            "accept" => {
                let listener = listener.as_ref().expect("a listener");
                kept.extend((0..number(1)).map(|_| listener.accept().expect("accept").0));
            }
            "read" => kept.iter().for_each(read_what_there_is),
            "connect" => {
                let connect = |_| TcpStream::connect(words[1]).expect("connect");
                kept.extend((0..number(2)).map(connect));
            }
            "churn" => {
                (0..number(2)).for_each(|_| drop(TcpStream::connect(words[1]).expect("connect")));
            }
            "write" => kept.iter_mut().for_each(|one| {
                one.write_all(words[1].as_bytes()).expect("write");
            }),
            "fill" => kept.iter().for_each(makers::fill),
            "close" => kept.clear(),
            "share" => {
                say(&passing::share(listener.as_ref(), &kept).to_string());
                continue;
            }
            "begin" => begun.push(makers::begin(words[1].parse().expect("an address"))),
            "descriptors" => {
                limit_descriptors(number(2));
                while descriptors() < number(1) {
                    opened.push(std::fs::File::open("/dev/null").expect("open"));
                }
            }
            other => panic!("connections cannot {other:?}"),
        }
        say("done");
    }
}

/// Until there is nothing more for now, or the end.
fn read_what_there_is(connection: &TcpStream) {
    connection.set_nonblocking(true).expect("set nonblocking");
    let mut buffer = [0; 4096];
    while (&*connection).read(&mut buffer).is_ok_and(|count| count > 0) {}
}

/// How many this process has, as the system counts them for others.
fn descriptors() -> u64 {
    // One is that of the directory itself.
    std::fs::read_dir("/proc/self/fd").expect("list").count() as u64 - 1
}
