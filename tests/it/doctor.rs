//! doctor: each fault made on purpose is found, with its culprit and its cause, and nothing else.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::libc;
use serde_json::{Value, json};

use crate::support::json::gaps;
use crate::support::kernel_table::{self, State};
use crate::support::makers::{self, Loopback};
use crate::support::mounts::empty_proc;
use crate::support::netns::in_netns;
use crate::support::process::{Actor, Owner, can_become, find_in_path};
use crate::support::{portwho, refuse, skip, wait_until};

trials![
    a_healthy_namespace,
    a_server_that_never_closes,
    a_server_that_does_not_read_the_end,
    a_server_that_stopped_reading,
    a_few_are_no_leak,
    a_client_that_never_closes,
    a_thousand_are_critical,
    a_leak_that_grows,
    both_ends_on_this_machine,
    time_wait_against_the_ephemeral_ports,
    time_wait_against_the_buckets,
    a_fan_out_into_nowhere,
    half_open_connections,
    a_full_accept_queue,
    a_peer_that_was_cut_off,
    descriptors_that_run_out,
    a_hidden_culprit,
    thresholds_and_settings_on_demand,
    without_sockets_there_is_no_verdict,
];

const LOOPBACK: &str = "127.0.0.1:0";

/// The only finding of a machine, whose sentences are the same in both views.
#[track_caller]
fn only_finding() -> Value {
    let answer = portwho(["doctor", "--json"]).run().json(1, "");
    let [finding] = answer["findings"].as_array().expect("findings").as_slice() else {
        panic!("not one finding: {answer:#}")
    };
    assert_eq!((&answer["schema"], &answer["gaps"]), (&json!(1), &json!([])));
    let text = portwho(["doctor"]).run();
    text.is(1, &text.stdout, "");
    let word = |name: &str| finding[name].as_str().expect("text").to_owned();
    let title = format!("{:13}{}\n", word("severity"), word("kind"));
    assert!(text.stdout.starts_with(&title), "{title}{text:?}");
    assert!(text.stdout.contains(&format!("\nnow          {}\n", word("now"))), "{text:?}");
    assert_eq!(text.stdout.matches("\nfix ").count(), 1, "{text:?}");
    finding.clone()
}

/// The values of a finding's fields, without those that depend on the moment.
#[track_caller]
fn is(finding: &Value, kind: &str, severity: &str, of: Option<(u32, &str)>, count: usize) {
    let (pid, image) =
        of.map_or((Value::Null, Value::Null), |(pid, image)| (json!(pid), json!(image)));
    let expected = json!([kind, severity, pid, image, count]);
    let fields = ["kind", "severity", "pid", "image", "count"];
    assert_eq!(
        Value::from_iter(fields.map(|field| finding[field].clone())),
        expected,
        "{finding:#}"
    );
}

/// A program with connections, of this name, that listens.
fn server(name: &str) -> (Actor, SocketAddr) {
    let mut server = Owner::named(name).playing("connections", &[LOOPBACK]);
    let address = server.line().parse().expect("an address");
    (server, address)
}

fn accepted(server: &mut Actor, address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let clients = (0..count).map(|_| TcpStream::connect(address).expect("connect")).collect();
    assert_eq!(server.tell(&format!("accept {count}")), "done");
    clients
}

fn await_count(table: &str, state: State, count: usize) {
    wait_until("the state to be reached by all", || {
        let rows = kernel_table::rows(table);
        (rows.iter().filter(|row| row.state == state).count() == count).then_some(())
    });
}

/// How many sockets are in this state, once none is on its way to it.
fn settled(state: State) -> usize {
    wait_until("all connections to be closed", || {
        let rows = kernel_table::rows("tcp");
        let count = |state| rows.iter().filter(|row| row.state == state).count();
        let on_the_way = [State::FIN_WAIT_1, State::FIN_WAIT_2, State::LAST_ACK].map(count);
        (on_the_way == [0; 3]).then(|| count(state))
    })
}

fn say_hello(clients: &[TcpStream]) {
    for mut client in clients {
        client.write_all(b"hello").expect("write");
    }
}

fn a_healthy_namespace() {
    let _established = [makers::established(Loopback::V4), makers::established(Loopback::V6)];
    let _time_wait = makers::time_wait(Loopback::V4);
    let _bound = makers::bound(Loopback::V4.port(0));
    let _udp = makers::udp(Loopback::V4.port(0));
    portwho(["doctor"]).run().is(0, "healthy: 9 sockets of 1 process, no finding\n", "");
    let nothing = "{\"schema\":1,\"os\":\"linux\",\"findings\":[],\"gaps\":[]}\n";
    portwho(["doctor", "--json"]).run().is(0, nothing, "");
    in_netns(|| portwho(["doctor"]).run()).is(
        0,
        "healthy: 0 sockets of 0 processes, no finding\n",
        "",
    );
}

/// Everything was read, the end too.
fn a_server_that_never_closes() {
    let (mut leaky, address) = server("leaky");
    let clients = accepted(&mut leaky, address, 100);
    say_hello(&clients);
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 100);
    leaky.tell("read");
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((leaky.pid(), "leaky")), 100);
    let evidence = &finding["evidence"];
    assert_eq!(evidence["cause"], "not-closed");
    assert_eq!(evidence["causes"], json!({"not-closed": 100}));
    assert_eq!((&evidence["port"], &evidence["foreign"]), (&json!(address.port()), &Value::Null));
    assert_eq!((&evidence["older_than_60_s"], &evidence["not_accepted"]), (&json!(0), &json!(0)));
    assert!(evidence["oldest_ms"].as_u64().is_some_and(|age| age < 60_000), "{finding:#}");
    let limit = fs::read_to_string(format!("/proc/{}/limits", leaky.pid())).expect("limits");
    let limit =
        limit.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit");
    let limit: u64 = limit.split_whitespace().next().expect("a number").parse().expect("a number");
    assert_eq!(evidence["descriptor_limit"], json!(limit));
    let descriptors = fs::read_dir(format!("/proc/{}/fd", leaky.pid())).expect("list").count();
    assert_eq!(evidence["descriptors"], json!(descriptors));
    let now = format!("portwho close --state CLOSE_WAIT --pid {} {}", leaky.pid(), address.port());
    assert_eq!(finding["now"], now);
}

fn a_server_that_does_not_read_the_end() {
    let (mut stuck, address) = server("stuck");
    let clients = accepted(&mut stuck, address, 120);
    say_hello(&clients);
    stuck.tell("read");
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 120);
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((stuck.pid(), "stuck")), 120);
    assert_eq!(finding["evidence"]["cause"], "end-not-read");
    assert_eq!(finding["evidence"]["causes"], json!({"end-not-read": 120}));
}

fn a_server_that_stopped_reading() {
    let (mut busy, address) = server("busy");
    let clients = accepted(&mut busy, address, 100);
    say_hello(&clients);
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 100);
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((busy.pid(), "busy")), 100);
    assert_eq!(finding["evidence"]["cause"], "data-unread");
    assert_eq!(finding["evidence"]["causes"], json!({"data-unread": 100}));
}

fn a_few_are_no_leak() {
    let (mut quick, address) = server("quick");
    drop(accepted(&mut quick, address, 99));
    await_count("tcp", State::CLOSE_WAIT, 99);
    let sockets = kernel_table::rows("tcp").len();
    let healthy = format!("healthy: {sockets} sockets of 1 process, no finding\n");
    portwho(["doctor"]).run().is(0, &healthy, "");
}

/// Each on a port of its own: what they have in common is where they went.
fn a_client_that_never_closes() {
    let pool = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = pool.local_addr().expect("address");
    let mut leaky = Owner::named("pool-client").playing("connections", &[]);
    leaky.line();
    thread::scope(|scope| {
        scope.spawn(|| (0..150).for_each(|_| drop(pool.accept().expect("accept"))));
        leaky.tell(&format!("connect {address} 150"));
    });
    await_count("tcp", State::CLOSE_WAIT, 150);
    leaky.tell("read");
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((leaky.pid(), "pool-client")), 150);
    let evidence = &finding["evidence"];
    let foreign = json!({"address": "127.0.0.1", "port": address.port()});
    assert_eq!((&evidence["foreign"], &evidence["port"]), (&foreign, &Value::Null));
    assert_eq!(evidence["cause"], "not-closed");
    let now = format!(
        "portwho close --state CLOSE_WAIT --pid {} --foreign 127.0.0.1 --foreign-port {}",
        leaky.pid(),
        address.port()
    );
    assert_eq!(finding["now"], now);
}

fn a_thousand_are_critical() {
    let (mut leaky, address) = server("leaky");
    for _ in 0..10 {
        drop(accepted(&mut leaky, address, 100));
    }
    await_count("tcp", State::CLOSE_WAIT, 1000);
    leaky.tell("read");
    let finding = only_finding();
    is(&finding, "close-wait-leak", "critical", Some((leaky.pid(), "leaky")), 1000);
}

fn a_leak_that_grows() {
    let (mut leaky, address) = server("leaky");
    drop(accepted(&mut leaky, address, 100));
    let (stop, stopped) = mpsc::channel::<()>();
    let leak = thread::spawn(move || {
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            drop(accepted(&mut leaky, address, 1));
            // As slow as leaks are, or it would be through with its descriptors before the look.
            thread::sleep(Duration::from_millis(5));
        }
        leaky
    });
    let answer = portwho(["doctor", "--json", "--interval", "0.3"]).run();
    let text = portwho(["doctor", "--interval", "0.3"]).run();
    stop.send(()).expect("stop");
    let leaky = leak.join().expect("join");
    let answer = answer.json(1, "");
    let finding = &answer["findings"][0];
    let count = finding["count"].as_u64().expect("a count");
    let growth = &finding["evidence"]["growth"];
    assert!(growth["before"].as_u64().is_some_and(|before| before < count), "{finding:#}");
    assert!(growth["over_ms"].as_u64().is_some_and(|over| over >= 300), "{finding:#}");
    assert!(finding["evidence"]["exhausted_in_ms"].is_u64(), "{finding:#}");
    assert_eq!(finding["pid"], leaky.pid());
    text.is(1, &text.stdout, "");
    assert!(text.stdout.contains("             grew from "), "{text:?}");
    assert!(
        text.stdout.contains("             at this rate no descriptor is left in "),
        "{text:?}"
    );
}

fn both_ends_on_this_machine() {
    let (mut deaf, address) = server("deaf");
    let mut waiting = Owner::named("waiting").playing("connections", &[]);
    waiting.line();
    waiting.tell(&format!("connect {address} 1"));
    deaf.tell("accept 1");
    let half = makers::half_closed(Loopback::V6);
    let half_server = Owner::named("half-server").holding(half.server);
    let half_client = Owner::named("half-client").holding(half.client);
    let answer = portwho(["doctor", "--json"]).run().json(0, "");
    let [finding] = answer["findings"].as_array().expect("findings").as_slice() else {
        panic!("not one finding: {answer:#}")
    };
    is(finding, "half-closed-pair", "note", Some((half_server.pid(), "half-server")), 1);
    let port = half.server_address.port();
    let evidence = json!({
        "port": port, "waiting_pid": half_client.pid(), "waiting_image": "half-client",
    });
    assert_eq!(finding["evidence"], evidence);
    let text = portwho(["doctor"]).run();
    let who = format!("it has to call close() for 1 connection on port {port}, whose");
    assert!(text.stdout.contains(&who), "{text:?}");
    text.is(0, &text.stdout, "");
    // An end that nobody holds any more waits for nobody.
    drop(half_client);
    wait_until("the orphan", || {
        let row = kernel_table::find(half.client_address, half.server_address);
        row.filter(|row| row.inode == 0)
    });
    let healthy = portwho(["doctor"]).run();
    healthy.is(0, &healthy.stdout, "");
    assert!(healthy.stdout.starts_with("healthy: "), "{healthy:?}");
}

/// Sets a setting of this test's own namespace, if it may.
fn set(name: &str, value: &str) -> bool {
    fs::write(format!("/proc/sys/net/ipv4/{name}"), value)
        .inspect_err(|error| skip(&format!("cannot set {name}: {error}")))
        .is_ok()
}

fn time_wait_against_the_ephemeral_ports() {
    if !set("ip_local_port_range", "20000 22400") || !set("tcp_tw_reuse", "0") {
        return;
    }
    let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 9000)).expect("bind");
    let mut client = Owner::named("chatty").playing("connections", &[]);
    client.line();
    thread::scope(|scope| {
        let served = scope.spawn(|| {
            for _ in 0..2100 {
                let (mut connection, _) = backend.accept().expect("accept");
                assert_eq!(connection.read(&mut [0]).expect("read"), 0);
            }
        });
        client.tell("churn 127.0.0.1:9000 2100");
        served.join().expect("serve");
    });
    client.tell("connect 127.0.0.1:9000 1");
    let _kept = backend.accept().expect("accept");
    // The kernel loses a few when both ends close on two processors at once.
    let count = settled(State::TIME_WAIT);
    assert!(count >= 2000, "{count}");
    let finding = only_finding();
    is(&finding, "time-wait-pressure", "warning", Some((client.pid(), "chatty")), count);
    let expected = json!({
        "limit": "ephemeral-ports",
        "local": "127.0.0.1",
        "foreign": {"address": "127.0.0.1", "port": 9000},
        "range": [20000, 22400],
        "of": 2401,
        "in_use": count + 1,
        "tcp_tw_reuse": 0,
        "tcp_timestamps": 1,
    });
    assert_eq!(finding["evidence"], expected);
    assert_eq!(finding["now"], "sysctl -w net.ipv4.tcp_tw_reuse=1");
    // Where ports are taken over already, only more of them help.
    assert!(set("tcp_tw_reuse", "2"));
    assert_eq!(only_finding()["now"], "sysctl -w net.ipv4.ip_local_port_range='15000 60999'");
    // In a larger range the same number is nothing to mention.
    assert!(set("ip_local_port_range", "20000 60999"));
    let healthy = portwho(["doctor"]).run();
    healthy.is(0, &healthy.stdout, "");
    assert!(healthy.stdout.starts_with("healthy: "), "{healthy:?}");
}

fn time_wait_against_the_buckets() {
    let made: Vec<_> = (0..8).map(|_| makers::time_wait(Loopback::V4)).collect();
    if !set("tcp_max_tw_buckets", "10") {
        return;
    }
    let finding = only_finding();
    is(&finding, "time-wait-pressure", "warning", None, 8);
    assert_eq!(finding["evidence"]["limit"], "tcp_max_tw_buckets");
    assert_eq!(finding["evidence"]["of"], 10);
    assert_eq!(finding["now"], "sysctl -w net.ipv4.tcp_max_tw_buckets=20");
    drop(made);
}

/// Runs `ip WORDS` in this thread's namespace.
#[track_caller]
fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().expect("ip");
    assert!(status.success(), "ip {words}: {status}");
}

fn a_fan_out_into_nowhere() {
    if find_in_path("ip").is_none() {
        return skip("no ip in the PATH");
    }
    // What is sent to lo, and is for nobody here, is dropped without an answer.
    ip("route add 198.18.0.0/15 dev lo");
    let mut worm = Owner::named("worm").playing("connections", &[]);
    worm.line();
    for host in 1..=120 {
        worm.tell(&format!("begin 198.18.0.{host}:445"));
    }
    worm.tell("begin 198.18.0.1:22");
    await_count("tcp", State::SYN_SENT, 121);
    let finding = only_finding();
    is(&finding, "syn-sent-fan-out", "warning", Some((worm.pid(), "worm")), 120);
    let evidence = json!({"sockets": 121, "foreign_ports": {"22": 1, "445": 120}});
    assert_eq!(finding["evidence"], evidence);
    assert_eq!(finding["now"], format!("portwho -v --state SYN_SENT --pid {}", worm.pid()));
}

fn half_open_connections() {
    let listener = makers::deferring(Loopback::V4, 256);
    let web = Owner::named("web").holding(listener.socket);
    let clients: Vec<OwnedFd> = (0..130).map(|_| makers::begin(listener.address)).collect();
    await_count("tcp", State::SYN_RECEIVED, 130);
    let finding = only_finding();
    is(&finding, "syn-flood", "warning", Some((web.pid(), "web")), 130);
    let port = listener.address.port();
    assert_eq!(finding["evidence"]["port"], port);
    assert_eq!(finding["evidence"]["foreign_addresses"], 1);
    assert_eq!(finding["now"], format!("portwho --state SYN_RECEIVED {port}"));
    drop(clients);
}

fn a_full_accept_queue() {
    let listener = makers::listening_with(Loopback::V4.port(0), 4, |_| {});
    let busy = Owner::named("busy").holding(listener.socket);
    let mut clients: Vec<OwnedFd> = (0..4).map(|_| makers::begin(listener.address)).collect();
    await_count("tcp", State::ESTABLISHED, 8);
    let healthy = portwho(["doctor"]).run();
    healthy.is(0, "healthy: 9 sockets of 2 processes, no finding\n", "");
    clients.extend((0..3).map(|_| makers::begin(listener.address)));
    wait_until("the queue to be full", || {
        let nowhere = Loopback::V4.any();
        let row = kernel_table::find(listener.address, SocketAddr::new(nowhere, 0))?;
        (row.receive_queue == 5).then_some(())
    });
    let finding = only_finding();
    is(&finding, "accept-queue-full", "critical", Some((busy.pid(), "busy")), 5);
    let evidence = &finding["evidence"];
    let local = json!({"address": "127.0.0.1", "port": listener.address.port()});
    assert_eq!((&evidence["local"], &evidence["backlog"]), (&local, &json!(4)));
    assert!(evidence["listen_overflows"].as_u64().is_some_and(|count| count > 0), "{finding:#}");
    // Clients that give up leave a CLOSE_WAIT in the queue: that is the same fault.
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 5);
    is(&only_finding(), "accept-queue-full", "critical", Some((busy.pid(), "busy")), 5);
}

fn a_peer_that_was_cut_off() {
    if find_in_path("ip").is_none() {
        return skip("no ip in the PATH");
    }
    let (tell_address, address) = mpsc::channel::<Option<SocketAddr>>();
    let (cut, cut_now) = mpsc::channel::<()>();
    let (tell_cut, is_cut) = mpsc::channel::<()>();
    let own = std::process::id();
    thread::scope(|scope| {
        scope.spawn(move || {
            in_netns(move || {
                let words = format!("link add v1 type veth peer name v0 netns {own}");
                let made = Command::new("ip").args(words.split(' ')).output().expect("ip");
                if !made.status.success() {
                    return tell_address.send(None).expect("send");
                }
                ip("addr add 10.77.0.2/24 dev v1");
                ip("link set v1 up");
                let peer = TcpListener::bind("10.77.0.2:0").expect("bind");
                tell_address.send(Some(peer.local_addr().expect("address"))).expect("send");
                let connections: Vec<TcpStream> =
                    (0..14).map(|_| peer.accept().expect("accept").0).collect();
                let half = |connection: &TcpStream| connection.shutdown(Shutdown::Write);
                connections.iter().take(7).for_each(|one| half(one).expect("shutdown"));
                cut_now.recv().expect("an order");
                ip("link set v1 down");
                tell_cut.send(()).expect("send");
                // They live on until the test has seen what it wants to see.
                let _ = cut_now.recv();
                drop(connections);
            });
        });
        let Some(peer) = address.recv().expect("an address") else {
            return skip("no veth on this machine");
        };
        ip("addr add 10.77.0.1/24 dev v0");
        ip("link set v0 up");
        let clients: Vec<TcpStream> =
            (0..14).map(|_| TcpStream::connect(peer).expect("connect")).collect();
        await_count("tcp", State::CLOSE_WAIT, 7);
        cut.send(()).expect("send");
        is_cut.recv().expect("cut");
        drop(clients);
        let finding = wait_until("three retransmissions of each", || {
            let output = portwho(["doctor", "--json"]).run();
            let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
            (answer["findings"][0]["count"] == 14).then(only_finding)
        });
        is(&finding, "unacknowledged-close", "warning", None, 14);
        let evidence = &finding["evidence"];
        assert_eq!(evidence["states"], json!({"FIN_WAIT_1": 7, "LAST_ACK": 7}));
        assert_eq!(evidence["peers"], json!({"10.77.0.2": 14}));
        assert!(evidence["most_retransmits"].as_u64().is_some_and(|count| count >= 3));
        let now = "portwho close --state \"FIN_WAIT_1,CLOSING,LAST_ACK\" --foreign 10.77.0.2";
        assert_eq!(finding["now"], now);
        drop(cut);
    });
}

fn descriptors_that_run_out() {
    let (mut hungry, _) = server("hungry");
    hungry.tell("descriptors 57 64");
    let healthy = portwho(["doctor"]).run();
    healthy.is(0, "healthy: 1 socket of 1 process, no finding\n", "");
    hungry.tell("descriptors 58 64");
    let finding = only_finding();
    is(&finding, "descriptors-nearly-used", "warning", Some((hungry.pid(), "hungry")), 58);
    assert_eq!(finding["evidence"], json!({"descriptor_limit": 64, "sockets": 1}));
    assert_eq!(finding["now"], format!("prlimit --pid {} --nofile=128:", hungry.pid()));
}

/// Somebody leaks, and this user may not see who.
fn a_hidden_culprit() {
    const NOBODY: u32 = 65534;
    if !can_become(NOBODY) {
        return skip("cannot become another user");
    }
    let (mut leaky, address) = server("leaky");
    drop(accepted(&mut leaky, address, 100));
    await_count("tcp", State::CLOSE_WAIT, 100);
    leaky.tell("read");
    let remedy = "run with sudo to see the owners of other users' sockets";
    let gap = format!("portwho: the owners of 101 sockets are hidden (root): {remedy}\n");
    let answer = portwho(["doctor", "--json"]).user(NOBODY).run().json(1, &gap);
    assert_eq!(gaps(&answer), [("owners-hidden", Some(101))]);
    let findings = answer["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{answer:#}");
    is(&findings[0], "close-wait-leak", "warning", None, 100);
    assert_eq!(findings[0]["evidence"]["cause"], "not-closed");
    assert_eq!(findings[0]["now"], "sudo portwho doctor");
    let text = portwho(["doctor"]).user(NOBODY).run();
    text.is(1, &text.stdout, &gap);
    assert!(text.stdout.contains("\nwho          a process of root\n"), "{text:?}");
}

fn thresholds_and_settings_on_demand() {
    let output = portwho(["doctor", "-v"]).run();
    output.is(0, &output.stdout, "");
    assert!(
        output.stdout.starts_with("healthy: 0 sockets of 0 processes, no finding\n\nThresholds\n")
    );
    for part in [
        "\nclose-wait-leak\n             100 at any age, or 10 older than 60 s; critical from 1000",
        "\nhalf-closed-pair\n             any; a note",
        "\ntime-wait-pressure\n             80 % of the ephemeral ports",
        "\nsyn-sent-fan-out\n             100 foreign addresses",
        "\nsyn-flood\n             128 SYN_RECEIVED on a port",
        "\naccept-queue-full\n             more connections than the backlog",
        "\nunacknowledged-close\n             10 with 3 retransmissions or more",
        "\ndescriptors-nearly-used\n             90 % of the limit",
        "\n\nSettings and counters\n  net.ipv4.ip_local_port_range = ",
        "\n  net.ipv4.tcp_max_tw_buckets = ",
        "\n  ListenOverflows since boot = 0\n",
    ] {
        assert!(output.stdout.contains(part), "{part}: {output:?}");
    }
    assert!(output.stdout.lines().all(|line| line.len() <= 80), "{output:?}");
    let answer = portwho(["doctor", "-v", "--json"]).run().json(0, "");
    assert_eq!(answer["thresholds"][3]["kind"], "syn-sent-fan-out");
    assert_eq!(answer["thresholds"][3]["threshold"], "100 foreign addresses");
    assert_eq!(answer["settings"]["ListenDrops since boot"], "0");
}

fn without_sockets_there_is_no_verdict() {
    if let Err(error) = empty_proc() {
        return skip(&format!("cannot mount: {error}"));
    }
    refuse::netlink(libc::EACCES);
    let why = "portwho: netlink refused (Permission denied (os error 13)), and cannot read \
               /proc/thread-self/net/tcp: No such file or directory (os error 2)\n";
    portwho(["doctor"]).run().is(2, "", why);
    portwho(["doctor", "--json"]).run().is(2, "", why);
}
