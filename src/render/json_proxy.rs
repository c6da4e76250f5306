//! The rules by which ports are forwarded, as JSON.

use serde::Serialize;

use crate::model::{Pid, PortProxy};

/// A rule, and the process that listens for it.
#[derive(Serialize)]
pub(super) struct JsonProxy {
    kind: &'static str,
    listen_address: String,
    listen_port: u16,
    connect_address: String,
    connect_port: u16,
    pid: u32,
}

impl JsonProxy {
    pub(super) fn new((rule, pid): &(PortProxy, Pid)) -> Self {
        Self {
            kind: rule.kind(),
            listen_address: rule.listen.to_lossy(),
            listen_port: rule.port,
            connect_address: rule.connect.to_lossy(),
            connect_port: rule.connect_port,
            pid: pid.0,
        }
    }
}
