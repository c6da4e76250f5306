//! What was asked for, as types that are parsed once, and the selection of the rows.
//!
//! Everything here is pure. What needs the system (a service's port, an interface's index) is a
//! [`PortTerm`] first and becomes part of a [`Filter`] when the command has looked it up.

mod asked_port;
mod bound;
mod changes;
mod column;
mod evidence;
mod filter;
mod foreign_term;
mod host;
mod in_the_way;
mod local_set;
mod names;
mod order;
mod port_set;
mod port_term;
mod port_word;
mod select;
mod url;
mod verdict;

pub use asked_port::{AskedPort, Way};
pub use changes::{Change, Seen, Unread, changes, same_owners};
pub use column::{SocketColumn, UnknownColumn};
pub use evidence::{PortEvidence, SocketsByPort};
pub use filter::{Filter, ForeignEnd, Protocols};
pub(crate) use foreign_term::network;
pub use foreign_term::{ForeignError, ForeignTerm};
pub use host::{Host, ScopedAddress};
pub use in_the_way::{InTheWay, Ways};
pub use local_set::{LocalSet, Place};
pub use names::{NamePattern, UserTerm};
pub use order::{Natural, SortKey, order_by, sort_by_row};
pub use port_set::PortSet;
pub use port_term::PortTerm;
pub use port_word::{PortError, PortWord};
pub use select::{Row, Rows, select};
pub use verdict::{
    BindAttempt, BindRefusal, Obstacle, PortNote, PortVerdict, PortVerdicts, Verdict,
};
