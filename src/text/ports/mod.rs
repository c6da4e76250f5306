//! How ports are named in a sentence, and how they are typed.

pub mod bind;
pub mod in_the_way;
pub mod remains;
pub mod vacancy;

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::model::{PortRange, Protocol};
use crate::query::{AskedPort, LocalSet, Place, PortSet};

/// How many ports and ranges of them are named.
const NAMED: usize = 20;

/// `port 80`, `ports 80, 443, 7301-7339`; of many the first, `and 12 more`.
#[must_use]
pub fn named(ports: &BTreeSet<u16>) -> String {
    let runs: PortSet = ports.iter().map(|&port| port..=port).collect();
    let words: Vec<String> = runs.ranges().iter().take(NAMED).map(run).collect();
    let noun = if ports.len() == 1 { "port" } else { "ports" };
    let rest = runs.ranges().iter().skip(NAMED);
    let rest: usize = rest.map(|run| usize::from(run.end() - run.start()) + 1).sum();
    let more = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    format!("{noun} {}{more}", words.join(", "))
}

fn run(ports: &PortRange) -> String {
    match (ports.start(), ports.end()) {
        (first, last) if last - first == 1 => format!("{first}, {last}"),
        _ => range(ports),
    }
}

/// `80,8000-8010`.
#[must_use]
pub fn ranges(ranges: &[PortRange]) -> String {
    ranges.iter().map(range).collect::<Vec<_>>().join(",")
}

fn range(ports: &PortRange) -> String {
    match (ports.start(), ports.end()) {
        (start, end) if start == end => start.to_string(),
        (start, end) => format!("{start}-{end}"),
    }
}

/// `port 80`, `ports 80,8000-8010`, `127.0.0.1:80`: what was asked for, in its own words.
#[must_use]
pub fn asked(local: &LocalSet) -> String {
    let mut anywhere = local.anywhere();
    let noun = match (anywhere.next(), anywhere.next()) {
        (None, _) => "",
        (Some((range, _)), None) if range.start() == range.end() => "port ",
        _ => "ports ",
    };
    format!("{noun}{}", typed(local).join(", "))
}

/// `80,8000-8010`, `127.0.0.1:80`: what was asked for, as it can be typed.
#[must_use]
pub fn typed(local: &LocalSet) -> Vec<String> {
    let ports = local.anywhere();
    let ports: Vec<String> =
        ports.map(|(ports, protocol)| format!("{}{}", range(ports), suffix(protocol))).collect();
    let ports = (!ports.is_empty()).then(|| ports.join(","));
    ports.into_iter().chain(local.places.iter().map(place)).collect()
}

/// `127.0.0.1:80`, `[fe80::1%2]:80-90`, `127.0.0.1:53/udp`: an address with its ports, as it can be
/// typed.
#[must_use]
pub fn place(place: &Place) -> String {
    let port = ranges(std::slice::from_ref(&place.ports)) + suffix(place.protocol);
    let zone = place.interface.map(|index| format!("%{index}")).unwrap_or_default();
    match place.address {
        IpAddr::V4(address) => format!("{address}{zone}:{port}"),
        IpAddr::V6(address) => format!("[{address}{zone}]:{port}"),
    }
}

/// `80`, `53/udp`, `127.0.0.1:80`: one port as it can be typed.
#[must_use]
pub fn typed_port(asked: AskedPort) -> String {
    let AskedPort { port, address, interface, protocol } = asked;
    match address {
        None => format!("{port}{}", suffix(protocol)),
        Some(address) => place(&Place { address, interface, ports: port..=port, protocol }),
    }
}

const fn suffix(protocol: Option<Protocol>) -> &'static str {
    match protocol {
        None => "",
        Some(Protocol::Tcp) => "/tcp",
        Some(Protocol::Udp) => "/udp",
    }
}

/// Only what was asked for on one port, as it can be typed.
#[must_use]
pub fn typed_on(port: u16, local: Option<&LocalSet>) -> Vec<String> {
    match local {
        Some(local) if !local.ports.contains(port) => {
            let places = local.places.iter().filter(|place| place.ports.contains(&port));
            let of = |protocol| local.ports_of(protocol).contains(port).then_some(port..=port);
            let (tcp, udp) = (of(Protocol::Tcp), of(Protocol::Udp));
            typed(&LocalSet {
                tcp_ports: tcp.into_iter().collect(),
                udp_ports: udp.into_iter().collect(),
                places: places.cloned().collect(),
                ..LocalSet::default()
            })
        }
        _ => vec![port.to_string()],
    }
}

/// A port at every address, or at one: `port 80`, `127.0.0.1:80`, `[::1]:80`.
#[must_use]
pub fn spot(port: u16, address: Option<IpAddr>) -> String {
    match address {
        None => format!("port {port}"),
        Some(IpAddr::V4(address)) => format!("{address}:{port}"),
        Some(IpAddr::V6(address)) => format!("[{address}]:{port}"),
    }
}
