//! Up to the open connection: CLOSED, BOUND, LISTENING, SYN_SENT, SYN_RECEIVED, ESTABLISHED.

use super::{APART, Explanation, Moment, edge, says, types};
use crate::model::TcpState;

pub(super) const LISTENING: Explanation = Explanation {
    state: TcpState::Listening,
    gist: "a server waits here for connections",
    meaning: "A server waits on this port for connections.",
    also: "LISTEN (RFC 9293, ss, lsof, netstat on Linux), Listen (PowerShell)",
    exchange: &[
        Moment::at("LISTENING", "CLOSED"),
        Moment::at("", "connect()"),
        Moment::received("SYN_RECEIVED", "SYN", "SYN_SENT"),
        Moment::sent("", "SYN+ACK", "ESTABLISHED"),
        Moment::received("ESTABLISHED", "ACK", ""),
        Moment::at("accept()", ""),
    ],
    note: "The listener itself stays LISTENING: each SYN makes a socket of its own, which waits in \
           the accept queue once it is ESTABLISHED.",
    enters: &[
        edge(TcpState::Closed, "listen() on a socket without a port, which gets an ephemeral one"),
        edge(TcpState::Bound, "listen()"),
    ],
    leaves: &[
        edge(TcpState::SynReceived, "a SYN comes in, SYN+ACK goes out: for a new socket"),
        edge(TcpState::Closed, "close(); what waits in its queues is reset"),
    ],
    move_of: "A client's, to connect. Then the process's here, to call accept() before its queue \
              is full.",
    normal: "For as long as the service is meant to be there.",
    fault: "If nobody knows the service, or it listens at every address (0.0.0.0 or [::]) and \
            should only at one. Or if its accept queue is full, because the process does not call \
            accept() fast enough: Linux then ignores new SYNs and the last ACK of handshakes, so \
            that clients hang or believe to be connected; Windows refuses them.",
    look: &[types("Who listens, and is a queue full?", &["portwho -l", "portwho doctor"])],
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
        types("End it, and see that the port is free:", &["portwho kill PORT"]),
    ],
    windows: &[
        types("By process:", &["Get-NetTCPConnection -State Listen"]),
        types(
            "If the owner is PID 4, ask the web server of the kernel:",
            &["netsh http show servicestate"],
        ),
        types("End it, and see that the port is free:", &["portwho kill PORT"]),
    ],
    beware: &[
        "A larger backlog only helps against bursts. A process that accepts too slowly fills any \
         queue: look at what it is waiting for.",
        "somaxconn changes nothing for a program that asked for less, nor for one that has called \
         listen() already.",
    ],
    sources: "RFC 9293 3.3.2, 3.10.7.2; listen(2); tcp(7); kernel ip-sysctl.rst",
};

pub(super) const SYN_SENT: Explanation = Explanation {
    state: TcpState::SynSent,
    gist: "connect() was called; no answer has come yet",
    meaning: "A process here called connect(); the peer has not answered yet.",
    also: "SYN-SENT (RFC 9293, ss), SynSent (PowerShell)",
    exchange: &[
        Moment::at("CLOSED", "LISTENING"),
        Moment::at("connect()", ""),
        Moment::sent("SYN_SENT", "SYN", "SYN_RECEIVED"),
        Moment::received("ESTABLISHED", "SYN+ACK", ""),
        Moment::sent("", "ACK", "ESTABLISHED"),
        APART,
        Moment::at("CLOSED", "(silence)"),
        Moment::at("connect()", ""),
        Moment::lost("SYN_SENT", "SYN", ""),
        Moment::lost("", "SYN, and again", ""),
        Moment::at("CLOSED", "(connect() fails)"),
    ],
    note: "",
    enters: &[
        edge(TcpState::Closed, "connect(): SYN goes out"),
        edge(TcpState::Bound, "connect(): SYN goes out"),
    ],
    leaves: &[
        edge(TcpState::Established, "SYN+ACK comes in, ACK goes out"),
        edge(TcpState::SynReceived, "a SYN alone comes in: both ends called connect()"),
        edge(TcpState::Closed, "RST comes in (refused), no answer in time, or close()"),
    ],
    move_of: "The peer's: SYN+ACK opens the connection, RST refuses it.",
    normal: "For one round trip.",
    fault: "If it lasts, for then nothing has answered. A closed port answers with RST at once, so \
            the SYN or its answer was dropped on the way: a firewall, a wrong route or address, a \
            host that is down, or a server whose accept queue is full. Many from one process to \
            many addresses are a scan, a worm, or a way out that is blocked.",
    look: &[types(
        "Whose are they, and where do they go?",
        &["portwho --state SYN_SENT", "portwho doctor"],
    )],
    linux: &[
        types(
            "Which way would it go, and what happens on it?",
            &[
                "ip route get ADDRESS",
                "tcpdump -nni any host ADDRESS and tcp port PORT",
                "nft list ruleset",
            ],
        ),
        types(
            "A connect() gives up after 131 s, before Linux 6.5 after 127 s. A program should \
             have a timeout of its own. For all of them:",
            &["sysctl net.ipv4.tcp_syn_retries"],
        ),
        types("Give up now:", &["portwho close --state SYN_SENT --pid PID"]),
    ],
    windows: &[
        types("Does anything answer there?", &["Test-NetConnection ADDRESS -Port PORT"]),
        types(
            "A connect() gives up after 20 to 30 s; by how many SYNs:",
            &["netsh interface tcp show global"],
        ),
        types("End the process that does not stop to try:", &["taskkill /PID PID"]),
    ],
    beware: &[
        "ping proves little: ICMP may pass where TCP does not, and the other way round. Try the \
         port itself.",
    ],
    sources: "RFC 9293 3.5, 3.10.7.3; connect(2); kernel ip-sysctl.rst (tcp_syn_retries, \
              tcp_syn_linear_timeouts)",
};

pub(super) const SYN_RECEIVED: Explanation = Explanation {
    state: TcpState::SynReceived,
    gist: "a SYN was answered; the last ACK of the handshake is due",
    meaning: "A SYN came in and was answered; the ACK that completes the handshake has not come.",
    also: "SYN-RECEIVED (RFC 9293), SYN_RECV (netstat on Linux), SYN-RECV (ss), SYN_RCVD, \
           SynReceived (PowerShell)",
    exchange: &[
        Moment::at("LISTENING", "CLOSED"),
        Moment::at("", "connect()"),
        Moment::received("SYN_RECEIVED", "SYN", "SYN_SENT"),
        Moment::sent("", "SYN+ACK", "ESTABLISHED"),
        Moment::received("ESTABLISHED", "ACK", ""),
        APART,
        Moment::at("LISTENING", "(forged address)"),
        Moment::received("SYN_RECEIVED", "SYN", ""),
        Moment::lost("", "SYN+ACK", ""),
        Moment::lost("", "SYN+ACK, and again", ""),
        Moment::at("CLOSED", ""),
    ],
    note: "No process owns it yet (PID 0): it is the kernel's, on behalf of the listener.",
    enters: &[
        edge(TcpState::Listening, "a SYN comes in, SYN+ACK goes out: for a new socket"),
        edge(TcpState::SynSent, "a SYN alone comes in: both ends called connect()"),
        edge(TcpState::TimeWait, "a new SYN for the same two ends, later than the old connection"),
    ],
    leaves: &[
        edge(TcpState::Established, "ACK of our SYN comes in"),
        edge(TcpState::FinWait1, "close(), which only the side that called connect() can"),
        edge(TcpState::Closed, "RST comes in, or no ACK in time; the listener never left"),
    ],
    move_of: "The peer's TCP: to acknowledge.",
    normal: "For one round trip; with TCP_DEFER_ACCEPT until the client sends its first data.",
    fault: "Many on one port are a SYN flood, or answers that do not find the way back to the \
            clients. A few that stay are a full accept queue: Linux ignores the last ACK while \
            there is no room.",
    look: &[types(
        "On which port, from where, and is the accept queue full?",
        &["portwho --state SYN_RECEIVED", "portwho doctor"],
    )],
    linux: &[
        types(
            "Were cookies sent, were SYNs dropped, did the kernel call it a flood?",
            &["nstat -az TcpExtSyncookiesSent TcpExtListenDrops", "dmesg | grep 'SYN flooding'"],
        ),
        types(
            "Leave syncookies at 1: they answer without remembering when the queue is full. Then \
             raise the backlog and somaxconn, and filter in front of the machine:",
            &["sysctl net.ipv4.tcp_syncookies net.core.somaxconn"],
        ),
        types(
            "A SYN+ACK is repeated this often (5: gone after 63 s):",
            &["sysctl net.ipv4.tcp_synack_retries"],
        ),
    ],
    windows: &[
        types("From where?", &["Get-NetTCPConnection -State SynReceived"]),
        says(
            "Windows protects itself, and there is nothing to switch on: SynAttackProtect has not \
              been read since Vista. Filter in front of the machine.",
        ),
    ],
    beware: &[
        "A listener remembers as many as its backlog allows. While syncookies are on, raising \
         tcp_max_syn_backlog changes nothing on a current kernel; raise the backlog.",
    ],
    sources: "RFC 9293 3.5, 3.10.7.4; RFC 4987; tcp(7); kernel ip-sysctl.rst; tcp_conn_request() \
              in net/ipv4/tcp_input.c",
};

pub(super) const ESTABLISHED: Explanation = Explanation {
    state: TcpState::Established,
    gist: "open at both ends; data may flow both ways",
    meaning: "The connection is open at both ends, and data may flow both ways.",
    also: "ESTAB (ss), Established (PowerShell)",
    exchange: &[
        Moment::at("ESTABLISHED", "ESTABLISHED"),
        Moment::at("send()", ""),
        Moment::sent("", "data", ""),
        Moment::received("", "ACK", ""),
        Moment::at("", "send()"),
        Moment::received("", "data", ""),
        Moment::sent("", "ACK", ""),
        Moment::at("close()", ""),
        Moment::sent("FIN_WAIT_1", "FIN", "CLOSE_WAIT"),
    ],
    note: "Whoever closes first goes on with FIN_WAIT_1, the other one with CLOSE_WAIT.",
    enters: &[
        edge(TcpState::SynSent, "SYN+ACK comes in, ACK goes out"),
        edge(TcpState::SynReceived, "ACK of our SYN comes in"),
    ],
    leaves: &[
        edge(TcpState::FinWait1, "close() or shutdown(SHUT_WR): FIN goes out"),
        edge(TcpState::CloseWait, "FIN comes in, ACK goes out"),
        edge(
            TcpState::Closed,
            "RST comes in, close() with data unread or SO_LINGER 0 sends one, \
                                or the peer acknowledges nothing for too long",
        ),
    ],
    move_of: "Either side's: to send or to close. Neither has to; TCP sends nothing on an idle \
              connection, for ever if need be.",
    normal: "Always.",
    fault: "If the peer is gone and nobody here notices: after a power cut, or when a firewall has \
            forgotten the connection, no FIN comes (RFC 9293 calls it half-open). A receive queue \
            that stays full is a process here that does not read; a send queue, a peer that does \
            not. PID 0 with the reason not-accepted: the server does not call accept().",
    look: &[types(
        "Who does not read, and how long has each been idle (idle_ms)?",
        &["portwho --state ESTABLISHED --sort recv-q", "portwho --state ESTABLISHED --json"],
    )],
    linux: &[
        types(
            "Timers, round trips, time since the last data, what is unacknowledged:",
            &["ss -tnpoi state established"],
        ),
        types(
            "Unacknowledged data ends a connection after some 15 minutes or more \
             (tcp_retries2). An idle one is only tested where the program set SO_KEEPALIVE: \
             first after 2 h, then by 9 probes 75 s apart. A program can set TCP_KEEPIDLE and \
             TCP_USER_TIMEOUT for its own sockets. The defaults:",
            &["sysctl net.ipv4.tcp_keepalive_time net.ipv4.tcp_retries2"],
        ),
        types("End those to a peer that is gone:", &["portwho close --foreign ADDRESS"]),
    ],
    windows: &[
        types("By process:", &["Get-NetTCPConnection -State Established"]),
        says(
            "Keepalive begins after 2 h here too, and only where the program set SO_KEEPALIVE; \
              TCP_KEEPIDLE and its like exist since Windows 10 1709, SIO_KEEPALIVE_VALS before.",
        ),
        types(
            "End those to a peer that is gone (IPv4, elevated):",
            &["portwho close --foreign ADDRESS"],
        ),
    ],
    beware: &[
        "Lowering tcp_keepalive_time does nothing for programs that do not set SO_KEEPALIVE.",
    ],
    sources: "RFC 9293 3.5.1, 3.8.4; RFC 1122 4.2.3.6; tcp(7); kernel ip-sysctl.rst",
};

pub(super) const CLOSED: Explanation = Explanation {
    state: TcpState::Closed,
    gist: "no connection: before the first segment, after the last",
    meaning: "There is no connection: it has not begun, or is over.",
    also: "CLOSE (netstat and /proc on Linux), UNCONN (ss)",
    exchange: &[
        Moment::at("CLOSED", "CLOSED"),
        Moment::at("connect()", "(nobody listens)"),
        Moment::sent("SYN_SENT", "SYN", ""),
        Moment::received("CLOSED", "RST+ACK", ""),
        Moment::at("(ECONNREFUSED)", ""),
    ],
    note: "",
    enters: &[
        edge(TcpState::Listening, "close()"),
        edge(TcpState::SynSent, "RST comes in, no answer in time, or close()"),
        edge(TcpState::SynReceived, "RST comes in, or no ACK in time"),
        edge(TcpState::Established, "RST, or the peer is given up"),
        edge(TcpState::FinWait1, "RST, or the peer is given up"),
        edge(TcpState::FinWait2, "RST, or its time is over"),
        edge(TcpState::CloseWait, "RST, or the peer is given up"),
        edge(TcpState::Closing, "RST, or the peer is given up"),
        edge(TcpState::LastAck, "ACK of our FIN comes in; RST, or the peer is given up"),
        edge(TcpState::TimeWait, "its time is over"),
        edge(TcpState::Bound, "close()"),
    ],
    leaves: &[
        edge(TcpState::Bound, "bind()"),
        edge(TcpState::Listening, "listen() without a bind()"),
        edge(TcpState::SynSent, "connect(): SYN goes out"),
    ],
    move_of: "Nobody's, for TCP. A process that still has the descriptor should close() it.",
    normal: "Hardly ever seen: systems take a socket out of their tables when it gets here.",
    fault: "If a process keeps the descriptors of connections that were reset or never made: they \
            are in no table of sockets, and only its number of descriptors grows.",
    look: &[types("Who is close to the limit of descriptors?", &["portwho doctor"])],
    linux: &[
        types(
            "Sockets without a connection, and how many descriptors there are of how many:",
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
            "How many handles does it have, and does that grow?",
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
    gist: "holds a port, and neither listens nor is connected",
    meaning: "A process called bind(), and neither listen() nor connect(): the port is taken, and \
              nobody answers there.",
    also: "bound-inactive (ss), Bound (PowerShell); in RFC 9293 it is CLOSED",
    exchange: &[
        Moment::at("CLOSED", "LISTENING"),
        Moment::at("bind()", ""),
        Moment::at("BOUND", "(hears nothing)"),
        Moment::at("connect()", ""),
        Moment::sent("SYN_SENT", "SYN", "SYN_RECEIVED"),
        APART,
        Moment::at("CLOSED", ""),
        Moment::at("bind()", ""),
        Moment::at("BOUND", "(hears nothing)"),
        Moment::at("listen()", ""),
        Moment::at("LISTENING", ""),
    ],
    note: "",
    enters: &[edge(TcpState::Closed, "bind()")],
    leaves: &[
        edge(TcpState::Listening, "listen()"),
        edge(TcpState::SynSent, "connect(): SYN goes out"),
        edge(TcpState::Closed, "close()"),
    ],
    move_of: "The process's here: listen(), connect() or close().",
    normal: "For a moment between two calls; for longer where a program reserves a port.",
    fault: "If it lasts and somebody else needs the port: bind() fails there with EADDRINUSE (on \
            Windows WSAEADDRINUSE), and ss and netstat as they are usually typed show no holder. \
            A connection to the port is refused as if nobody had it.",
    look: &[types("Who holds it?", &["portwho PORT", "portwho --state BOUND"])],
    linux: &[
        types(
            "The kernel lists them since 6.8; so does an ss of iproute2 6.8 or later:",
            &["ss -tnpB"],
        ),
        types(
            "There is no connection to close: end the process, or fix it.",
            &["portwho kill PORT"],
        ),
        says(
            "A client that binds its address before connect() takes its port from all \
              destinations at once; IP_BIND_ADDRESS_NO_PORT (Linux 4.2) leaves the choice of the \
              port to connect().",
        ),
    ],
    windows: &[
        types(
            "A new Windows lists them (it shows some beside their connections, too):",
            &["netstat -anoq", "Get-NetTCPConnection -State Bound"],
        ),
        types(
            "There is no connection to close: end the process, or fix it.",
            &["portwho kill PORT"],
        ),
    ],
    beware: &["That ss, netstat and lsof -i show nothing on a port does not mean that it is free."],
    sources: "bind(2); ip(7); Linux 6.8 (inet_diag); netstat -q in Microsoft's \
              documentation",
};
