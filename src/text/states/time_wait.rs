//! What remains of a closed connection: TIME_WAIT.

use super::{Explanation, Moment, edge, name, says, types};
use crate::model::TcpState;

pub(super) const TIME_WAIT: Explanation = Explanation {
    state: TcpState::TimeWait,
    gist: "closed on both sides; waiting for stray segments",
    meaning: "The connection is closed. The side that closed first remembers it for a while, so \
              that a lost last ACK can be retransmitted, and stray segments do not end up in the next \
              connection between the same addresses and ports.",
    names: &[name("TIME-WAIT", &["RFC 9293", "ss"]), name("TimeWait", &["PowerShell"])],
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
            "after 60s on Linux, 2 minutes by default on Windows; or RST comes in (Linux: \
             unless tcp_rfc1337 is 1)",
        ),
        edge(
            TcpState::SynReceived,
            "a new SYN for the same addresses and ports, newer than the old connection",
        ),
    ],
    must_act: "No side. It ends on its own.",
    normal: "Always, as long as free ports remain. It occurs on the side that closes first, \
             and on both if they close at once (CLOSING).",
    fault: "If connections to one destination (address and port) use up the ephemeral ports: then \
            connect() fails with EADDRNOTAVAIL (on Windows WSAEADDRINUSE or WSAENOBUFS). On Linux \
            also if a server that is restarted cannot bind its port, because it does not set \
            SO_REUSEADDR.",
    look: &[types(
        "How many, to which destinations, and how many ports are there?",
        &["portwho doctor -v", "portwho --state TIME_WAIT --summary"],
    )],
    linux: &[
        types(
            "The ephemeral ports, the limit above which TIME_WAIT is skipped, and how often it \
             was (TcpExtTCPTimeWaitOverflow):",
            &[
                "sysctl net.ipv4.ip_local_port_range",
                "sysctl net.ipv4.tcp_max_tw_buckets",
                "nstat -az TcpExtTCPTimeWaitOverflow",
                "ss -Htan state time-wait | wc -l",
            ],
        ),
        says(
            "Keep connections open and reuse them (a pool, HTTP keep-alive); that is the fix. Let \
             the client close first where a server has too many. Set SO_REUSEADDR on listeners \
             before bind(); it works only if the old socket had set it too.",
        ),
        types(
            "If that is not enough, more ports for outgoing connections (as root):",
            &["sysctl -w \"net.ipv4.ip_local_port_range=15000 60999\""],
        ),
        says(
            "Only then tcp_tw_reuse=1: connect() may reuse a port after 1s (tcp_tw_reuse_delay, \
             where the kernel has it), if both sides use TCP timestamps. The kernel's \
             documentation says not to change it without the advice of technical experts. The \
             default, 2, does so on the loopback interface only.",
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
            "A server needs no option to restart: a plain bind() succeeds while connections are in \
             TIME_WAIT. SO_REUSEADDR lets other programs take the port on Windows; \
             SO_EXCLUSIVEADDRUSE prevents that, but with it a restart may fail while connections that the \
             old listener accepted are still active.",
        ),
        says(
            "How long it lasts is TcpTimedWaitDelay (30s to 300s, REG_DWORD, read when Windows \
              starts) in HKLM\\SYSTEM\\CurrentControlSet\\Services\\Tcpip\\Parameters.",
        ),
    ],
    beware: &[
        "tcp_tw_recycle was removed in Linux 4.12; it broke clients behind NAT.",
        "tcp_fin_timeout does not shorten TIME_WAIT, which is fixed at 60s in the kernel's source.",
        "tcp_tw_reuse does nothing for connections that come in, nor for bind().",
        "SO_LINGER with a timeout of 0 avoids it by sending a RST, which discards data in flight.",
        "Above tcp_max_tw_buckets Linux skips TIME_WAIT, and with it the protection; the kernel's \
         documentation says not to lower it.",
        "SYN cookies (tcp_syncookies) have nothing to do with it: they protect the handshake, SYN_RECEIVED.",
    ],
    sources: "RFC 9293 3.4.2, 3.6.1, 3.10.7.4; RFC 6191; RFC 1337; tcp(7); kernel ip-sysctl.rst; \
              TCP_TIMEWAIT_LEN in include/net/tcp.h, tcp_time_wait() in net/ipv4/tcp_minisocks.c; \
              \"Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE\" in Microsoft's documentation",
};
