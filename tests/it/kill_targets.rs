//! Whom kill ends, and whom never: what holds the port, and not what is only connected there.

use std::net::{TcpStream, UdpSocket};
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
    let remains = " (1 TIME_WAIT, T left; until it ends, a bind without SO_REUSEADDR fails)";
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
            " (2 FIN_WAIT_2; until they end, a bind without SO_REUSEADDR fails)",
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
fn a_client_is_none() {
    let connection = makers::established(Loopback::V4);
    let port = connection.client_address.port();
    let browser = Owner::named("browser").holding(connection.client);
    let line = format!(
        "portwho: port {port}: nothing holds it; only a connection uses it; kill ends listeners \
         only\n"
    );
    for words in [&[][..], &["-y"], &["-t"], &["--force"], &["--name", "browser"], &["-n"]] {
        run(kill(words.iter().copied().chain([port.to_string().as_str()]))).is(1, "", &line);
    }
    assert_lives(&browser);
}

/// As sshd's sessions outlive sshd: the listener is gone, the port is not.
#[trial]
fn a_connection_behind_the_listener_is_none() {
    let connection = makers::established(Loopback::V4);
    let port = connection.server_address.port();
    drop(connection.listener);
    let session = Owner::named("session").holding(connection.server);
    let line = format!(
        "portwho: port {port}: nothing holds it; only a connection uses it; kill ends listeners \
         only\n"
    );
    run(kill([port.to_string()])).is(1, "", &line);
    assert_lives(&session);
}

#[trial]
fn time_wait_is_none() {
    let remains = makers::time_wait(Loopback::V4);
    let port = remains.client_address.port().to_string();
    let bystander = Owner::named("web").holding(remains.listener);
    let line = format!(
        "portwho: port {port}: nothing holds it (1 TIME_WAIT, T left; until it ends, a bind \
         without SO_REUSEADDR fails)\n"
    );
    run(kill([&port])).is(1, "", &line);
    assert_lives(&bystander);
}

#[trial]
fn udp_only_if_asked_for() {
    let name = Owner::named("named").holding(makers::udp(Loopback::V4.port(53)).socket);
    for words in [&["53"][..], &["-n", "53"]] {
        let advice = format!(
            "portwho: port 53: held only by UDP sockets of {}; run: portwho kill -u {}\n",
            named("named", name.pid()),
            words.join(" ")
        );
        run(kill(words)).is(2, "", &advice);
    }
    let line = format!(
        "portwho: port 53: the options exclude UDP 127.0.0.1:53, held by {}\n",
        named("named", name.pid())
    );
    run(kill(["-t", "53"])).is(1, "", &line);
    assert_lives(&name);
    run(kill(["-u", "53"])).is(0, &ended(&name, "named", 53), "");
    assert_eq!(name.ended_by(), TERM);
    assert!(UdpSocket::bind(Loopback::V4.port(53)).is_ok());
}

/// A protocol behind a port counts as `-u` or `-t` for that port alone.
#[trial]
fn a_protocol_of_one_port() {
    let named = Owner::named("named").holding(makers::udp(Loopback::V4.port(53)).socket);
    let tcp = server("tcp", 53);
    let other = Owner::named("other").holding(makers::udp(Loopback::V4.port(80)).socket);
    let web = server("web", 80);
    let output = run(kill(["53/udp", "80"]));
    assert_eq!(output.code, Some(0), "{output:?}");
    for (ended, port) in [(&named, 53), (&web, 80)] {
        assert_eq!(ended.ended_by(), TERM);
        assert!(output.stdout.contains(&format!("{port} is free\n")), "{output:?}");
    }
    let line = format!(
        "portwho: UDP port 80 is still in use: other (PID {}); run: portwho kill -u 80\n",
        other.pid()
    );
    assert_eq!(output.stderr, line);
    assert_lives(&tcp);
    assert_lives(&other);
    let output = run(kill(["53/tcp"]));
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(tcp.ended_by(), TERM);
}

/// The port that TCP held is free, and whoever has it in UDP lives.
#[trial]
fn udp_and_tcp() {
    let tcp = server("tcp", 53);
    let udp = Owner::named("udp").holding(makers::udp(Loopback::V4.port(53)).socket);
    let beside = format!(
        "portwho: UDP port 53 is still in use: {}; run: portwho kill -u 53\n",
        named("udp", udp.pid())
    );
    run(kill(["53"])).is(0, &ended(&tcp, "tcp", 53), &beside);
    assert_eq!(tcp.ended_by(), TERM);
    assert_lives(&udp);
    assert!(UdpSocket::bind(Loopback::V4.port(53)).is_err());
}

/// What the options exclude is told whole, not only its UDP half.
#[trial]
fn udp_and_tcp_left_out() {
    let tcp = server("tcp", 53);
    let udp = Owner::named("udp").holding(makers::udp(Loopback::V4.port(53)).socket);
    let line = format!(
        "portwho: port 53: the options exclude TCP 127.0.0.1:53, UDP 127.0.0.1:53, held by {}\n",
        [named("tcp", tcp.pid()), named("udp", udp.pid())].join(", ")
    );
    run(kill(["-6", "53"])).is(1, "", &line);
    assert_lives(&tcp);
    assert_lives(&udp);
}

/// A client that only ever sends looks like a server: bound, unconnected.
#[trial]
fn a_client_of_udp_is_none() {
    let socket = UdpSocket::bind(Loopback::V4.port(0)).expect("bind");
    socket.send_to(b"?", Loopback::V4.port(53)).expect("send");
    let port = socket.local_addr().expect("local address").port().to_string();
    let client = Owner::named("dig").holding(socket.into());
    for words in [&[port.as_str()][..], &["-y", &port]] {
        let advice = format!(
            "portwho: port {port}: held only by UDP sockets of {}; run: portwho kill -u {}\n",
            named("dig", client.pid()),
            words.join(" ")
        );
        run(kill(words)).is(2, "", &advice);
    }
    assert_lives(&client);
}

#[trial]
fn connected_udp_is_none() {
    let server = makers::udp(Loopback::V4.port(53));
    let socket = makers::udp_connected(server.address);
    let port = socket.address.port().to_string();
    let client = Owner::named("dig").holding(socket.socket);
    let line = |rest| format!("portwho: port {port}: nothing holds it{rest}\n");
    for words in [["-u", "-y"], ["-u", "--force"], ["-t", "-u"]] {
        let output = run(kill(words.into_iter().chain([port.as_str()])));
        output.is(1, "", &line("; only a connection uses it; kill ends listeners only"));
    }
    assert_lives(&client);
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
fn a_number_is_no_prefix() {
    let others = [8, 800, 8080, 18080].map(|port| server("other", port));
    let web = server("web", 80);
    run(kill(["80"])).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), TERM);
    others.iter().for_each(assert_lives);
}

/// The holder of another address is not signaled, and the verdict does not promise its address.
#[trial]
fn an_address_is_exact() {
    let web = server("web", 80);
    let other = Owner::named("other").holding(makers::listening(Loopback::V6.port(80)).socket);
    let expected = held_here(80, "web", web.pid())
        + &format!("PID {} exited after T; 127.0.0.1:80 is free\n", web.pid());
    run(kill(["127.0.0.1:80"])).is(0, &expected, "");
    assert_eq!(web.ended_by(), TERM);
    assert_lives(&other);
    run(kill(["127.0.0.1:80"])).is(1, "", "portwho: 127.0.0.1:80: nothing holds it\n");
    assert_lives(&other);
}

/// Who holds every address holds the one that was asked for.
#[trial]
fn an_address_and_what_covers_it() {
    for covering in ["0.0.0.0:80", "[::]:80"] {
        let at = covering.parse().expect("an address");
        let web = Owner::named("web").holding(makers::listening(at).socket);
        let expected = held(covering, "web", web.pid());
        let intended = format!(
            "{expected}{covering} covers 127.0.0.1:80: would send SIGTERM to {}\n",
            named("web", web.pid())
        );
        run(kill(["-n", "127.0.0.1:80"])).is(0, &intended, "");
        let freed = format!("PID {} exited after T; {covering} is free\n", web.pid());
        run(kill(["127.0.0.1:80"])).is(0, &(expected + &freed), "");
        assert_eq!(web.ended_by(), TERM);
    }
}

/// A dual-stack listener holds the port of IPv4.
#[trial]
fn ipv4_and_a_dual_stack_listener() {
    let at = "[::]:80".parse().expect("an address");
    let web = Owner::named("web").holding(makers::listening(at).socket);
    let freed = format!("PID {} exited after T; [::]:80 is free\n", web.pid());
    run(kill(["-4", "80"])).is(0, &(held("[::]:80", "web", web.pid()) + &freed), "");
    assert_eq!(web.ended_by(), TERM);
}

/// What holds only one of the addresses is not signaled, and named with what ends it.
#[trial]
fn every_address_and_one_of_them() {
    let at = "127.0.0.2:80".parse().expect("an address");
    let web = Owner::named("web").holding(makers::listening(at).socket);
    for asked in ["0.0.0.0:80", "[::]:80"] {
        let line = format!(
            "portwho: {asked}: no socket is bound to exactly this address; 127.0.0.2:80, held by \
             {}, blocks a bind \
             to it; run: portwho kill 127.0.0.2:80\n",
            named("web", web.pid())
        );
        run(kill([asked])).is(2, "", &line);
    }
    run(kill(["[::1]:80"])).is(1, "", "portwho: [::1]:80: nothing holds it\n");
    assert_lives(&web);
}

/// A protocol of the port holds for what covers its address, and for what holds one of its addresses.
#[trial]
fn addresses_with_their_own_protocol() {
    let at = |end: &str| end.parse().expect("an address");
    let web = Owner::named("web").holding(makers::listening(at("0.0.0.0:80")).socket);
    let nothing =
        "portwho: 127.0.0.1:80/udp: nothing holds it\nportwho: port 81: nothing holds it\n";
    run(kill(["127.0.0.1:80/udp", "81"])).is(1, "", nothing);
    let named_udp = Owner::named("named").holding(makers::udp(at("127.0.0.2:80")).socket);
    let line = format!(
        "portwho: 0.0.0.0:80/udp: no socket is bound to exactly this address; 127.0.0.2:80, held \
         by {}, blocks a \
         bind to it; run: portwho kill 127.0.0.2:80/udp\n",
        named("named", named_udp.pid())
    );
    run(kill(["0.0.0.0:80/udp"])).is(2, "", &line);
    assert_lives(&web);
    assert_lives(&named_udp);
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
    let misspelt = format!("portwho: no process is named 'we'\n{left_out}");
    run(kill(["--name", "we", "80"])).is(1, "", &misspelt);
    assert_lives(&web);
    assert_held(80);
    run(kill(["--name", "WEB", "--user", "root", "80"])).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), TERM);
}
