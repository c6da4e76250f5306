//! A socket as a JSON object, with its ends and its owner. The names of the fields are a stable interface.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::json_process::{JsonContainer, rfc3339};
use crate::model::{
    Creator, Endpoint, Family, Owner, Pid, Snapshot, Socket, Timer, Uid, Untrusted,
};
use crate::query::Row;
use crate::text::endpoints::{interfaces_of, needs_scope};
use crate::text::reasons::Reasons;

#[derive(Serialize)]
pub(super) struct JsonSocket {
    protocol: &'static str,
    family: &'static str,
    local: JsonEndpoint,
    foreign: Option<JsonEndpoint>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    mapped: bool,
    state: Option<String>,
    owner: JsonOwner,
    user: Option<String>,
    uid: Option<u32>,
    inode: Option<u64>,
    recv_queue: Option<u32>,
    send_queue: Option<u32>,
    timer: Option<JsonTimer>,
    idle_ms: Option<u32>,
    netns: Option<JsonNamespace>,
    v6only: Option<bool>,
    /// When it was created, where the system reports that.
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    /// Which of the services of its process created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    service: Option<String>,
    note: Option<String>,
}

impl JsonSocket {
    pub(super) fn new(row: Row<'_>, snapshot: &Snapshot, reasons: &Reasons<'_>) -> Self {
        let socket = &row.socket;
        let names = interfaces_of(socket, snapshot);
        Self {
            protocol: socket.protocol.word(),
            family: match socket.family() {
                Family::V4 => "ipv4",
                Family::V6 => "ipv6",
            },
            local: JsonEndpoint::new(&socket.local, socket.interface, names),
            foreign: JsonEndpoint::foreign(socket, names),
            mapped: socket.mapped,
            state: socket.state.map(|state| state.to_string()),
            owner: JsonOwner::new(row, snapshot),
            user: user(socket.uid, snapshot),
            uid: socket.uid.map(|uid| uid.0),
            inode: socket.inode,
            recv_queue: socket.queues.receive,
            send_queue: socket.queues.send,
            timer: socket.timer.map(JsonTimer::new),
            idle_ms: socket.idle_ms,
            netns: socket.netns.map(|inode| JsonNamespace::new(inode, snapshot)),
            v6only: socket.v6_only.filter(|_| socket.family() == Family::V6),
            created: socket.created().and_then(rfc3339),
            service: socket.service.as_ref().map(Untrusted::to_lossy),
            note: reasons.of(row),
        }
    }
}

fn user(uid: Option<Uid>, snapshot: &Snapshot) -> Option<String> {
    uid.map(|uid| snapshot.user_name(uid).to_lossy())
}

#[derive(Serialize)]
pub(super) struct JsonEndpoint {
    address: IpAddr,
    port: u16,
    interface: Option<String>,
}

impl JsonEndpoint {
    pub(super) fn new(
        endpoint: &Endpoint,
        interface: Option<u32>,
        names: &BTreeMap<u32, Untrusted>,
    ) -> Self {
        let interface = interface.map(|index| interface_name(index, names));
        Self { address: endpoint.address, port: endpoint.port, interface }
    }

    fn foreign(socket: &Socket, names: &BTreeMap<u32, Untrusted>) -> Option<Self> {
        let foreign = socket.foreign.as_ref()?;
        let interface = socket.interface.filter(|_| needs_scope(foreign.address));
        Some(Self::new(foreign, interface, names))
    }
}

/// The interface's name, or its index where it has none.
pub(super) fn interface_name(index: u32, names: &BTreeMap<u32, Untrusted>) -> String {
    let name = names.get(&index).map(Untrusted::to_lossy);
    name.unwrap_or_else(|| index.to_string())
}

#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum JsonOwner {
    Processes {
        pids: Vec<u32>,
        /// Whether these are proven to be all.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        complete: bool,
    },
    Kernel {
        reason: &'static str,
    },
    Hidden {
        user: Option<String>,
        #[serde(flatten)]
        creator: JsonCreator,
    },
    NotFound {
        #[serde(flatten)]
        creator: JsonCreator,
        #[serde(skip_serializing_if = "Option::is_none")]
        exited_pid: Option<u32>,
    },
}

impl JsonOwner {
    pub(super) fn new(row: Row<'_>, snapshot: &Snapshot) -> Self {
        let owner = &row.owner;
        let creator = || JsonCreator::new(snapshot.creator(&row.socket));
        match owner {
            // Windows' System process holds it for a driver.
            Owner::Processes(_) if owner.pids().all(|pid| snapshot.is_kernel(pid)) => {
                Self::Kernel { reason: "kernel" }
            }
            Owner::Processes(_) => Self::Processes {
                pids: owner.pids().map(|pid| pid.0).collect(),
                complete: row.socket.inode.is_some_and(|inode| snapshot.complete.contains(&inode)),
            },
            Owner::Kernel(reason) => Self::Kernel { reason: reason.word() },
            Owner::Hidden => {
                Self::Hidden { user: user(row.socket.uid, snapshot), creator: creator() }
            }
            Owner::NotFound => Self::NotFound { creator: creator(), exited_pid: None },
            Owner::Exited(Pid(pid)) => {
                Self::NotFound { creator: creator(), exited_pid: Some(*pid) }
            }
        }
    }
}

/// What is known from the cgroup of a socket about its possible owners.
#[derive(Serialize)]
pub(super) struct JsonCreator {
    service: Option<String>,
    container: Option<JsonContainer>,
    candidates: Vec<u32>,
}

impl JsonCreator {
    fn new(creator: Option<&Creator>) -> Self {
        let service = creator.and_then(|creator| creator.service.as_ref());
        let candidates = creator.map(|creator| creator.candidates.as_slice()).unwrap_or_default();
        Self {
            service: service.map(|service| service.name.to_lossy()),
            container: creator
                .and_then(|creator| creator.container.as_ref())
                .map(JsonContainer::new),
            candidates: candidates.iter().map(|pid| pid.0).collect(),
        }
    }
}

#[derive(Serialize)]
pub(super) struct JsonNamespace {
    /// None where it has no name.
    name: Option<String>,
    inode: u64,
}

impl JsonNamespace {
    pub(super) fn new(inode: u64, snapshot: &Snapshot) -> Self {
        let name = snapshot.namespaces.get(&inode).and_then(|known| known.name.as_ref());
        Self { name: name.map(Untrusted::to_lossy), inode }
    }
}

#[derive(Serialize)]
struct JsonTimer {
    kind: &'static str,
    expires_ms: u32,
    retransmits: u8,
}

impl JsonTimer {
    const fn new(timer: Timer) -> Self {
        Self {
            kind: timer.kind.word(),
            expires_ms: timer.expires_ms,
            retransmits: timer.retransmits,
        }
    }
}
