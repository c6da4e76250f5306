//! The port after the exit: free, or taken again, and by whom.

use std::collections::BTreeMap;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::plan::Group;
use crate::commands::survey::survey_scope;
use crate::model::{
    Detail, Families, Os, OwnedSocket, Owner, Protocol, Scope, Snapshot, Socket, StateSet,
    TcpState, UdpScope,
};
use crate::platform::System;
use crate::query::{Filter, PortSet, Row};
use crate::render::gaps;

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

/// Watches the ends of `freed` until all are held again, a second at most. Held is what `filter`
/// asked for, and what stands in the way of a socket like those that were there: it may be at
/// another address or of the other family.
///
/// # Errors
/// When the ports cannot be looked at.
pub(super) fn watch(
    system: &impl System,
    filter: &Filter,
    freed: &[&Socket],
) -> anyhow::Result<Aftermath> {
    let deadline = Instant::now() + WATCH;
    let scope = scope(&freed.iter().copied(), StateSet::HOLDING);
    let matters = |socket: &Socket| {
        let in_the_way = freed.iter().any(|old| socket.conflicts_with(old));
        socket.holds_port() && (filter.admits_socket(socket) || in_the_way)
    };
    loop {
        let holders = survey_scope(system, &scope, matters)?;
        if let Some(gap) = holders.gaps.iter().find(|gap| gap.may_hide_rows()) {
            bail!("{}", gaps::line(gap));
        }
        let is_held = |old: &&Socket| {
            let port = old.local.port;
            // What an exited process held may linger for a moment; that is no new holder yet.
            let lingers = |row: &OwnedSocket| matches!(row.owner, Owner::Exited(_));
            holders.sockets.iter().any(|row| row.socket.local.port == port && !lingers(row))
        };
        if freed.iter().all(is_held) || Instant::now() >= deadline {
            return Ok(Aftermath { holders });
        }
        thread::sleep(GLANCE);
    }
}

/// The sockets on the ports of `sockets`, at every address.
fn scope<'a>(sockets: &(impl Iterator<Item = &'a Socket> + Clone), tcp: StateSet) -> Scope {
    let has = |protocol| sockets.clone().any(|socket| socket.protocol == protocol);
    let ports = sockets.clone().map(|socket| socket.local.port..=socket.local.port);
    Scope {
        tcp: if has(Protocol::Tcp) { tcp } else { StateSet::NONE },
        udp: if has(Protocol::Udp) { UdpScope::Unconnected } else { UdpScope::None },
        families: Families::BOTH,
        local_ports: Some(ports.collect::<PortSet>().ranges().to_vec()),
        foreign_ports: None,
        detail: Detail::Brief,
    }
}

impl Aftermath {
    /// The sockets that hold a port of `group`.
    pub(super) fn on<'a>(&'a self, group: &'a Group<'_>) -> impl Iterator<Item = &'a OwnedSocket> {
        let ports = group.ports();
        self.holders.sockets.iter().filter(move |row| ports.contains(&row.socket.local.port))
    }
}

/// Connections that are over but still block a bind: how many in each state, and how long the
/// longest TIME_WAIT has left.
#[derive(Debug, Default)]
pub(super) struct Remains {
    counts: BTreeMap<TcpState, usize>,
    /// Milliseconds; none where the system does not tell.
    time_wait_ms: Option<u32>,
    /// Whether they block a bind without SO_REUSEADDR: on Linux they do.
    blocks: bool,
}

impl Remains {
    /// Counts those among `sockets` that are being torn down.
    pub(super) fn of<'a>(sockets: impl Iterator<Item = &'a Socket>, os: Os) -> Self {
        let mut remains = Self { blocks: os == Os::Linux, ..Self::default() };
        for socket in sockets {
            let Some(state) = socket.state.filter(|state| StateSet::TEARDOWN.contains(*state))
            else {
                continue;
            };
            *remains.counts.entry(state).or_insert(0) += 1;
            if let (TcpState::TimeWait, Some(timer)) = (state, socket.timer) {
                remains.time_wait_ms = remains.time_wait_ms.max(Some(timer.expires_ms));
            }
        }
        remains
    }

    /// Asks the system for those that block a bind to the ends of `sockets`. What cannot be
    /// read is left out: it is a remark and no verdict.
    pub(super) fn beside(sockets: &[Row<'_>], system: &impl System) -> Self {
        let tcp = sockets.iter().map(|row| &row.socket);
        let tcp = tcp.filter(|socket| socket.protocol == Protocol::Tcp);
        let scope = Scope { udp: UdpScope::None, ..scope(&tcp, StateSet::TEARDOWN) };
        let Ok(table) = system.sockets(&scope) else { return Self::default() };
        let blocks = |left: &&Socket| tcp.clone().any(|socket| left.conflicts_with(socket));
        Self::of(table.sockets.iter().filter(blocks), system.os())
    }
}

impl fmt::Display for Remains {
    /// ` (12 TIME_WAIT, 58 s: a bind without SO_REUSEADDR fails until then)`, or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts.is_empty() {
            return Ok(());
        }
        let count = |(state, count): (&TcpState, &usize)| match (state, self.time_wait_ms) {
            (TcpState::TimeWait, Some(left)) => {
                format!("{count} TIME_WAIT, {} s", left.div_ceil(1000))
            }
            (state, _) => format!("{count} {state}"),
        };
        let counts: Vec<String> = self.counts.iter().map(count).collect();
        let counts = counts.join(", ");
        let until = if self.time_wait_ms.is_some() { "until then" } else { "while they last" };
        if self.blocks {
            write!(f, " ({counts}: a bind without SO_REUSEADDR fails {until})")
        } else {
            write!(f, " ({counts})")
        }
    }
}
