//! The columns that a list can have, by the words that ask for them.

use std::str::FromStr;

/// A fact about a socket, or about its owners.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SocketColumn {
    /// `TCP` or `UDP`.
    Protocol,
    /// The local address and port.
    Local,
    /// The foreign address and port.
    Foreign,
    /// The TCP state; empty for UDP.
    State,
    /// The PIDs of the owners.
    Pid,
    /// The image names of the owners, or why there are none.
    Image,
    /// The users of the owners, or else that of the socket.
    User,
    /// The command line of the first owner, and how many others there are.
    Command,
    /// The number of the local port.
    LocalPort,
    /// The number of the foreign port.
    ForeignPort,
    /// The services of the owners.
    Service,
    /// Bytes received and not yet read; for a listener, connections not yet accepted.
    RecvQ,
    /// Bytes sent and not yet acknowledged; for a listener, the backlog.
    SendQ,
    /// The running timer.
    Timer,
    /// How long no data has gone either way.
    Idle,
    /// How long the socket has existed, or else the oldest owner.
    Age,
    /// The inode number of the socket.
    Inode,
    /// The descriptors of the owners.
    Descriptor,
    /// The network namespace; `-` for the one that portwho runs in.
    Namespace,
    /// `yes` for an IPv6 socket that does not take IPv4; empty where that cannot be known.
    V6Only,
    /// lsof's TYPE: `IPv4` or `IPv6`, as the socket was made.
    Type,
    /// lsof's DEVICE, which is the inode number.
    Device,
    /// lsof's SIZE/OFF, which is always `0t0`.
    Size,
    /// lsof's NODE, which is the protocol.
    Node,
    /// lsof's NAME: both ends and the state.
    Name,
}

impl SocketColumn {
    /// Every column, in the order of the documentation.
    pub const ALL: [Self; 25] = [
        Self::Protocol,
        Self::Local,
        Self::Foreign,
        Self::State,
        Self::Pid,
        Self::Image,
        Self::User,
        Self::Command,
        Self::LocalPort,
        Self::ForeignPort,
        Self::Service,
        Self::Age,
        Self::RecvQ,
        Self::SendQ,
        Self::Timer,
        Self::Idle,
        Self::Inode,
        Self::Descriptor,
        Self::Namespace,
        Self::V6Only,
        Self::Type,
        Self::Device,
        Self::Size,
        Self::Node,
        Self::Name,
    ];

    /// Those of the wide table.
    pub const WIDE: [Self; 8] = [
        Self::Protocol,
        Self::Local,
        Self::Foreign,
        Self::State,
        Self::Pid,
        Self::Image,
        Self::User,
        Self::Command,
    ];

    /// The word that asks for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Protocol => "proto",
            Self::Local => "local",
            Self::Foreign => "foreign",
            Self::State => "state",
            Self::Pid => "pid",
            Self::Image => "image",
            Self::User => "user",
            Self::Command => "command",
            Self::LocalPort => "port",
            Self::ForeignPort => "foreign-port",
            Self::Service => "service",
            Self::RecvQ => "recv-q",
            Self::SendQ => "send-q",
            Self::Timer => "timer",
            Self::Idle => "idle",
            Self::Age => "age",
            Self::Inode => "inode",
            Self::Descriptor => "fd",
            Self::Namespace => "netns",
            Self::V6Only => "v6only",
            Self::Type => "type",
            Self::Device => "device",
            Self::Size => "size/off",
            Self::Node => "node",
            Self::Name => "name",
        }
    }
}

/// No column is asked for by that word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownColumn;

impl FromStr for SocketColumn {
    type Err = UnknownColumn;

    fn from_str(word: &str) -> Result<Self, UnknownColumn> {
        let word = word.replace('_', "-");
        let found = Self::ALL.into_iter().find(|column| column.word().eq_ignore_ascii_case(&word));
        found.ok_or(UnknownColumn)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_column_has_a_word_of_its_own() {
        for column in SocketColumn::ALL {
            assert_eq!(column.word().parse(), Ok(column));
            assert_eq!(column.word().to_uppercase().parse(), Ok(column));
        }
        let words: BTreeSet<&str> = SocketColumn::ALL.iter().map(|column| column.word()).collect();
        assert_eq!(words.len(), SocketColumn::ALL.len());
        assert_eq!("recv_q".parse(), Ok(SocketColumn::RecvQ));
        assert_eq!("".parse::<SocketColumn>(), Err(UnknownColumn));
    }
}
