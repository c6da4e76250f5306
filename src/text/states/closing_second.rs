//! The side that closes second: CLOSE_WAIT, LAST_ACK.

use super::{APART, BOUND_INSTEAD, Explanation, Moment, edge, name, says, types};
use crate::model::TcpState;

pub(super) const CLOSE_WAIT: Explanation = Explanation {
    state: TcpState::CloseWait,
    gist: "closed by the peer; the process here has not closed",
    meaning: "The peer has closed its side; the process here has not closed its own.",
    names: &[name("CLOSE-WAIT", &["RFC 9293", "ss"]), name("CloseWait", &["PowerShell"])],
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
    note: "The kernel acknowledged the peer's FIN on its own. Sending is still possible.",
    enters: &[edge(TcpState::Established, "FIN comes in, ACK goes out")],
    leaves: &[
        edge(TcpState::LastAck, "close() or shutdown(SHUT_WR): FIN goes out"),
        edge(
            TcpState::Closed,
            "RST comes in; or close() sends one (unread data, or SO_LINGER 0); or retransmission \
             times out",
        ),
        edge(TcpState::Bound, BOUND_INSTEAD),
    ],
    must_act: "The process here: it must call close(). Only the process can close it cleanly; TCP never \
              times out an idle one. The last process that holds it closes it by exiting, so no CLOSE_WAIT \
              outlives its processes.",
    normal: "For a moment; or while the process still answers a peer that ended its request with \
             shutdown(SHUT_WR).",
    fault: "If these sockets stay or multiply: the program here has a bug, and each keeps a \
            descriptor until none is left (EMFILE). The receive queue shows which bug. With 0 bytes, \
            everything was read (an end that came with the last data counts as read), and close() \
            is never called. With 1, the end of the stream was not read: the \
            thread is stuck, or the socket is forgotten. With more, it stopped reading with \
            data waiting. With PID 0, it waits in a listener's accept queue, and accept() is not \
            called.",
    look: &[types(
        "Which process and which bug? How many, how old, and how soon is the limit reached?",
        &[
            "portwho doctor --interval 10",
            "portwho --state CLOSE_WAIT",
            "portwho --state CLOSE_WAIT --json",
        ],
    )],
    linux: &[
        types(
            "Shows the receive queue, the descriptor and lastack (normally the ms since the peer's FIN):",
            &["ss -tnpie state close-wait"],
        ),
        types("What is the program doing?", &["gdb -p PID -batch -ex 'thread apply all bt'"]),
        types(
            "Descriptors used, of the limit:",
            &["ls /proc/PID/fd | wc -l", "grep 'open files' /proc/PID/limits"],
        ),
        says(
            "Fix the program: close() on every code path, especially when read() returns 0. Until \
              then, restart it.",
        ),
        types(
            "Free the connections, as root; the peer gets a RST. The descriptors stay open until the \
             process calls close(): it still reads the data that has arrived, and the end; its \
             first write fails with ECONNABORTED, the next one with EPIPE (and SIGPIPE).",
            &["portwho close --state CLOSE_WAIT --pid PID"],
        ),
    ],
    windows: &[
        types(
            "Which process, and does the number of its handles grow?",
            &[
                "Get-NetTCPConnection -State CloseWait | Group OwningProcess",
                "(Get-Process -Id PID).HandleCount",
            ],
        ),
        says(
            "Fix the program: closesocket() on every code path, especially when recv() returns 0. \
              Until then, restart it.",
        ),
        types(
            "Free the connections (IPv4, elevated):",
            &["portwho close --state CLOSE_WAIT --pid PID"],
        ),
    ],
    beware: &[
        "No sysctl or registry value ends it: tcp_fin_timeout, tcp_tw_reuse and \
         TcpTimedWaitDelay apply to other states.",
        "Keepalive ends it only on sockets that set SO_KEEPALIVE, and only once the peer has \
         dropped the connection or does not answer; by default not before 2 hours.",
        "Terminating the peer does not help if it has called close(). After shutdown() alone, with \
         unread data, its end sends RST, and this side ends too.",
        "A network failure cannot cause CLOSE_WAIT; only a FIN that has arrived from the peer can.",
    ],
    sources: "RFC 9293 3.6, 3.10.4, 3.10.7.4; RFC 1122 4.2.2.13, 4.2.3.6; RFC 2525 2.17; tcp(7); \
              tcp_close() and tcp_abort() in net/ipv4/tcp.c",
};

pub(super) const LAST_ACK: Explanation = Explanation {
    state: TcpState::LastAck,
    gist: "closed by the peer, then here; FIN not acknowledged yet",
    meaning: "The peer closed first, then this side did; only the ACK of our FIN is missing.",
    names: &[name("LAST-ACK", &["RFC 9293", "ss"]), name("LastAck", &["PowerShell"])],
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
    note: "A process that called close() no longer owns it: then the owner is the kernel (PID 0, \
           orphaned). There is no TIME_WAIT on this side.",
    enters: &[edge(TcpState::CloseWait, "close() or shutdown(SHUT_WR): FIN goes out")],
    leaves: &[
        edge(
            TcpState::Closed,
            "ACK of our FIN comes in; RST comes in, or no ACK in time; or close() aborts it (unread \
             data, or SO_LINGER 0)",
        ),
        edge(TcpState::Bound, BOUND_INSTEAD),
    ],
    must_act: "The peer's TCP: to acknowledge. No process has anything left to do.",
    normal: "For one round trip.",
    fault: "If it lasts: our FIN, or data before it, is not acknowledged. The peer does not \
            answer (often because a firewall has dropped its state and discards what it does not \
            know), or it has stopped reading and its window is 0.",
    look: &[types("Which peers?", &["portwho --state LAST_ACK", "portwho doctor"])],
    linux: &[
        types(
            "Does it retransmit? Once its process has closed it, it ends on its own \
             (tcp_orphan_retries; 0 stands for 8): after about 108s if nothing answers, about \
             330s if the peer answers and its window stays 0.",
            &["ss -tnpo state last-ack", "sysctl net.ipv4.tcp_orphan_retries"],
        ),
        types(
            "Close them now (as root). Nothing is sent: a peer that our FIN has not reached \
             stays in FIN_WAIT_2, until a keepalive probe of its own gets a RST or, without a process, its \
             limit is over. Before Linux 6.11 sockets without a process are left alone, since the kernel would keep them \
             forever:",
            &["portwho close --state LAST_ACK"],
        ),
    ],
    windows: &[
        types("Which peers? It ends on its own.", &["Get-NetTCPConnection -State LastAck"]),
        types("Close them now (IPv4, elevated):", &["portwho close --state LAST_ACK"]),
    ],
    beware: &["tcp_fin_timeout does not apply here; it is for FIN_WAIT_2."],
    sources: "RFC 9293 3.6, 3.10.7.4; tcp(7); kernel ip-sysctl.rst; tcp_orphan_retries() in \
              net/ipv4/tcp_timer.c, tcp_need_reset() in net/ipv4/tcp.c; times measured on Linux 6.18",
};
