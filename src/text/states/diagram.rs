//! The transitions, drawn.

/// RFC 9293, figure 5, with the socket calls for its OPEN and CLOSE, and BOUND. At most 80 columns.
pub const DIAGRAM: &str = "                              CLOSED ---- bind() ---> BOUND
                             /      \\            (goes on as CLOSED does)
                   listen() /        \\ connect()
                           /          \\ SYN out
                          V            V
                    LISTENING        SYN_SENT
                          |            |    |
              SYN in,     |   SYN in,  |    |
              SYN+ACK out |   SYN+ACK  |    | SYN+ACK in,
                          V   out      |    | ACK out
                   SYN_RECEIVED <------+    |
                          |                 |
                   ACK in |                 |
                          V                 |
                      ESTABLISHED <---------+
                       |       |
         close(),      |       |      FIN in,
         FIN out       |       |      ACK out
               +-------+       +----------+
               V                          V
          FIN_WAIT_1                 CLOSE_WAIT
            |     |                       |
     ACK in |     | FIN in,               | close(),
            |     | ACK out               | FIN out
            V     V                       V
     FIN_WAIT_2  CLOSING              LAST_ACK
            |     |                       |
    FIN in, |     | ACK in                | ACK in
    ACK out |     |                       |
            V     V                       V
           TIME_WAIT ---- timeout ---> CLOSED

in: a segment arrives; out: one is sent. close() stands for shutdown(SHUT_WR)
too. A listener stays LISTENING: each SYN makes a socket of its own. Not drawn:
close() leads to CLOSED from BOUND, LISTENING and SYN_SENT, and to FIN_WAIT_1
from SYN_RECEIVED; FIN and ACK together lead from FIN_WAIT_1 to TIME_WAIT; a
later SYN may reopen a connection in TIME_WAIT; a RST, or a timeout, leads to
CLOSED from everywhere but BOUND and LISTENING, and so does close() with unread
data, or SO_LINGER 0.

On Linux a socket whose port was bound explicitly (bind() with a port other than
0) keeps it until close(), and is BOUND once its connection or listener ended:

    LISTENING   ---- shutdown() for reading --------------------------> BOUND
    SYN_SENT    ---- refused, ICMP error in, no answer, shutdown() ---> BOUND
    ESTABLISHED ---- RST in ------------------------------------------> BOUND
    LAST_ACK    ---- ACK in ------------------------------------------> BOUND
    FIN_WAIT_2  ---- FIN in, ACK out; beside it, a TIME_WAIT ---------> BOUND

So does a RST, or a timeout, in every other state of a connection that a process
holds.
";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TcpState;

    #[test]
    fn it_fits_a_terminal_and_shows_every_state() {
        for line in DIAGRAM.lines() {
            assert!(line.len() <= 80, "{line}");
        }
        for state in TcpState::ALL {
            assert!(DIAGRAM.contains(&state.to_string()), "{state}");
        }
    }
}
