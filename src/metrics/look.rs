//! A look: everything that the metrics are made of.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::PortRanges;
use crate::findings::{Diagnosis, Machine};
use crate::model::{OwnedSocket, Owner, Pid, Protocol, Untrusted};

/// A table of the system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// What it has the sockets of; none for those of several.
    pub protocol: Option<Protocol>,
    /// Whether it was read completely.
    pub is_read: bool,
}

/// A look at the machine.
#[derive(Debug)]
pub struct Look<'a> {
    /// When it was taken.
    pub taken: SystemTime,
    /// How long it took.
    pub took: Duration,
    /// The tables that were to be read.
    pub tables: Vec<Table>,
    /// The machine, and what doctor found there.
    pub diagnosis: &'a Diagnosis<'a>,
    /// The sockets of other network namespaces, where they were asked for.
    pub elsewhere: Option<&'a Machine<'a>>,
    /// The base names of programs that only an administrator can have put where they are.
    pub programs: &'a BTreeMap<Pid, Untrusted>,
    /// This process, whose sockets are left out.
    pub own: Pid,
    /// Which ports are told apart.
    pub ports: PortRanges,
}

impl<'a> Look<'a> {
    /// Whether the sockets of a protocol were read completely.
    #[must_use]
    pub fn has(&self, protocol: Protocol) -> bool {
        let own = self.tables.iter().filter(|table| table.protocol == Some(protocol));
        own.into_iter().all(|table| table.is_read)
    }

    /// The sockets that are counted, each with the machine that it is of: those of protocols of which a
    /// table is missing are not, because part of a number is a wrong number.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&'a Machine<'a>, &'a OwnedSocket)> {
        let machines = [Some(self.diagnosis.machine), self.elsewhere].into_iter().flatten();
        let rows = machines.flat_map(|machine| machine.sockets().map(move |row| (machine, row)));
        let protocols = [Protocol::Tcp, Protocol::Udp];
        let read: Vec<Protocol> = protocols.into_iter().filter(|one| self.has(*one)).collect();
        let own = self.own;
        rows.filter(move |(machine, row)| {
            read.contains(&row.socket.protocol) && !is_own(own, machine, row)
        })
    }
}

/// Whether it is a socket of this process alone: its listener, a connection to that, or what is left of
/// one.
fn is_own(own: Pid, machine: &Machine<'_>, row: &OwnedSocket) -> bool {
    let is_only_own = |row: &OwnedSocket| {
        let mut pids = row.owner.pids().peekable();
        pids.peek().is_some() && pids.all(|pid| pid == own)
    };
    let is_unowned = || matches!(row.owner, Owner::Kernel(_));
    is_only_own(row) || (is_unowned() && machine.listener(&row.socket).is_some_and(is_only_own))
}
