//! Connections whose peers are gone, whether they were closed here or not, by what they have in common.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::check::reaches;
use super::{Machine, Severity};
use crate::model::{OwnedSocket, TcpState};

/// Clients vanish at any time, mobile ones above all, each from an address of its own; ten at one address
/// are a host that failed, or the route to it.
pub(super) const CONNECTIONS: usize = 10;
/// Ten of a few clients are an outage; ten of thousands are the mobile ones among them.
pub(super) const PERCENT: u64 = 5;
/// A lost segment is retransmitted once or twice; after three times the peer is gone.
pub(super) const RETRANSMITS: u8 = 3;

/// The states of a connection of a port. TIME_WAIT is no longer one.
const CONNECTED: [TcpState; 7] = [
    TcpState::SynReceived,
    TcpState::Established,
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::CloseWait,
    TcpState::Closing,
    TcpState::LastAck,
];

/// What connections to peers that are gone have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum Common {
    /// The address of the peer.
    Address(IpAddr),
    /// The local port, of a server. Its peers have a few connections each.
    Port(u16),
    /// Nothing but that they began here.
    Clients,
}

/// What was measured of them.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) common: Common,
    /// How many connections the port has, gone or not.
    pub(super) of: usize,
    /// How many to each peer.
    pub(super) peers: BTreeMap<IpAddr, usize>,
    pub(super) most_retransmits: u8,
}

/// Those in `states` that retransmit, or probe, without an answer: by the address where many go to the
/// same one, otherwise by the port that serves them.
pub(super) fn groups<'a>(
    machine: &Machine<'a>,
    states: &[TcpState],
) -> Vec<(Gone, Vec<&'a OwnedSocket>)> {
    let gone: Vec<_> =
        machine.all_rows(states).filter(|row| unanswered(row) >= RETRANSMITS).collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let at_address = counted(gone.iter().filter_map(|row| peer(row)));
    let at_port = counted(gone.iter().map(|row| row.socket.local.port));
    let of_port = counted(machine.all_rows(&CONNECTED).map(|row| row.socket.local.port));
    let common = |row: &OwnedSocket| {
        let many = |address: &IpAddr| at_address.get(address).copied() >= Some(CONNECTIONS);
        let port = row.socket.local.port;
        // A server that no longer listens still shares its port among its connections.
        let is_served = || machine.listener(&row.socket).is_some() || at_port.get(&port) > Some(&1);
        match peer(row).filter(many) {
            Some(address) => Common::Address(address),
            None if is_served() => Common::Port(port),
            None => Common::Clients,
        }
    };
    let mut groups: BTreeMap<Common, Vec<&OwnedSocket>> = BTreeMap::new();
    for row in gone {
        groups.entry(common(row)).or_default().push(row);
    }
    groups.into_iter().map(|(common, rows)| (Gone::of(common, &rows, &of_port), rows)).collect()
}

fn counted<T: Eq + std::hash::Hash>(all: impl Iterator<Item = T>) -> FxHashMap<T, usize> {
    let mut counts = FxHashMap::default();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    counts
}

/// How often the last segment, or the last probe, was sent without an answer. The kernel counts
/// probes anew whenever one is answered.
fn unanswered(row: &OwnedSocket) -> u8 {
    row.socket.timer.map_or(0, |timer| timer.retransmits)
}

fn peer(row: &OwnedSocket) -> Option<IpAddr> {
    row.socket.foreign.map(|foreign| foreign.address)
}

impl Gone {
    fn of(common: Common, rows: &[&OwnedSocket], of_port: &FxHashMap<u16, usize>) -> Self {
        let mut peers = BTreeMap::new();
        for address in rows.iter().filter_map(|row| peer(row)) {
            *peers.entry(address).or_default() += 1;
        }
        let of = match common {
            Common::Port(port) => of_port.get(&port).copied().unwrap_or_default(),
            Common::Address(_) | Common::Clients => 0,
        };
        let most_retransmits = rows.iter().map(|row| unanswered(row)).max().unwrap_or_default();
        Self { common, of, peers, most_retransmits }
    }

    /// How severe it is that this many do not answer: an outage, or single clients.
    pub(super) fn severity(&self, count: usize) -> Option<Severity> {
        let is_outage = match self.common {
            Common::Address(_) => true,
            Common::Port(_) => reaches(count as u64, PERCENT, self.of as u64),
            Common::Clients => false,
        };
        let severity = if is_outage { Severity::Warning } else { Severity::Note };
        (count >= CONNECTIONS).then_some(severity)
    }

    /// How many connections the port has, where it is one port.
    pub(super) fn of_port(&self) -> Option<usize> {
        matches!(self.common, Common::Port(_)).then_some(self.of)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn one_address_is_an_outage_and_many_are_one_by_their_share() {
        let severity = |common, of, count| {
            Gone { common, of, peers: BTreeMap::new(), most_retransmits: 3 }.severity(count)
        };
        let address = Common::Address(Ipv4Addr::LOCALHOST.into());
        let (warning, note) = (Some(Severity::Warning), Some(Severity::Note));
        assert_eq!(severity(address, 0, 9), None);
        assert_eq!(severity(address, 0, 10), warning);
        assert_eq!(severity(Common::Port(443), 9, 9), None);
        assert_eq!(severity(Common::Port(443), 200, 10), warning);
        assert_eq!(severity(Common::Port(443), 201, 10), note);
        assert_eq!(severity(Common::Clients, 0, 10), note);
    }
}
