//! The handshake, and the open connection: SYN_SENT, SYN_RECEIVED, ESTABLISHED.

use super::{APART, BOUND_INSTEAD, Explanation, Moment, edge, name, says, types};
use crate::model::TcpState;

pub(super) const SYN_SENT: Explanation = Explanation {
    state: TcpState::SynSent,
    gist: "connect() was called; no answer has come yet",
    meaning: "A process here called connect(); the peer has not answered yet.",
    names: &[name("SYN-SENT", &["RFC 9293", "ss"]), name("SynSent", &["PowerShell"])],
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
        edge(TcpState::SynReceived, "a SYN alone comes in: both sides called connect()"),
        edge(
            TcpState::Closed,
            "RST comes in (refused), no answer in time, or close(); on Linux also shutdown(), an ICMP \
             error, or no answer to ARP",
        ),
        edge(TcpState::Bound, BOUND_INSTEAD),
    ],
    must_act: "The peer: SYN+ACK opens the connection, RST refuses it.",
    normal: "For one round trip.",
    fault: "If it lasts: nothing has answered. A closed port answers with RST immediately, so \
            the SYN or its answer was dropped on the way: a firewall, a wrong route or address, a \
            server whose accept queue is full, or a host that is down beyond the local network (on \
            the local network Linux gives up after 3s). Many from one process to many addresses \
            may be a scan, a worm, or blocked outbound traffic.",
    look: &[types(
        "Which processes, and to which addresses?",
        &["portwho --state SYN_SENT", "portwho doctor"],
    )],
    linux: &[
        types(
            "Which route do they take, and what happens there?",
            &[
                "ip route get ADDRESS",
                "tcpdump -nni any host ADDRESS and tcp port PORT",
                "nft list ruleset",
            ],
        ),
        types(
            "ICMP (unreachable, or time exceeded) ends connect() immediately, with EHOSTUNREACH, \
             ENETUNREACH, ECONNREFUSED or ENOPROTOOPT; if a REJECT rule of this machine sends it, after 1s. A \
             host of the local network that does not answer \
             ARP (IPv6: neighbor discovery) ends it after 3s, with EHOSTUNREACH.",
            &[],
        ),
        types(
            "Without any answer connect() fails after 131s; before Linux 6.5, after 127s. A program \
             should set a timeout of its own. The setting for all of them:",
            &["sysctl net.ipv4.tcp_syn_retries"],
        ),
        types(
            "Close them now (as root); nothing is sent:",
            &["portwho close --state SYN_SENT --pid PID"],
        ),
    ],
    windows: &[
        types("Does anything answer there?", &["Test-NetConnection ADDRESS -Port PORT"]),
        types(
            "connect() fails after 20s to 30s; the number of SYNs:",
            &["netsh interface tcp show global"],
        ),
        types("Terminate the process that keeps retrying:", &["taskkill /PID PID"]),
    ],
    beware: &[
        "A ping is not proof: ICMP may pass where TCP does not, and vice versa. Try the port \
         itself.",
    ],
    sources: "RFC 9293 3.5, 3.10.7.3; connect(2); kernel ip-sysctl.rst (tcp_syn_retries, \
              tcp_syn_linear_timeouts); tcp_v4_err() in net/ipv4/tcp_ipv4.c; arp(7)",
};

pub(super) const SYN_RECEIVED: Explanation = Explanation {
    state: TcpState::SynReceived,
    gist: "a SYN was answered; the last ACK of the handshake is due",
    meaning: "A SYN came in and was answered; the ACK that completes the handshake has not arrived yet.",
    names: &[
        name("SYN-RECEIVED", &["RFC 9293"]),
        name("SYN_RECV", &["netstat on Linux"]),
        name("SYN-RECV", &["ss"]),
        name("SYN_RCVD", &[]),
        name("SynReceived", &["PowerShell"]),
    ],
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
    note: "As a rule no process owns it yet (PID 0): the kernel holds it for the listener. A process \
           owns it after a simultaneous open, where both sides called connect(), and with TCP Fast \
           Open, where accept() returns it before the handshake completes.",
    enters: &[
        edge(TcpState::Listening, "a SYN comes in, SYN+ACK goes out: for a new socket"),
        edge(TcpState::SynSent, "a SYN alone comes in: both sides called connect()"),
        edge(
            TcpState::TimeWait,
            "a new SYN for the same addresses and ports, newer than the old connection",
        ),
    ],
    leaves: &[
        edge(TcpState::Established, "ACK of our SYN comes in"),
        edge(
            TcpState::FinWait1,
            "close() by a process that has the socket: after a simultaneous open, or a server with \
             TCP Fast Open",
        ),
        edge(
            TcpState::Closed,
            "RST comes in, or no ACK in time; the listener itself stays LISTENING",
        ),
        edge(
            TcpState::Bound,
            "instead of CLOSED on Linux after a simultaneous open, if the port was bound explicitly and \
             the descriptor is open",
        ),
    ],
    must_act: "The peer's TCP: to acknowledge.",
    normal: "For one round trip; with TCP_DEFER_ACCEPT until the client sends its first data.",
    fault: "Many on one port: a SYN flood, or answers that do not reach the clients. A few that \
            persist: a full accept queue. Linux ignores the last ACK while \
            there is no room.",
    look: &[types(
        "On which port, from where, and is the accept queue full?",
        &["portwho --state SYN_RECEIVED", "portwho doctor"],
    )],
    linux: &[
        types(
            "Were SYN cookies sent and SYNs dropped, and did the kernel log a flood?",
            &["nstat -az TcpExtSyncookiesSent TcpExtListenDrops", "dmesg | grep 'SYN flooding'"],
        ),
        types(
            "Leave tcp_syncookies at 1: with SYN cookies the kernel answers without keeping \
             state when the queue is full. Then \
             raise the backlog and somaxconn, and filter in front of the machine:",
            &["sysctl net.ipv4.tcp_syncookies net.core.somaxconn"],
        ),
        types(
            "How often a SYN+ACK is retransmitted (5: 63s in all; a socket that a process owns lasts for \
             about 130s):",
            &["sysctl net.ipv4.tcp_synack_retries"],
        ),
        types(
            "Close them now (as root). Nothing is sent unless a process owns the socket: a peer that \
             believes it is connected gets a RST when it sends data:",
            &["portwho close --state SYN_RECEIVED"],
        ),
    ],
    windows: &[
        types("From where?", &["Get-NetTCPConnection -State SynReceived"]),
        says(
            "Windows has its own protection, always on; SynAttackProtect has had no effect since \
              Vista. Filter in front of the machine.",
        ),
    ],
    beware: &[
        "The backlog limits the half-open connections of a listener. While SYN cookies are on, raising \
         tcp_max_syn_backlog changes nothing on a current kernel; raise the backlog.",
        "SYN cookies concern this state only. They have nothing to do with TIME_WAIT.",
    ],
    sources: "RFC 9293 3.5, 3.10.7.4; RFC 4987; RFC 7413; tcp(7); kernel ip-sysctl.rst; \
              tcp_conn_request() in net/ipv4/tcp_input.c, tcp_close_state() in net/ipv4/tcp.c",
};

pub(super) const ESTABLISHED: Explanation = Explanation {
    state: TcpState::Established,
    gist: "open on both sides; data can flow both ways",
    meaning: "The connection is open on both sides, and data can flow both ways.",
    names: &[name("ESTAB", &["ss"]), name("Established", &["PowerShell"])],
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
    note: "The side that closes first goes to FIN_WAIT_1, the other to CLOSE_WAIT. Three segments open \
           a connection, because one SYN+ACK both acknowledges and requests. Four close it, \
           because a FIN ends \
           one direction only: the other side acknowledges it, and may keep sending before its \
           own FIN. If it has nothing more to send, its ACK and FIN are one segment, and three close it \
           too.",
    enters: &[
        edge(TcpState::SynSent, "SYN+ACK comes in, ACK goes out"),
        edge(TcpState::SynReceived, "ACK of our SYN comes in"),
    ],
    leaves: &[
        edge(TcpState::FinWait1, "close() or shutdown(SHUT_WR): FIN goes out"),
        edge(TcpState::CloseWait, "FIN comes in, ACK goes out"),
        edge(
            TcpState::Closed,
            "RST comes in; or close() sends one (unread data, or SO_LINGER 0); \
                                or the peer acknowledges nothing for too long",
        ),
        edge(TcpState::Bound, BOUND_INSTEAD),
    ],
    must_act: "Either side: to send or to close. Neither has to: TCP sends nothing on an \
              idle connection, however long it lasts.",
    normal: "Always.",
    fault: "If the peer is gone: after a power failure, or when a firewall has \
            dropped its state, no FIN arrives (RFC 9293 calls this half-open). A receive queue \
            that stays full: the process here does not read; a send queue: the peer does not. PID 0 with the reason not-accepted: the server does not call accept().",
    look: &[types(
        "Which process does not read, and how long has each been idle (idle_ms)?",
        &["portwho --state ESTABLISHED --sort recv-q", "portwho --state ESTABLISHED --json"],
    )],
    linux: &[
        types(
            "Timers, round-trip times, time since the last data, unacknowledged data:",
            &["ss -tnpoi state established"],
        ),
        types(
            "Unacknowledged data ends a connection after about 15 minutes or more \
             (tcp_retries2). An idle one is probed only if the program set SO_KEEPALIVE: \
             first after 2h, then with 9 probes 75s apart. A program can set TCP_KEEPIDLE and \
             TCP_USER_TIMEOUT for its own sockets. The defaults:",
            &["sysctl net.ipv4.tcp_keepalive_time net.ipv4.tcp_retries2"],
        ),
        types(
            "Close those to a peer that does not answer (as root). A RST is sent, and the process here reads \
             what has arrived, then gets ECONNABORTED once, then 0 from read() and EPIPE (SIGPIPE) from \
             write():",
            &["portwho close --foreign ADDRESS"],
        ),
    ],
    windows: &[
        types("By process:", &["Get-NetTCPConnection -State Established"]),
        says(
            "Keepalive starts after 2h here too, and only if the program set SO_KEEPALIVE; \
              TCP_KEEPIDLE and the like have existed since Windows 10 1709, before that SIO_KEEPALIVE_VALS.",
        ),
        types(
            "Close those to a peer that does not answer (IPv4, elevated):",
            &["portwho close --foreign ADDRESS"],
        ),
    ],
    beware: &[
        "Lowering tcp_keepalive_time does nothing for programs that do not set SO_KEEPALIVE.",
    ],
    sources: "RFC 9293 3.5, 3.5.1, 3.6, 3.8.4; RFC 1122 4.2.2.13, 4.2.3.6; RFC 2525 2.17; tcp(7); \
              kernel ip-sysctl.rst; tcp_close() and tcp_abort() in net/ipv4/tcp.c",
};
