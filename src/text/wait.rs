//! What `wait` says: while it waits, when it has what it waited for, and when time is up.

use std::collections::BTreeSet;
use std::time::Duration;

use super::advice::{listed, run_to};
use super::durations::{age, duration};
use super::ports::remains::Remains;
use super::ports::vacancy::{self, Addition, excluded_ranges, privileged};
use super::{counted, ports};
use crate::model::{Family, PortRange, Protocol};
use crate::query::AskedPort;

/// A port that is waited for, as it is named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spot {
    /// The port and its protocol, and the address if one was typed.
    pub asked: AskedPort,
    /// Whether `localhost` was typed in the place of the address.
    pub is_localhost: bool,
}

/// `port 80`, `ports 80, 443`, `UDP port 53`, `localhost:3000`, `127.0.0.1:53/udp`.
#[must_use]
pub fn named(spots: &[Spot]) -> String {
    let anywhere = |protocol: Protocol| -> BTreeSet<u16> {
        let asked = spots.iter().map(|spot| spot.asked);
        let asked = asked.filter(|asked| asked.address.is_none());
        asked.filter(|asked| asked.protocol == Some(protocol)).map(|asked| asked.port).collect()
    };
    let [tcp, udp] = [Protocol::Tcp, Protocol::Udp].map(anywhere);
    let tcp = (!tcp.is_empty()).then(|| ports::named(&tcp));
    let udp = (!udp.is_empty()).then(|| format!("UDP {}", ports::named(&udp)));
    let placed = spots.iter().filter(|spot| spot.asked.address.is_some()).map(place);
    listed(&tcp.into_iter().chain(udp).chain(placed).collect::<Vec<_>>())
}

/// TCP is what is meant where nothing is said.
fn place(spot: &Spot) -> String {
    let AskedPort { port, protocol, .. } = spot.asked;
    let protocol = protocol.filter(|protocol| *protocol == Protocol::Udp);
    match spot.is_localhost {
        true if protocol.is_some() => format!("localhost:{port}/udp"),
        true => format!("localhost:{port}"),
        false => ports::typed_port(AskedPort { protocol, ..spot.asked }),
    }
}

/// How long a name may be in a line of progress.
const SHORT: usize = 18;

/// `waiting for port 5432 to open, 12s`, `waiting for 3 ports to be free, 12s`.
#[must_use]
pub fn progress(spots: &[Spot], is_free: bool, elapsed: Duration) -> String {
    let to_be = if is_free { "be free" } else { "open" };
    let name = named(spots);
    let name = if name.len() > SHORT { counted(spots.len(), "port") } else { name };
    format!("waiting for {name} to {to_be}, {}", age(elapsed))
}

/// `port 5432 is open after 2.3s: postgres (PID 13)`.
#[must_use]
pub fn open(spots: &[Spot], after: Duration, owners: &[String]) -> String {
    let (are, after) = (are(spots), duration(after));
    format!("{} {are} open after {after}{}", named(spots), behind_colon(owners))
}

/// Ports that can be taken.
#[derive(Debug)]
pub struct Free<'a> {
    /// The ports.
    pub spots: &'a [Spot],
    /// After how long.
    pub after: Duration,
    /// Connections that are being torn down.
    pub remains: &'a Remains,
    /// How many other connections have the ports.
    pub connections: usize,
    /// Whether a socket may hold them that cannot be seen.
    pub is_unseen: bool,
}

/// `port 3000 is free after 400ms`, and what a bind may still meet.
#[must_use]
pub fn free(free: &Free<'_>) -> String {
    let (are, after) = (are(free.spots), duration(free.after));
    let connections = match free.connections {
        0 => String::new(),
        count => vacancy::addition(&Addition::Connections(count)),
    };
    let seen = if free.is_unseen { ", as far as sockets can be seen" } else { "" };
    format!("{} {are} free after {after}{seen}{}{connections}", named(free.spots), free.remains)
}

/// `nothing listens on port 5432 after 60s`. `others` listen on these ports too, as `nginx (PID 7)
/// listens on 127.0.0.1:5432`, and are not what was asked for.
#[must_use]
pub fn not_open(spots: &[Spot], after: Option<Duration>, others: &[String]) -> String {
    let (name, after) = (named(spots), after_time(after));
    if others.is_empty() {
        format!("nothing listens on {name}{after}")
    } else {
        format!("nothing that matches listens on {name}{after}; {}", listed(others))
    }
}

/// `nginx (PID 7) listens on 127.0.0.1:5432`.
#[must_use]
pub fn listens(owner: &str, endpoint: &str) -> String {
    format!("{owner} listens on {endpoint}")
}

/// `port 3000 is still in use after 10s: node (PID 7)`.
#[must_use]
pub fn not_free(spots: &[Spot], after: Option<Duration>, owners: &[String]) -> String {
    let (are, after) = (are(spots), after_time(after));
    format!("{} {are} still in use{after}{}", named(spots), behind_colon(owners))
}

/// Who listens may not be seen, and that was asked for.
#[must_use]
pub fn unknown_owner(spots: &[Spot]) -> String {
    format!("cannot tell whether the owner of {} matches the filters", named(spots))
}

/// `port 50000 cannot be bound: 50000-50059 is an excluded range; to list such ranges, run: ...`.
#[must_use]
pub fn excluded(asked: AskedPort, protocol: Protocol, family: Family, range: &PortRange) -> String {
    let range = ports::ranges(std::slice::from_ref(range));
    let spot = ports::spot(asked.port, asked.address);
    let text = format!("{spot} cannot be bound: {range} is an excluded range");
    run_to("to list such ranges", &text, &excluded_ranges(protocol, family).into())
}

/// `port 80: ports below 1024 require root or CAP_NET_BIND_SERVICE (...)`.
#[must_use]
pub fn needs_rights(spots: &[Spot], below: u16) -> String {
    format!("{}: {}", named(spots), privileged(below))
}

fn are(spots: &[Spot]) -> &'static str {
    if spots.len() == 1 { "is" } else { "are" }
}

/// Nothing where the ports were looked at once.
fn after_time(after: Option<Duration>) -> String {
    after.map(|after| format!(" after {}", duration(after))).unwrap_or_default()
}

fn behind_colon(owners: &[String]) -> String {
    if owners.is_empty() { String::new() } else { format!(": {}", listed(owners)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(port: u16, address: &str, protocol: Protocol) -> Spot {
        let asked = AskedPort {
            port,
            address: address.parse().ok(),
            interface: None,
            protocol: Some(protocol),
        };
        Spot { asked, is_localhost: address == "localhost" }
    }

    fn tcp(port: u16) -> Spot {
        spot(port, "", Protocol::Tcp)
    }

    #[test]
    fn ports_are_named_as_they_were_typed() {
        let localhost = Spot { is_localhost: true, ..spot(3000, "127.0.0.1", Protocol::Tcp) };
        let udp = Spot { is_localhost: true, ..spot(53, "::1", Protocol::Udp) };
        for (spots, expected) in [
            (vec![tcp(80)], "port 80"),
            (vec![tcp(80), tcp(443), tcp(81), tcp(82)], "ports 80-82, 443"),
            (vec![tcp(53), spot(53, "", Protocol::Udp)], "port 53, UDP port 53"),
            (vec![localhost, udp], "localhost:3000, localhost:53/udp"),
            (vec![tcp(80), spot(80, "::1", Protocol::Tcp)], "port 80, [::1]:80"),
            (vec![spot(53, "127.0.0.1", Protocol::Udp)], "127.0.0.1:53/udp"),
        ] {
            assert_eq!(named(&spots), expected);
        }
    }

    #[test]
    fn progress_fits_its_line() {
        let day = Duration::from_secs(86_399);
        let long = [spot(65_535, "255.255.255.255", Protocol::Tcp)];
        assert_eq!(progress(&long, true, day), "waiting for 1 port to be free, 23h 59m");
        assert_eq!(progress(&[tcp(80)], false, day), "waiting for port 80 to open, 23h 59m");
    }
}
