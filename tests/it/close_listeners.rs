//! close and listeners: they are counted and not closed unless -l is given; what is bound
//! cannot be closed; UDP.

use std::net::SocketAddr;

use crate::close::{app, assert_gone, close, closed_one, closes, is_of, sockets_held};
use crate::kill::{assert_lives, listener, named, shared_listeners};
use crate::support::features;
use crate::support::kernel_table::{self, State};
use crate::support::makers::{self, Loopback};
use crate::support::portwho;
use crate::support::process::{Owner, Process, server};

#[trial]
fn not_closed_and_counted() {
    let made = makers::half_closed(Loopback::V4);
    let (web, app) = (Owner::named("web").holding(made.listener), app(made.server));
    let port = made.server_address.port().to_string();
    let left = format!(
        "portwho: 1 listener not closed; to close it, run: portwho close -l -y \
                        {port}\n"
    );
    close(["-y", &port]).run().is(0, &closes("CLOSE_WAIT", &app), &left);
    assert_gone(made.server_address, made.client_address);
    assert_lives(&web);
    portwho(["-q", "-l", &port]).run().is(0, &format!("{}\n", web.pid()), "");
}

#[trial]
fn nothing_but_listeners() {
    let _web = server(80);
    let _more = server(81);
    let _udp = Owner::named("dns").holding(makers::udp(Loopback::V4.port(53)).socket);
    for (words, command) in [
        (&["-y", "-s", "LISTEN"][..], "-y -s LISTEN"),
        (&["-n", "80,81"], "80,81"),
        (&["-nt", "80,81"], "-t 80,81"),
        (&["80,81", "--dry-run"], "80,81"),
    ] {
        let left = format!(
            "portwho: 2 listeners not closed; to close them, run: portwho close -l \
                            {command}\n"
        );
        close(words).run().is(1, "", &left);
    }
    let left = "portwho: 2 listeners and 1 unconnected UDP socket not closed; to close them, \
                except at UDP ports that were bound explicitly (bind() with a port other than \
                0), run: portwho close -l -4 -y\n";
    close(["-4", "-y"]).run().is(1, "", left);
    portwho(["-q", "-l"]).run().is(0, &portwho(["-q"]).run().stdout, "");
}

/// The port that it was bound to by number stays with the process.
#[trial]
fn a_listener_alone() {
    let web = Owner::named("web").holding(listener(80));
    let expected = is_of("1 LISTENING", "web", web.pid())
        + &format!(
            "closed 1 socket; {} keeps its descriptor and port 80 until it calls close()\n",
            named("web", web.pid())
        );
    close(["-l", "-y", "80"]).run().is(0, &expected, "");
    assert_lives(&web);
    assert_eq!(kernel_table::rows("tcp").len(), 0, "nobody listens");
    assert!(portwho(["80"]).run().stdout.contains("BOUND"));
}

#[trial]
fn a_listener_at_a_port_of_the_kernels_choice() {
    if !features::lists_bound() {
        return;
    }
    for at in Loopback::BOTH {
        let held = makers::listening(at.port(0));
        let web = Owner::named("web").holding(held.socket);
        let expected = is_of("1 LISTENING", "web", web.pid()) + &closed_one("web", web.pid());
        close(["-l", "-y"]).run().is(0, &expected, "");
        assert_eq!(kernel_table::rows("tcp").len() + kernel_table::rows("tcp6").len(), 0);
    }
}

#[trial]
fn a_listener_for_both_families() {
    let address: SocketAddr = "[::]:80".parse().expect("an address");
    let web = Owner::named("web").holding(makers::listening(address).socket);
    let output = close(["-l", "-y", "80"]).run();
    output.is(0, &output.stdout, "");
    assert_lives(&web);
    assert_eq!(kernel_table::rows("tcp6").len(), 0);
}

/// The kernel chooses among them by the far end, which a listener has not.
#[trial]
fn one_of_several_listeners() {
    let both = [(); 2].map(|()| shared_listeners(Loopback::V4.port(80)));
    let owners: Vec<Process> = both.into_iter().flatten().map(app).collect();
    for (closed, owner) in owners.iter().enumerate() {
        let output = close(["-l", "-y", "--pid", &owner.pid().to_string()]).run();
        output.is(0, &output.stdout, "");
        assert!(output.stdout.contains("closed 1 socket; "), "{output:?}");
        let left = owners.iter().skip(closed + 1).map(Process::pid);
        let mut left: Vec<u32> = left.collect();
        left.sort_unstable();
        let lines: String = left.iter().map(|pid| format!("{pid}\n")).collect();
        assert_eq!(portwho(["-q", "-l"]).run().stdout, lines, "{closed}");
    }
}

#[trial]
fn a_bound_port() {
    let held = makers::bound(Loopback::V4.port(6800));
    let app = app(held.socket);
    let why = format!(
        "portwho: 1 BOUND of {}: refused: there is no connection to close; to free the port, run: \
         portwho kill \
         6800\n",
        named("app", app.pid())
    );
    for words in [&["-y", "6800"][..], &["-n", "6800"]] {
        close(words).run().is(2, "", &why);
    }
    if features::lists_bound() {
        close(["-y", "-s", "BOUND"]).run().is(2, "", &why);
    }
    assert!(portwho(["6800"]).run().stdout.contains("BOUND"));
}

/// What is said when the connection is closed, and the port stays.
fn keeps_port(state: &str, app: &Process, port: u16) -> String {
    is_of(&format!("1 {state}"), "app", app.pid())
        + &format!(
            "closed 1 socket; {} keeps its descriptor and port {port} until it calls \
             close()\n",
            named("app", app.pid())
        )
}

#[trial]
fn a_client_at_a_port_bound_by_number() {
    let server = makers::listening(Loopback::V4.port(0));
    let client = makers::bound(Loopback::V4.port(6800));
    rustix::net::connect(&client.socket, &server.address).expect("connect");
    let app = app(client.socket);
    let lists_bound = features::lists_bound();
    // Elsewhere a copy of the socket has the port too where the kernel has let go of it.
    let said = if lists_bound {
        keeps_port("ESTABLISHED", &app, 6800)
    } else {
        closes("ESTABLISHED", &app)
    };
    close(["-y", "6800"]).run().is(0, &said, "");
    assert_gone(client.address, server.address);
    assert_eq!(portwho(["6800"]).run().stdout.contains("BOUND"), lists_bound);
}

/// The connection is gone, and the socket is an unconnected one.
#[trial]
fn udp_connected_at_a_port_bound_by_number() {
    let held = makers::udp(Loopback::V4.port(5353));
    rustix::net::connect(&held.socket, &Loopback::V4.port(53)).expect("connect");
    let app = app(held.socket);
    close(["-y", "-u"]).run().is(0, &keeps_port("UDP", &app, 5353), "");
    let rows = kernel_table::rows("udp");
    assert_eq!(rows.iter().map(|row| row.foreign.port()).collect::<Vec<_>>(), [0]);
}

#[trial]
fn udp_connected() {
    for at in Loopback::BOTH {
        let held = makers::udp_connected(at.port(53));
        let app = app(held.socket);
        close(["-u", "-y"]).run().is(0, &closes("UDP", &app), "");
        assert_eq!(sockets_held(app.pid()), 1);
        assert_eq!(kernel_table::rows("udp").len() + kernel_table::rows("udp6").len(), 0);
    }
}

#[trial]
fn udp_connected_to_v4_over_v6() {
    let held = makers::udp_connected("[::ffff:127.0.0.1]:53".parse().expect("an address"));
    let app = app(held.socket);
    close(["-u", "-4", "-y"]).run().is(0, &closes("UDP", &app), "");
    assert_eq!(kernel_table::rows("udp6").len(), 0);
}

/// At a port of the kernel's choice it goes as a whole.
#[trial]
fn udp_unconnected() {
    let held = makers::udp(Loopback::V4.port(0));
    let app = app(held.socket);
    let left = "portwho: 1 unconnected UDP socket not closed; to close it, unless its port was \
                bound explicitly (bind() with a port other than 0), run: portwho close -l -u -y\n";
    close(["-u", "-y"]).run().is(1, "", left);
    close(["-l", "-u", "-y"]).run().is(0, &closes("UDP", &app), "");
    assert_eq!(kernel_table::rows("udp").len(), 0);
}

/// At a port that was bound by its number it stays, and that is told.
#[trial]
fn udp_bound_by_number() {
    let dns = Owner::named("dns").holding(makers::udp(Loopback::V4.port(53)).socket);
    let why = format!(
        "portwho: 1 UDP of {}: not closed: its port was bound explicitly and stays with its \
         process; run: portwho kill -u 53\n",
        named("dns", dns.pid())
    );
    let would = is_of("1 UDP", "dns", dns.pid())
        + &format!(
            "would close 1 socket of {}, unless its port was bound explicitly (bind() with a \
             port other than 0)\n",
            named("dns", dns.pid())
        );
    close(["-n", "-l", "53"]).run().is(0, &would, "");
    close(["-l", "-y", "53"]).run().is(2, &is_of("1 UDP", "dns", dns.pid()), &why);
    assert_there_udp(53);
}

#[track_caller]
fn assert_there_udp(port: u16) {
    let rows = kernel_table::rows("udp");
    assert!(rows.iter().any(|row| row.local.port() == port && row.state == State(7)), "{rows:?}");
}
