//! The port after the exit: free, or taken again, and by whom.

use std::collections::BTreeMap;
use std::fmt;
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

/// Watches `ports`, as far as `filter` admits, until each is held again, a second at most.
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

/// Connections that are over but still block a bind: how many in each state, and how long the
/// longest TIME_WAIT has left.
#[derive(Debug, Default)]
pub(super) struct Remains {
    counts: BTreeMap<TcpState, usize>,
    time_wait_ms: u32,
}

impl Remains {
    /// Counts those among `sockets` that are being torn down.
    pub(super) fn of<'a>(sockets: impl Iterator<Item = &'a Socket>) -> Self {
        let mut remains = Self::default();
        for socket in sockets {
            let Some(state) = socket.state.filter(|state| StateSet::TEARDOWN.contains(*state))
            else {
                continue;
            };
            *remains.counts.entry(state).or_insert(0) += 1;
            if let (TcpState::TimeWait, Some(timer)) = (state, socket.timer) {
                remains.time_wait_ms = remains.time_wait_ms.max(timer.expires_ms);
            }
        }
        remains
    }

    /// Asks the system for those on `ports`. What cannot be read is left out: it is a remark
    /// and no verdict.
    pub(super) fn on(system: &impl System, filter: &Filter, ports: &PortSet) -> Self {
        let scope = Scope { tcp: StateSet::TEARDOWN, udp: UdpScope::None, ..scope(filter, ports) };
        let Ok(table) = system.sockets(&scope) else { return Self::default() };
        Self::of(table.sockets.iter().filter(|socket| ports.contains(socket.local.port)))
    }
}

impl fmt::Display for Remains {
    /// ` (12 TIME_WAIT, 58 s: a bind without SO_REUSEADDR fails until then)`, or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts.is_empty() {
            return Ok(());
        }
        let count = |(state, count): (&TcpState, &usize)| match state {
            TcpState::TimeWait => {
                format!("{count} TIME_WAIT, {} s", self.time_wait_ms.div_ceil(1000))
            }
            state => format!("{count} {state}"),
        };
        let counts: Vec<String> = self.counts.iter().map(count).collect();
        write!(f, " ({}: a bind without SO_REUSEADDR fails until then)", counts.join(", "))
    }
}
