//! What TCP itself knows of a connection.

/// Some of `struct tcp_info` (`linux/tcp.h`), which Linux reports for every connected socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TcpInfo {
    /// Milliseconds since the peer's last acknowledgment came in. Every segment of an open
    /// connection carries one, its FIN too, which is the last of them as a rule.
    pub last_ack_received_ms: u32,
    /// Milliseconds since data last came in. A FIN without data does not count as such.
    pub last_data_received_ms: u32,
    /// Milliseconds since data was last sent, or, where none ever was, since the connection was
    /// established. A probe of a closed window is none.
    pub last_data_sent_ms: u32,
    /// Whether data has come in since data was last sent, or before any was.
    pub is_unanswered: bool,
}
