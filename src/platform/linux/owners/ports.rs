//! Local ports of both protocols, and what is on them.

use std::collections::BTreeSet;

use super::super::tables;
use crate::model::{Detail, Families, Gap, Protocol, Scope, Socket, StateSet, UdpScope};

/// Local ports of TCP and of UDP.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports {
    tcp: BTreeSet<u16>,
    udp: BTreeSet<u16>,
}

impl Ports {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.tcp.is_empty() && self.udp.is_empty()
    }

    /// Those of TCP alone.
    pub(super) fn of_tcp(&self) -> Self {
        Self { tcp: self.tcp.clone(), udp: BTreeSet::new() }
    }

    /// Whether the socket's local port is one of them.
    pub(super) fn has(&self, socket: &Socket) -> bool {
        let ports = match socket.protocol {
            Protocol::Tcp => &self.tcp,
            Protocol::Udp => &self.udp,
        };
        ports.contains(&socket.local.port)
    }

    /// Adds a socket's local port.
    pub(super) fn insert(&mut self, socket: &Socket) {
        let ports = match socket.protocol {
            Protocol::Tcp => &mut self.tcp,
            Protocol::Udp => &mut self.udp,
        };
        ports.insert(socket.local.port);
    }

    /// The sockets on the ports that the kernel lists, those of TCP in one of `states`; none where a
    /// table cannot be read.
    pub(super) fn dump(&self, states: StateSet, detail: Detail) -> Option<Vec<Socket>> {
        if self.is_empty() {
            return Some(Vec::new());
        }
        let ports = self.tcp.union(&self.udp).map(|&port| port..=port);
        let scope = Scope {
            tcp: if self.tcp.is_empty() { StateSet::NONE } else { states },
            udp: if self.udp.is_empty() { UdpScope::None } else { UdpScope::All },
            families: Families::BOTH,
            local_ports: Some(ports.collect()),
            local_addresses: Vec::new(),
            foreign_ports: None,
            detail,
        };
        let mut table = tables::listed(&scope).ok()?;
        table.sockets.retain(|socket| self.has(socket));
        (!table.gaps.iter().any(Gap::may_hide_rows)).then_some(table.sockets)
    }
}

impl<'a> FromIterator<&'a Socket> for Ports {
    fn from_iter<I: IntoIterator<Item = &'a Socket>>(sockets: I) -> Self {
        let mut ports = Self::default();
        sockets.into_iter().for_each(|socket| ports.insert(socket));
        ports
    }
}
