//! What is waited for: each port, with the ends that count for it.

use std::collections::BTreeMap;

use crate::cli::{Condition, Selection, WaitRequest};
use crate::commands::shared::filter::local_set;
use crate::model::{Families, Protocol};
use crate::platform::System;
use crate::query::{AskedPort, Filter, Host, LocalSet, PortSet, PortTerm, Protocols};
use crate::text::wait::Spot;

/// Servers of TCP are waited for unless UDP is asked for.
const TCP: Protocols = Protocols { tcp: true, udp: false };

/// A port that is waited for, for one protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Wanted {
    /// How it is named.
    pub(super) spot: Spot,
    /// Its ends: those of both loopback addresses for `localhost`, else one.
    pub(super) ends: Vec<AskedPort>,
}

/// Every port of the request.
///
/// # Errors
/// When a service or an interface is unknown.
pub(super) fn wanted(request: &WaitRequest, system: &impl System) -> anyhow::Result<Vec<Wanted>> {
    let selection = &request.selection;
    let (anywhere, placed): (Vec<PortTerm>, Vec<PortTerm>) =
        selection.ports.iter().cloned().partition(|term| term.host.is_none());
    let mut wanted: Vec<Wanted> =
        asked(&anywhere, selection, system)?.into_iter().map(Wanted::of).collect();
    for term in &placed {
        let asked = asked(std::slice::from_ref(term), selection, system)?;
        if term.host == Some(Host::Localhost) {
            wanted.extend(of_localhost(asked));
        } else {
            wanted.extend(asked.into_iter().map(Wanted::of));
        }
    }
    Ok(wanted)
}

/// Each port of these terms, once for each protocol.
fn asked(
    terms: &[PortTerm],
    selection: &Selection,
    system: &impl System,
) -> anyhow::Result<Vec<AskedPort>> {
    let local = local_set(terms, selection.families, system)?;
    let protocols = selection.protocols_or(TCP);
    let of_protocols = move |asked: AskedPort| {
        let each = asked.protocols(protocols).each();
        each.map(move |protocol| AskedPort { protocol: Some(protocol), ..asked })
    };
    Ok(AskedPort::all(&local).flat_map(of_protocols).collect())
}

/// Those of both loopback addresses together.
fn of_localhost(asked: Vec<AskedPort>) -> impl Iterator<Item = Wanted> {
    let mut by_port: BTreeMap<(u16, Option<Protocol>), Vec<AskedPort>> = BTreeMap::new();
    for end in asked {
        by_port.entry((end.port, end.protocol)).or_default().push(end);
    }
    let wanted = |ends: Vec<AskedPort>| {
        let spot = Spot { asked: *ends.first()?, is_localhost: true };
        Some(Wanted { spot, ends })
    };
    by_port.into_values().filter_map(wanted)
}

impl Wanted {
    fn of(asked: AskedPort) -> Self {
        Self { spot: Spot { asked, is_localhost: false }, ends: vec![asked] }
    }
}

/// The sockets in question: those on the ports, at every address; where something is to listen, those
/// that do, with the owner and the family that were asked for.
pub(super) fn filter(request: &WaitRequest, wanted: &[Wanted]) -> Filter {
    let Selection { families, pids, names, users, .. } = &request.selection;
    let is_open = request.condition == Condition::Open;
    let ends = || wanted.iter().flat_map(|one| &one.ends);
    let has = |protocol| ends().any(|end| end.protocol == Some(protocol));
    let ports: PortSet = ends().map(|end| end.port..=end.port).collect();
    Filter {
        local: Some(LocalSet { ports, ..LocalSet::default() }),
        protocols: Protocols { tcp: has(Protocol::Tcp), udp: has(Protocol::Udp) },
        listening: is_open,
        families: if is_open { *families } else { Families::BOTH },
        pids: pids.clone(),
        names: names.clone(),
        users: users.clone(),
        ..Filter::everything()
    }
}
