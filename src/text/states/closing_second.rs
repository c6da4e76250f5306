//! The side that closes second: CLOSE_WAIT, LAST_ACK.

use super::{APART, Explanation, Moment, edge, says, types};
use crate::model::TcpState;

pub(super) const CLOSE_WAIT: Explanation = Explanation {
    state: TcpState::CloseWait,
    gist: "closed by the peer; the process here has not closed",
    meaning: "The peer has closed its side; the process here has not closed its own.",
    also: "CLOSE-WAIT (RFC 9293, ss), CloseWait (PowerShell)",
    exchange: &[
        Moment::at("ESTABLISHED", "ESTABLISHED"),
        Moment::at("", "close()"),
        Moment::received("CLOSE_WAIT", "FIN", "FIN_WAIT_1"),
        Moment::sent("", "ACK", "FIN_WAIT_2"),
        Moment::at("read() returns 0", ""),
        Moment::at("close()", ""),
        Moment::sent("LAST_ACK", "FIN", "TIME_WAIT"),
        Moment::received("CLOSED", "ACK", ""),
    ],
    note: "The kernel acknowledged the peer's FIN by itself. Sending is still possible.",
    enters: &[edge(TcpState::Established, "FIN comes in, ACK goes out")],
    leaves: &[
        edge(TcpState::LastAck, "close() or shutdown(SHUT_WR): FIN goes out"),
        edge(
            TcpState::Closed,
            "RST comes in, close() with data unread or SO_LINGER 0 sends one, or the peer is \
             given up",
        ),
    ],
    move_of: "The process's here: it has to call close(). Nobody else can do it, and TCP has no \
              time limit for it.",
    normal: "For a moment; or while the process still answers a peer that ended its request with \
             shutdown(SHUT_WR).",
    fault: "If they stay or grow in number: the program here has a bug, and each keeps a \
            descriptor until none is left (EMFILE). The receive queue tells which bug. 0: \
            everything was read (an end that came with the last data counts as read), and close() \
            is never called. 1: the end has not even been read; \
            the thread is stuck, or nobody looks at this socket. More: it stopped reading with \
            data waiting. PID 0: it waits in a listener's queue for an accept() that does not \
            come.",
    look: &[types(
        "Who, how many, how old, which bug, how long until the limit?",
        &[
            "portwho doctor --interval 10",
            "portwho --state CLOSE_WAIT",
            "portwho --state CLOSE_WAIT --json",
        ],
    )],
    linux: &[
        types(
            "Receive queue, descriptor, and lastack, the ms since the peer's FIN as a rule:",
            &["ss -tnpie state close-wait"],
        ),
        types("What is the program doing?", &["gdb -p PID -batch -ex 'thread apply all bt'"]),
        types(
            "Descriptors, of how many:",
            &["ls /proc/PID/fd | wc -l", "grep 'open files' /proc/PID/limits"],
        ),
        says(
            "Fix the program: close() on every way out, above all when read() returns 0. Until \
              then, restart it.",
        ),
        types(
            "Free the connections (the descriptors stay open until it calls close()):",
            &["portwho close --state CLOSE_WAIT --pid PID"],
        ),
    ],
    windows: &[
        types(
            "Who, and does its number of handles grow?",
            &[
                "Get-NetTCPConnection -State CloseWait | Group OwningProcess",
                "(Get-Process -Id PID).HandleCount",
            ],
        ),
        says(
            "Fix the program: closesocket() on every way out, above all when recv() returns 0. \
              Until then, restart it.",
        ),
        types(
            "Free the connections (IPv4, elevated):",
            &["portwho close --state CLOSE_WAIT --pid PID"],
        ),
    ],
    beware: &[
        "No sysctl and no registry value ends it: tcp_fin_timeout, tcp_tw_reuse and \
         TcpTimedWaitDelay are about other states.",
        "Keepalive ends it only on sockets that set SO_KEEPALIVE, and only once the peer has \
         forgotten the connection or is gone; by default not before 2 hours.",
        "Ending the peer does not help: its side is closed already.",
    ],
    sources: "RFC 9293 3.6, 3.10.4, 3.10.7.4; RFC 1122 4.2.2.13, 4.2.3.6; RFC 2525 2.17; tcp(7); \
              tcp_close() in net/ipv4/tcp.c",
};

pub(super) const LAST_ACK: Explanation = Explanation {
    state: TcpState::LastAck,
    gist: "the peer closed, then we; our FIN is not acknowledged yet",
    meaning: "The peer closed first, then this side did; the ACK of our FIN is all that is missing.",
    also: "LAST-ACK (RFC 9293, ss), LastAck (PowerShell)",
    exchange: &[
        Moment::at("CLOSE_WAIT", "FIN_WAIT_2"),
        Moment::at("close()", ""),
        Moment::sent("LAST_ACK", "FIN", "TIME_WAIT"),
        Moment::received("CLOSED", "ACK", ""),
        APART,
        Moment::at("CLOSE_WAIT", "(gone)"),
        Moment::at("close()", ""),
        Moment::lost("LAST_ACK", "FIN", ""),
        Moment::lost("", "FIN, and again", ""),
        Moment::at("CLOSED", ""),
    ],
    note: "A process that called close() has let go: then the owner is the kernel (PID 0, \
           orphaned). There is no TIME_WAIT on this side.",
    enters: &[edge(TcpState::CloseWait, "close() or shutdown(SHUT_WR): FIN goes out")],
    leaves: &[edge(TcpState::Closed, "ACK of our FIN comes in; RST comes in, or no ACK in time")],
    move_of: "The peer's TCP: to acknowledge. No process has anything left to do.",
    normal: "For one round trip.",
    fault: "If it lasts: our FIN, or data before it, is not acknowledged. The peer is gone, the \
            way to it is (often a firewall that has forgotten the connection and drops what it \
            does not know), or the peer has stopped to read and its window is 0.",
    look: &[types("Which peers?", &["portwho --state LAST_ACK", "portwho doctor"])],
    linux: &[
        types(
            "Does it retransmit? It ends by itself: after some minutes (tcp_orphan_retries; 0 \
             stands for 8) once its process has closed it.",
            &["ss -tnpo state last-ack", "sysctl net.ipv4.tcp_orphan_retries"],
        ),
        types("End them now:", &["portwho close --state LAST_ACK"]),
    ],
    windows: &[
        types("Which peers? It ends by itself.", &["Get-NetTCPConnection -State LastAck"]),
        types("End them now (IPv4, elevated):", &["portwho close --state LAST_ACK"]),
    ],
    beware: &["tcp_fin_timeout does not apply here; it is for FIN_WAIT_2."],
    sources: "RFC 9293 3.6, 3.10.7.4; tcp(7); kernel ip-sysctl.rst; tcp_orphan_retries() in \
              net/ipv4/tcp_timer.c",
};
