//! The side that closes first: FIN_WAIT_1, FIN_WAIT_2, CLOSING, TIME_WAIT.

use super::{APART, Explanation, Moment, edge, says, types};
use crate::model::TcpState;

pub(super) const FIN_WAIT_1: Explanation = Explanation {
    state: TcpState::FinWait1,
    gist: "closed here first; our FIN is not acknowledged yet",
    meaning: "This side closed first, and the peer has not acknowledged our FIN.",
    also: "FIN-WAIT-1 (RFC 9293, ss), FIN_WAIT1 (netstat on Linux), FinWait1 (PowerShell)",
    exchange: &[
        Moment::at("ESTABLISHED", "ESTABLISHED"),
        Moment::at("close()", ""),
        Moment::sent("FIN_WAIT_1", "FIN", "CLOSE_WAIT"),
        Moment::received("FIN_WAIT_2", "ACK", ""),
        APART,
        Moment::at("ESTABLISHED", "(gone)"),
        Moment::at("close()", ""),
        Moment::lost("FIN_WAIT_1", "FIN", ""),
        Moment::lost("", "FIN, and again", ""),
        Moment::at("CLOSED", ""),
    ],
    note: "The FIN waits behind the data that was sent before it. A process that called close() \
           no longer owns it: then the owner is the kernel (PID 0, orphaned).",
    enters: &[
        edge(TcpState::SynReceived, "close(), which only the side that called connect() can"),
        edge(TcpState::Established, "close() or shutdown(SHUT_WR): FIN goes out"),
    ],
    leaves: &[
        edge(TcpState::FinWait2, "ACK of our FIN comes in"),
        edge(TcpState::Closing, "FIN comes in before the ACK of ours: both closed at once"),
        edge(TcpState::TimeWait, "a FIN that also acknowledges our FIN comes in"),
        edge(TcpState::Closed, "RST comes in, or no ACK in time"),
    ],
    move_of: "The peer's TCP: to acknowledge. Its process has nothing to do, unless it stopped \
              reading: then there is no room for our last data and the FIN after it.",
    normal: "For one round trip.",
    fault: "If it lasts. With a retransmit timer the peer is gone or unreachable. With a probe \
            timer the peer lives and does not read (its window is 0).",
    look: &[types(
        "Which peers, and what do the timers say (timer in the JSON)?",
        &["portwho --state FIN_WAIT_1", "portwho --state FIN_WAIT_1 --json", "portwho doctor"],
    )],
    linux: &[
        types(
            "timer:(on,...) retransmits; timer:(persist,...) probes a zero window:",
            &["ss -tnpo state fin-wait-1"],
        ),
        types(
            "One that its process has closed ends on its own after some minutes \
             (tcp_orphan_retries; 0 stands for 8). One that was only shut down may take \
             tcp_retries2, 15 minutes or more, and never ends while the peer answers probes.",
            &["sysctl net.ipv4.tcp_orphan_retries net.ipv4.tcp_retries2"],
        ),
        types("Close them now (as root):", &["portwho close --state FIN_WAIT_1"]),
    ],
    windows: &[
        types("Which peers?", &["Get-NetTCPConnection -State FinWait1"]),
        says("It ends on its own after Windows has retransmitted the FIN a few times."),
        types("Close them now (IPv4, elevated):", &["portwho close --state FIN_WAIT_1"]),
    ],
    beware: &["tcp_fin_timeout does not apply here; it is for FIN_WAIT_2."],
    sources: "RFC 9293 3.6, 3.8.6.1, 3.10.7.4; tcp(7); kernel ip-sysctl.rst; \
              tcp_orphan_retries() in net/ipv4/tcp_timer.c",
};

pub(super) const FIN_WAIT_2: Explanation = Explanation {
    state: TcpState::FinWait2,
    gist: "closed here and acknowledged; the peer has not closed",
    meaning: "This side has closed, the peer's TCP knows it, and the peer has not closed its own \
              side.",
    also: "FIN-WAIT-2 (RFC 9293, ss), FIN_WAIT2 (netstat on Linux), FinWait2 (PowerShell)",
    exchange: &[
        Moment::at("ESTABLISHED", "ESTABLISHED"),
        Moment::at("close()", ""),
        Moment::sent("FIN_WAIT_1", "FIN", "CLOSE_WAIT"),
        Moment::received("FIN_WAIT_2", "ACK", ""),
        Moment::at("", "close()"),
        Moment::received("TIME_WAIT", "FIN", "LAST_ACK"),
        Moment::sent("", "ACK", "CLOSED"),
    ],
    note: "The peer can continue sending; a process here that used shutdown(SHUT_WR) can read it.",
    enters: &[edge(TcpState::FinWait1, "ACK of our FIN comes in")],
    leaves: &[
        edge(TcpState::TimeWait, "FIN comes in, ACK goes out"),
        edge(
            TcpState::Closed,
            "RST comes in (or data for a process that has closed, which is \
                                answered with RST), or the orphan timed out",
        ),
    ],
    move_of: "The peer's process: it has to call close(). On its side this is CLOSE_WAIT.",
    normal: "While the peer still answers: a client may end its request with shutdown(SHUT_WR) \
             and then wait for the reply.",
    fault: "If it lasts: the peer does not close, and leaks a CLOSE_WAIT for each of these. If it \
            is on this machine, portwho doctor names its process.",
    look: &[types(
        "Which process waits, and for which peer?",
        &["portwho --state FIN_WAIT_2", "portwho doctor"],
    )],
    linux: &[
        types(
            "Without a process (PID 0, orphaned) it ends after tcp_fin_timeout, 60 s. A FIN that \
             comes later is answered with RST. With a process there is no limit at all.",
            &["ss -tnpo state fin-wait-2", "sysctl net.ipv4.tcp_fin_timeout"],
        ),
        says("Fix the peer. Or call close() here instead of shutdown(): then the limit applies."),
        types("Close them now (as root):", &["portwho close --state FIN_WAIT_2 --pid PID"]),
    ],
    windows: &[
        types("Which process waits?", &["Get-NetTCPConnection -State FinWait2"]),
        says("Fix the peer. Windows closes orphans after a time limit of its own."),
        types("Close them now (IPv4, elevated):", &["portwho close --state FIN_WAIT_2 --pid PID"]),
    ],
    beware: &[
        "tcp_fin_timeout bounds this state, and only for sockets that no process holds any more. \
         It does not shorten TIME_WAIT.",
    ],
    sources: "RFC 9293 3.6, 3.10.7.4; RFC 1122 4.2.2.13; tcp(7) (tcp_fin_timeout, TCP_LINGER2); \
              kernel ip-sysctl.rst",
};

pub(super) const CLOSING: Explanation = Explanation {
    state: TcpState::Closing,
    gist: "both closed at once; our FIN is not acknowledged yet",
    meaning: "Both sides closed at the same moment: the peer's FIN is here, the ACK of ours is not.",
    also: "Closing (PowerShell)",
    exchange: &[
        Moment::at("ESTABLISHED", "ESTABLISHED"),
        Moment::at("close()", "close()"),
        Moment::crossing("FIN_WAIT_1", "FIN", "FIN_WAIT_1"),
        Moment::at("CLOSING", "CLOSING"),
        Moment::crossing("", "ACK", ""),
        Moment::at("TIME_WAIT", "TIME_WAIT"),
    ],
    note: "",
    enters: &[edge(TcpState::FinWait1, "FIN comes in before the ACK of ours; ACK goes out")],
    leaves: &[
        edge(TcpState::TimeWait, "ACK of our FIN comes in"),
        edge(TcpState::Closed, "RST comes in, or no ACK in time"),
    ],
    move_of: "The peer's TCP: to acknowledge. No process has anything left to do.",
    normal: "For less than a round trip; so it is hardly ever seen.",
    fault: "If it lasts: our FIN, or data before it, is not acknowledged. The peer is gone or \
            unreachable, or it has stopped reading and its window is 0.",
    look: &[types("Which peers?", &["portwho --state CLOSING", "portwho doctor"])],
    linux: &[
        types(
            "Does it retransmit? It ends on its own, after the same limits as FIN_WAIT_1.",
            &["ss -tnpo state closing", "sysctl net.ipv4.tcp_orphan_retries"],
        ),
        types("Close them now (as root):", &["portwho close --state CLOSING"]),
    ],
    windows: &[
        types("Which peers? It ends on its own.", &["Get-NetTCPConnection -State Closing"]),
        types("Close them now (IPv4, elevated):", &["portwho close --state CLOSING"]),
    ],
    beware: &[],
    sources: "RFC 9293 3.6 (figure 13), 3.10.7.4",
};

pub(super) const TIME_WAIT: Explanation = Explanation {
    state: TcpState::TimeWait,
    gist: "closed on both sides; waiting for stray segments",
    meaning: "The connection is closed. The side that closed first remembers it for a while, so \
              that a lost last ACK can be retransmitted, and stray segments do not end up in the next \
              connection between the same addresses and ports.",
    also: "TIME-WAIT (RFC 9293, ss), TimeWait (PowerShell)",
    exchange: &[
        Moment::at("FIN_WAIT_2", "CLOSE_WAIT"),
        Moment::at("", "close()"),
        Moment::received("TIME_WAIT", "FIN", "LAST_ACK"),
        Moment::lost("", "ACK", ""),
        Moment::received("", "FIN again", "LAST_ACK"),
        Moment::sent("", "ACK", "CLOSED"),
        Moment::at("(time passes)", ""),
        Moment::at("CLOSED", ""),
    ],
    note: "It uses a little kernel memory and one combination of local address and port, \
           foreign address and port, but no process and no descriptor.",
    enters: &[
        edge(TcpState::FinWait1, "a FIN that also acknowledges our FIN comes in"),
        edge(TcpState::FinWait2, "FIN comes in, ACK goes out"),
        edge(TcpState::Closing, "ACK of our FIN comes in"),
    ],
    leaves: &[
        edge(
            TcpState::Closed,
            "after 60 s on Linux, 2 minutes by default on Windows; or RST comes in (Linux: \
             unless tcp_rfc1337 is 1)",
        ),
        edge(
            TcpState::SynReceived,
            "a new SYN for the same addresses and ports, newer than the old \
                                     connection",
        ),
    ],
    move_of: "No side. It ends on its own.",
    normal: "Always, as long as free ports remain. It occurs on the side that closes first.",
    fault: "If connections to one destination (address and port) use up the ephemeral ports: then \
            connect() fails with EADDRNOTAVAIL (on Windows WSAEADDRINUSE or WSAENOBUFS). Or if a \
            server that is restarted cannot bind its port, because it does not set SO_REUSEADDR.",
    look: &[types(
        "How many, to which destinations, and how many ports are there?",
        &["portwho doctor -v", "portwho --state TIME_WAIT --summary"],
    )],
    linux: &[
        types(
            "The ephemeral ports, and the limit above which TIME_WAIT is cut short:",
            &[
                "sysctl net.ipv4.ip_local_port_range",
                "sysctl net.ipv4.tcp_max_tw_buckets",
                "ss -Htan state time-wait | wc -l",
            ],
        ),
        says(
            "Keep connections open and reuse them (a pool, HTTP keep-alive); that is the fix. Let the client close first where a server has too many. Set SO_REUSEADDR on \
              listeners.",
        ),
        types(
            "For outgoing connections, as root: more ports, or tcp_tw_reuse=1: connect() may then reuse a \
             port after 1 s (tcp_tw_reuse_delay, where the kernel has it), if both sides use \
             TCP timestamps. The default, 2, does so on \
             the loopback interface only.",
            &[
                "sysctl -w \"net.ipv4.ip_local_port_range=15000 60999\"",
                "sysctl -w net.ipv4.tcp_tw_reuse=1",
            ],
        ),
    ],
    windows: &[
        types(
            "The ephemeral ports (by default 49152 to 65535, 16384 of them):",
            &[
                "netsh int ipv4 show dynamicport tcp",
                "Get-NetTCPConnection -State TimeWait | Measure-Object",
            ],
        ),
        says("Keep connections open and reuse them; that is the fix."),
        types(
            "More ports (elevated; 10000 up to 65534):",
            &["netsh int ipv4 set dynamicport tcp start=10000 num=55535"],
        ),
        says(
            "How long it lasts is TcpTimedWaitDelay (30 to 300 s, REG_DWORD, read when Windows \
              starts) in HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters.",
        ),
    ],
    beware: &[
        "tcp_tw_recycle was removed in Linux 4.12; it broke clients behind NAT.",
        "tcp_fin_timeout does not shorten TIME_WAIT, which is fixed at 60 s in the kernel's source.",
        "tcp_tw_reuse does nothing for connections that come in, nor for bind().",
        "SO_LINGER with a timeout of 0 avoids it by sending a RST, which discards data in flight.",
        "A small tcp_max_tw_buckets cuts the wait short and removes the protection; the kernel's \
         documentation says not to lower it.",
    ],
    sources: "RFC 9293 3.4.2, 3.6.1, 3.10.7.4; RFC 6191; RFC 1337; tcp(7); kernel ip-sysctl.rst; \
              TCP_TIMEWAIT_LEN in include/net/tcp.h",
};
