//! Everything that kill has to know before it acts.

use crate::commands::filter::local_set;
use crate::commands::survey::complete;
use crate::commands::who;
use crate::model::{About, Detail, Scope, Snapshot, Socket, StateSet, UdpScope};
use crate::platform::{PlatformError, System};
use crate::query::{Filter, LocalSet, Place, PortTerm, Protocols, Row};

/// One PORT of the command line.
#[derive(Debug)]
pub(super) struct Wish {
    /// What it means.
    local: LocalSet,
}

impl Wish {
    /// The PORTs, each with what it means.
    pub(super) fn all(terms: &[PortTerm], system: &impl System) -> anyhow::Result<Vec<Self>> {
        let wish = |term| Ok(Self { local: local_set(std::slice::from_ref(term), system)? });
        terms.iter().map(wish).collect()
    }

    /// The PORT as a person reads it.
    pub(super) fn words(&self) -> String {
        who::local(&self.local)
    }

    /// Its addresses, where it names any.
    pub(super) fn places(&self) -> &[Place] {
        &self.local.places
    }

    /// The PORT as it can be typed.
    pub(super) fn typed(&self) -> Vec<String> {
        who::typed(&self.local)
    }

    /// The rows of `rows` on this PORT.
    pub(super) fn rows<'a>(&self, rows: &[Row<'a>]) -> Vec<Row<'a>> {
        let filter = Filter { local: Some(self.local.clone()), ..Filter::everything() };
        rows.iter().copied().filter(|row| filter.admits_socket(&row.socket)).collect()
    }
}

/// Looks at every socket on the ports of `filter`, whatever its protocol, family and state, and at
/// every socket of the machine that holds a port: what else the owners hold. One walk.
///
/// # Errors
/// When the sockets cannot be read at all.
pub(super) fn look(filter: &Filter, system: &impl System) -> Result<Snapshot, PlatformError> {
    let on_ports = Filter { local: filter.local.clone(), ..Filter::everything() };
    let holding =
        Scope { tcp: StateSet::HOLDING, udp: UdpScope::Unconnected, ..Scope::everything() };
    let mut table = system.sockets(&on_ports.scope(Detail::Brief))?;
    // A system may answer with more than was asked for.
    table.sockets.retain(|socket| on_ports.admits_socket(socket));
    let others = system.sockets(&holding)?;
    // What else an owner holds is of interest only where there is one: no walk otherwise.
    let is_held = table.sockets.iter().any(Socket::holds_port);
    let ports = filter.local.as_ref().map(LocalSet::all_ports).unwrap_or_default();
    let matters = |socket: &Socket| is_held || ports.contains(socket.local.port);
    let is_new =
        |socket: &Socket| socket.holds_port() && matters(socket) && !on_ports.admits_socket(socket);
    table.sockets.extend(others.sockets.into_iter().filter(is_new));
    // Whether something is bound to the ports themselves, the first table has told.
    for gap in others.gaps.into_iter().filter(|gap| !gap.is_about_bound()) {
        if !table.gaps.contains(&gap) {
            table.gaps.push(gap);
        }
    }
    Ok(with_parents(complete(system, table, About::Everything, |_| true), system))
}

/// Adds the parents of the owners: they may start them again.
fn with_parents(mut snapshot: Snapshot, system: &impl System) -> Snapshot {
    let parents = snapshot.processes.values().filter_map(|process| process.parent);
    let unknown = parents.filter(|pid| !snapshot.processes.contains_key(pid)).collect();
    snapshot.processes.extend(system.processes(&unknown, About::Everything));
    snapshot
}

/// The protocols that kill ends: TCP, unless UDP was named.
pub(super) fn protocols(asked: Option<Protocols>) -> Protocols {
    asked.unwrap_or(Protocols { tcp: true, udp: false })
}
