//! What connections in CLOSE_WAIT have in common: a server's port, or a client's destination.

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::facts::{endpoint, endpoint_json};
use super::{Culprit, Machine};
use crate::model::{Endpoint, OwnedSocket, TcpState};

/// What connections in CLOSE_WAIT have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) enum CommonEnd {
    /// A server's: the local port.
    Port(u16),
    /// A client's, each from a port of its own: the destination.
    Foreign(Endpoint),
}

impl CommonEnd {
    /// `on port 1521`, `to 10.0.0.5:443`.
    pub(super) fn words(self) -> String {
        match self {
            Self::Port(port) => format!("on port {port}"),
            Self::Foreign(foreign) => format!("to {}", endpoint(&foreign)),
        }
    }

    /// The words that select it: `1521`, `--foreign 10.0.0.5 --foreign-port 443`.
    pub(super) fn options(self) -> Vec<String> {
        match self {
            Self::Port(port) => vec![port.to_string()],
            Self::Foreign(Endpoint { address, port }) => {
                let options =
                    ["--foreign", &address.to_string(), "--foreign-port", &port.to_string()];
                options.map(str::to_owned).to_vec()
            }
        }
    }

    /// Its name and value in JSON.
    pub(super) fn json(self) -> (&'static str, Value) {
        match self {
            Self::Port(port) => ("port", json!(port)),
            Self::Foreign(foreign) => ("foreign", endpoint_json(&foreign)),
        }
    }
}

/// How many CLOSE_WAIT each culprit has at each local port, and to each foreign endpoint.
pub(super) struct CommonEnds {
    ports: FxHashMap<(Culprit, u16), usize>,
    destinations: FxHashMap<(Culprit, Endpoint), usize>,
}

impl CommonEnds {
    pub(super) fn of(machine: &Machine<'_>) -> Self {
        let mut ends = Self { ports: FxHashMap::default(), destinations: FxHashMap::default() };
        for row in machine.all_rows(&[TcpState::CloseWait]) {
            let culprit = machine.culprit(row);
            *ends.ports.entry((culprit, row.socket.local.port)).or_default() += 1;
            if let Some(foreign) = row.socket.foreign {
                *ends.destinations.entry((culprit, foreign)).or_default() += 1;
            }
        }
        ends
    }

    /// A port with a listener is a server's. So is one that more connections share than go to the
    /// same destination: its listener has been closed.
    pub(super) fn end(
        &self,
        row: &OwnedSocket,
        culprit: Culprit,
        machine: &Machine<'_>,
    ) -> CommonEnd {
        let port = row.socket.local.port;
        let Some(foreign) = row.socket.foreign else { return CommonEnd::Port(port) };
        let at_port = self.ports.get(&(culprit, port)).copied().unwrap_or_default();
        let to_end = self.destinations.get(&(culprit, foreign)).copied();
        if at_port > to_end.unwrap_or_default() || machine.listener(&row.socket).is_some() {
            CommonEnd::Port(port)
        } else {
            CommonEnd::Foreign(foreign)
        }
    }
}
