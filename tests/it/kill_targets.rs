//! Whom kill ends, and whom never: what holds the port, and not what is only connected there.

mod addresses;
mod udp;

use std::net::TcpStream;
use std::os::fd::OwnedFd;

use crate::kill::{
    TERM, assert_free, assert_held, assert_lives, ended, freed, held, held_here, kill, named, run,
    server,
};
use crate::support::kernel_table::{self, Row, State, await_state};
use crate::support::makers::{self, Connection, Loopback};
use crate::support::process::Owner;

#[trial]
fn a_listener() {
    let web = server("web", 80);
    run(kill(["80"])).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), TERM);
    assert_free(80);
}

#[trial]
fn a_listener_of_ipv6() {
    let web = Owner::named("web").holding(makers::listening(Loopback::V6.port(80)).socket);
    let line = format!(
        "portwho: port 80: the options exclude TCP [::1]:80, held by {}\n",
        named("web", web.pid())
    );
    run(kill(["-4", "80"])).is(1, "", &line);
    assert_lives(&web);
    let expected = held("[::1]:80", "web", web.pid());
    let expected = expected + &format!("PID {} exited after T; [::1]:80 is free\n", web.pid());
    run(kill(["-6", "80"])).is(0, &expected, "");
    assert_eq!(web.ended_by(), TERM);
}

#[trial]
fn nothing() {
    let bystander = server("web", 8080);
    run(kill(["80"])).is(1, "", "portwho: port 80: nothing holds it\n");
    assert_lives(&bystander);
}

#[trial]
fn a_bound_socket() {
    let web = Owner::named("web").holding(makers::bound(Loopback::V4.port(80)).socket);
    run(kill(["80"])).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), TERM);
    assert_free(80);
}

/// The server closes first, and TIME_WAIT stays on its side.
#[trial]
fn what_remains_is_reported() {
    let Connection { listener, client, server, client_address, server_address } =
        makers::established(Loopback::V4);
    drop(server);
    await_state(client_address, server_address, State::CLOSE_WAIT);
    drop(client);
    await_state(server_address, client_address, State::TIME_WAIT);
    let port = server_address.port();
    let web = Owner::named("web").holding(listener);
    let remains = " (1 TIME_WAIT, T left; until it ends, a bind fails unless both sockets set \
                   SO_REUSEADDR, which no table shows)";
    let expected = held_here(port, "web", web.pid()) + &freed(web.pid(), port, remains);
    run(kill([port.to_string()])).is(0, &expected, "");
    assert_eq!(web.ended_by(), TERM);
    let is_listener = |row: &Row| row.local == server_address && row.state == State::LISTENING;
    assert!(!kernel_table::rows("tcp").iter().any(is_listener));
}

#[trial]
fn clients_live_on() {
    let mut web = Owner::named("web").playing("listen", &["127.0.0.1:80"]);
    web.line();
    let connect = || OwnedFd::from(TcpStream::connect(Loopback::V4.port(80)).expect("connect"));
    let clients = [connect(), connect()].map(|socket| {
        assert_eq!(web.tell("accept"), "accepted");
        Owner::named("browser").holding(socket)
    });
    let expected = held_here(80, "web", web.pid())
        + "  2 clients are connected to it\n"
        + &freed(
            web.pid(),
            80,
            " (2 FIN_WAIT_2; until they end, a bind fails unless they and the new socket set \
             SO_REUSEADDR, which no table shows)",
        );
    run(kill(["80"])).is(0, &expected, "");
    assert_eq!(web.process.ended_by(), TERM);
    clients.iter().for_each(assert_lives);
}

/// What waits for the server's own close is no client that would be disconnected.
#[trial]
fn clients_that_have_left_are_not_counted() {
    let web = server("web", 80);
    let connect = || TcpStream::connect(("127.0.0.1", 80)).expect("connect");
    let (stays, leaves) = (connect(), [(); 3].map(|()| connect()));
    for gone in leaves {
        let (local, foreign) = (gone.peer_addr().expect("peer"), gone.local_addr().expect("own"));
        drop(gone);
        await_state(local, foreign, State::CLOSE_WAIT);
    }
    let would = format!("would send SIGTERM to {}\n", named("web", web.pid()));
    let expected = |clients: &str| held_here(80, "web", web.pid()) + clients + &would;
    run(kill(["-n", "80"])).is(0, &expected("  1 client is connected to it\n"), "");
    let (local, foreign) = (stays.peer_addr().expect("peer"), stays.local_addr().expect("own"));
    drop(stays);
    await_state(local, foreign, State::CLOSE_WAIT);
    run(kill(["-n", "80"])).is(0, &expected(""), "");
}

#[trial]
fn a_client_is_not_a_target() {
    let connection = makers::established(Loopback::V4);
    let port = connection.client_address.port();
    let browser = Owner::named("browser").holding(connection.client);
    let line = format!(
        "portwho: port {port}: nothing holds it; only a connection uses it; kill terminates only \
         processes that hold the port\n"
    );
    for words in [&[][..], &["-y"], &["-t"], &["--force"], &["--name", "browser"], &["-n"]] {
        run(kill(words.iter().copied().chain([port.to_string().as_str()]))).is(1, "", &line);
    }
    assert_lives(&browser);
}

/// As sshd's sessions outlive sshd: the listener is gone, the port is not.
#[trial]
fn a_connection_without_its_listener_is_not_a_target() {
    let connection = makers::established(Loopback::V4);
    let port = connection.server_address.port();
    drop(connection.listener);
    let session = Owner::named("session").holding(connection.server);
    let line = format!(
        "portwho: port {port}: nothing holds it; only a connection uses it; kill terminates only \
         processes that hold the port\n"
    );
    run(kill([port.to_string()])).is(1, "", &line);
    assert_lives(&session);
}

#[trial]
fn time_wait_is_not_a_target() {
    let remains = makers::time_wait(Loopback::V4);
    let port = remains.client_address.port().to_string();
    let bystander = Owner::named("web").holding(remains.listener);
    let line = format!(
        "portwho: port {port}: nothing holds it (1 TIME_WAIT, T left; until it ends, a bind fails \
         unless both sockets set SO_REUSEADDR, which no table shows)\n"
    );
    run(kill([&port])).is(1, "", &line);
    assert_lives(&bystander);
}

/// What else goes with it is said beforehand.
#[trial]
fn other_ports_are_named() {
    let mut web =
        Owner::named("web").playing("listen", &["127.0.0.1:80", "127.0.0.1:81", "127.0.0.1:443"]);
    web.line();
    let bystander = server("other", 8080);
    let expected = held_here(80, "web", web.pid())
        + "  it also holds ports 81, 443\n"
        + &freed(web.pid(), 80, "");
    run(kill(["80"])).is(0, &expected, "");
    assert_eq!(web.process.ended_by(), TERM);
    assert_lives(&bystander);
}

#[trial]
fn a_number_is_not_a_prefix() {
    let others = [8, 800, 8080, 18080].map(|port| server("other", port));
    let web = server("web", 80);
    run(kill(["80"])).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), TERM);
    others.iter().for_each(assert_lives);
}

#[trial]
fn by_name_and_by_user() {
    let web = server("web", 80);
    let left_out = format!(
        "portwho: port 80: held by {}, which the filters exclude\n",
        named("web", web.pid())
    );
    for words in [["--user", "65534"], ["--pid", "1"]] {
        run(kill(words.into_iter().chain(["80"]))).is(1, "", &left_out);
    }
    let misspelt = format!(
        "portwho: no process is named 'we'; for names that contain it, run: portwho --name \"*we*\"\n\
         {left_out}"
    );
    run(kill(["--name", "we", "80"])).is(1, "", &misspelt);
    assert_lives(&web);
    assert_held(80);
    run(kill(["--name", "WEB", "--user", "root", "80"])).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), TERM);
}
