//! Sockets without a connection: CLOSED, BOUND, LISTENING.

use super::{APART, Explanation, Moment, edge, name, says, types};
use crate::model::TcpState;

/// close() aborts a connection with unread data, or SO_LINGER 0 (RFC 1122 4.2.2.13).
const ABORTED_OR_LOST: &str = "RST, retransmission timed out, or close() aborts it (unread data, or \
                               SO_LINGER 0)";

pub(super) const CLOSED: Explanation = Explanation {
    state: TcpState::Closed,
    gist: "not connected yet, or no longer",
    meaning: "The socket is not connected yet, or no longer.",
    names: &[name("CLOSE", &["netstat and /proc on Linux"]), name("UNCONN", &["ss"])],
    exchange: &[
        Moment::at("CLOSED", "CLOSED"),
        Moment::at("connect()", "(nobody listens)"),
        Moment::sent("SYN_SENT", "SYN", ""),
        Moment::received("CLOSED", "RST+ACK", ""),
        Moment::at("(ECONNREFUSED)", ""),
    ],
    note: "On Linux a socket whose port was bound explicitly (bind() with a port other than 0) does not \
           get here until the process closes it: it keeps the port, and is BOUND.",
    enters: &[
        edge(
            TcpState::Listening,
            "close(), on Linux shutdown() for reading too (SHUT_RD, SHUT_RDWR)",
        ),
        edge(
            TcpState::SynSent,
            "RST or an ICMP error comes in, no answer in time, or close(), on Linux shutdown() too",
        ),
        edge(TcpState::SynReceived, "RST comes in, or no ACK in time"),
        edge(TcpState::Established, ABORTED_OR_LOST),
        edge(TcpState::FinWait1, ABORTED_OR_LOST),
        edge(TcpState::FinWait2, "RST, the orphan timed out, or close() aborts it"),
        edge(TcpState::CloseWait, ABORTED_OR_LOST),
        edge(TcpState::Closing, ABORTED_OR_LOST),
        edge(
            TcpState::LastAck,
            "ACK of our FIN comes in; RST, retransmission timed out, or close() aborts it",
        ),
        edge(TcpState::TimeWait, "its time has passed"),
        edge(TcpState::Bound, "close()"),
    ],
    leaves: &[
        edge(TcpState::Bound, "bind()"),
        edge(TcpState::Listening, "listen() without a bind()"),
        edge(TcpState::SynSent, "connect(): SYN goes out"),
    ],
    must_act: "No side. A process that still has the descriptor should close() it.",
    normal: "Rarely seen: systems remove a socket from their tables when it gets here.",
    fault: "If a process keeps the descriptors of connections that were reset or never made: they \
            are in no socket table, and only the number of its descriptors grows.",
    look: &[types("Which process is close to its descriptor limit?", &["portwho doctor"])],
    linux: &[
        types(
            "Sockets without a connection, and the descriptors used of the limit:",
            &[
                "lsof -nP -p PID | grep 'protocol: TCP'",
                "ls /proc/PID/fd | wc -l",
                "grep 'open files' /proc/PID/limits",
            ],
        ),
        says(
            "Fix the program: close() after a connect() that failed, and after ECONNRESET. Until \
              then, restart it.",
        ),
    ],
    windows: &[
        types(
            "How many handles does it have, and does the number grow?",
            &["(Get-Process -Id PID).HandleCount"],
        ),
        says(
            "Fix the program: closesocket() after a connect() that failed, and after \
              WSAECONNRESET. Until then, restart it.",
        ),
    ],
    beware: &[],
    sources: "RFC 9293 3.3.2, 3.10.7.1; close(2); lsof(8)",
};

pub(super) const BOUND: Explanation = Explanation {
    state: TcpState::Bound,
    gist: "holds a port; neither listens nor is connected",
    meaning: "A process called bind(), and neither listen() nor connect(): the port is taken, and \
              nothing answers there. Or, on Linux, its connection or listener has ended, and the \
              process keeps the descriptor.",
    names: &[
        name("UNCONN", &["ss"]),
        name("bound-inactive", &["a filter of ss"]),
        name("Bound", &["PowerShell"]),
        name("CLOSED", &["RFC 9293"]),
    ],
    exchange: &[
        Moment::at("CLOSED", "LISTENING"),
        Moment::at("bind()", ""),
        Moment::at("BOUND", "(no answer)"),
        Moment::at("connect()", ""),
        Moment::sent("SYN_SENT", "SYN", "SYN_RECEIVED"),
        APART,
        Moment::at("CLOSED", ""),
        Moment::at("bind()", ""),
        Moment::at("BOUND", "(no answer)"),
        Moment::at("listen()", ""),
        Moment::at("LISTENING", ""),
        Moment::at("shutdown(SHUT_RDWR)", ""),
        Moment::at("BOUND", "(no answer)"),
        APART,
        Moment::at("ESTABLISHED", "ESTABLISHED"),
        Moment::received("BOUND", "RST", "CLOSED"),
    ],
    note: "The ways back to BOUND are those of Linux: the port was bound explicitly (bind() with \
           a port other than 0), and the process keeps the descriptor. An accepted connection \
           never gets here: its port is \
           the listener's.",
    enters: &[
        edge(TcpState::Closed, "bind()"),
        edge(TcpState::Listening, "shutdown() of a listener for reading"),
        edge(
            TcpState::SynSent,
            "connect() failed: RST or an ICMP error came in, or no answer in time; or shutdown()",
        ),
        edge(TcpState::SynReceived, "RST comes in, or no ACK in time, after a simultaneous open"),
        edge(TcpState::Established, "RST comes in, or retransmission timed out"),
        edge(TcpState::FinWait1, "RST comes in, or a FIN that acknowledges ours"),
        edge(TcpState::FinWait2, "FIN comes in (TIME_WAIT is another socket then), or RST"),
        edge(TcpState::CloseWait, "RST comes in, or retransmission timed out"),
        edge(
            TcpState::Closing,
            "ACK of our FIN comes in (TIME_WAIT is another socket then), or RST",
        ),
        edge(TcpState::LastAck, "ACK of our FIN comes in, or RST"),
    ],
    leaves: &[
        edge(TcpState::Listening, "listen()"),
        edge(TcpState::SynSent, "connect(): SYN goes out"),
        edge(TcpState::Closed, "close()"),
    ],
    must_act: "The process here: listen(), connect() or close().",
    normal: "For a moment between two calls; longer where a program reserves a port.",
    fault: "If it lasts and another program needs the port: its bind() fails with EADDRINUSE (on \
            Windows WSAEADDRINUSE), and ss and netstat with their usual options show no holder. \
            A connection to the port is refused, as if it were free. Where a program never meant to \
            reserve the port, it has not noticed that its connection or listener ended.",
    look: &[types("Which process holds it?", &["portwho PORT", "portwho --state BOUND"])],
    linux: &[
        types(
            "The kernel has listed them since 6.8; so does ss of iproute2 6.8 or later, as UNCONN:",
            &["ss -tnpB"],
        ),
        types(
            "There is no connection to close: terminate the process, or fix it.",
            &["portwho kill PORT"],
        ),
        says(
            "A client that binds its address before connect() uses up its port for all \
              destinations; IP_BIND_ADDRESS_NO_PORT (Linux 4.2) leaves the choice of the \
              port to connect().",
        ),
    ],
    windows: &[
        types(
            "Recent Windows lists them (some in addition to their connections):",
            &["netstat -anoq", "Get-NetTCPConnection -State Bound"],
        ),
        types(
            "There is no connection to close: terminate the process, or fix it.",
            &["portwho kill PORT"],
        ),
    ],
    beware: &["A port on which ss, netstat and lsof -i show nothing is not necessarily free."],
    sources: "bind(2); ip(7); Linux 6.8 (inet_diag); SOCK_BINDPORT_LOCK in tcp_set_state() in \
              net/ipv4/tcp.c; netstat -q in Microsoft's documentation",
};

pub(super) const LISTENING: Explanation = Explanation {
    state: TcpState::Listening,
    gist: "a server is waiting for connections",
    meaning: "A server is waiting for connections on this port.",
    names: &[
        name("LISTEN", &["RFC 9293", "ss", "lsof", "netstat on Linux"]),
        name("Listen", &["PowerShell"]),
    ],
    exchange: &[
        Moment::at("LISTENING", "CLOSED"),
        Moment::at("", "connect()"),
        Moment::received("SYN_RECEIVED", "SYN", "SYN_SENT"),
        Moment::sent("", "SYN+ACK", "ESTABLISHED"),
        Moment::received("ESTABLISHED", "ACK", ""),
        Moment::at("accept()", ""),
    ],
    note: "The listener itself stays LISTENING: each SYN creates a socket of its own, which waits in \
           the accept queue once it is ESTABLISHED.",
    enters: &[
        edge(TcpState::Closed, "listen() on a socket without a port, which gets an ephemeral one"),
        edge(TcpState::Bound, "listen()"),
    ],
    leaves: &[
        edge(TcpState::SynReceived, "a SYN comes in, SYN+ACK goes out: for a new socket"),
        edge(
            TcpState::Closed,
            "close(), on Linux shutdown() for reading too (SHUT_RD, SHUT_RDWR); what waits in its accept \
             queue is reset",
        ),
        edge(TcpState::Bound, "shutdown() for reading on Linux, if the port was bound explicitly"),
    ],
    must_act: "A client, to connect. Then the process here, to call accept() before its queue is \
              full.",
    normal: "For as long as the service should run.",
    fault: "If the service is unknown, or listens at every address (0.0.0.0 or [::]) but should \
            listen on only one. Or if its accept queue is full, because the process does not call \
            accept() fast enough: Linux then ignores new SYNs and the last ACK of handshakes, so \
            that clients hang or believe they are connected (with tcp_abort_on_overflow they get a \
            RST); Windows refuses them.",
    look: &[types(
        "Which process listens, and is a queue full?",
        &["portwho -l", "portwho doctor"],
    )],
    linux: &[
        types(
            "Recv-Q is the number of connections not accepted yet, Send-Q the backlog:",
            &["ss -ltnp", "nstat -az TcpExtListenOverflows TcpExtListenDrops"],
        ),
        types(
            "The backlog is what the program gave to listen(), at most somaxconn (4096 since \
             Linux 5.4, 128 before). Raise both, and restart the program:",
            &["sysctl net.core.somaxconn"],
        ),
        types("Terminate the process, and check that the port is free:", &["portwho kill PORT"]),
    ],
    windows: &[
        types("By process:", &["Get-NetTCPConnection -State Listen"]),
        types(
            "If the owner is PID 4, ask HTTP.sys, the kernel's web server:",
            &["netsh http show servicestate"],
        ),
        types("Terminate the process, and check that the port is free:", &["portwho kill PORT"]),
    ],
    beware: &[
        "A larger backlog only helps against bursts. A process that accepts too slowly fills any \
         queue: find out what it is waiting for.",
        "somaxconn changes nothing for a program that asked for less, nor for one that has called \
         listen() already.",
        "RFC 9293, like RFC 793, also has a way from LISTEN to SYN-SENT. No socket call takes it: \
         connect() on a listener fails (EISCONN on Linux, WSAEINVAL on Windows).",
    ],
    sources: "RFC 9293 3.3.2, 3.10.2, 3.10.7.2; listen(2); tcp(7); kernel ip-sysctl.rst; connect() in \
              Microsoft's documentation of Winsock",
};
