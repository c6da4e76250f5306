//! Which sockets are shown: ports, states, addresses, owners; AND between filters, OR within one.

mod by_owner;
mod by_state;

use std::collections::BTreeSet;

use crate::support::json::{end, sockets};
use crate::support::makers::{self, Connection, Loopback};
use crate::support::portwho;
use crate::support::process::Owner;

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
