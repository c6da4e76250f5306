//! Nothing matched: empty, said, and told apart from not having been able to look.

use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::support::kernel_table::{self, State};
use crate::support::process::server;
use crate::support::{portwho, wait_until};

trials![no_match, no_match_in_json, connections_to_the_port_are_hinted_at,];

fn no_match() {
    let _owner = server(80);
    let output = portwho(["4731"]).run();
    output.is(1, "", "portwho: port 4731: no socket matches\n");
}

fn no_match_in_json() {
    let answer = portwho(["--json", "4731"]).run();
    let answer = answer.json(1, &answer.stderr);
    assert_eq!((&answer["sockets"], &answer["processes"]), (&json!([]), &json!([])));
    assert_eq!(answer["gaps"], json!([]));
    let quiet = portwho(["-q", "4731"]).run();
    quiet.is(1, "", &quiet.stderr);
}

fn connections_to_the_port_are_hinted_at() {
    let server = TcpListener::bind(("127.0.0.1", 443)).expect("bind");
    for _ in 0..2 {
        let client = TcpStream::connect(("127.0.0.1", 443)).expect("connect");
        let accepted = server.accept().expect("accept");
        drop(client);
        drop(accepted);
    }
    drop(server);
    wait_until("both clients to be in TIME_WAIT", || {
        let rows = kernel_table::rows("tcp");
        (rows.len() == 2 && rows.iter().all(|row| row.state == State::TIME_WAIT)).then_some(())
    });
    let output = portwho(["443"]).run();
    output.is(1, "", &output.stderr);
    let hint = "2 connections go to foreign port 443: --foreign-port 443";
    assert!(output.stderr.contains(hint), "{output:?}");
}
