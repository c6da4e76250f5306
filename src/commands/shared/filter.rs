//! From terms to a filter: services become ports, interfaces become indices.

use std::net::IpAddr;

use anyhow::{anyhow, bail};

use crate::cli::{FilterRequest, Selection, near_command};
use crate::model::{Families, PortRange, Protocol};
use crate::platform::System;
use crate::query::{
    Filter, ForeignEnd, ForeignTerm, Host, LocalSet, Place, PortSet, PortTerm, PortWord, Protocols,
    ScopedAddress,
};
use crate::text::errors;

/// The filter of what list and close select by.
pub(in crate::commands) fn of_request(
    request: &FilterRequest,
    system: &impl System,
) -> anyhow::Result<Filter> {
    let filter = of_selection(&request.selection, system)?;
    let foreign_ports = port_set(request.foreign_ports.iter().map(|term| &term.port), system)?;
    let foreign_ends = request.foreign.iter().map(|term| foreign_end(term, system));
    Ok(Filter {
        states: request.states,
        protocols: Protocols { udp: filter.protocols.udp && !request.by_state, ..filter.protocols },
        listening: request.listening || request.exposed,
        exposed: request.exposed,
        foreign_ports: (!request.foreign_ports.is_empty()).then_some(foreign_ports),
        local_networks: request.local_networks.clone(),
        foreign_ends: foreign_ends.collect::<anyhow::Result<_>>()?,
        ..filter
    })
}

/// The filter of what every command selects by.
pub(in crate::commands) fn of_selection(
    selection: &Selection,
    system: &impl System,
) -> anyhow::Result<Filter> {
    let local = local_set(&selection.ports, selection.families, system)?;
    Ok(Filter {
        local: (!selection.ports.is_empty()).then_some(local),
        protocols: selection.protocols_or(Protocols::BOTH),
        families: selection.families,
        pids: selection.pids.clone(),
        names: selection.names.clone(),
        users: selection.users.clone(),
        ..Filter::everything()
    })
}

/// What the terms mean together; `localhost` means its addresses of `families`.
pub(in crate::commands) fn local_set(
    terms: &[PortTerm],
    families: Families,
    system: &impl System,
) -> anyhow::Result<LocalSet> {
    let mut local = LocalSet {
        ports: ports_anywhere(terms, None, system)?,
        tcp_ports: ports_anywhere(terms, Some(Protocol::Tcp), system)?,
        udp_ports: ports_anywhere(terms, Some(Protocol::Udp), system)?,
        places: Vec::new(),
    };
    for term in terms {
        for address in addresses(term.host.as_ref(), families) {
            let (interface, protocol) = (interface(&address, system)?, term.protocol);
            let address = address.address;
            let place = |ports| Place { address, interface, ports, protocol };
            local.places.extend(ports(&term.port, system)?.into_iter().map(place));
        }
    }
    Ok(local)
}

/// The ports of `protocol` that are meant at any address.
fn ports_anywhere(
    terms: &[PortTerm],
    protocol: Option<Protocol>,
    system: &impl System,
) -> anyhow::Result<PortSet> {
    let anywhere = terms.iter().filter(|term| term.host.is_none() && term.protocol == protocol);
    port_set(anywhere.map(|term| &term.port), system)
}

fn addresses(host: Option<&Host>, families: Families) -> Vec<ScopedAddress> {
    let mut addresses = host.map(Host::addresses).unwrap_or_default();
    if host == Some(&Host::Localhost) {
        addresses.retain(|address| match address.address {
            IpAddr::V4(_) => families.v4,
            IpAddr::V6(_) => families.v6,
        });
    }
    addresses
}

fn foreign_end(term: &ForeignTerm, system: &impl System) -> anyhow::Result<ForeignEnd> {
    let ports = term.port.as_ref().map(|port| port_set([port], system)).transpose()?;
    Ok(ForeignEnd { networks: term.networks.clone(), ports })
}

/// The ports that terms without an address or protocol mean.
pub(in crate::commands) fn plain_ports(
    terms: &[PortTerm],
    system: &impl System,
) -> anyhow::Result<PortSet> {
    port_set(terms.iter().map(|term| &term.port), system)
}

fn port_set<'a>(
    words: impl IntoIterator<Item = &'a PortWord>,
    system: &impl System,
) -> anyhow::Result<PortSet> {
    let mut ranges = Vec::new();
    for word in words {
        ranges.extend(ports(word, system)?);
    }
    Ok(ranges.into_iter().collect())
}

fn ports(word: &PortWord, system: &impl System) -> anyhow::Result<Vec<PortRange>> {
    let name = match word {
        PortWord::Range(range) => return Ok(vec![range.clone()]),
        PortWord::Service(name) => name,
    };
    let found = system.service_ports(name)?;
    if found.is_empty() {
        bail!(errors::unknown_service(
            name,
            near_command(name).as_deref(),
            system.capabilities().shell
        ));
    }
    Ok(found.into_iter().map(|port| port..=port).collect())
}

fn interface(address: &ScopedAddress, system: &impl System) -> anyhow::Result<Option<u32>> {
    let Some(zone) = &address.zone else {
        return Ok(None);
    };
    let index = zone.parse().ok().or_else(|| system.interface_index(zone));
    index.map(Some).ok_or_else(|| anyhow!(errors::unknown_interface(zone)))
}
