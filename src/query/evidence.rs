//! What a port is judged by: the sockets on it, the rules of the system, and the binds that were
//! tried.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{AskedPort, BindAttempt, Obstacle, PortNote, PortVerdict, Protocols, Row, Way};
use crate::model::{Families, Family, Gap, PortRange, PortRules, Protocol, Socket};

/// What ports are judged by.
#[derive(Clone, Debug)]
pub struct PortEvidence<'a> {
    /// Which families were asked for.
    pub families: Families,
    /// The sockets on those ports, at every address.
    pub sockets: SocketsByPort<'a>,
    /// Whether a socket at one address blocks a bind to every address.
    pub narrower_blocks: bool,
    /// What could not be seen of them.
    pub gaps: &'a [Gap],
    /// The system's rules for each protocol.
    pub rules: &'a BTreeMap<Protocol, PortRules>,
    /// The binds that were tried.
    pub attempts: &'a [BindAttempt],
    /// What holds ports in other network namespaces.
    pub elsewhere: Vec<Row<'a>>,
}

/// Sockets by their local port.
#[derive(Clone, Debug, Default)]
pub struct SocketsByPort<'a>(BTreeMap<u16, Vec<&'a Socket>>);

impl<'a> FromIterator<&'a Socket> for SocketsByPort<'a> {
    fn from_iter<I: IntoIterator<Item = &'a Socket>>(sockets: I) -> Self {
        let mut by_port: BTreeMap<u16, Vec<&'a Socket>> = BTreeMap::new();
        for socket in sockets {
            by_port.entry(socket.local.port).or_default().push(socket);
        }
        Self(by_port)
    }
}

impl<'a> SocketsByPort<'a> {
    /// Those on a port.
    #[must_use]
    pub fn on(&self, port: u16) -> &[&'a Socket] {
        self.0.get(&port).map(Vec::as_slice).unwrap_or_default()
    }
}

impl<'a> PortEvidence<'a> {
    /// The verdicts on a port, for each protocol in turn: for its own alone, where it was asked for with
    /// one.
    #[must_use]
    pub fn verdicts(&self, asked: AskedPort, protocols: Protocols) -> Vec<PortVerdict<'a>> {
        asked.protocols(protocols).each().map(|protocol| self.verdict(asked, protocol)).collect()
    }

    fn verdict(&self, asked: AskedPort, protocol: Protocol) -> PortVerdict<'a> {
        let of_protocol = self.sockets.on(asked.port).iter().copied();
        let of_protocol = of_protocol.filter(|socket| socket.protocol == protocol);
        let (met, unmet): (Vec<_>, Vec<_>) = of_protocol.partition(|it| self.meets(asked, it));
        let rules = self.rules.get(&protocol);
        let elsewhere = self.elsewhere.iter().filter(|row| {
            row.socket.holds_port() && row.socket.protocol == protocol && asked.meets(&row.socket)
        });
        let mut attempts = self.attempts.iter().filter(|attempt| attempt.asked == asked);
        PortVerdict {
            asked,
            protocol,
            met,
            beside: unmet.into_iter().filter(|socket| socket.takes_port()).collect(),
            obstacles: rules.map(|rules| obstacles(asked, rules)).unwrap_or_default(),
            hidden_by: self.hiding(protocol).collect(),
            note: rules.and_then(|rules| note(asked.port, rules)),
            elsewhere: elsewhere.copied().collect(),
            attempt: attempts.find(|attempt| attempt.protocol == protocol),
        }
    }

    /// Whether a bind meets the socket, which is of its protocol.
    fn meets(&self, asked: AskedPort, socket: &Socket) -> bool {
        let way = asked.way(socket).filter(|_| self.families.meet(socket));
        way.is_some_and(|way| way != Way::Within || self.narrower_blocks)
    }

    /// What may hide sockets of `protocol` that hold a port.
    fn hiding(&self, protocol: Protocol) -> impl Iterator<Item = &'a Gap> {
        let is_tcp = protocol == Protocol::Tcp;
        let may_hide = move |gap: &&Gap| {
            gap.may_hide_rows() || gap.is_about_rules() || (is_tcp && gap.may_hide_bound())
        };
        self.gaps.iter().filter(may_hide)
    }
}

/// The rules by which this process may not bind a port.
fn obstacles(asked: AskedPort, rules: &PortRules) -> Vec<Obstacle> {
    let port = asked.port;
    let privileged = rules.privileged_below.filter(|&first| port < first);
    let family = asked.address.map(|address| match address {
        IpAddr::V4(_) => Family::V4,
        IpAddr::V6(_) => Family::V6,
    });
    let concerns = |(of, range): &&(Family, PortRange)| {
        family.is_none_or(|family| family == *of) && range.contains(&port)
    };
    let excluded = rules.excluded.iter().find(concerns);
    let excluded = excluded.map(|(family, range)| Obstacle::Excluded(*family, range.clone()));
    privileged.map(Obstacle::Privileged).into_iter().chain(excluded).collect()
}

/// What is excluded is never assigned.
fn note(port: u16, rules: &PortRules) -> Option<PortNote> {
    if rules.excluded.iter().any(|(_, range)| range.contains(&port)) {
        None
    } else if rules.reserved.iter().any(|range| range.contains(&port)) {
        Some(PortNote::Reserved)
    } else {
        rules.ephemeral.clone().filter(|range| range.contains(&port)).map(PortNote::Ephemeral)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_on_what_may_be_assigned() {
        let rules = PortRules {
            ephemeral: Some(70..=90),
            reserved: vec![75..=76],
            excluded: vec![(Family::V4, 71..=72)],
            ..PortRules::default()
        };
        for (port, expected) in [
            (71, None),
            (75, Some(PortNote::Reserved)),
            (80, Some(PortNote::Ephemeral(70..=90))),
            (91, None),
        ] {
            assert_eq!(note(port, &rules), expected, "{port}");
        }
    }
}
