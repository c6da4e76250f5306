//! kill on a running Windows: the child has really ended, its port is free, and nobody else was
//! harmed.

use std::net::TcpListener;
use std::process::{Command, Stdio};

use crate::support::json::process;
use crate::support::peer::Peer;
use crate::support::{Output, portwho, wait_until, wine};

/// `it.exe (PID 812, user HOST\name)`.
fn identity(peer: &Peer) -> String {
    let (pid, port) = (peer.pid(), peer.port().to_string());
    let output = portwho(["--json", "--pid", &pid.to_string(), &port]).run();
    let answer = output.json(0, &output.stderr);
    let user = process(&answer, pid)["user"].as_str().expect("a user").to_owned();
    format!("{} (PID {pid}, user {user})", Peer::name())
}

fn held(peer: &Peer) -> String {
    format!("{} is held by {}\n", peer.at[0], identity(peer))
}

fn would_end(peer: &Peer) -> String {
    format!("would terminate {} (PID {}) immediately\n", Peer::name(), peer.pid())
}

/// The exit was told, with a time that is left aside here, and the port after it.
#[track_caller]
fn ended(output: &Output, before: &str, peer: &Peer) {
    let (pid, port) = (peer.pid(), peer.port());
    let last = output.stdout.strip_prefix(before).unwrap_or_else(|| {
        panic!("expected first: {before}was: {}{}", output.stdout, output.stderr);
    });
    let seconds = last
        .strip_prefix(&format!("PID {pid} exited after "))
        .and_then(|rest| rest.split_once("s; "))
        .unwrap_or_else(|| panic!("{last:?}"));
    assert!(!seconds.0.contains('\n'), "{last:?}");
    // With clients, their ends may still be there.
    let free = format!("port {port} is free");
    assert!(seconds.1.starts_with(&free), "{last:?}");
    output.is(0, &output.stdout, "");
}

/// It has ended as TerminateProcess ends it, and its port can be bound.
#[track_caller]
fn is_gone(peer: &mut Peer) {
    assert_eq!(peer.exit_code(), Some(1));
    let bound = TcpListener::bind(peer.at[0]);
    assert!(bound.is_ok(), "{bound:?}");
}

#[trial]
fn a_listener_is_ended() {
    for address in ["tcp:127.0.0.1:0", "tcp:[::1]:0", "tcp:0.0.0.0:0"] {
        let mut peer = Peer::holding(&[address]);
        let before = held(&peer);
        let output = portwho(["kill", &peer.port().to_string()]).run();
        ended(&output, &before, &peer);
        is_gone(&mut peer);
    }
}

#[trial]
fn a_client_survives() {
    let (mut server, mut client) = (Peer::holding(&["tcp:127.0.0.1:0"]), Peer::holding(&[]));
    client.connect(&mut server);
    let before = format!("{}  1 client is connected to it\n", held(&server));
    let output = portwho(["kill", "-y", &server.port().to_string()]).run();
    ended(&output, &before, &server);
    assert_eq!(server.exit_code(), Some(1));
    assert!(client.is_running());
    assert_eq!(client.tell("close"), "done", "it still obeys");
}

#[trial]
fn force_ends_it_too() {
    for force in ["-f", "-9", "-KILL", "--force"] {
        let mut peer = Peer::holding(&["tcp:127.0.0.1:0"]);
        let before = held(&peer);
        ended(&portwho(["kill", force, &peer.port().to_string()]).run(), &before, &peer);
        is_gone(&mut peer);
    }
}

#[trial]
fn several_ports_at_once() {
    let mut peers = [Peer::holding(&["tcp:127.0.0.1:0"]), Peer::holding(&["tcp:127.0.0.1:0"])];
    let mut bystander = Peer::holding(&["tcp:127.0.0.1:0"]);
    let ports = [peers[0].port().to_string(), peers[1].port().to_string()];
    let output = portwho(["kill", "-y", &ports[0], &ports[1]]).run();
    output.is(0, &output.stdout, "");
    for (peer, port) in peers.iter_mut().zip(&ports) {
        assert!(output.stdout.contains(&format!("s; port {port} is free\n")), "{output:?}");
        is_gone(peer);
    }
    assert!(bystander.is_running());
}

#[trial]
fn a_client_is_no_target() {
    let (mut server, mut client) = (Peer::holding(&["tcp:127.0.0.1:0"]), Peer::holding(&[]));
    let port = client.connect(&mut server).port();
    let why = format!(
        "{}portwho: port {port}: nothing holds it; only a connection uses it; kill terminates \
         only processes that hold the port\n",
        wine::gap()
    );
    portwho(["kill", "-y", "-f", &port.to_string()]).run().is(1, "", &why);
    assert!(client.is_running() && server.is_running());
}

#[trial]
fn nothing_holds_it_any_more() {
    let mut peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let port = peer.port().to_string();
    assert_eq!(portwho(["kill", &port]).run().code, Some(0));
    peer.exit_code();
    let why = format!("{}portwho: port {port}: nothing holds it\n", wine::gap());
    portwho(["kill", &port]).run().is(1, "", &why);
}

#[trial]
fn only_udp_holds_it() {
    let mut peer = Peer::holding(&["udp:127.0.0.1:0"]);
    let port = peer.port().to_string();
    let (name, pid) = (Peer::name(), peer.pid());
    let why = format!(
        "{}portwho: port {port}: held only by UDP sockets of {name} (PID {pid}); run: portwho \
         kill -u \
         {port}\n",
        wine::gap()
    );
    portwho(["kill", &port]).run().is(2, "", &why);
    assert!(peer.is_running());
    let before = held(&peer);
    ended(&portwho(["kill", "-u", &port]).run(), &before, &peer);
    assert_eq!(peer.exit_code(), Some(1));
}

#[trial]
fn a_dry_run_harms_nobody() {
    let mut peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let expected = held(&peer) + &would_end(&peer);
    let port = peer.port().to_string();
    for words in [["kill", "-n", &port], ["kill", "-nf", &port], ["kill", "-ny", &port]] {
        portwho(words).run().is(0, &expected, "");
    }
    assert!(peer.is_running());
    assert_eq!(TcpListener::bind(peer.at[0]).map(|_| ()).map_err(|_| ()), Err(()), "still held");
}

/// portwho's parent is this test, which listens.
#[trial]
fn its_own_ancestor_is_refused() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("local address").port();
    let why = format!(
        "portwho: port {port}: refused: {} (PID {}) is an ancestor of portwho: the shell or session \
         it runs in\n",
        Peer::name(),
        std::process::id()
    );
    for options in ["-y", "-yf", "-n"] {
        let output = portwho(["kill", options, &port.to_string()]).run();
        output.is(2, &output.stdout, &why);
    }
}

#[trial]
fn signals_are_a_usage_error() {
    let mut peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let port = peer.port().to_string();
    let why = "portwho: --signal: Windows has no signals; omit it, or use --force\n";
    for words in [["-s", "TERM"], ["-s", "KILL"], ["--signal", "9"]] {
        portwho(["kill", words[0], words[1], &port]).run().is(2, "", why);
    }
    assert!(peer.is_running());
}

/// Both look, one is first: the other says that it has exited already, or that nothing is there.
#[trial]
fn two_kills_at_once() {
    for _ in 0..5 {
        let mut peer = Peer::holding(&["tcp:127.0.0.1:0"]);
        let mut bystander = Peer::holding(&["tcp:127.0.0.1:0"]);
        let port = peer.port().to_string();
        let start = || {
            let mut command: Command = portwho(["kill", "-y", &port]).command();
            command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
            command.spawn().expect("start the program")
        };
        let both = [start(), start()].map(|child| child.wait_with_output().expect("wait"));
        let said = both.each_ref().map(|output| {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
            (output.status.code(), text(&output.stdout) + &text(&output.stderr))
        });
        assert!(said.iter().any(|(code, _)| *code == Some(0)), "{said:?}");
        for (code, text) in &said {
            let fine = match code {
                Some(0) => text.contains(&format!("port {port} is free")),
                Some(1) => text.contains("nothing holds it") || text.contains("no longer holds"),
                _ => false,
            };
            assert!(fine, "{said:?}");
        }
        assert_eq!(peer.exit_code(), Some(1));
        assert!(bystander.is_running());
    }
}

/// Whoever starts portwho does not decide where only administrators put programs.
#[trial]
fn an_environment_that_names_other_directories() {
    let mut peer = Peer::named("wslrelay.exe");
    let folder = peer.program().parent().expect("a folder").to_str().expect("text").to_owned();
    let port = peer.port().to_string();
    let expected = portwho(["kill", "-n", &port]).run();
    assert_eq!(expected.code, Some(0), "a name alone proves nothing: {expected:?}");
    for name in ["SystemRoot", "ProgramFiles", "ProgramFiles(x86)", "ProgramW6432"] {
        let output = portwho(["kill", "-n", &port]).env(name, &folder).run();
        output.is(0, &expected.stdout, &expected.stderr);
    }
    assert!(peer.is_running());
}

#[trial]
fn by_the_wrong_owner() {
    let (mut peer, mut other) = (Peer::holding(&["tcp:127.0.0.1:0"]), Peer::holding(&[]));
    let port = peer.port().to_string();
    let output = portwho(["kill", "-y", "--pid", &other.pid().to_string(), &port]).run();
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("which the filters exclude"), "{output:?}");
    wait_until("both to go on", || (peer.is_running() && other.is_running()).then_some(()));
}
