//! What was asked for, as types that are parsed once, and the selection of the rows.
//!
//! Everything here is pure. What needs the system (a service's port, an interface's index) is a
//! [`PortTerm`] first and becomes part of a [`Filter`] when the command has looked it up.

mod asked_port;
mod bound;
mod evidence;
mod filter;
mod in_the_way;
mod names;
mod order;
mod port_set;
mod port_term;
mod select;
mod verdict;

pub use asked_port::{AskedPort, Way};
pub use evidence::{PortEvidence, SocketsByPort};
pub use filter::{Filter, LocalSet, Place, Protocols};
pub use in_the_way::{InTheWay, Ways};
pub use names::{NamePattern, UserTerm};
pub use order::SortKey;
pub use port_set::PortSet;
pub use port_term::{PortError, PortTerm, PortWord, ScopedAddress};
pub use select::{Row, Rows, select};
pub use verdict::{
    BindAttempt, BindRefusal, Obstacle, PortNote, PortVerdict, PortVerdicts, Verdict,
};
