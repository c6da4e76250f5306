//! The verdict on a port that was asked for: whether a bind succeeds there, and what is in its way.
//!
//! The sentence below a list says what these values say; so will whatever else tells of them.

use std::io::ErrorKind;
use std::net::IpAddr;

use super::{AskedPort, PortSet, Row, Way};
use crate::model::{Family, Gap, PortRange, Protocol, Snapshot, Socket, StateSet, TcpState};

/// What can be said of a bind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A socket holds the port there, or at every address.
    Held,
    /// A bind fails for another reason.
    Blocked,
    /// A socket may hold the port that cannot be seen.
    Unknown,
    /// Nothing holds it and nothing forbids it.
    Free,
}

/// A rule of the system by which a bind fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// Ports below this one require rights that this process lacks.
    Privileged(u16),
    /// The port is in a range that is set aside, for the sockets of this family.
    Excluded(Family, PortRange),
}

/// What is worth knowing of a port, and no reason for a bind to fail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortNote {
    /// It is never assigned automatically.
    Reserved,
    /// It is in the range that is assigned automatically.
    Ephemeral(PortRange),
}

/// The binds that were tried to have a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BindAttempt {
    /// The port.
    pub asked: AskedPort,
    /// The protocol.
    pub protocol: Protocol,
    /// The system's answer at each address.
    pub answers: Vec<(IpAddr, Result<(), BindRefusal>)>,
}

/// Why a bind failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BindRefusal {
    /// Its kind.
    pub kind: ErrorKind,
    /// The system's own words.
    pub reason: String,
}

impl BindAttempt {
    /// The first refusal that concerns the port. Without IPv6 its addresses cannot be bound at
    /// all, which matters only where one was named.
    #[must_use]
    pub fn refusal(&self) -> Option<&BindRefusal> {
        let is_named = self.asked.address.is_some();
        self.refusals().find(|refusal| {
            is_named || matches!(refusal.kind, ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
        })
    }

    /// Whether a bind was denied, and not only found the address in use.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        self.refusals().any(|refusal| refusal.kind == ErrorKind::PermissionDenied)
    }

    fn refusals(&self) -> impl Iterator<Item = &BindRefusal> {
        self.answers.iter().filter_map(|(_, answer)| answer.as_ref().err())
    }
}

/// What is known of one port for one protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortVerdict<'a> {
    /// The port that was asked for.
    pub asked: AskedPort,
    /// The protocol.
    pub protocol: Protocol,
    /// The sockets that a bind meets, whether they hold the port or not.
    pub met: Vec<&'a Socket>,
    /// The sockets that hold the port where a bind does not meet them: at other addresses, or for the
    /// other family.
    pub beside: Vec<&'a Socket>,
    /// The rules by which a bind fails.
    pub obstacles: Vec<Obstacle>,
    /// What could not be seen and may hide a socket that holds the port, or a rule.
    pub hidden_by: Vec<&'a Gap>,
    /// What else is worth knowing.
    pub note: Option<PortNote>,
    /// Who holds it in other network namespaces, where that does not matter here.
    pub elsewhere: Vec<Row<'a>>,
    /// The bind that was tried.
    pub attempt: Option<&'a BindAttempt>,
}

impl<'a> PortVerdict<'a> {
    /// The verdict on a bind as servers do it: with SO_REUSEADDR for TCP, without SO_REUSEPORT. What
    /// the other socket had set, no table shows.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let mut holders = self.holders().filter(|(_, way)| *way != Way::Within);
        if holders.any(|(socket, _)| socket.state != Some(TcpState::Bound)) {
            Verdict::Held
        } else if self.has_holder() || !self.obstacles.is_empty() || self.refusal().is_some() {
            Verdict::Blocked
        } else if self.is_unseen() {
            Verdict::Unknown
        } else {
            Verdict::Free
        }
    }

    /// The sockets in the way that hold the port, and how they are.
    pub fn holders(&self) -> impl Iterator<Item = (&'a Socket, Way)> {
        let holders = self.met.iter().copied().filter(|socket| socket.takes_port());
        holders.filter_map(|socket| Some((socket, self.asked.way(socket)?)))
    }

    /// Whether any socket in the way holds the port.
    #[must_use]
    pub fn has_holder(&self) -> bool {
        self.holders().next().is_some()
    }

    /// Whether a socket or a rule may be in the way that cannot be seen.
    #[must_use]
    pub fn is_unseen(&self) -> bool {
        !self.hidden_by.is_empty()
    }

    /// How many connections in TIME_WAIT have the port, and for how many milliseconds the longest
    /// one is kept, where the system reports it.
    #[must_use]
    pub fn time_wait(&self) -> (usize, Option<u32>) {
        let waits = |socket: &&&Socket| socket.state == Some(TcpState::TimeWait);
        let left = self.met.iter().filter(waits).map(|socket| socket.timer);
        let left = left.map(|timer| timer.map(|timer| timer.expires_ms));
        left.fold((0, None), |(count, longest), left| (count + 1, longest.max(left)))
    }

    /// Why the bind failed that was tried.
    #[must_use]
    pub fn refusal(&self) -> Option<&BindRefusal> {
        self.attempt.and_then(BindAttempt::refusal)
    }

    /// How many connections of TCP have the port that are not being torn down.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.met.iter().filter(|socket| is_alive(socket)).count()
    }
}

fn is_alive(socket: &Socket) -> bool {
    let is_torn_down = |state| StateSet::TEARDOWN.contains(state);
    !socket.takes_port() && socket.foreign.is_some() && !socket.state.is_some_and(is_torn_down)
}

/// The verdicts on the ports that were asked for.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct PortVerdicts<'a> {
    /// For each port in turn, and for each of the protocols that were asked for. Of more ports than are
    /// reported one by one only those that are not free.
    pub told: Vec<PortVerdict<'a>>,
    /// How many of the verdicts are that the port is free.
    pub free_count: usize,
    /// The ports that are free wherever they were asked for.
    pub free: PortSet,
    /// Where the names are of what holds ports in other network namespaces.
    pub elsewhere: Option<&'a Snapshot>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Families, PortRules};
    use crate::query::{PortEvidence, Protocols};

    const ASKED: AskedPort = AskedPort { port: 80, address: None, interface: None, protocol: None };

    fn socket(state: TcpState) -> Socket {
        let end = |last| Endpoint::new([127, 0, 0, last].into(), 80);
        let foreign = (!state.holds_port()).then(|| end(2));
        Socket { state: Some(state), foreign, ..Socket::at(Protocol::Tcp, end(1)) }
    }

    fn attempt(asked: AskedPort, kind: ErrorKind) -> BindAttempt {
        let refusal = BindRefusal { kind, reason: kind.to_string() };
        let answers = vec![([127, 0, 0, 1].into(), Err(refusal))];
        BindAttempt { asked, protocol: Protocol::Tcp, answers }
    }

    /// The verdicts for TCP and UDP.
    fn verdicts(
        sockets: &[Socket],
        gaps: &[Gap],
        rules: &PortRules,
        attempts: &[BindAttempt],
    ) -> Vec<Verdict> {
        let rules = [Protocol::Tcp, Protocol::Udp].map(|protocol| (protocol, rules.clone()));
        let evidence = PortEvidence {
            families: Families::BOTH,
            sockets: sockets.iter().collect(),
            narrower_blocks: true,
            gaps,
            rules: &rules.into(),
            attempts,
            elsewhere: Vec::new(),
        };
        let both = Protocols { tcp: true, udp: true };
        evidence.verdicts(ASKED, both).iter().map(PortVerdict::verdict).collect()
    }

    #[test]
    fn only_holders_hold_a_port() {
        let rules = PortRules::default();
        for (state, expected) in [
            (TcpState::Listening, Verdict::Held),
            (TcpState::Bound, Verdict::Blocked),
            (TcpState::Established, Verdict::Free),
            (TcpState::TimeWait, Verdict::Free),
        ] {
            let found = verdicts(&[socket(state)], &[], &rules, &[]);
            assert_eq!(found, [expected, Verdict::Free], "{state}");
        }
    }

    #[test]
    fn rules_and_refusals_block_what_nothing_holds() {
        let privileged = PortRules { privileged_below: Some(1024), ..PortRules::default() };
        let excluded = PortRules { excluded: vec![(Family::V4, 80..=89)], ..PortRules::default() };
        for rules in [privileged, excluded] {
            let found = verdicts(&[], &[Gap::BoundNotListed], &rules, &[]);
            assert_eq!(found, [Verdict::Blocked; 2], "{rules:?}");
        }
        let (rules, in_use) = (PortRules::default(), attempt(ASKED, ErrorKind::AddrInUse));
        assert_eq!(verdicts(&[], &[], &rules, &[in_use]), [Verdict::Blocked, Verdict::Free]);
    }

    #[test]
    fn an_address_that_cannot_be_bound_concerns_the_port_where_it_was_named() {
        let named = AskedPort { address: Some([10, 9, 8, 7].into()), ..ASKED };
        let kind = ErrorKind::AddrNotAvailable;
        assert_eq!(attempt(ASKED, kind).refusal(), None);
        assert_eq!(attempt(named, kind).refusal().map(|refusal| refusal.kind), Some(kind));
    }
}
