//! explain: the text whatever the machine says, and the sockets that are really there.

use nix::libc;

use crate::support::features;
use crate::support::makers::{self, Loopback};
use crate::support::mounts::empty_proc;
use crate::support::process::Owner;
use crate::support::{Output, portwho, refuse, skip};

const STATES: [&str; 12] = [
    "LISTENING",
    "SYN_SENT",
    "SYN_RECEIVED",
    "ESTABLISHED",
    "FIN_WAIT_1",
    "FIN_WAIT_2",
    "CLOSE_WAIT",
    "CLOSING",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSED",
    "BOUND",
];

/// The states and their numbers.
fn counted(output: &Output) -> Vec<(&str, &str)> {
    let rows = output.stdout.lines().skip(3).take(STATES.len());
    let cells = rows.map(|line| {
        let mut words = line.split_whitespace();
        (words.next().expect("a state"), words.next().expect("a count"))
    });
    cells.collect()
}

#[trial]
fn every_state_is_counted() {
    let at = Loopback::V4;
    let _syn_sent = makers::syn_sent(at);
    let _syn_received = makers::syn_received(at);
    let _fin_wait_1 = makers::fin_wait_1(at);
    let _half_closed = [makers::half_closed(at), makers::half_closed(Loopback::V6)];
    let _closing = makers::closing(at);
    let _last_ack = makers::last_ack(at);
    let _time_wait = makers::time_wait(at);
    let _bound = makers::bound(at.port(0));
    let output = portwho(["explain"]).run();
    output.is(0, &output.stdout, &features::remark_on_bound(&output));
    let expected = [
        ("LISTENING", "8"),
        ("SYN_SENT", "1"),
        ("SYN_RECEIVED", "1"),
        // Both ends of what fills SYN_SENT's queue, SYN_RECEIVED's client, FIN_WAIT_1's server.
        ("ESTABLISHED", "4"),
        ("FIN_WAIT_1", "1"),
        // The halves of two closed connections, CLOSING's server, LAST_ACK's client.
        ("FIN_WAIT_2", "4"),
        ("CLOSE_WAIT", "2"),
        ("CLOSING", "1"),
        ("LAST_ACK", "1"),
        ("TIME_WAIT", "1"),
        ("CLOSED", "0"),
        ("BOUND", if features::lists_bound() { "1" } else { "?" }),
    ];
    assert_eq!(counted(&output), expected);
    assert!(
        output.stdout.contains("\n                              CLOSED ---- bind() ---> BOUND")
    );
}

#[trial]
fn the_processes_that_have_most() {
    let few = makers::half_closed(Loopback::V4);
    let _many = [makers::half_closed(Loopback::V4), makers::half_closed(Loopback::V6)];
    let leaky = Owner::named("leaky").holding(few.server);
    let own = std::env::current_exe().expect("own path");
    let own = own.file_name().expect("a name").to_str().expect("text");
    let output = portwho(["explain", "CLOSE_WAIT"]).run();
    output.is(0, &output.stdout, "");
    let here = format!(
        "\n\nHere now     3\n                    2  {own} (PID {})\n                    1  leaky (PID \
         {})\n\nCheck   ",
        std::process::id(),
        leaky.pid(),
    );
    assert!(output.stdout.contains(&here), "{here}\n{output:?}");
    let kernels = makers::time_wait(Loopback::V4);
    let output = portwho(["explain", "TIME_WAIT"]).run();
    output.is(0, &output.stdout, "");
    let here = "\nHere now     1\n                    1  (time-wait)\n\n";
    assert!(output.stdout.contains(here), "{output:?}");
    drop(kernels);
}

#[trial]
fn many_processes_are_counted_and_not_named() {
    let servers: Vec<_> = (80..87).map(crate::support::process::server).collect();
    let output = portwho(["explain", "listen"]).run();
    output.is(0, &output.stdout, "");
    let more = "             and 2 more; run: portwho --summary --state LISTENING\n\n";
    assert!(output.stdout.contains(more), "{output:?}");
    assert_eq!(output.stdout.matches("  server (PID ").count(), 5);
    drop(servers);
}

#[trial]
fn every_spelling_gives_the_same_text() {
    let text = |word: &str| {
        let output = portwho(["explain", word]).run();
        output.is(0, &output.stdout, "");
        output.stdout
    };
    let of_one = [
        ["CLOSE_WAIT", "close-wait", "CloseWait"],
        ["SYN_RECEIVED", "SYN_RECV", "syn-rcvd"],
        ["LISTENING", "LISTEN", "listen"],
        ["FIN_WAIT_1", "FIN_WAIT1", "FIN-WAIT-1"],
        ["CLOSED", "CLOSE", "closed"],
        ["CLOSING", "closing", "Closing"],
    ];
    for [state, words @ ..] in of_one {
        assert!(text(state).starts_with(&format!("{state}\n")), "{state}");
        for word in words {
            assert_eq!(text(word), text(state), "{word}");
        }
    }
}

#[trial]
fn without_netlink_bound_is_not_counted() {
    let _bound = makers::bound(Loopback::V4.port(0));
    let _listening = makers::listening(Loopback::V4.port(0));
    refuse::netlink(libc::EPERM);
    let gap = "portwho: netlink was refused (Operation not permitted (os error 1)), so \
               /proc/net was read: BOUND sockets, backlogs, idle times and cgroups are missing; allow \
               AF_NETLINK sockets (NETLINK_SOCK_DIAG)\n";
    let output = portwho(["explain"]).run();
    output.is(0, &output.stdout, gap);
    let counts = counted(&output);
    assert_eq!((counts[0], counts[11]), (("LISTENING", "1"), ("BOUND", "?")));
    let output = portwho(["explain", "bound"]).run();
    output.is(0, &output.stdout, gap);
    assert!(!output.stdout.contains("Here now"), "{output:?}");
}

#[trial]
fn without_sockets_there_is_still_the_text() {
    let whole = portwho(["explain", "LAST_ACK"]).run();
    if let Err(error) = empty_proc() {
        return skip(&format!("cannot mount: {error}"));
    }
    refuse::netlink(libc::EACCES);
    let why = "portwho: the sockets cannot be counted: netlink refused (Permission denied (os \
               error 13)), and cannot read /proc/thread-self/net/tcp: No such file or directory \
               (os error 2)\n";
    let expected = whole.stdout.replace("Here now     0\n\n", "");
    assert_ne!(expected, whole.stdout);
    portwho(["explain", "LAST_ACK"]).run().is(0, &expected, why);
    let output = portwho(["explain"]).run();
    output.is(0, &output.stdout, why);
    assert_eq!(counted(&output), STATES.map(|state| (state, "?")));
}

#[trial]
fn nothing_is_wider_than_a_terminal() {
    let long = Owner::named("a-name-as-long-as-names-may-be-and-then-some").copied();
    let half = makers::half_closed(Loopback::V6);
    let _owner = long.holding(half.server);
    let topics = STATES.into_iter().chain(["UDP", "UNCONN"]);
    for words in std::iter::once(vec!["explain"]).chain(topics.map(|word| vec!["explain", word])) {
        let counts_bound =
            words.len() == 1 || words.iter().any(|it| ["BOUND", "UNCONN"].contains(it));
        let output = portwho(words).run();
        let said = if counts_bound { features::remark_on_bound(&output) } else { String::new() };
        output.is(0, &output.stdout, &said);
        assert!(output.stdout.lines().count() > 20, "{output:?}");
        for line in output.stdout.lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }
}

#[trial]
fn colors_on_demand() {
    for words in [["explain", "--color=always"].as_slice(), &["explain", "BOUND", "--color=always"]]
    {
        let plain = portwho(&words[..words.len() - 1]).run();
        let output = portwho(words).run();
        assert!(output.stdout.contains("\u{1b}[1m"), "{output:?}");
        let stripped = output.stdout.replace("\u{1b}[1m", "").replace("\u{1b}[0m", "");
        output.is(0, &output.stdout, &features::remark_on_bound(&output));
        assert_eq!(stripped, plain.stdout);
    }
}

const UDP: &str = "\
UDP
             UDP has no states: nothing is opened, acknowledged or closed, so
             the state of a UDP socket is empty. ss prints UNCONN for a socket
             without a peer, and ESTAB for one whose peer connect() has set;
             that call sends nothing.

Who must act No side. The socket exists until its process closes it, whether or
             not a peer is there.
Problem      If datagrams arrive faster than the process reads: what does not
             fit into the receive queue is dropped, and neither side is
             notified. A datagram to a port that no socket holds is answered
             with ICMP, unless a firewall drops it; on Linux a socket reports it
             (ECONNREFUSED) that has a peer or set IP_RECVERR, on Windows the
             next receive fails (WSAECONNRESET).

Check        Which processes receive, and how much is unread (recv-q)?
                 portwho -u
                 portwho -u --columns local,foreign,recv-q,pid,image

On Linux     Unread bytes per socket; datagrams dropped because a queue was
             full, and those to a port without a socket:
                 ss -unap
                 nstat -az 'Udp*RcvbufErrors' 'Udp*NoPorts'

On Windows   By process:
                 Get-NetUDPEndpoint | Group OwningProcess
             Windows shows neither the receive queue nor the peer.

Sources      RFC 768; udp(7); WSAECONNRESET in Microsoft's documentation of
             recvfrom()
";

#[trial]
fn udp_has_no_states() {
    for word in ["UDP", "udp"] {
        portwho(["explain", word]).run().is(0, UDP, "");
    }
}

/// ss has one word for two states.
#[trial]
fn unconn_leads_to_both_states() {
    let text = |word: &str| {
        let output = portwho(["explain", word]).run();
        output.is(0, &output.stdout, &features::remark_on_bound(&output));
        output.stdout
    };
    let both = text("UNCONN");
    let heading = "\
ss prints UNCONN for a TCP socket without a connection, CLOSED or BOUND, and for
a UDP socket without a peer. Both states follow; for UDP, run:
portwho explain UDP

";
    assert_eq!(both, format!("{heading}{}\n{}", text("CLOSED"), text("BOUND")));
}
