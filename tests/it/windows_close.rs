//! close on a running Windows: what is said is what the next look shows, and the child lives.
//! Wine accepts the order and does nothing, which has to be told.

use std::net::{TcpListener, TcpStream};

use crate::support::json::process;
use crate::support::peer::Peer;
use crate::support::{portwho, wine};

/// `it.exe (PID 812)`.
fn named(peer: &Peer) -> String {
    format!("{} (PID {})", Peer::name(), peer.pid())
}

/// `1 ESTABLISHED of it.exe (PID 812, user HOST\name)`.
fn described(peer: &Peer) -> String {
    let pid = peer.pid();
    let output = portwho(["--json", "--pid", &pid.to_string()]).run();
    let answer = output.json(0, &output.stderr);
    let user = process(&answer, pid)["user"].as_str().expect("a user").to_owned();
    format!("1 ESTABLISHED of {} (PID {pid}, user {user})\n", Peer::name())
}

fn connected(address: &str) -> (Peer, Peer) {
    let (mut server, mut client) = (Peer::holding(&[address]), Peer::holding(&[]));
    client.connect(&mut server);
    (server, client)
}

#[trial]
fn a_connection() {
    let (server, mut client) = connected("tcp:127.0.0.1:0");
    let pid = client.pid().to_string();
    let words = ["close", "-y", "--state", "ESTAB", "--pid", &pid];
    let described = described(&client);
    let output = portwho(words).run();
    if wine::is_wine() {
        let why = format!(
            "portwho: 1 ESTABLISHED of {}: not closed: still there, although the system accepted \
             the request\n",
            named(&client)
        );
        output.is(2, &described, &why);
    } else {
        let closed = format!(
            "closed 1 socket; {} keeps its handle until it calls closesocket()\n",
            named(&client)
        );
        output.is(0, &(described + &closed), "");
        portwho(words).run().is(1, "", "portwho: no socket matches\n");
    }
    assert!(client.is_running());
    assert_eq!(client.tell("close"), "done", "it still obeys");
    drop(server);
}

#[trial]
fn a_connection_of_ipv6() {
    let (server, client) = connected("tcp:[::1]:0");
    let pid = server.pid().to_string();
    let why = format!(
        "portwho: 1 ESTABLISHED of {}: refused: Windows closes TCP connections over IPv4 only; it \
         has no call for IPv6\n",
        named(&server)
    );
    portwho(["close", "-y", "--state", "ESTAB", "--pid", &pid]).run().is(2, "", &why);
    drop(client);
}

#[trial]
fn a_listener_is_not_closed() {
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let port = peer.port().to_string();
    let left =
        format!("portwho: 1 listener not closed; to close it, run: portwho close -l -y {port}\n");
    portwho(["close", "-y", &port]).run().is(1, "", &left);
    assert!(TcpStream::connect(peer.at[0]).is_ok());
}

#[trial]
fn a_dry_run() {
    let (server, client) = connected("tcp:127.0.0.1:0");
    let pid = server.pid().to_string();
    let expected = described(&server) + &format!("would close 1 socket of {}\n", named(&server));
    let words = ["-n", "--state", "ESTAB", "--pid", &pid];
    portwho(["close"].iter().chain(&words)).run().is(0, &expected, "");
    drop(client);
}

/// This test, which started it.
#[trial]
fn its_own_ancestor() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let near = listener.local_addr().expect("local address");
    let client = TcpStream::connect(near).expect("connect");
    let why = format!(
        "portwho: 1 ESTABLISHED of {} (PID {}): refused: an ancestor of portwho holds it: the \
         shell or session it runs in\n",
        Peer::name(),
        std::process::id()
    );
    let port = client.local_addr().expect("local address").port().to_string();
    portwho(["close", "-y", "--state", "ESTAB", &port]).run().is(2, "", &why);
}

#[trial]
fn nothing_matches() {
    let output = portwho(["close", "-y", "--state", "LAST_ACK", "--name", "nobody.exe"]).run();
    output.is(1, "", "portwho: no process is named 'nobody.exe'\n");
}
