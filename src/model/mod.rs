//! The ideas portwho speaks about, as types: sockets, states, owners, processes, gaps.
//!
//! Nothing here reads the system, prints or filters, and nothing but `std` is used, so that a
//! snapshot recorded on one system can run through the whole program on another.

mod capabilities;
mod container;
mod creator;
mod endpoint;
mod gap;
mod machine_limits;
mod namespace;
mod need;
mod owner;
mod particulars;
mod port_proxy;
mod port_rules;
mod process;
mod role;
mod scope;
mod served_url;
mod signal;
mod snapshot;
mod socket;
mod state;
mod state_set;
mod stopped;
mod tcp_info;
mod tcp_settings;
mod text;
mod timer;
mod unconnected;
mod watched;

pub use capabilities::{Api, Capabilities, Paths, ServiceManager, Shell};
pub use container::{Container, Runtime};
pub use creator::Creator;
pub use endpoint::{Endpoint, Family, Protocol};
pub use gap::{Gap, Hiding, LeftOut, Whereabouts};
pub use machine_limits::{MachineLimits, Reading, TcpMemory, Usage};
pub use namespace::{Namespace, Resident};
pub use need::Need;
pub use owner::{Holder, KernelReason, Owner, OwnerSearch, OwnersFrom, Presence};
pub use particulars::Particulars;
pub use port_proxy::PortProxy;
pub use port_rules::PortRules;
pub use process::{Pid, Process, ProcessKind, Service, Session, Uid, Withheld};
pub use role::Role;
pub use scope::{About, Depth, Detail, Families, PortRange, Reach, Scope, UdpScope};
pub use served_url::ServedUrl;
pub use signal::{Signal, UnknownSignal};
pub use snapshot::{Os, OwnedSocket, Snapshot};
pub use socket::{Queues, Socket, SocketIdentity, TableOwner, from_file_time};
pub use state::TcpState;
pub use state_set::{StateSet, UnknownState};
pub use stopped::Stopped;
pub use tcp_info::TcpInfo;
pub use tcp_settings::{TcpCounters, TcpSettings};
pub use text::Untrusted;
pub use timer::{Timer, TimerKind};
pub use unconnected::Unconnected;
pub use watched::{Ends, SocketKey};
