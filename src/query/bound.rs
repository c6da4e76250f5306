//! Whether a socket that is bound without listening, and that could not be seen, matters.

use super::{AskedPort, LocalSet, Rows};
use crate::model::{Protocol, Socket, TcpState};

impl Rows<'_> {
    /// Whether a socket that is bound without listening could change the answer: such sockets were
    /// asked for by their state, or a port for which no TCP holder was found, be it
    /// among the sockets `beside` the rows.
    #[must_use]
    pub fn may_lack_bound(&self, beside: &[&Socket]) -> bool {
        let filter = self.filter;
        // States without a name cannot be asked for: these are all but some.
        let is_named = !filter.states.contains(TcpState::Unknown(0));
        filter.asks_for(Protocol::Tcp)
            && ((is_named && filter.states.contains(TcpState::Bound))
                || filter.local.as_ref().is_some_and(|local| !self.are_held(local, beside)))
    }

    /// Whether a TCP socket of this network namespace holds each of the ports; any of them where
    /// there are many.
    fn are_held(&self, local: &LocalSet, beside: &[&Socket]) -> bool {
        let seen = self.snapshot.sockets.iter().map(|row| &row.socket);
        let mut holders = seen.chain(beside.iter().copied()).filter(|socket| {
            socket.netns.is_none() && socket.protocol == Protocol::Tcp && socket.holds_port()
        });
        match AskedPort::each(local) {
            Some(ports) => ports
                .into_iter()
                .filter(|port| port.protocol != Some(Protocol::Udp))
                .all(|port| holders.clone().any(|socket| port.meets(socket))),
            None => holders.next().is_some(),
        }
    }
}
