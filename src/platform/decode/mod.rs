//! Decoders: pure functions from bytes to the model, for every system's formats.
//!
//! They are compiled and tested everywhere. They never panic, whatever the bytes; what cannot
//! be understood is a [`DecodeError`], never a guess.

pub mod btf;
pub mod bytes;
pub mod cgroup;
pub mod container_files;
pub mod descriptor;
pub mod http_sys;
pub mod inet_diag;
pub mod inet_request;
pub mod kernel_release;
pub mod machine_limits;
pub mod mib;
pub mod mount_info;
pub mod netlink;
pub mod netsh;
mod port_program;
pub mod port_proxy;
pub mod proc_cmdline;
pub mod proc_counters;
pub mod proc_exe;
pub mod proc_limits;
pub mod proc_net;
pub mod proc_stat;
pub mod proc_status;
pub mod process_list;
pub mod ring_info;
pub mod services;
pub mod sid;
pub mod sysctl;
pub mod task_records;
pub mod windows_command_line;

use thiserror::Error;

/// Why bytes could not be decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
pub enum DecodeError {
    /// The bytes end before the structure does.
    #[error("the message is cut short")]
    Truncated,
    /// A length that points outside the bytes.
    #[error("a length in the message is wrong")]
    BadLength,
    /// An address family that is neither IPv4 nor IPv6.
    #[error("address family {0} is unknown")]
    UnknownFamily(u8),
    /// A line of text that does not have the form it should.
    #[error("the line is malformed")]
    Malformed,
}
