//! What is listed on a running Windows: sockets of children, compared to the column.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;

use portwho::model::{About, Pid, Scope};
use portwho::platform::{Processes, Sockets, ThisSystem};
use serde_json::{Value, json};

use crate::support::json::{only_socket, process, socket};
use crate::support::netstat;
use crate::support::peer::{EVERYTHING, Peer};
use crate::support::{Scratch, portwho, wait_until, wine};
use crate::windows_lab;

#[trial]
fn json_of_a_listener() {
    let peer = Peer::holding(&EVERYTHING);
    let answer = peer.json();
    assert_eq!((&answer["schema"], &answer["os"]), (&json!(1), &json!("windows")));
    assert_eq!(answer["sockets"].as_array().map(Vec::len), Some(4));
    for (index, at) in peer.at.iter().enumerate() {
        let socket = socket(&answer, *at, None);
        let (protocol, state) =
            if index < 2 { ("tcp", json!("LISTENING")) } else { ("udp", Value::Null) };
        let family = if at.is_ipv4() { "ipv4" } else { "ipv6" };
        assert_eq!((&socket["protocol"], &socket["family"]), (&json!(protocol), &json!(family)));
        assert_eq!(socket["state"], state);
        assert_eq!(socket["owner"], json!({"kind": "processes", "pids": [peer.pid()]}));
        for field in ["user", "uid", "inode", "recv_queue", "send_queue", "timer", "netns"] {
            assert_eq!(socket[field], Value::Null, "{field}");
        }
        assert_eq!(socket["local"]["interface"], Value::Null);
    }
}

/// The row at this place, once it is in this state.
#[track_caller]
fn in_state(peer: &Peer, local: SocketAddr, foreign: SocketAddr, state: &str) {
    let words = peer.words_at(&[local]);
    let expected = netstat::socket("TCP", local, foreign, state, peer.pid()).image(Peer::name());
    let expected = netstat::netstat(&[expected]);
    let expected = expected.lines().last().expect("a row");
    let words = words.iter().map(String::as_str).chain(["--no-header", "--not-state", "LISTENING"]);
    let words: Vec<&str> = words.collect();
    wait_until(expected, || {
        let output = portwho(&words).run();
        output.stdout.lines().any(|line| line == expected).then_some(())
    });
}

#[trial]
fn both_ends_of_a_connection() {
    for address in ["tcp:127.0.0.1:0", "tcp:[::1]:0"] {
        let (mut server, mut client) = (Peer::holding(&[address]), Peer::holding(&[]));
        let near = client.connect(&mut server);
        in_state(&client, near, server.at[0], "ESTABLISHED");
        in_state(&server, server.at[0], near, "ESTABLISHED");
        let port = near.port().to_string();
        let seen = if wine::is_wine() { " that can be seen" } else { "" };
        let remarks = format!(
            "{}portwho: port {port} has no listener{seen}; 1 connection uses it: a bind may fail \
             until it ends\n",
            wine::gap()
        );
        let answer = portwho(["--json", &port]).run().json(0, &remarks);
        let owner = json!({"kind": "processes", "pids": [client.pid()]});
        assert_eq!(socket(&answer, near, Some(server.at[0]))["owner"], owner);
    }
}

#[trial]
fn a_half_closed_connection() {
    let (mut server, mut client) = (Peer::holding(&["tcp:127.0.0.1:0"]), Peer::holding(&[]));
    let near = client.connect(&mut server);
    client.tell("shutdown");
    in_state(&client, near, server.at[0], "FIN_WAIT_2");
    in_state(&server, server.at[0], near, "CLOSE_WAIT");
}

/// Windows lists the near end of a connection as bound, too: nobody waits there.
#[trial]
fn a_client_has_no_bound_twin() {
    let (mut server, mut client) = (Peer::holding(&["tcp:127.0.0.1:0"]), Peer::holding(&[]));
    let near = client.connect(&mut server);
    let port = near.port().to_string();
    let seen = if wine::is_wine() { " that can be seen" } else { "" };
    let remarks = format!(
        "{}portwho: port {port} has no listener{seen} for TCP; 1 connection uses it: a bind may fail \
         until it ends\n",
        wine::gap()
    );
    let answer = portwho(["--json", "-t", &port]).run().json(0, &remarks);
    assert_eq!(only_socket(&answer)["state"], "ESTABLISHED");
}

#[trial]
fn time_wait_is_nobodys() {
    if wine::is_wine() {
        return windows_lab::time_wait_and_the_kernel();
    }
    let (mut server, mut client) = (Peer::holding(&["tcp:127.0.0.1:0"]), Peer::holding(&[]));
    let near = client.connect(&mut server);
    client.tell("close");
    server.tell("close");
    let port = near.port().to_string();
    let owner = wait_until("TIME_WAIT", || {
        let output = portwho(["--json", "-s", "TIME_WAIT", &port]).run();
        let answer: Value = serde_json::from_str(&output.stdout).ok()?;
        Some(answer["sockets"].get(0)?["owner"].clone())
    });
    assert_eq!(owner, json!({"kind": "kernel", "reason": "time-wait"}));
}

/// PID 4, which every Windows has listening somewhere.
#[trial]
fn the_systems_own_listener() {
    if wine::is_wine() {
        return windows_lab::system_never_exits();
    }
    let output = portwho(["--json", "-l", "-t", "--pid", "4"]).run();
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    let socket = &answer["sockets"][0];
    assert_eq!(socket["owner"], json!({"kind": "kernel", "reason": "kernel"}));
    assert_eq!(process(&answer, 4)["name"], "System");
    let port = socket["local"]["port"].to_string();
    let pids = portwho(["-q", "-t", "-l", &port]).run().stdout;
    assert!(!pids.lines().any(|line| ["0", "4"].contains(&line)), "{pids:?}");
    let output = portwho(["kill", "-n", &port]).run();
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(output.stderr.contains("refused: System (PID 4) is the kernel: "), "{output:?}");
}

/// When a socket was made tells whether the process that has its PID now can have made it.
#[trial]
fn creation_times() {
    if wine::is_wine() {
        return windows_lab::the_age_of_a_socket();
    }
    let peer = Peer::holding(&EVERYTHING);
    let pid = Pid(peer.pid());
    let birth = ThisSystem::default().processes(&BTreeSet::from([pid]), About::Table)[&pid]
        .birth
        .expect("a birth");
    let table = ThisSystem::default().sockets(&Scope::everything()).expect("the tables");
    let owners = table.sockets.iter().filter_map(|socket| socket.table_owner);
    let created: Vec<u64> = owners
        .filter(|owner| owner.pid == pid)
        .map(|owner| owner.created.expect("a time"))
        .collect();
    assert_eq!(created.len(), 4);
    // The clock goes on in steps, and the two are not read at the same moment.
    let earliest = birth - 200_000;
    assert!(created.iter().all(|created| *created >= earliest), "{birth} {created:?}");
}

#[trial]
fn bound_sockets_are_listed() {
    if wine::is_wine() {
        return windows_lab::bound_endpoints_and_their_twins();
    }
    let table = ThisSystem::default().sockets(&Scope::everything()).expect("the tables");
    assert_eq!(table.gaps, []);
}

#[trial]
fn redirected_to_a_file() {
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let scratch = Scratch::new();
    let path = scratch.path().join("rows");
    let mut words = peer.words();
    words.extend(["--no-header".to_owned(), "--color".to_owned(), "auto".to_owned()]);
    let file = std::fs::File::create(&path).expect("create");
    portwho(&words).env("TERM", "xterm").stdout(file).run().is(0, "", "");
    let written = std::fs::read_to_string(&path).expect("UTF-8");
    let first = netstat::netstat(&peer.rows());
    assert_eq!(written.lines().next(), first.lines().last());
    assert!(!written.contains('\u{1b}') && !written.contains('\r'), "{written:?}");
    words.retain(|word| word != "--color" && word != "auto");
    words.push("--color=always".to_owned());
    assert!(portwho(words).run().stdout.contains("\u{1b}[32m"), "listeners are green");
}

#[trial]
fn a_reader_who_was_never_there() {
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let port = peer.port().to_string();
    for words in [&["--help"][..], &[&port], &["--json", &port], &["-q", &port]] {
        assert_ne!(portwho(words).run().stdout, "", "there is something to write: {words:?}");
        let (reader, writer) = io::pipe().expect("pipe");
        drop(reader);
        portwho(words).stdout(writer).run().is(0, "", "");
    }
}

/// A process that holds nothing.
#[trial]
fn nothing_there() {
    let peer = Peer::holding(&[]);
    let pid = peer.pid().to_string();
    for (view, stdout) in [("-q", ""), ("-l", ""), ("--summary", "")] {
        let output = portwho([view, "--pid", &pid]).run();
        assert!(output.stderr.ends_with("portwho: no socket matches\n"), "{output:?}");
        output.is(1, stdout, &output.stderr);
    }
    let output = portwho(["--json", "--pid", &pid]).run();
    let answer = output.json(1, &output.stderr);
    assert_eq!((&answer["sockets"], &answer["processes"]), (&json!([]), &json!([])));
}

/// First the port is somebody's, and then nobody's. The rest of the verdict is the machine's: the
/// ports that it hands out, and whether it lists bound sockets.
#[trial]
fn a_bind_is_tried() {
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let port = peer.port().to_string();
    let held = portwho(["--try-bind", &format!("127.0.0.1:{port}")]).run();
    let fails = format!("portwho: 127.0.0.1:{port}: a TCP bind fails at 127.0.0.1: ");
    assert!(held.stderr.lines().last().expect("a line").starts_with(&fails), "{held:?}");
    held.is(0, &held.stdout, &held.stderr);
    drop(peer);
    let succeeds =
        format!("portwho: port {port}: a TCP bind succeeds at 127.0.0.1, 0.0.0.0, [::]\n");
    let free = wait_until("the port to be free", || {
        let output = portwho(["--try-bind", &port]).run();
        output.stderr.ends_with(&succeeds).then_some(output)
    });
    assert!(free.stderr.contains(&format!("portwho: port {port} is ")), "{free:?}");
    assert!(!free.stderr.contains("a bind fails"), "{free:?}");
    free.is(1, "", &free.stderr);
}

#[trial]
fn there_are_no_other_namespaces() {
    let line = "portwho: --all-netns: Windows shows the sockets of one network compartment only; \
                run portwho inside of the container\n";
    portwho(["--all-netns"]).run().is(2, "", line);
}

#[trial]
fn listeners_in_order() {
    let peer = Peer::holding(&EVERYTHING);
    let expected = netstat::netstat(&peer.rows());
    let output = portwho(peer.words()).run();
    assert!(output.stdout.starts_with(&expected), "{expected}{}", output.stdout);
    output.is(0, &output.stdout, &wine::gap());
}

/// The first one in the system's file of services, whatever it is.
#[trial]
fn ports_by_the_name_of_a_service() {
    let root = std::env::var("SystemRoot").expect("SystemRoot");
    let file = std::fs::read(format!(r"{root}\System32\drivers\etc\services")).expect("services");
    let text = String::from_utf8_lossy(&file).into_owned();
    let first = text.lines().find_map(|line| {
        let mut words = line.split('#').next()?.split_whitespace();
        Some((words.next()?, words.next()?.split_once('/')?.0))
    });
    let (name, port) = first.expect("a service");
    let (by_name, by_port) = (portwho(["--json", name]).run(), portwho(["--json", port]).run());
    assert_ne!(by_name.code, Some(2), "{by_name:?}");
    by_name.is(by_port.code.expect("a code"), &by_port.stdout, &by_port.stderr);
    let why = "portwho: port 'no-such-service': unknown service; use a number from 1 to 65535; \
               to find processes by name, run: portwho --name no-such-service\n";
    portwho(["no-such-service"]).run().is(2, "", why);
}
