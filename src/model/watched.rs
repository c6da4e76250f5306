//! What a socket is recognized by, from one look at the system to the next.

use super::{Endpoint, Protocol, Socket};

/// The ends of a socket, and where they are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Ends {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The near end.
    pub local: Endpoint,
    /// The far end.
    pub foreign: Option<Endpoint>,
    /// The interface that the socket is tied to.
    pub interface: Option<u32>,
    /// The network namespace; none for that of portwho itself.
    pub netns: Option<u64>,
}

/// What a socket is recognized by. It says which row of one look is which of the next, for display: an
/// action asks for more ([`Socket::is_still`]).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SocketKey {
    /// The kernel's own name for it. Before Linux 5.9 each network namespace counted for itself.
    Cookie(Option<u64>, u64),
    /// Its ends, and when it was created (Windows). The PID is no part of it: it becomes 0 when the
    /// process closes the socket.
    Created(Ends, u64),
    /// Its ends and its file, where there are no cookies (/proc/net).
    File(Ends, u64),
    /// Its ends alone: no file refers to it, or the system says nothing else.
    Ends(Ends),
}

impl Socket {
    /// What it is recognized by at the next look.
    #[must_use]
    pub fn key(&self) -> SocketKey {
        if let Some(cookie) = self.cookie {
            return SocketKey::Cookie(self.netns, cookie);
        }
        let Self { protocol, local, foreign, interface, netns, .. } = *self;
        let ends = Ends { protocol, local, foreign, interface, netns };
        let created = self.table_owner.and_then(|owner| owner.created).filter(|time| *time != 0);
        match (created, self.inode) {
            (Some(created), _) => SocketKey::Created(ends, created),
            (None, Some(inode)) if inode != 0 => SocketKey::File(ends, inode),
            _ => SocketKey::Ends(ends),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Pid, TableOwner, TcpState};

    fn socket() -> Socket {
        let end = |port| Endpoint::new([127, 0, 0, 1].into(), port);
        let state = Some(TcpState::Established);
        Socket { foreign: Some(end(5000)), state, ..Socket::at(Protocol::Tcp, end(80)) }
    }

    #[test]
    fn a_cookie_outlives_the_state_and_the_file() {
        let before = Socket { cookie: Some(7), inode: Some(3), ..socket() };
        let after = Socket { inode: Some(0), state: Some(TcpState::TimeWait), ..before.clone() };
        assert_eq!(before.key(), after.key());
        let other = Socket { cookie: Some(8), ..before.clone() };
        assert_ne!(before.key(), other.key());
        let elsewhere = Socket { netns: Some(1), ..before.clone() };
        assert_ne!(before.key(), elsewhere.key());
    }

    #[test]
    fn without_cookies_the_file_tells_sockets_apart_and_else_their_ends() {
        let of_file = |inode| Socket { inode: Some(inode), ..socket() }.key();
        assert_eq!(of_file(3), of_file(3));
        assert_ne!(of_file(3), of_file(4));
        assert!(matches!(of_file(0), SocketKey::Ends(_)));
        assert_eq!(of_file(0), Socket { state: Some(TcpState::TimeWait), ..socket() }.key());
    }

    #[test]
    fn on_windows_the_time_of_creation_counts_and_the_pid_does_not() {
        let of = |pid, created| {
            let table_owner = Some(TableOwner { pid: Pid(pid), created });
            Socket { table_owner, ..socket() }.key()
        };
        assert_eq!(of(812, Some(100)), of(0, Some(100)));
        assert_ne!(of(812, Some(100)), of(812, Some(101)));
        assert_eq!(of(812, None), of(0, None));
        assert_eq!(of(812, Some(0)), of(812, None), "an unknown time proves nothing");
    }
}
