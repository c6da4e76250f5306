//! UDP, which is ended only where it was asked for.

use std::net::UdpSocket;

use crate::kill::{TERM, assert_lives, ended, kill, named, run, server};
use crate::support::makers::{self, Loopback};
use crate::support::process::Owner;

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

/// A protocol after a port counts as `-u` or `-t` for that port alone.
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
fn a_udp_client_is_not_a_target() {
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
fn connected_udp_is_not_a_target() {
    let server = makers::udp(Loopback::V4.port(53));
    let socket = makers::udp_connected(server.address);
    let port = socket.address.port().to_string();
    let client = Owner::named("dig").holding(socket.socket);
    let line = |rest| format!("portwho: port {port}: nothing holds it{rest}\n");
    for words in [["-u", "-y"], ["-u", "--force"], ["-t", "-u"]] {
        let output = run(kill(words.into_iter().chain([port.as_str()])));
        output.is(
            1,
            "",
            &line(
                "; only a connection uses it; kill terminates only processes that \
                                hold the port",
            ),
        );
    }
    assert_lives(&client);
}
