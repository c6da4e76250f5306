//! Which containers the ports belong to that are held, and how to stop those.

use std::collections::{BTreeMap, BTreeSet};

use crate::query::Rows;
use crate::text::advice::Remedy;
use crate::text::{hints, owners, remedies};

/// How many containers are told of.
const TOLD: usize = 10;

/// A line for each container that a holder of a port runs in or serves.
pub(super) fn of_ports(rows: &Rows<'_>) -> Vec<String> {
    let mut ports: BTreeMap<(String, Remedy), BTreeSet<u16>> = BTreeMap::new();
    for row in rows.rows.iter().filter(|row| row.socket.holds_port()) {
        for pid in row.owner.pids() {
            let process = rows.snapshot.processes.get(&pid);
            let Some(container) = process.and_then(|process| process.container.as_ref()) else {
                continue;
            };
            let key = (owners::container(container), remedies::stop_container(container));
            ports.entry(key).or_default().insert(row.socket.local.port);
        }
    }
    let left_out = ports.len().saturating_sub(TOLD);
    let lines = ports
        .iter()
        .take(TOLD)
        .map(|((container, stop), ports)| hints::of_container(ports, container, stop));
    lines.chain((left_out > 0).then(|| hints::more_containers(left_out))).collect()
}
