//! What was asked for, as types that are parsed once, and the selection of the rows.
//!
//! Everything here is pure. What needs the system (a service's port, an interface's index) is a
//! [`PortTerm`] first and becomes part of a [`Filter`] when the command has looked it up.

mod asked_port;
mod bound;
mod column;
mod filter;
mod names;
mod order;
mod port_set;
mod port_term;
mod select;
mod verdict;

pub use asked_port::AskedPort;
pub use column::{SocketColumn, UnknownColumn};
pub use filter::{Filter, LocalSet, Place, Protocols};
pub use names::{NamePattern, UserTerm};
pub use order::SortKey;
pub use port_set::PortSet;
pub use port_term::{PortError, PortTerm, PortWord, ScopedAddress};
pub use select::{Row, Rows, select};
pub use verdict::{
    BindAttempt, BindRefusal, Obstacle, PortEvidence, PortNote, PortVerdict, Verdict,
};
