//! The port after the exit: free, or taken again, and by whom.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use crate::commands::survey::survey_scope;
use crate::model::{Detail, OwnedSocket, Scope, Snapshot, Socket, StateSet, TcpState, UdpScope};
use crate::platform::{PlatformError, System};
use crate::query::{Filter, PortSet};

/// How long the port is watched.
const WATCH: Duration = Duration::from_secs(1);
/// How often it is looked at meanwhile.
const GLANCE: Duration = Duration::from_millis(20);

/// What was seen of the ports after the exits.
#[derive(Debug)]
pub(super) struct Aftermath {
    /// Who holds the ports now, with everything needed to name them; empty when they are free.
    pub(super) holders: Snapshot,
}

/// Watches the ports that `filter` admits until each of `ports` is held again, a second at
/// most. `alive` tells which sockets are known to be still held, and are not waited for.
///
/// # Errors
/// When the ports cannot be looked at.
pub(super) fn watch(
    system: &impl System,
    filter: &Filter,
    ports: &PortSet,
) -> Result<Aftermath, PlatformError> {
    let deadline = Instant::now() + WATCH;
    loop {
        let holding = Scope { tcp: StateSet::HOLDING, ..scope(filter, ports) };
        let holds = |socket: &Socket| socket.holds_port() && filter.admits_socket(socket);
        let holders = survey_scope(system, &holding, holds)?;
        let all_held = ports
            .ranges()
            .iter()
            .cloned()
            .flatten()
            .all(|port| holders.sockets.iter().any(|row| row.socket.local.port == port));
        if all_held || Instant::now() >= deadline {
            return Ok(Aftermath { holders });
        }
        thread::sleep(GLANCE);
    }
}

fn scope(filter: &Filter, ports: &PortSet) -> Scope {
    Scope {
        tcp: if filter.protocols.tcp { StateSet::ALL } else { StateSet::NONE },
        udp: if filter.protocols.udp { UdpScope::Unconnected } else { UdpScope::None },
        families: filter.families,
        local_ports: Some(ports.ranges().to_vec()),
        foreign_ports: None,
        detail: Detail::Brief,
    }
}

impl Aftermath {
    /// The sockets that hold `port`.
    pub(super) fn on(&self, port: u16) -> impl Iterator<Item = &OwnedSocket> {
        self.holders.sockets.iter().filter(move |row| row.socket.local.port == port)
    }
}

/// What remains of connections on `ports`: how many in each state, and the longest TIME_WAIT.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// How many, by state.
    pub(super) counts: BTreeMap<TcpState, usize>,
    /// Milliseconds until the last TIME_WAIT is over.
    pub(super) time_wait_ms: u32,
}

/// Counts what remains. What cannot be read is left out: it is a remark and no verdict.
pub(super) fn remains(system: &impl System, filter: &Filter, ports: &PortSet) -> Remains {
    let scope = Scope { tcp: StateSet::CONNECTED, udp: UdpScope::None, ..scope(filter, ports) };
    let mut remains = Remains::default();
    let Ok(table) = system.sockets(&scope) else { return remains };
    for socket in table.sockets {
        let Some(state) = socket.state.filter(|state| StateSet::TEARDOWN.contains(*state)) else {
            continue;
        };
        if !ports.contains(socket.local.port) {
            continue;
        }
        *remains.counts.entry(state).or_insert(0) += 1;
        if let (TcpState::TimeWait, Some(timer)) = (state, socket.timer) {
            remains.time_wait_ms = remains.time_wait_ms.max(timer.expires_ms);
        }
    }
    remains
}
