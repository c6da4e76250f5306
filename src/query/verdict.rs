//! The verdict on a port that was asked for: whether a bind succeeds there, and what is in its way.
//!
//! The sentence below a list says what these values say; so will whatever else tells of them.

use std::io::ErrorKind;
use std::net::IpAddr;

use super::{AskedPort, Protocols};
use crate::model::{Gap, PortRange, PortRules, Protocol, Socket, StateSet};

/// What can be said of a bind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// A socket holds the port.
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
    /// The port is in a range that is set aside.
    Excluded(PortRange),
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
        let is_about_port = |refusal: &&BindRefusal| {
            is_named || matches!(refusal.kind, ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
        };
        self.refusals().find(is_about_port)
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
    /// The rules by which a bind fails.
    pub obstacles: Vec<Obstacle>,
    /// Whether a socket may hold the port that cannot be seen.
    pub is_unseen: bool,
    /// What else is worth knowing.
    pub note: Option<PortNote>,
    /// The bind that was tried.
    pub attempt: Option<&'a BindAttempt>,
}

impl PortVerdict<'_> {
    /// The verdict.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.met.iter().any(|socket| socket.holds_port()) {
            Verdict::Held
        } else if !self.obstacles.is_empty() || self.refusal().is_some() {
            Verdict::Blocked
        } else if self.is_unseen {
            Verdict::Unknown
        } else {
            Verdict::Free
        }
    }

    /// Why the bind failed that was tried.
    #[must_use]
    pub fn refusal(&self) -> Option<&BindRefusal> {
        self.attempt.and_then(BindAttempt::refusal)
    }

    /// How many connections have the port that are not being torn down.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.met.iter().filter(|socket| is_alive(socket)).count()
    }
}

fn is_alive(socket: &Socket) -> bool {
    let is_torn_down = |state| StateSet::TEARDOWN.contains(state);
    socket.foreign.is_some() && !socket.state.is_some_and(is_torn_down)
}

/// What ports are judged by.
#[derive(Clone, Debug)]
pub struct PortEvidence<'a> {
    /// The sockets on those ports, at every address.
    pub sockets: Vec<&'a Socket>,
    /// What could not be seen of them.
    pub gaps: &'a [Gap],
    /// The system's rules.
    pub rules: &'a PortRules,
    /// The binds that were tried.
    pub attempts: &'a [BindAttempt],
}

impl<'a> PortEvidence<'a> {
    /// The verdicts on a port, for each protocol in turn.
    #[must_use]
    pub fn verdicts(&self, asked: AskedPort, protocols: Protocols) -> Vec<PortVerdict<'a>> {
        protocols.each().map(|protocol| self.verdict(asked, protocol)).collect()
    }

    fn verdict(&self, asked: AskedPort, protocol: Protocol) -> PortVerdict<'a> {
        let meets = |socket: &&&Socket| socket.protocol == protocol && asked.meets(socket);
        let tried = |attempt: &&BindAttempt| attempt.asked == asked && attempt.protocol == protocol;
        PortVerdict {
            asked,
            protocol,
            met: self.sockets.iter().filter(meets).copied().collect(),
            obstacles: obstacles(asked, self.rules),
            is_unseen: self.hides_holders(protocol),
            note: note(asked.port, self.rules),
            attempt: self.attempts.iter().find(tried),
        }
    }

    /// Whether sockets of `protocol` may hold a port that cannot be seen.
    #[must_use]
    pub fn hides_holders(&self, protocol: Protocol) -> bool {
        let is_tcp = protocol == Protocol::Tcp;
        self.gaps.iter().any(|gap| gap.may_hide_rows() || (is_tcp && gap.may_hide_bound()))
    }
}

/// The rules by which this process may not bind a port.
fn obstacles(asked: AskedPort, rules: &PortRules) -> Vec<Obstacle> {
    let port = asked.port;
    let privileged = rules.privileged_below.filter(|&first| port < first);
    // The list is that of IPv4.
    let is_v6 = asked.address.is_some_and(|address| address.is_ipv6());
    let excluded = rules.excluded.iter().find(|range| range.contains(&port)).filter(|_| !is_v6);
    let excluded = excluded.map(|range| Obstacle::Excluded(range.clone()));
    privileged.map(Obstacle::Privileged).into_iter().chain(excluded).collect()
}

/// What is excluded is never assigned.
fn note(port: u16, rules: &PortRules) -> Option<PortNote> {
    let is_in = |ranges: &[PortRange]| ranges.iter().any(|range| range.contains(&port));
    if is_in(&rules.excluded) {
        None
    } else if is_in(&rules.reserved) {
        Some(PortNote::Reserved)
    } else {
        rules.ephemeral.clone().filter(|range| range.contains(&port)).map(PortNote::Ephemeral)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, TcpState};

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
        let evidence = PortEvidence { sockets: sockets.iter().collect(), gaps, rules, attempts };
        let both = Protocols { tcp: true, udp: true };
        evidence.verdicts(ASKED, both).iter().map(PortVerdict::verdict).collect()
    }

    #[test]
    fn only_holders_hold_a_port() {
        let rules = PortRules::default();
        for (state, expected) in [
            (TcpState::Listening, Verdict::Held),
            (TcpState::Bound, Verdict::Held),
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
        let excluded = PortRules { excluded: vec![80..=89], ..PortRules::default() };
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

    #[test]
    fn a_note_is_on_what_may_be_assigned() {
        let rules = PortRules {
            ephemeral: Some(70..=90),
            reserved: vec![75..=76],
            excluded: vec![71..=72],
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
