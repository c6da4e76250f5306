//! close in every state: the connection is gone, its process lives, and the count is true.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use crate::close::{
    app, assert_gone, assert_there, close, closed_one, closes, closes_kernels, is_of, sockets_held,
};
use crate::kill::{assert_lives, named};
use crate::support::features;
use crate::support::kernel_table::{self, State, await_state};
use crate::support::makers::{self, Connection, Loopback};
use crate::support::process::Owner;

/// Closes the near end of a connection at a port and in a state, and looks at everything after.
#[track_caller]
fn closes_end(state: &str, local: SocketAddr, foreign: SocketAddr, socket: OwnedFd) {
    let app = app(socket);
    let port = local.port().to_string();
    close(["-y", "--state", state, &port]).run().is(0, &closes(state, &app), "");
    assert_gone(local, foreign);
    assert_lives(&app);
    assert_eq!(sockets_held(app.pid()), 1, "the descriptor stays");
    close(["-y", "--state", state, &port]).run().is(1, "", &nothing_left(&port, local));
}

/// Where the port has other sockets still, they are named.
fn nothing_left(port: &str, local: SocketAddr) -> String {
    let table = if local.is_ipv4() { "tcp" } else { "tcp6" };
    let rows = kernel_table::rows(table);
    match rows.iter().filter(|row| row.local.port() == local.port()).count() {
        0 => {
            let to_there = rows.iter().filter(|row| row.foreign.port() == local.port()).count();
            let nothing = format!("portwho: port {port}: no socket matches\n");
            match to_there {
                0 => nothing,
                1 => format!(
                    "{nothing}portwho: 1 connection goes to foreign port {port}; to see it, run: \
                     portwho --foreign-port {port}\n"
                ),
                _ => panic!("{rows:?}"),
            }
        }
        1 => format!(
            "portwho: 1 socket on port {port} does not match the other filters; to see it, run: \
             portwho {port}\n"
        ),
        _ => panic!("{rows:?}"),
    }
}

/// It waits for an error on the socket, and then writes: the role says what it was told.
#[trial]
fn close_wait_of_a_process_that_notices() {
    for at in Loopback::BOTH {
        let Connection { server, client, listener, client_address, server_address } =
            makers::half_closed(at);
        let mut app = Owner::named("app").playing_with("notice", &[], server);
        assert_eq!(app.line(), "waiting");
        let pid = app.pid();
        let output = close(["--state", "CLOSE_WAIT", "--pid", &pid.to_string(), "-y"]).run();
        output.is(0, &(is_of("1 CLOSE_WAIT", "app", pid) + &closed_one("app", pid)), "");
        assert_eq!(app.line(), "hung up, ECONNABORTED");
        assert_lives(&app.process);
        assert_eq!(sockets_held(pid), 1);
        assert_gone(server_address, client_address);
        // The peer got a RST.
        assert_gone(client_address, server_address);
        drop((client, listener));
    }
}

/// Twelve, and a listener that stays.
#[trial]
fn many_of_one_process() {
    let mut server = Owner::named("app").playing("listen", &["127.0.0.1:0"]);
    let address: SocketAddr = server.line().parse().expect("an address");
    let mut clients = Vec::new();
    for _ in 0..12 {
        let client = TcpStream::connect(address).expect("connect");
        assert_eq!(server.tell("accept"), "accepted");
        let near = client.local_addr().expect("local address");
        client.shutdown(std::net::Shutdown::Write).expect("shutdown");
        await_state(address, near, State::CLOSE_WAIT);
        clients.push((client, near));
    }
    let held = sockets_held(server.pid());
    assert_eq!(held, 13);
    let pid = server.pid();
    let output = close(["--state", "CLOSE_WAIT", "--pid", &pid.to_string(), "-y"]).run();
    let closed = format!(
        "closed 12 sockets; {} keeps their descriptors until it calls close()\n",
        named("app", pid)
    );
    output.is(0, &(is_of("12 CLOSE_WAIT", "app", pid) + &closed), "");
    for (_, near) in &clients {
        assert_gone(address, *near);
    }
    assert_eq!(sockets_held(pid), held, "no descriptor was closed");
    let client = TcpStream::connect(address).expect("it listens still");
    assert_eq!(server.tell("accept"), "accepted");
    drop(client);
}

#[trial]
fn established() {
    for at in Loopback::BOTH {
        let made = makers::established(at);
        closes_end("ESTABLISHED", made.client_address, made.server_address, made.client);
    }
}

#[trial]
fn fin_wait_1() {
    for at in Loopback::BOTH {
        let made = makers::fin_wait_1(at);
        closes_end("FIN_WAIT_1", made.client_address, made.server_address, made.client);
    }
}

#[trial]
fn fin_wait_2() {
    for at in Loopback::BOTH {
        let made = makers::half_closed(at);
        closes_end("FIN_WAIT_2", made.client_address, made.server_address, made.client);
    }
}

#[trial]
fn closing() {
    for at in Loopback::BOTH {
        let made = makers::closing(at);
        closes_end("CLOSING", made.client_address, made.server_address, made.client);
    }
}

#[trial]
fn last_ack() {
    for at in Loopback::BOTH {
        let made = makers::last_ack(at);
        closes_end("LAST_ACK", made.server_address, made.client_address, made.server);
    }
}

#[trial]
fn syn_sent() {
    for at in Loopback::BOTH {
        let made = makers::syn_sent(at);
        // What stays in the test is a copy, which close must not see.
        let (local, foreign) = (made.client_address, made.server_address);
        let app = app(made.client);
        let port = local.port().to_string();
        close(["-y", "-s", "SYN_SENT", &port]).run().is(0, &closes("SYN_SENT", &app), "");
        assert_gone(local, foreign);
        assert_eq!(sockets_held(app.pid()), 1);
    }
}

#[trial]
fn syn_received() {
    for at in Loopback::BOTH {
        let made = makers::syn_received(at);
        let expected = closes_kernels("SYN_RECEIVED", "syn-received");
        close(["-y", "-s", "SYN_RECEIVED"]).run().is(0, &expected, "");
        assert_gone(made.server_address, made.client_address);
    }
}

#[trial]
fn not_accepted() {
    for at in Loopback::BOTH {
        let made = makers::not_accepted(at);
        let (local, foreign) = (made.server_address, made.client_address);
        let expected = closes_kernels("ESTABLISHED", "not-accepted");
        let port = local.port().to_string();
        close(["-y", "-s", "ESTAB", &port]).run().is(0, &expected, "");
        assert_gone(local, foreign);
    }
}

/// What is over, and who closes it: Linux 6.0 does; an older one says so, and the exit code is 2.
#[track_caller]
fn closes_what_is_over(state: &str, reason: &str, local: SocketAddr, foreign: SocketAddr) {
    let output = close(["-y", "-s", state, &local.port().to_string()]).run();
    if features::destroys_what_is_over() {
        output.is(0, &closes_kernels(state, reason), "");
        return assert_gone(local, foreign);
    }
    let what = format!("1 {state} of the kernel ({reason})");
    let why = format!(
        "portwho: {what}: not closed: this system cannot close such sockets (Linux can close UDP \
         sockets from 4.9 on, and TIME_WAIT and FIN_WAIT_2 without a process from 6.0 on)\n"
    );
    output.is(2, &format!("{what}\n"), &why);
    assert_there(local, foreign);
}

#[trial]
fn time_wait() {
    for at in Loopback::BOTH {
        let made = makers::time_wait(at);
        let (local, foreign) = (made.client_address, made.server_address);
        closes_what_is_over("TIME_WAIT", "time-wait", local, foreign);
    }
}

#[trial]
fn orphans() {
    for at in Loopback::BOTH {
        let Connection { client, server, listener, client_address, server_address } =
            makers::half_closed(at);
        drop(client);
        closes_what_is_over("FIN_WAIT_2", "orphaned", client_address, server_address);
        drop((server, listener));
    }
}

/// An IPv4 connection on an IPv6 socket: the kernel wants it by its IPv6 name.
#[trial]
fn v4_mapped() {
    let listener = TcpListener::bind("[::]:0").expect("bind");
    let port = listener.local_addr().expect("local address").port();
    let client = TcpStream::connect(("127.0.0.1", port)).expect("connect");
    let (server, near) = listener.accept().expect("accept");
    assert!(near.is_ipv6(), "dual stack");
    let app = app(server.into());
    let port = port.to_string();
    close(["-y", "-6", "-s", "ESTAB", &port]).run().is(
        1,
        "",
        &format!(
            "portwho: 2 sockets on port {port} do not match the other filters; to see them, run: \
             portwho {port}\n"
        ),
    );
    close(["-y", "-4", "-s", "ESTAB", &port]).run().is(0, &closes("ESTABLISHED", &app), "");
    assert!(kernel_table::rows("tcp6").iter().all(|row| row.state == State::LISTENING));
    drop(client);
}

/// A socket that a parent and its children hold is one socket.
#[trial]
fn shared_by_a_family() {
    let made = makers::half_closed(Loopback::V4);
    let mut family = Owner::named("app").playing_with("family", &["1"], made.server);
    let worker: u32 = family.line().parse().expect("a PID");
    let mut pids = [family.pid(), worker];
    pids.sort_unstable();
    let [first, second] = pids;
    let who = format!("{}, {}", named("app", first), named("app", second));
    let expected = format!(
        "1 CLOSE_WAIT of {}, {}\nclosed 1 socket; {who} keep its descriptor until they call \
         close()\n",
        crate::kill::identity("app", first),
        crate::kill::identity("app", second)
    );
    close(["-y", "-s", "CLOSE_WAIT"]).run().is(0, &expected, "");
    assert_gone(made.server_address, made.client_address);
}

#[trial]
fn nothing_to_close() {
    let nothing = "portwho: no socket matches\n";
    close(["-y", "-s", "CLOSE_WAIT"]).run().is(1, "", nothing);
    close(["-n", "--pid", "1"]).run().is(1, "", nothing);
}

/// The sockets come from /proc/net, and nothing can be closed by that way.
#[trial]
fn without_netlink() {
    let made = makers::half_closed(Loopback::V4);
    let app = app(made.server);
    crate::support::refuse::netlink(libc::EPERM);
    let gap = "portwho: netlink was refused (Operation not permitted (os error 1)), so \
               /proc/net was read: BOUND sockets, backlogs, idle times and cgroups are missing; \
               allow AF_NETLINK \
               sockets (NETLINK_SOCK_DIAG)\n";
    let why = format!(
        "{gap}portwho: 1 CLOSE_WAIT of {}: not closed: cannot close it over netlink: Operation \
         not permitted (os error 1)\n",
        named("app", app.pid())
    );
    let expected = is_of("1 CLOSE_WAIT", "app", app.pid());
    close(["-y", "-s", "CLOSE_WAIT"]).run().is(2, &expected, &why);
    assert_there(made.server_address, made.client_address);
}
