//! wait on a running Windows: the same sentences as on Linux.

use crate::support::peer::Peer;
use crate::support::{Output, portwho, wine};

/// A wait for the first port of a peer.
fn waited(words: &[&str], port: &str) -> Output {
    portwho(["wait"].iter().chain(words).chain(&[port])).run().without_wait()
}

#[trial]
fn a_server_that_listens() {
    for (socket, name, words) in
        [("tcp:127.0.0.1:0", "", &[][..]), ("udp:127.0.0.1:0", "UDP ", &["-u"])]
    {
        let peer = Peer::holding(&[socket]);
        let port = peer.at[0].port().to_string();
        let owner = format!("{} (PID {})", Peer::name(), peer.pid());
        let line = format!("{name}port {port} is open after N: {owner}\n");
        waited(words, &port).is(0, &line, "");
        let words = [words, &["--free", "--timeout", "0"]].concat();
        let line = format!("{name}port {port} is still in use: {owner}\n");
        waited(&words, &port).is(1, &line, "");
    }
}

#[trial]
fn a_server_that_has_stopped() {
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let port = peer.at[0].port().to_string();
    drop(peer);
    let seen = if wine::is_wine() { ", as far as sockets can be seen" } else { "" };
    let output = waited(&["--free"], &port);
    output.is(0, &format!("port {port} is free after N{seen}\n"), &wine::gap());
    let line = format!("nothing listens on port {port} after N\n");
    waited(&["--timeout", "200ms"], &port).is(1, &line, "");
}
