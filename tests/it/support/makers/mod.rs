//! A maker for each TCP state, on loopback, with ordinary calls and no guessing: ports are read
//! back from the kernel, and a maker returns when the kernel's own table shows the state.

mod connection;
mod half_open;
mod socket;
mod unconfirmed;

pub use connection::{
    Connection, closing, established, fill, fin_wait_1, half_closed, last_ack, not_accepted,
    time_wait,
};
pub use half_open::{begin, connected_from, deferring, syn_received, syn_sent};
pub use socket::{Held, Loopback, bound, listening, listening_with, udp, udp_connected};
pub use unconfirmed::{fast_open, simultaneous};
