//! `portwho`: find what holds a port, and free it.
//!
//! Data flows one way. [`platform`] reads the system's sockets, their owners and processes into the
//! types of [`model`]; [`query`] selects the rows that were asked for; [`findings`] measures what is
//! wrong with them; [`text`] has the words and [`render`] the views. [`commands`] stand on top, one
//! for each verb. [`cli`] turns the command line into requests and knows nothing of the system.

pub mod cli;
pub mod commands;
pub mod findings;
pub mod metrics;
pub mod model;
mod parallel;
pub mod platform;
pub mod query;
pub mod render;
pub mod text;
