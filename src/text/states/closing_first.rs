//! The side that closes first: FIN_WAIT_1, FIN_WAIT_2, CLOSING.

use super::{APART, Explanation, Moment, edge, name, says, types};
use crate::model::TcpState;

/// To BOUND from a state that the connection leaves for TIME_WAIT too.
const BESIDE_TIME_WAIT: &str = "on Linux, instead of CLOSED or beside a separate TIME_WAIT \
                                socket, if the port was bound explicitly and the descriptor is open";

pub(super) const FIN_WAIT_1: Explanation = Explanation {
    state: TcpState::FinWait1,
    gist: "closed here first; our FIN is not acknowledged yet",
    meaning: "This side closed first, and the peer has not acknowledged our FIN.",
    names: &[
        name("FIN-WAIT-1", &["RFC 9293", "ss"]),
        name("FIN_WAIT1", &["netstat on Linux"]),
        name("FinWait1", &["PowerShell"]),
    ],
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
        edge(
            TcpState::SynReceived,
            "close() by a process that has the socket: after a simultaneous open, or a server with \
             TCP Fast Open",
        ),
        edge(TcpState::Established, "close() or shutdown(SHUT_WR): FIN goes out"),
    ],
    leaves: &[
        edge(TcpState::FinWait2, "ACK of our FIN comes in"),
        edge(TcpState::Closing, "FIN comes in before the ACK of ours: both closed at once"),
        edge(TcpState::TimeWait, "a FIN that also acknowledges our FIN comes in"),
        edge(
            TcpState::Closed,
            "RST comes in (or data for a process that has closed, which is answered with RST), or no \
             ACK in time; or close() sends a RST (unread data, or SO_LINGER 0)",
        ),
        edge(TcpState::Bound, BESIDE_TIME_WAIT),
    ],
    must_act: "The peer's TCP: to acknowledge. Its process has nothing to do, unless it stopped \
              reading: then there is no room for our last data and the FIN after it.",
    normal: "For one round trip.",
    fault: "If it lasts. With a retransmit timer the peer does not answer. With a probe \
            timer the peer is alive but does not read (its window is 0).",
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
            "An orphan (a socket that no process holds) ends on its own (tcp_orphan_retries; 0 \
             stands for 8): after about 108s if \
             nothing answers, about 330s if the peer answers and its window stays 0. Above \
             tcp_max_orphans, which counts those of the whole machine, the kernel resets orphans \
             immediately. One that was only shut down may last for tcp_retries2 (15 minutes or more), \
             and never ends while the peer answers probes.",
            &[
                "sysctl net.ipv4.tcp_orphan_retries net.ipv4.tcp_max_orphans",
                "sysctl net.ipv4.tcp_retries2",
            ],
        ),
        types(
            "Close them now (as root); the peer gets a RST. Before Linux 6.11 sockets without a \
             process are left alone, \
             since the kernel would keep them forever:",
            &["portwho close --state FIN_WAIT_1"],
        ),
    ],
    windows: &[
        types("Which peers?", &["Get-NetTCPConnection -State FinWait1"]),
        says("It ends on its own after Windows has retransmitted the FIN a few times."),
        types("Close them now (IPv4, elevated):", &["portwho close --state FIN_WAIT_1"]),
    ],
    beware: &["tcp_fin_timeout does not apply here; it is for FIN_WAIT_2."],
    sources: "RFC 9293 3.6, 3.8.6.1, 3.10.7.4; tcp(7); kernel ip-sysctl.rst; \
              tcp_orphan_retries() and tcp_out_of_resources() in net/ipv4/tcp_timer.c, tcp_abort() \
              in net/ipv4/tcp.c; times measured on Linux 6.18",
};

pub(super) const FIN_WAIT_2: Explanation = Explanation {
    state: TcpState::FinWait2,
    gist: "closed here and acknowledged; the peer has not closed",
    meaning: "This side has closed, the peer's TCP has acknowledged it, and the peer has not closed its own \
              side.",
    names: &[
        name("FIN-WAIT-2", &["RFC 9293", "ss"]),
        name("FIN_WAIT2", &["netstat on Linux"]),
        name("FinWait2", &["PowerShell"]),
    ],
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
            "RST comes in (or data for a process that has closed, which is answered with RST); \
             or the orphan timed out; or close() sends a RST (unread data, SO_LINGER 0, on Linux \
             TCP_LINGER2 below 0)",
        ),
        edge(TcpState::Bound, BESIDE_TIME_WAIT),
    ],
    must_act: "The peer's process: it must call close(). On its side this is CLOSE_WAIT.",
    normal: "While the peer still answers: a client may end its request with shutdown(SHUT_WR) \
             and then wait for the reply.",
    fault: "If it lasts: the peer does not close, and leaks a CLOSE_WAIT for each of these; or it is gone, \
            and no FIN or RST of it arrives. If it is on this machine, portwho doctor names its process.",
    look: &[types(
        "Which process waits, and for which peer?",
        &["portwho --state FIN_WAIT_2", "portwho doctor"],
    )],
    linux: &[
        types(
            "Without a process (PID 0, orphaned) it ends after tcp_fin_timeout, 60s, or after what \
             the program set with TCP_LINGER2 (below 0: immediately). A FIN that comes later is answered \
             with RST. Such orphans count as TIME_WAIT: above tcp_max_tw_buckets they end immediately (if \
             the limit is above 60s, above tcp_max_orphans). With a process there is no limit; only keepalive, \
             if the program set SO_KEEPALIVE, ends it once the peer is gone.",
            &[
                "ss -tnpo state fin-wait-2",
                "sysctl net.ipv4.tcp_fin_timeout net.ipv4.tcp_max_tw_buckets",
            ],
        ),
        says("Fix the peer. Or call close() here instead of shutdown(): then the limit applies."),
        types(
            "Close them now (as root). The peer gets a RST; for an orphan nothing is sent, unless its \
             limit is above 60s:",
            &["portwho close --state FIN_WAIT_2 --pid PID"],
        ),
    ],
    windows: &[
        types("Which process waits?", &["Get-NetTCPConnection -State FinWait2"]),
        says("Fix the peer. Windows closes orphans after a time limit of its own."),
        types("Close them now (IPv4, elevated):", &["portwho close --state FIN_WAIT_2 --pid PID"]),
    ],
    beware: &["tcp_fin_timeout bounds this state, and only for sockets that no process holds. \
         It does not shorten TIME_WAIT."],
    sources: "RFC 9293 3.6, 3.10.7.4; RFC 1122 4.2.2.13; tcp(7) (tcp_fin_timeout, TCP_LINGER2, \
              tcp_max_orphans); kernel ip-sysctl.rst; tcp_close() and tcp_abort() in \
              net/ipv4/tcp.c",
};

pub(super) const CLOSING: Explanation = Explanation {
    state: TcpState::Closing,
    gist: "both closed at once; our FIN is not acknowledged yet",
    meaning: "Both sides closed at the same moment: the peer's FIN has arrived, but not the ACK of ours.",
    names: &[name("Closing", &["PowerShell"])],
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
        edge(
            TcpState::Closed,
            "RST comes in, or no ACK in time; or close() aborts it (unread data, or SO_LINGER 0)",
        ),
        edge(TcpState::Bound, BESIDE_TIME_WAIT),
    ],
    must_act: "The peer's TCP: to acknowledge. No process has anything left to do.",
    normal: "For less than a round trip; so it is hardly ever seen.",
    fault: "If it lasts: our FIN, or data before it, is not acknowledged. The peer does not \
            answer, or it has stopped reading and its window is 0.",
    look: &[types("Which peers?", &["portwho --state CLOSING", "portwho doctor"])],
    linux: &[
        types(
            "Does it retransmit? It ends on its own, after the same limits as FIN_WAIT_1.",
            &["ss -tnpo state closing", "sysctl net.ipv4.tcp_orphan_retries"],
        ),
        types(
            "Close them now (as root). Nothing is sent: the peer does not learn of it until it sends \
             something and gets a RST. Before Linux 6.11 sockets without a process are left alone:",
            &["portwho close --state CLOSING"],
        ),
    ],
    windows: &[
        types("Which peers? It ends on its own.", &["Get-NetTCPConnection -State Closing"]),
        types("Close them now (IPv4, elevated):", &["portwho close --state CLOSING"]),
    ],
    beware: &[],
    sources: "RFC 9293 3.6 (figure 13), 3.10.7.4; tcp_need_reset() in net/ipv4/tcp.c",
};
