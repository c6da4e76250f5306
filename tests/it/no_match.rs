//! Nothing matched: empty, said, and told apart from not having been able to look.

use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::support::features;
use crate::support::kernel_table::{self, State};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, server};
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

/// More than any Linux has (`PID_MAX_LIMIT`, linux/threads.h).
const NO_PID: &str = "4194305";

#[trial]
fn owners_that_do_not_exist() {
    refuse::other_namespaces();
    let owner = server(80);
    let says = |words: &[&str], line: &str| {
        portwho(words).run().is(1, "", &format!("portwho: {line}\n"));
    };
    says(&["--pid", NO_PID], "no process has PID 4194305");
    let of_the_system = "no process has PID 0; it stands for sockets that the system holds itself";
    says(&["--pid", "0"], of_the_system);
    says(&["--user", "nosuchuser"], "no user is named 'nosuchuser'");
    says(&["--user", "4242424242"], "no user has UID 4242424242");
    says(&["--name", "nosuchname"], "no process is named 'nosuchname'");
    says(&["--name", "nosuch*name"], "no process name matches 'nosuch*name'");
    says(
        &["--name", "nosuchname", "--pid", NO_PID],
        "no process has PID 4194305\nportwho: no process is named 'nosuchname'",
    );
    // The test has no socket, and exists.
    let own = std::process::id().to_string();
    says(&["--pid", &own], "no socket matches");
    says(&["--user", "0", "--pid", &own], "no socket matches");
    let other = "1 socket on port 80 does not match the other filters; to see it, run: portwho 80";
    says(
        &["80", "--name", "nosuchname"],
        &format!("no process is named 'nosuchname'\nportwho: {other}"),
    );
    let line = format!(
        "portwho: no process is named 'nosuchname'\n\
         portwho: port 80: held by server (PID {}), which the filters exclude\n",
        owner.pid()
    );
    portwho(["kill", "--name", "nosuchname", "80"]).run().is(1, "", &line);
    let line = "portwho: no user is named 'nosuchuser'\n";
    portwho(["close", "-y", "--user", "nosuchuser"]).run().is(1, "", line);
}

/// A part of a name, where a name has it.
#[trial]
fn a_part_of_a_name() {
    refuse::other_namespaces();
    let socket = makers::listening(Loopback::V4.port(80)).socket;
    let owner = Owner::named("qzserver").holding(socket);
    let line = "portwho: no process is named 'QZserv'; for names that contain it, run: portwho --name \
                \"*QZserv*\"\n";
    portwho(["--name", "QZserv"]).run().is(1, "", line);
    let found = portwho(["-q", "--name", "*QZserv*"]).run();
    found.is(0, &format!("{}\n", owner.pid()), "");
    let unknown = "portwho: no process name matches 'QZ*serve'\n";
    portwho(["--name", "QZ*serve"]).run().is(1, "", unknown);
}

#[trial]
fn one_of_two_owners_does_not_exist() {
    let owner = server(80);
    let both = format!("{},{NO_PID}", owner.pid());
    let output = portwho(["-q", "--pid", &both]).run();
    let pid = format!("{}\n", owner.pid());
    output.is(0, &pid, "portwho: no process has PID 4194305\n");
}

#[trial]
fn a_number_after_p_is_a_port() {
    refuse::other_namespaces();
    let owner = server(80);
    let hint = "portwho: -p has no effect, and 4731 is read as a port; for the process with PID \
                4731, run: portwho --pid 4731\n";
    let free = "portwho: port 4731 is free\n";
    portwho(["-p", "4731"]).run().is(1, "", &format!("{free}{hint}"));
    portwho(["-tp", "4731"]).run().is(1, "", "portwho: port 4731 is free for TCP\n");
    portwho(["-q", "-p", "80"]).run().is(0, &format!("{}\n", owner.pid()), "");
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
