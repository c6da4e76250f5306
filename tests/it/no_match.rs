//! Nothing matched: empty, said, and told apart from not having been able to look.

use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::support::features;
use crate::support::kernel_table::{self, State};
use crate::support::process::server;
use crate::support::{portwho, refuse, wait_until};

#[trial]
fn no_match() {
    refuse::other_namespaces();
    let _owner = server(80);
    portwho(["4731"]).run().is(1, "", "portwho: port 4731 is free\n");
    portwho(["--foreign-port", "4731"]).run().is(1, "", "portwho: no socket matches\n");
    let left_out = "portwho: 1 socket on port 80 does not match the other filters; to see it, \
                    run: portwho 80\n";
    portwho(["80", "--foreign-port", "4731"]).run().is(1, "", left_out);
}

#[trial]
fn no_match_in_json() {
    refuse::other_namespaces();
    let free = "portwho: port 4731 is free\n";
    let answer = portwho(["--json", "4731"]).run().json(1, free);
    assert_eq!((&answer["sockets"], &answer["processes"]), (&json!([]), &json!([])));
    features::assert_no_gap(&answer);
    portwho(["-q", "4731"]).run().is(1, "", free);
}

#[trial]
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
    refuse::other_namespaces();
    let hint = "portwho: port 443 is free\n\
                portwho: 2 connections go to foreign port 443; to see them, run: portwho \
                --foreign-port 443\n";
    portwho(["443"]).run().is(1, "", hint);
}
