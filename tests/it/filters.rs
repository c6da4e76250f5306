//! Which sockets are shown: ports, states, addresses, owners; AND between filters, OR within one.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use crate::support::features;
use crate::support::json::{end, sockets};
use crate::support::makers::{self, Connection, Loopback};
use crate::support::portwho;
use crate::support::process::{Owner, can_become};

/// The protocol and the ends of every row that is shown, as ss would write them.
#[track_caller]
fn shown(words: &[&str]) -> BTreeSet<String> {
    let output = portwho([&["--json"], words].concat()).run();
    let code = output.code.expect("an exit code");
    let answer = output.json(code, &output.stderr);
    let rows: BTreeSet<String> = sockets(&answer)
        .iter()
        .map(|socket| {
            let protocol = socket["protocol"].as_str().expect("a protocol");
            let local = end(&socket["local"]).expect("a local end");
            let foreign = end(&socket["foreign"]);
            foreign.map_or(format!("{protocol} {local}"), |far| format!("{protocol} {local} {far}"))
        })
        .collect();
    assert_eq!(code, i32::from(rows.is_empty()), "{output:?}");
    rows
}

#[track_caller]
fn shows<S: ToString>(words: &[&str], rows: impl IntoIterator<Item = S>) {
    let rows: BTreeSet<String> = rows.into_iter().map(|row| row.to_string()).collect();
    assert_eq!(shown(words), rows, "portwho {}", words.join(" "));
}

const NONE: [&str; 0] = [];

fn listening_on(ports: &[u16]) -> Vec<makers::Held> {
    ports.iter().map(|port| makers::listening(Loopback::V4.port(*port))).collect()
}

#[trial]
fn a_port_is_a_number_and_not_a_text() {
    let _held = listening_on(&[80, 8, 180, 800, 8080, 18080]);
    shows(&["80"], ["tcp 127.0.0.1:80"]);
    shows(&["8"], ["tcp 127.0.0.1:8"]);
    shows(&["808"], NONE);
}

#[trial]
fn ports_in_every_spelling() {
    let _held = listening_on(&[79, 80, 443, 8000, 8005, 8010, 8011]);
    shows(&[":80"], ["tcp 127.0.0.1:80"]);
    shows(&["80,443"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:443"]);
    shows(&["80", "443"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:443"]);
    let range = ["tcp 127.0.0.1:8000", "tcp 127.0.0.1:8005", "tcp 127.0.0.1:8010"];
    shows(&["8000-8010"], range);
    shows(&["8000-8005,80"], ["tcp 127.0.0.1:8000", "tcp 127.0.0.1:8005", "tcp 127.0.0.1:80"]);
    shows(&["8005-8005"], ["tcp 127.0.0.1:8005"]);
    shows(&["8000:8010"], range);
    shows(&["127.0.0.1:8000:8010"], range);
    shows(&["127.0.0.1:80"], ["tcp 127.0.0.1:80"]);
    shows(&["http://localhost:8005/x,y?LISTEN,80"], ["tcp 127.0.0.1:8005"]);
    shows(&["443,http://127.0.0.1/"], ["tcp 127.0.0.1:443", "tcp 127.0.0.1:80"]);
    shows(&["https://[::1]/"], NONE);
    shows(&["080"], ["tcp 127.0.0.1:80"]);
    assert_eq!(shown(&["1-65535"]).len(), 7);
    if std::fs::read_to_string("/etc/services").is_ok_and(|text| text.contains("\nhttp\t")) {
        shows(&["http"], ["tcp 127.0.0.1:80"]);
        shows(&["http,https"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:443"]);
        shows(&["127.0.0.1:http"], ["tcp 127.0.0.1:80"]);
    }
}

#[trial]
fn an_address_is_exact() {
    let addresses = ["127.0.0.1:80", "127.0.0.2:80", "[::1]:80"];
    let _held = addresses.map(|address| makers::listening(address.parse().expect("an address")));
    for address in addresses {
        shows(&[address], [format!("tcp {address}")]);
    }
    shows(&["127.0.0.3:80"], NONE);
    shows(&["0.0.0.0:80", "--pid", "1"], NONE);
}

/// Where no socket holds an address, what is in the way of a bind there is shown.
#[trial]
fn an_address_that_nothing_holds_is_answered_by_what_blocks_it() {
    let addresses = ["127.0.0.1:80", "127.0.0.2:80", "[::1]:80"];
    let _held = addresses.map(|address| makers::listening(address.parse().expect("an address")));
    shows(&["0.0.0.0:80"], ["tcp 127.0.0.1:80", "tcp 127.0.0.2:80"]);
    shows(&["[::]:80"], addresses.map(|address| format!("tcp {address}")));
    shows(&["0.0.0.0:80", "-6"], NONE);
}

#[trial]
fn localhost_is_both_loopback_addresses() {
    let addresses = ["127.0.0.1:80", "127.0.0.2:80", "[::1]:80"];
    let _held = addresses.map(|address| makers::listening(address.parse().expect("an address")));
    shows(&["localhost:80"], ["tcp 127.0.0.1:80", "tcp [::1]:80"]);
    shows(&["-4", "LOCALHOST:80"], ["tcp 127.0.0.1:80"]);
    shows(&["-6", "localhost:80/tcp"], ["tcp [::1]:80"]);
}

#[trial]
fn a_protocol_concerns_its_own_port() {
    let mut held = Vec::new();
    for port in [53, 80] {
        held.push(makers::listening(Loopback::V4.port(port)));
        held.push(makers::udp(Loopback::V4.port(port)));
    }
    let [tcp53, udp53] = ["tcp 127.0.0.1:53", "udp 127.0.0.1:53"];
    let [tcp80, udp80] = ["tcp 127.0.0.1:80", "udp 127.0.0.1:80"];
    shows(&["53/udp"], [udp53]);
    shows(&["53/tcp"], [tcp53]);
    shows(&["127.0.0.1:53/UDP"], [udp53]);
    shows(&["50-60/tcp"], [tcp53]);
    shows(&["53/udp", "80"], [udp53, tcp80, udp80]);
    shows(&["53/udp,80/tcp"], [udp53, tcp80]);
    shows(&["-u", "53/udp", "80"], [udp53, udp80]);
    shows(&["-t", "53,80/tcp"], [tcp53, tcp80]);
    shows(&["53/udp", "53/tcp"], [tcp53, udp53]);
}

#[trial]
fn the_verdict_is_on_the_protocol_of_the_port() {
    crate::support::refuse::other_namespaces();
    let _tcp = makers::listening(Loopback::V4.port(4732));
    portwho(["4732/udp"]).run().is(1, "", "portwho: port 4732 is free for UDP\n");
    portwho(["4733/tcp"]).run().is(1, "", "portwho: port 4733 is free for TCP\n");
}

/// Sockets in most of the states, v4; each with the local end of the state's row.
struct States {
    _held: Vec<Box<dyn std::any::Any>>,
    rows: Vec<(&'static str, SocketAddr)>,
}

fn states() -> States {
    let mut held: Vec<Box<dyn std::any::Any>> = Vec::new();
    let mut rows = Vec::new();
    let mut add = |state, address| rows.push((state, address));
    let at = Loopback::V4;

    if features::lists_bound() {
        let made = makers::bound(at.port(0));
        add("BOUND", made.address);
        held.push(Box::new(made));
    }
    let made = makers::listening(at.port(0));
    add("LISTENING", made.address);
    held.push(Box::new(made));
    let made = makers::syn_received(at);
    add("SYN_RECEIVED", made.server_address);
    held.push(Box::new(made));
    let made = makers::syn_sent(at);
    add("SYN_SENT", made.client_address);
    held.push(Box::new(made));
    let made = makers::time_wait(at);
    add("TIME_WAIT", made.client_address);
    held.push(Box::new(made));
    for (client, server, made) in [
        ("ESTABLISHED", "ESTABLISHED", makers::established(at)),
        ("FIN_WAIT_1", "ESTABLISHED", makers::fin_wait_1(at)),
        ("FIN_WAIT_2", "CLOSE_WAIT", makers::half_closed(at)),
        ("FIN_WAIT_2", "LAST_ACK", makers::last_ack(at)),
        ("CLOSING", "FIN_WAIT_2", makers::closing(at)),
    ] {
        add(client, made.client_address);
        add(server, made.server_address);
        held.push(Box::new(made));
    }
    States { _held: held, rows }
}

/// The states that are shown, each once.
#[track_caller]
fn states_shown(words: &[&str]) -> BTreeSet<String> {
    let output = portwho([&["--json"], words].concat()).run();
    let answer = output.json(0, "");
    let state = |socket: &serde_json::Value| socket["state"].as_str().unwrap_or("UDP").to_owned();
    sockets(&answer).iter().map(state).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[trial]
fn states_in_every_spelling() {
    let made = states();
    for (state, spellings) in [
        // The kernel gives these two up after a minute.
        ("TIME_WAIT", &["TIME_WAIT", "TIME-WAIT", "TimeWait"] as &[&str]),
        ("SYN_RECEIVED", &["SYN_RCVD", "SYN_RECV", "SYN_RECEIVED", "SYN-RECV", "SynReceived"]),
        ("LISTENING", &["LISTEN", "LISTENING", "listen", "Listen"]),
        ("SYN_SENT", &["SYN_SENT", "SYN-SENT", "SynSent"]),
        ("ESTABLISHED", &["ESTAB", "ESTABLISHED", "estab", "Established"]),
        ("FIN_WAIT_1", &["FIN_WAIT1", "FIN_WAIT_1", "FIN-WAIT-1", "FinWait1", "fin-wait-1"]),
        ("FIN_WAIT_2", &["FIN_WAIT2", "FIN_WAIT_2", "FIN-WAIT-2", "FinWait2"]),
        ("CLOSE_WAIT", &["CLOSE_WAIT", "close-wait", "CloseWait"]),
        ("CLOSING", &["CLOSING", "closing"]),
        ("LAST_ACK", &["LAST_ACK", "LAST-ACK", "LastAck"]),
        ("BOUND", &["BOUND", "bound"]),
    ] {
        let Some((_, address)) = made.rows.iter().find(|(made, _)| *made == state) else {
            assert!(state == "BOUND" && !features::lists_bound(), "{state}");
            continue;
        };
        for spelling in spellings {
            assert_eq!(states_shown(&["-s", spelling]), set(&[state]), "{spelling}");
        }
        let rows = shown(&["--state", state]);
        let row = format!("tcp {address}");
        assert!(rows.iter().any(|shown| shown.starts_with(&row)), "{row} in {rows:?}");
    }
    shows(&["--state", "CLOSE"], NONE);
    shows(&["--state", "CLOSED"], NONE);
}

const TEARDOWN: [&str; 6] =
    ["FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT"];

#[trial]
fn groups_of_states() {
    let _made = states();
    let teardown = set(&TEARDOWN);
    let mut stuck = teardown.clone();
    stuck.remove("TIME_WAIT");
    let mut synchronized = teardown.clone();
    synchronized.insert("ESTABLISHED".to_owned());
    let mut connected = synchronized.clone();
    connected.extend(set(&["SYN_SENT", "SYN_RECEIVED"]));
    assert_eq!(states_shown(&["-s", "teardown"]), teardown);
    assert_eq!(states_shown(&["-s", "stuck"]), stuck);
    assert_eq!(states_shown(&["-s", "synchronized"]), synchronized);
    assert_eq!(states_shown(&["-s", "connected"]), connected);
    let listed = states_shown(&["-s", "LISTEN,CLOSE_WAIT"]);
    assert_eq!(listed, set(&["LISTENING", "CLOSE_WAIT"]));
    let repeated = states_shown(&["-s", "LISTEN", "-s", "CLOSE_WAIT"]);
    assert_eq!(repeated, listed, "values of one filter widen");
    if features::lists_bound() {
        let mixed = states_shown(&["-s", "BOUND,stuck"]);
        stuck.insert("BOUND".to_owned());
        assert_eq!(mixed, stuck);
    }
}

#[trial]
fn all_states_but_some() {
    let _made = states();
    let without = states_shown(&["-t", "--not-state", "connected"]);
    let bound = if features::lists_bound() { "BOUND" } else { "LISTENING" };
    assert_eq!(without, set(&["LISTENING", bound]));
    let narrowed = states_shown(&["-s", "teardown", "--not-state", "stuck"]);
    assert_eq!(narrowed, set(&["TIME_WAIT"]));
}

#[trial]
fn a_state_leaves_udp_out() {
    let _udp = makers::udp(Loopback::V4.port(53));
    let _tcp = makers::listening(Loopback::V4.port(53));
    shows(&["-s", "LISTEN"], ["tcp 127.0.0.1:53"]);
    shows(&["-s", "CLOSED"], NONE);
}

#[trial]
fn listening_is_tcp_and_unconnected_udp() {
    let _made = states();
    let _held = (
        makers::udp(Loopback::V4.port(53)),
        makers::udp_connected(Loopback::V4.port(443)),
        makers::listening(Loopback::V6.port(80)),
    );
    let all = shown(&["-l"]);
    assert!(all.contains("udp 127.0.0.1:53") && all.contains("tcp [::1]:80"), "{all:?}");
    assert!(all.iter().all(|row| row.split(' ').count() == 2), "none is connected: {all:?}");
    assert_eq!(states_shown(&["-l"]), set(&["LISTENING", "UDP"]), "BOUND takes no connection");
    shows(&["-lu"], ["udp 127.0.0.1:53"]);
    shows(&["-l6"], ["tcp [::1]:80"]);
}

#[trial]
fn protocols_and_families() {
    let mut held = Vec::new();
    for at in Loopback::BOTH {
        held.push(makers::listening(at.port(80)));
        held.push(makers::udp(at.port(80)));
    }
    let [tcp4, tcp6] = ["tcp 127.0.0.1:80", "tcp [::1]:80"];
    let [udp4, udp6] = ["udp 127.0.0.1:80", "udp [::1]:80"];
    shows(&["80"], [tcp4, tcp6, udp4, udp6]);
    shows(&["-t"], [tcp4, tcp6]);
    shows(&["--udp"], [udp4, udp6]);
    shows(&["-4"], [tcp4, udp4]);
    shows(&["-6"], [tcp6, udp6]);
    shows(&["-tu"], [tcp4, tcp6, udp4, udp6]);
    shows(&["-46"], [tcp4, tcp6, udp4, udp6]);
    shows(&["-t6"], [tcp6]);
}

fn connection_rows(made: &Connection) -> (String, String) {
    let (client, server) = (made.client_address, made.server_address);
    (format!("tcp {client} {server}"), format!("tcp {server} {client}"))
}

#[trial]
fn the_foreign_port() {
    let made = makers::established(Loopback::V4);
    let _other = makers::established(Loopback::V4);
    let (client, server) = connection_rows(&made);
    shows(&["--foreign-port", &made.server_address.port().to_string()], [&client]);
    shows(&["--foreign-port", &made.client_address.port().to_string()], [&server]);
    let both = format!("{},{}", made.server_address.port(), made.client_address.port());
    shows(&["--foreign-port", &both], [&client, &server]);
}

#[trial]
fn addresses_and_networks() {
    let addresses = ["127.0.0.1:80", "127.0.1.1:80", "127.1.0.1:80", "[::1]:80"];
    let _held = addresses.map(|address| makers::listening(address.parse().expect("an address")));
    let rows = addresses.map(|address| format!("tcp {address}"));
    shows(&["--local", "127.0.0.1"], &rows[..1]);
    shows(&["--local", "127.0.0.0/24"], &rows[..1]);
    shows(&["--local", "127.0.0.0/16"], &rows[..2]);
    shows(&["--local", "127.0.0.0/8"], &rows[..3]);
    shows(&["--local", "0.0.0.0/0"], &rows[..3]);
    shows(&["--local", "::/0"], &rows[3..]);
    shows(&["--local", "::1"], &rows[3..]);
    shows(&["--local", "127.0.0.1", "--local", "::1"], [&rows[0], &rows[3]]);
    let made = makers::established(Loopback::V6);
    let (client, server) = connection_rows(&made);
    shows(&["--foreign", "::1"], [&client, &server]);
    shows(&["--foreign", "127.0.0.0/8"], NONE);
    shows(&["--foreign", "10.0.0.1,localhost"], [&client, &server]);
    shows(&["--local", "127.0.0.1,127.0.1.1"], &rows[..2]);
    shows(&["--foreign", &made.server_address.to_string()], [&client]);
    shows(&["--foreign", &format!("localhost:{}", made.server_address.port())], [&client]);
    shows(&["--foreign", &format!("::/0:{}", made.client_address.port())], [&server]);
    shows(&["--foreign", &format!(":{}", made.server_address.port())], [&client]);
    shows(&["--foreign", &format!("127.0.0.1:{}", made.server_address.port())], NONE);
    let both = format!("{},{}", made.client_address, made.server_address);
    shows(&["--foreign", &both], [&client, &server]);
}

#[trial]
fn by_process() {
    let mut held = listening_on(&[80, 81, 82]);
    let first = Owner::named("first").holding(held.remove(0).socket);
    let second = Owner::named("second").holding(held.remove(0).socket);
    let (one, two) = (first.pid().to_string(), second.pid().to_string());
    shows(&["--pid", &one], ["tcp 127.0.0.1:80"]);
    shows(&["--pid", &one, "--pid", &two], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    shows(&["--pid", &std::process::id().to_string()], ["tcp 127.0.0.1:82"]);
    shows(&["--pid", "1"], NONE);
}

#[trial]
fn by_name() {
    let mut held = listening_on(&[80, 81, 82, 83]);
    let names = ["Nginx", "nginx-debug", "a-name-of-more-than-15-bytes"];
    let _owners = names.map(|name| Owner::named(name).holding(held.remove(0).socket));
    shows(&["--name", "nginx"], ["tcp 127.0.0.1:80"]);
    shows(&["--name", "NGINX"], ["tcp 127.0.0.1:80"]);
    shows(&["--name", "ngin"], NONE);
    shows(&["--name", "nginx*"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    shows(&["--name", "*debug"], ["tcp 127.0.0.1:81"]);
    shows(&["--name", "*MORE-than*"], ["tcp 127.0.0.1:82"]);
    shows(&["--name", "a-name-of-more-than-15-bytes"], ["tcp 127.0.0.1:82"]);
    shows(&["--name", "nginx", "--name", "*debug"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    shows(&["--name", "nginx,*debug"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    shows(&["--name", "nginx-debu?"], NONE);
}

#[trial]
fn by_user() {
    const NOBODY: u32 = 65534;
    let mut held = listening_on(&[80, 81]);
    let roots = Owner::named("roots").holding(held.remove(0).socket);
    shows(&["--user", "root"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    shows(&["--user", "0"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    if !can_become(NOBODY) {
        return crate::support::skip("there is no other user here");
    }
    drop(roots);
    // The socket is root's, and a process of nobody's holds it: it is both users'.
    let _handed = Owner::named("handed").user(NOBODY).holding(held.remove(0).socket);
    let mut own = Owner::named("own").user(NOBODY).playing("listen", &["127.0.0.1:8080"]);
    own.line();
    shows(&["--user", "root"], ["tcp 127.0.0.1:81"]);
    let nobodys = ["tcp 127.0.0.1:81", "tcp 127.0.0.1:8080"];
    shows(&["--user", "65534"], nobodys);
    if std::fs::read_to_string("/etc/passwd").is_ok_and(|users| users.contains("nobody:x:65534:")) {
        shows(&["--user", "nobody"], nobodys);
    }
}

#[trial]
fn different_filters_narrow() {
    let mut held = listening_on(&[80, 81]);
    let _udp = makers::udp(Loopback::V4.port(80));
    let owner = Owner::named("server").holding(held.remove(0).socket);
    shows(&["80", "--name", "server"], ["tcp 127.0.0.1:80"]);
    shows(&["81", "--name", "server"], NONE);
    shows(&["80-81", "-s", "LISTEN", "--pid", &owner.pid().to_string()], ["tcp 127.0.0.1:80"]);
    shows(&["80", "-u", "--name", "server"], NONE);
    shows(&["--local", "127.0.0.1", "-6"], NONE);
}
