//! BOUND sockets: whether the kernel lists them, and those of its processes where it does not.
//!
//! sock_diag has them since Linux 6.8 (state bit 13); older kernels ignore the bit.

mod probe;
mod search;

pub(super) use probe::{Probe, are_unlisted, gap, note_listed};
pub(super) use search::{LISTED_TCP, Row, add_unlisted, inodes, row};
