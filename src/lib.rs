//! `portwho`: who holds a port, which sockets are stuck, and end it and prove that it ended.
//!
//! There is one way through the house. [`platform`] reads the system's sockets, their owners and
//! processes into the types of [`model`]; [`query`] selects the rows that were asked for;
//! [`render`] prints them; [`commands`] holds a verb each and strings these together. [`cli`]
//! turns words into requests and knows nothing of the system.

pub mod cli;
pub mod commands;
pub mod model;
pub mod platform;
pub mod query;
pub mod render;
