//! A PORT of the command line, and what it selects.

use crate::cli::Selection;
use crate::commands::shared::filter::local_set;
use crate::platform::System;
use crate::query::{Filter, LocalSet, Place, Protocols, Row};
use crate::text::ports;

/// One PORT operand of the command line.
#[derive(Debug)]
pub(super) struct Operand {
    /// What it means.
    local: LocalSet,
}

impl Operand {
    /// The PORTs, each with what it means.
    pub(super) fn all(selection: &Selection, system: &impl System) -> anyhow::Result<Vec<Self>> {
        let local = |term| local_set(std::slice::from_ref(term), selection.families, system);
        selection.ports.iter().map(|term| Ok(Self { local: local(term)? })).collect()
    }

    /// The PORT as a person reads it.
    pub(super) fn words(&self) -> String {
        ports::asked(&self.local)
    }

    /// Its addresses, where it names any.
    pub(super) fn places(&self) -> &[Place] {
        &self.local.places
    }

    /// The PORT as it can be typed.
    pub(super) fn typed(&self) -> Vec<String> {
        ports::typed(&self.local)
    }

    /// The rows of `rows` on this PORT.
    pub(super) fn rows<'a>(&self, rows: &[Row<'a>]) -> Vec<Row<'a>> {
        let filter = Filter { local: Some(self.local.clone()), ..Filter::everything() };
        rows.iter().copied().filter(|row| filter.admits_socket(&row.socket)).collect()
    }
}

/// The protocols that kill ends: TCP, unless UDP was named.
pub(super) fn protocols(selection: &Selection) -> Protocols {
    selection.protocols_or(Protocols { tcp: true, udp: false })
}
