//! A PORT of the command line, and what it selects.

use crate::cli::Selection;
use crate::commands::shared::filter::local_set;
use crate::model::{Protocol, Snapshot};
use crate::platform::System;
use crate::query::{Filter, InTheWay, LocalSet, Place, Protocols, Row, Ways};
use crate::text::ports;

/// One PORT operand of the command line.
#[derive(Debug)]
pub(super) struct Operand {
    /// What it means.
    local: LocalSet,
    /// What covers its addresses where no socket has them.
    in_the_way: InTheWay,
}

impl Operand {
    /// The PORTs, each with what it means.
    pub(super) fn all(selection: &Selection, system: &impl System) -> anyhow::Result<Vec<Self>> {
        let operands = selection.ports.iter().map(|term| {
            let local = local_set(std::slice::from_ref(term), selection.families, system)?;
            Ok(Self { local, in_the_way: InTheWay::NONE })
        });
        operands.collect()
    }

    /// Also means what covers its addresses from now on, where no socket has them.
    pub(super) fn widen(&mut self, snapshot: &Snapshot) {
        let sockets = snapshot.sockets.iter().map(|row| &row.socket);
        self.in_the_way = InTheWay::of(&self.local, sockets, Ways::Covering);
    }

    /// The PORT as a person reads it.
    pub(super) fn words(&self) -> String {
        ports::asked(&self.local)
    }

    /// Its addresses, where it names any.
    pub(super) fn places(&self) -> &[Place] {
        &self.local.places
    }

    /// The protocol of its addresses, where it names one.
    pub(super) fn protocol(&self) -> Option<Protocol> {
        self.local.places.first().and_then(|place| place.protocol)
    }

    /// The PORT as it can be typed.
    pub(super) fn typed(&self) -> Vec<String> {
        ports::typed(&self.local)
    }

    /// The rows of `rows` on this PORT.
    pub(super) fn rows<'a>(&self, rows: &[Row<'a>]) -> Vec<Row<'a>> {
        let filter = Filter {
            local: Some(self.local.clone()),
            in_the_way: self.in_the_way.clone(),
            ..Filter::everything()
        };
        rows.iter().copied().filter(|row| filter.admits_socket(&row.socket)).collect()
    }
}

/// The protocols that kill ends: TCP, unless UDP was named.
pub(super) fn protocols(selection: &Selection) -> Protocols {
    selection.protocols_or(Protocols { tcp: true, udp: false })
}
