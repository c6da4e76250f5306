//! From terms to a filter: services become ports, interfaces become indices.

use anyhow::{anyhow, bail};

use crate::cli::{FilterRequest, Selection, near_command};
use crate::model::PortRange;
use crate::platform::System;
use crate::query::{
    Filter, LocalSet, Place, PortSet, PortTerm, PortWord, Protocols, ScopedAddress,
};
use crate::text::errors;

/// The filter of what list and close select by.
pub(in crate::commands) fn of_request(
    request: &FilterRequest,
    system: &impl System,
) -> anyhow::Result<Filter> {
    let filter = of_selection(&request.selection, system)?;
    let foreign_ports = port_set(&request.foreign_ports, system)?;
    Ok(Filter {
        states: request.states,
        protocols: Protocols { udp: filter.protocols.udp && !request.by_state, ..filter.protocols },
        listening: request.listening || request.exposed,
        exposed: request.exposed,
        foreign_ports: (!request.foreign_ports.is_empty()).then_some(foreign_ports),
        local_networks: request.local_networks.clone(),
        foreign_networks: request.foreign_networks.clone(),
        ..filter
    })
}

/// The filter of what every command selects by.
pub(in crate::commands) fn of_selection(
    selection: &Selection,
    system: &impl System,
) -> anyhow::Result<Filter> {
    let local = local_set(&selection.ports, system)?;
    Ok(Filter {
        local: (!selection.ports.is_empty()).then_some(local),
        protocols: selection.protocols.unwrap_or(Protocols { tcp: true, udp: true }),
        families: selection.families,
        pids: selection.pids.clone(),
        names: selection.names.clone(),
        users: selection.users.clone(),
        ..Filter::everything()
    })
}

pub(in crate::commands) fn local_set(
    terms: &[PortTerm],
    system: &impl System,
) -> anyhow::Result<LocalSet> {
    let mut local = LocalSet::default();
    let mut ranges = Vec::new();
    for term in terms {
        let found = ports(&term.port, system)?;
        match &term.address {
            None => ranges.extend(found),
            Some(address) => {
                let interface = interface(address, system)?;
                let place = |ports| Place { address: address.address, interface, ports };
                local.places.extend(found.into_iter().map(place));
            }
        }
    }
    local.ports = ranges.into_iter().collect();
    Ok(local)
}

fn port_set(terms: &[PortTerm], system: &impl System) -> anyhow::Result<PortSet> {
    let mut ranges = Vec::new();
    for term in terms {
        ranges.extend(ports(&term.port, system)?);
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
