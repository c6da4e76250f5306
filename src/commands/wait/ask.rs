//! Everything that a wait asks of the system.

use std::collections::BTreeMap;
use std::time::Duration;

use super::wanted::{Wanted, filter, wanted};
use crate::cli::{Condition, WaitRequest};
use crate::commands::shared::absent;
use crate::commands::shared::survey::complete;
use crate::model::{
    About, Detail, Families, PortRules, Protocol, Scope, Snapshot, Socket, StateSet, TcpState,
    UdpScope,
};
use crate::platform::{PlatformError, SocketTable, System};
use crate::query::{Filter, Protocols};
use crate::text::wait::Spot;

/// So long rules are taken for those of now: an excluded range is added seldom, as when a virtual machine
/// starts.
const RULES_LAST: Duration = Duration::from_secs(30);

/// What is asked, in the terms of the system.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) condition: Condition,
    /// Every port.
    pub(super) wanted: Vec<Wanted>,
    /// The sockets in question.
    pub(super) filter: Filter,
    /// The rules for the ports, where a bind is the question or JSON tells of it. They are not read at
    /// each look: on Windows that starts another program.
    pub(super) rules: BTreeMap<Protocol, PortRules>,
    /// When they were read, from the start of the wait.
    rules_read: Duration,
    /// The families that were asked for.
    pub(super) families: Families,
    /// Whether a socket at one address blocks a bind to every address.
    pub(super) narrower_blocks: bool,
    /// Whether everything is told of the sockets.
    is_whole: bool,
}

/// What was seen at one time.
#[derive(Debug)]
pub(super) struct Seen {
    /// The sockets on the ports; only those that listen, where the others do not matter.
    pub(super) table: SocketTable,
    /// Those of them that are told of, with their owners.
    pub(super) snapshot: Snapshot,
}

impl Question {
    /// The question of a request.
    ///
    /// # Errors
    /// When a service or an interface is unknown.
    pub(super) fn new(request: &WaitRequest, system: &impl System) -> anyhow::Result<Self> {
        let wanted = wanted(request, system)?;
        let filter = filter(request, &wanted);
        let needs_rules = request.json || request.condition == Condition::Free;
        let protocols = Protocols::BOTH.each().filter(|it| needs_rules && filter.asks_for(*it));
        let rules = protocols.map(|protocol| (protocol, system.port_rules(protocol))).collect();
        Ok(Self {
            condition: request.condition,
            wanted,
            filter,
            rules,
            rules_read: Duration::ZERO,
            families: request.selection.families,
            narrower_blocks: system.capabilities().narrower_blocks_bind,
            is_whole: request.json,
        })
    }

    /// Reads the rules again for a wait that has lasted so long, if they are old: the system may have
    /// excluded a range meanwhile. Whether it was done.
    pub(super) fn read_old_rules_again(&mut self, now: Duration, system: &impl System) -> bool {
        let is_old = now.saturating_sub(self.rules_read) >= RULES_LAST;
        let is_wanted = is_old && self.condition == Condition::Free;
        if is_wanted {
            self.rules_read = now;
            for (protocol, rules) in &mut self.rules {
                *rules = system.port_rules(*protocol);
            }
        }
        is_wanted
    }

    /// The ports, as they are named.
    pub(super) fn spots(&self) -> Vec<Spot> {
        self.wanted.iter().map(|one| one.spot).collect()
    }

    /// The sockets that listen on the ports, without their owners: this is what costs little.
    ///
    /// # Errors
    /// When the sockets cannot be read at all.
    pub(super) fn listeners(&self, system: &impl System) -> Result<SocketTable, PlatformError> {
        let asks_for = |protocol| self.filter.asks_for(protocol);
        let tcp = StateSet::of(&[TcpState::Listening]);
        let udp = UdpScope::Unconnected;
        self.table(
            system,
            Scope {
                tcp: if asks_for(Protocol::Tcp) { tcp } else { StateSet::NONE },
                udp: if asks_for(Protocol::Udp) { udp } else { UdpScope::None },
                ..self.filter.scope(Detail::Brief)
            },
        )
    }

    /// All that the answer rests on: with owners, where what listens has to be somebody's.
    ///
    /// # Errors
    /// When the sockets cannot be read at all.
    pub(super) fn look(&self, system: &impl System) -> Result<Seen, PlatformError> {
        let table = if self.condition == Condition::Open && !self.is_whole {
            self.listeners(system)?
        } else {
            // A verdict takes every socket on the ports, whatever else is asked of those that listen.
            let filter = Filter { listening: false, ..self.filter.clone() };
            let detail = if self.is_whole { Detail::Idle } else { Detail::Brief };
            self.table(system, filter.scope(detail))?
        };
        let seen = Seen { table, snapshot: Snapshot::empty(system.capabilities()) };
        Ok(if self.condition == Condition::Open { self.with_owners(seen, system)? } else { seen })
    }

    /// Who owns the sockets that are told of, added where a look leaves it out.
    ///
    /// # Errors
    /// When they cannot be searched as was asked.
    pub(super) fn named(&self, seen: Seen, system: &impl System) -> Result<Seen, PlatformError> {
        match self.condition {
            Condition::Open => Ok(seen),
            Condition::Free => self.with_owners(seen, system),
        }
    }

    fn with_owners(&self, seen: Seen, system: &impl System) -> Result<Seen, PlatformError> {
        let about = if self.is_whole { About::Everything } else { self.filter.about() };
        let table =
            SocketTable { gaps: seen.table.gaps.clone(), sockets: seen.table.sockets.clone() };
        let snapshot = complete(system, table, about, |socket| self.is_told(socket))?;
        Ok(Seen { snapshot, ..seen })
    }

    /// The owners that were asked for and that do not exist, in words.
    pub(super) fn absent(&self, seen: &Seen, system: &impl System) -> Vec<String> {
        let absent = absent::ask(&self.filter, &seen.snapshot, system);
        let shell = seen.snapshot.capabilities.shell;
        absent.iter().map(|owner| owner.sentence(shell)).collect()
    }

    /// Whether the answer tells of the socket: it listens; or it is in the way of a bind, where JSON
    /// has even what does not hold the port.
    fn is_told(&self, socket: &Socket) -> bool {
        let counts = match self.condition {
            Condition::Open => true,
            Condition::Free => (self.is_whole || socket.takes_port()) && self.is_met(socket),
        };
        counts && self.filter.admits_socket(socket)
    }

    /// Whether a bind meets the socket.
    pub(super) fn is_met(&self, socket: &Socket) -> bool {
        let mut ends = self.wanted.iter().flat_map(|one| &one.ends);
        ends.any(|end| end.meets(socket)) && self.families.meet(socket)
    }

    /// A table of what the filter asks for: a system may return more.
    fn table(&self, system: &impl System, scope: Scope) -> Result<SocketTable, PlatformError> {
        let ends = self.wanted.iter().flat_map(|one| &one.ends);
        let local_addresses = ends.filter_map(|end| end.address).collect();
        let mut table = system.sockets(&Scope { local_addresses, ..scope })?;
        table.sockets.retain(|socket| socket.netns.is_none());
        Ok(table)
    }
}
