//! URLs that a driver of the system serves in the name of programs (Windows' HTTP.sys).

use super::{Pid, Untrusted};

/// A URL whose requests the driver receives, and the processes that take them from it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServedUrl {
    /// The URL as it was registered: `http://+:80/app/`.
    pub url: Untrusted,
    /// Its port.
    pub port: u16,
    /// The processes and the paths of their programs; none where no process takes requests now.
    pub processes: Vec<(Pid, Untrusted)>,
}
