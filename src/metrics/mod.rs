//! One look at a machine as metrics of Prometheus: families of samples, and their text.
//!
//! Labels are an interface: what a rule, an alert or a dashboard names. There are few of them, whatever
//! the users of a machine do: each label is reduced to a type of its own in `labels`, and what is still
//! too much of one user, now or from look to look, is merged into `other` in `budget`. Nothing here asks the system.

mod account;
mod budget;
mod collect;
mod drops;
mod exposition;
mod family;
mod labels;
mod listeners;
mod look;
mod owners;
mod processes;
mod remembered;
mod sockets;
mod unit;

pub use collect::families;
pub use drops::Drops;
pub use exposition::write;
pub use family::{Family, Kind, LabelSet};
pub use labels::{Bind, LabelValue, PortLabel, PortRanges};
pub use look::{Look, Table};
pub use remembered::Remembered;
