//! The port after the exit: free, or taken again, and by whom.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use super::plan::Group;
use crate::commands::shared::survey::survey_scope;
use crate::model::{
    About, Detail, Families, OwnedSocket, Owner, Protocol, Scope, Snapshot, Socket, StateSet,
    UdpScope,
};
use crate::platform::System;
use crate::query::{Filter, PortSet, Row};
use crate::text::gaps;
use crate::text::ports::remains::{Remains, Reuse};

/// How long the port is watched.
const WATCH: Duration = Duration::from_secs(1);
/// How often it is read meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What was seen of the ports after the exits.
#[derive(Debug)]
pub(super) struct WatchResult {
    /// Who holds the ports now, with everything needed to name them; empty when they are free.
    pub(super) holders: Snapshot,
}

/// Watches the addresses of `freed` until all are held again, a second at most. Held is what `filter`
/// asked for, and what stands in the way of a socket like those that were there: it may be at
/// another address or of the other family.
///
/// # Errors
/// When the ports cannot be read.
pub(super) fn watch(
    system: &impl System,
    filter: &Filter,
    freed: &[&Socket],
) -> anyhow::Result<WatchResult> {
    let deadline = Instant::now() + WATCH;
    let scope = scope(&freed.iter().copied(), StateSet::HOLDING);
    let matters = |socket: &Socket| {
        let in_the_way = freed.iter().any(|old| socket.conflicts_with(old));
        socket.holds_port() && (filter.admits_socket(socket) || in_the_way)
    };
    loop {
        let holders = survey_scope(system, &scope, About::Identity, matters)?;
        if let Some(gap) = holders.gaps.iter().find(|gap| gap.may_hide_rows()) {
            bail!("{}", gaps::line(gap));
        }
        let is_held_again = freed.iter().all(|old| is_held(old.local.port, &holders, freed));
        if is_held_again || Instant::now() >= deadline {
            return Ok(WatchResult { holders });
        }
        thread::sleep(POLL_INTERVAL);
    }
}

/// Whether a port that was freed has a new holder.
fn is_held(port: u16, holders: &Snapshot, freed: &[&Socket]) -> bool {
    let mut on_port = holders.sockets.iter().filter(|row| row.socket.local.port == port);
    on_port.any(|row| !lingers(row, freed))
}

/// What an exited process held may linger for a moment (the kernel takes an io_uring down later);
/// that is no new holder yet.
fn lingers(row: &OwnedSocket, freed: &[&Socket]) -> bool {
    match row.owner {
        Owner::Exited(_) => true,
        Owner::Hidden | Owner::NotFound => freed.iter().any(|old| row.socket.is_same(old)),
        _ => false,
    }
}

/// The sockets on the ports of `sockets`, at every address.
pub(super) fn scope<'a>(
    sockets: &(impl Iterator<Item = &'a Socket> + Clone),
    tcp: StateSet,
) -> Scope {
    let has = |protocol| sockets.clone().any(|socket| socket.protocol == protocol);
    let ports = sockets.clone().map(|socket| socket.local.port..=socket.local.port);
    Scope {
        tcp: if has(Protocol::Tcp) { tcp } else { StateSet::NONE },
        udp: if has(Protocol::Udp) { UdpScope::Unconnected } else { UdpScope::None },
        families: Families::BOTH,
        local_ports: Some(ports.collect::<PortSet>().ranges().to_vec()),
        local_addresses: Vec::new(),
        foreign_ports: None,
        detail: Detail::Brief,
    }
}

impl WatchResult {
    /// The sockets that hold a port of `group`.
    pub(super) fn on<'a>(&'a self, group: &'a Group<'_>) -> impl Iterator<Item = &'a OwnedSocket> {
        let ports = &group.ports;
        self.holders.sockets.iter().filter(move |row| ports.contains(&row.socket.local.port))
    }
}

/// Asks the system for what is left that blocks a bind to the addresses of `sockets`. What cannot be
/// read is left out: it is a remark and no verdict.
pub(super) fn blocking_remains(sockets: &[Row<'_>], system: &impl System) -> Remains {
    let tcp = sockets.iter().map(|row| &row.socket);
    let tcp = tcp.filter(|socket| socket.protocol == Protocol::Tcp);
    let scope = Scope { udp: UdpScope::None, ..scope(&tcp, StateSet::TEARDOWN) };
    let Ok(table) = system.sockets(&scope) else { return Remains::default() };
    let blocks = |left: &&Socket| tcp.clone().any(|socket| left.conflicts_with(socket));
    Remains::of(table.sockets.iter().filter(blocks), system.capabilities()).with(Reuse::Unknown)
}
