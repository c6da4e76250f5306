//! Ports that no socket holds on recorded machines: what Windows keeps back, and what a bind says.

use std::io::ErrorKind;
use std::net::SocketAddr;

use portwho::model::{Endpoint, Family, Gap, KernelReason, Os, PortRules, TcpState};

use crate::support::json::gaps;

use super::machine::Machine;
use super::office::office;
use super::parts::{process, tcp, udp};

fn windows() -> Machine {
    Machine::new(Os::Windows, Vec::new(), Vec::new())
}

fn with_rules(excluded: &[(u16, u16)]) -> Machine {
    let excluded = excluded.iter().map(|(first, last)| (Family::V4, *first..=*last)).collect();
    let ephemeral = Some(49_152..=65_535);
    let rules = PortRules { excluded, ephemeral, ..PortRules::default() };
    Machine { rules, ..windows() }
}

/// A machine that answers binds at these ends so.
fn refusing(machine: Machine, ends: &[&str], why: ErrorKind) -> Machine {
    let end = |text: &&str| {
        let address: SocketAddr = text.parse().expect("an address");
        (Endpoint::new(address.ip(), address.port()), why)
    };
    Machine { refused_binds: ends.iter().map(end).collect(), ..machine }
}

#[trial]
fn an_excluded_range() {
    let machine = with_rules(&[(5357, 5357), (50_000, 50_059)]);
    let line = "portwho: port 50059 is not in use, but a bind fails: 50000-50059 is an excluded \
                range; to list such ranges, run: netsh int ipv4 show excludedportrange \
                protocol=tcp\n";
    machine.run("50059").is(1, "", line);
    let line = "portwho: port 5357 is not in use, but a bind fails: 5357 is an excluded range; to \
                list such ranges, run: netsh int ipv4 show excludedportrange protocol=tcp\n";
    machine.run("5357").is(1, "", line);
    machine.run("5356 5358").is(1, "", "portwho: port 5356 is free\nportwho: port 5358 is free\n");
}

/// Each family has a list of its own.
#[trial]
fn an_excluded_range_of_one_family() {
    let rules = PortRules { excluded: vec![(Family::V6, 8000..=8010)], ..PortRules::default() };
    let machine = Machine { rules, ..windows() };
    let line = |asked: &str| {
        format!(
            "portwho: {asked} is not in use, but a bind fails: 8000-8010 is an excluded range; to \
             list such ranges, run: netsh int ipv6 show excludedportrange protocol=tcp\n"
        )
    };
    machine.run("8001").is(1, "", &line("port 8001"));
    machine.run("[::1]:8001").is(1, "", &line("[::1]:8001"));
    machine.run("127.0.0.1:8001").is(1, "", "portwho: 127.0.0.1:8001 is free\n");
}

/// An administrator keeps it for whoever asks for it by number: a bind succeeds.
#[trial]
fn an_administered_exclusion() {
    let rules = PortRules { reserved: vec![50_000..=50_059], ..PortRules::default() };
    let machine = Machine { rules, ..windows() };
    let line = "portwho: port 50059 is free; it is reserved, so never assigned automatically (an \
                administered exclusion of netsh; a program that names the port can bind it)\n";
    machine.run("50059").is(1, "", line);
    let answer = machine.run("--json 50059").json(1, line);
    let port = &answer["ports"][0];
    assert_eq!((&port["verdict"], &port["notes"][0]["kind"]), (&"free".into(), &"reserved".into()));
}

/// Without the rules nobody knows whether a bind succeeds.
#[trial]
fn rules_that_cannot_be_read() {
    let unread = Some("netsh: no answer".to_owned());
    let machine = Machine { rules: PortRules { unread, ..PortRules::default() }, ..windows() };
    let lines = "portwho: the port ranges that Windows keeps could not be read (netsh: no answer): \
                 a bind may fail although no socket holds the port; run portwho again\n\
                 portwho: port 80 is not in use\n";
    machine.run("80").is(1, "", lines);
    let answer = machine.run("--json 80").json(1, lines);
    assert_eq!(answer["ports"][0]["verdict"], "unknown");
    assert_eq!(gaps(&answer), [("port-rules-unreadable", None)]);
}

#[trial]
fn the_dynamic_range() {
    let line = "portwho: port 50060 is free; it is in the ephemeral range 49152-65535: any \
                outgoing connection may take it\n";
    with_rules(&[(50_000, 50_059)]).run("50060").is(1, "", line);
    with_rules(&[]).run("49151").is(1, "", "portwho: port 49151 is free\n");
}

/// Windows lets others bind beside it, and does not say how long it has left.
#[trial]
fn teardown_does_not_block_a_bind() {
    let over = tcp("192.168.0.7:80", TcpState::TimeWait).to("192.168.0.9:50000");
    let machine = windows().socket(over.of_kernel(KernelReason::TimeWait));
    let lines = "portwho: port 80 is not in use (1 TIME_WAIT)\n";
    let row = "  TCP    192.168.0.7:80         192.168.0.9:50000      TIME_WAIT       0        (time-wait)\n";
    machine.run("--no-header 80").is(0, row, lines);
}

#[trial]
fn connections_do() {
    let used = |far| tcp("192.168.0.7:80", TcpState::Established).to(far).of(&[1688]);
    let machine = windows().process(process(1688, "inetinfo.exe"));
    let machine = machine.socket(used("192.168.0.9:1")).socket(used("192.168.0.9:2"));
    let output = machine.run("80");
    let line = "portwho: port 80 has no listener; 2 connections use it: a bind may fail until \
                they end\n";
    output.is(0, &output.stdout, line);
}

#[trial]
fn bound_sockets_that_cannot_be_seen() {
    let lines = "portwho: this system does not list BOUND sockets: Linux has listed them since \
                 6.8; Windows lists them if netstat has -q\n\
                 portwho: port 80 is not in use by any socket that can be seen\n";
    windows().gap(Gap::BoundNotListed).run("80").is(1, "", lines);
}

const NOT_LISTED: &str = "portwho: this system does not list BOUND sockets: Linux has listed \
                          them since 6.8; Windows lists them if netstat has -q\n";

/// The remark is there where such a socket could change the answer; the gap is always there.
#[trial]
fn bound_sockets_matter_to_no_other_answer() {
    let machine = office().gap(Gap::BoundNotListed);
    let lines = |words: &str| machine.run(words).stderr.matches(NOT_LISTED).count();
    for words in [
        "8081",
        "",
        "-l",
        "--name inetinfo.exe",
        "doctor",
        "--not-state TIME_WAIT",
        "8081 -u",
        "47 -u",
        // Who holds every address holds this one.
        "127.0.0.1:9000",
        "kill -n 127.0.0.1:9000",
        "close -n 127.0.0.1:9000",
    ] {
        assert_eq!(lines(words), 0, "{words}");
    }
    for words in [
        "47",
        "8081,47",
        "127.0.0.1:9000,47",
        "[::1]:9000",
        "-s BOUND",
        "-s BOUND,LISTENING",
        "-s BOUND 127.0.0.1:9000",
        "kill -n 47",
    ] {
        assert_eq!(lines(words), 1, "{words}");
    }
    assert_eq!(lines("kill -n 8081"), 0);
    assert_eq!(lines("kill -n 8081 47"), 1);
    let output = machine.run("--json 8081");
    let answer = output.json(0, &output.stderr);
    assert_eq!(gaps(&answer), [("bound-not-listed", None)]);
}

/// Whether they are listed could not be found out.
#[trial]
fn bound_sockets_that_may_be_listed() {
    let why = "Too many open files (os error 24)".to_owned();
    let lines = "portwho: cannot tell whether this system lists BOUND sockets (Too many open \
                 files (os error 24)): a port may be bound without listening; run portwho again\n\
                 portwho: port 80 is not in use by any socket that can be seen\n";
    windows().gap(Gap::BoundUnknown { why }).run("80").is(1, "", lines);
}

#[trial]
fn a_bind_that_succeeds() {
    let lines = "portwho: port 4731 is free\n\
                 portwho: port 4731: a TCP bind succeeds at 127.0.0.1, 0.0.0.0, [::]\n";
    office().run("--try-bind 4731").is(1, "", lines);
}

const EVERYWHERE: [&str; 3] = ["127.0.0.1:4731", "0.0.0.0:4731", "[::]:4731"];

/// WSAEACCES: no socket is there, and yet it is not to be had.
#[trial]
fn a_bind_that_is_denied() {
    let machine = refusing(office(), &EVERYWHERE, ErrorKind::PermissionDenied);
    let lines = "portwho: port 4731 is not in use, but a bind fails: permission denied\n\
                 portwho: port 4731: a TCP bind fails at 127.0.0.1, 0.0.0.0, [::]: \
                 permission denied; it is in an excluded range, or \
                 HTTP.sys holds it; netsh http show servicestate lists what HTTP.sys serves; to \
                 list the excluded \
                 ranges, run: netsh int ipv4 show excludedportrange protocol=tcp\n";
    machine.run("--try-bind 4731").is(1, "", lines);
    machine.run("4731").is(1, "", "portwho: port 4731 is free\n");
}

#[trial]
fn a_bind_that_is_denied_on_linux() {
    let linux = Machine::new(Os::Linux, Vec::new(), Vec::new()).privileged();
    let machine = refusing(linux, &EVERYWHERE[..1], ErrorKind::PermissionDenied);
    let lines = "portwho: port 4731 is not in use, but a bind fails: permission denied\n\
                 portwho: port 4731: a TCP bind with SO_REUSEADDR succeeds at 0.0.0.0, [::]; fails \
                 at 127.0.0.1: permission denied\n";
    machine.run("--try-bind 4731").is(1, "", lines);
}

#[trial]
fn a_bind_where_it_is_used() {
    let machine = refusing(office(), &["127.0.0.1:3301", "0.0.0.0:3301"], ErrorKind::AddrInUse);
    let output = machine.run("--try-bind 3301");
    let line = "portwho: port 3301: a TCP bind succeeds at [::]; fails at 127.0.0.1, 0.0.0.0: \
                address in use by 127.0.0.1:3301\n";
    output.is(0, &output.stdout, line);
}

#[trial]
fn a_bind_for_udp() {
    let machine = windows().socket(udp("0.0.0.0:123").of(&[1044]));
    let lines = "portwho: port 124 is free for UDP\n\
                 portwho: port 124: a UDP bind succeeds at 127.0.0.1, 0.0.0.0, [::]\n";
    machine.run("--try-bind -u 124").is(1, "", lines);
}

#[trial]
fn windows_names_the_owners_itself() {
    let line = "portwho: --owners: Windows names the owners itself\n";
    let words =
        ["--owners bpf", "--owners auto 80", "kill --owners proc 80", "doctor --owners proc"];
    for words in words {
        office().run(words).is(2, "", line);
    }
}

#[trial]
fn other_namespaces_are_linux_own() {
    let line = "portwho: --all-netns: Windows shows the sockets of one network compartment only; \
                run portwho inside of the container\n";
    for words in ["--all-netns", "--all-netns 80", "--json --all-netns"] {
        office().run(words).is(2, "", line);
    }
}

/// The same connection here and there: only here does it use the port.
#[trial]
fn what_is_in_another_namespace_does_not_stand_in_the_way() {
    let connection = || tcp("10.0.0.1:4731", TcpState::Established).to("10.0.0.5:443");
    let machine = |socket| Machine::new(Os::Linux, Vec::new(), vec![socket]).privileged();
    let there = machine(connection().netns(7).of(&[900]));
    let output = there.run("--all-netns 4731");
    assert!(output.stdout.contains("ESTABLISHED     900      ?          ns7\n"), "{output:?}");
    output.is(0, &output.stdout, "portwho: port 4731 is free\n");
    let here = machine(connection().of(&[900])).run("--all-netns 4731");
    let used = "portwho: port 4731 has no listener; 1 connection uses it: a bind may fail until it \
                ends\n";
    here.is(0, &here.stdout, used);
}
