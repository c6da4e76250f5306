//! The ports that connect() assigns for no destination.

use std::collections::{BTreeMap, BTreeSet};

use super::{Culprit, Machine, Range};
use crate::model::TcpState;

/// The ports that connect() assigns for no destination.
pub(super) struct Blocked {
    pub(super) ports: BTreeSet<u16>,
    /// How many of them no listener has.
    pub(super) bound: usize,
    /// Who has how many sockets there.
    pub(super) holders: BTreeMap<Culprit, usize>,
}

impl Blocked {
    /// connect() skips a port that was given to bind(), by number or not, at whatever address
    /// (`tb->fastreuse` is not negative in `__inet_hash_connect()`). Of a connection no table tells
    /// whether its port was.
    pub(super) fn of(machine: &Machine<'_>, range: &Range) -> Self {
        let mut holders = BTreeMap::new();
        let mut ports_in = |state| -> BTreeSet<u16> {
            let mut ports = BTreeSet::new();
            for row in machine.all_rows(&[state]) {
                if range.contains(row.socket.local.port) {
                    *holders.entry(machine.culprit(row)).or_default() += 1;
                    ports.insert(row.socket.local.port);
                }
            }
            ports
        };
        let mut ports = ports_in(TcpState::Listening);
        let listening = ports.len();
        ports.extend(ports_in(TcpState::Bound));
        Self { bound: ports.len() - listening, ports, holders }
    }
}
