//! Containers of a real Docker engine: named by the ports that they publish, by their processes
//! and by their network namespaces, and never cut off from their ports.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use serde_json::{Value, json};

use crate::support::docker::{Container, Image};
use crate::support::json::{only_socket, process, sockets};
use crate::support::process::can_become;
use crate::support::{Run, netns, portwho};

const NOBODY: u32 = 65534;

/// The port is published on loopback alone: one forwarder, one row.
const PUBLISHED: [&str; 2] = ["-p", "127.0.0.1::80"];

/// The program on the machine's own network, where the engine's ports are.
fn outside(words: &[&str]) -> Run {
    portwho(words).on_the_machines_network(None)
}

#[track_caller]
fn in_json(words: &[&str], remarks: &str) -> Value {
    outside(&[&["--json"], words].concat()).run().json(0, remarks)
}

fn described(container: &Container) -> Value {
    json!({"runtime": "docker", "id": container.short_id(), "name": container.name})
}

/// The only process that holds what was asked for.
#[track_caller]
fn only_owner(answer: &Value) -> u32 {
    let owner = &only_socket(answer)["owner"];
    let [pid] = owner["pids"].as_array().expect("PIDs").as_slice() else { panic!("{answer:#}") };
    u32::try_from(pid.as_u64().expect("a number")).expect("a PID")
}

/// What is said of a port that is the container's.
fn is_the_containers(port: u16, container: &Container) -> String {
    let name = &container.name;
    format!(
        "portwho: port {port} belongs to the Docker container {name}; to stop it, run: docker stop {name}\n"
    )
}

#[trial]
fn a_published_port_is_the_containers() {
    let Some(image) = Image::new() else { return };
    let container = image.run(&PUBLISHED, &["-p", "80"]);
    let port = container.published();
    let remark = is_the_containers(port, &container);
    let answer = in_json(&[&port.to_string()], &remark);
    let forwarder = only_owner(&answer);
    let forwarder = process(&answer, forwarder);
    assert_eq!(forwarder["name"], "docker-proxy");
    assert_eq!(forwarder["container"], described(&container));
    let output = outside(&[&port.to_string()]).run();
    assert!(output.stdout.contains("\ndocker-proxy "), "{output:?}");
    output.is(0, &output.stdout, &remark);
}

/// A container with a published port, and who forwards that.
fn published(image: &Image) -> (Container, u16, u32) {
    let container = image.run(&PUBLISHED, &["-p", "80"]);
    container.await_listener();
    let port = container.published();
    let forwarder =
        only_owner(&in_json(&[&port.to_string()], &is_the_containers(port, &container)));
    (container, port, forwarder)
}

#[trial]
fn kill_refuses_the_forwarder() {
    let Some(image) = Image::new() else { return };
    let (container, port, forwarder) = published(&image);
    let name = &container.name;
    let held = format!(
        "127.0.0.1:{port} is held by docker-proxy (PID {forwarder}, user root, the Docker container \
         {name})\n"
    );
    let refused = format!(
        "portwho: port {port}: refused: docker-proxy (PID {forwarder}) serves the Docker container \
         {name}; run: docker stop {name}\n"
    );
    for words in [&["kill"][..], &["kill", "-y", "--force"], &["kill", "-n"]] {
        let output = outside(&[words, &[&port.to_string()]].concat()).run();
        assert!(output.stdout.starts_with(&held), "{output:?}");
        output.is(2, &output.stdout, &refused);
    }
    assert!(container.is_running());
    assert!(answers(port), "the port still leads to the server");
}

/// Its listener would be gone, and the container would run on without its port.
#[trial]
fn close_refuses_the_forwarder() {
    let Some(image) = Image::new() else { return };
    let (container, port, forwarder) = published(&image);
    let name = &container.name;
    let refused = format!(
        "portwho: 1 LISTENING of docker-proxy (PID {forwarder}): refused: it serves the Docker \
         container {name}, which would keep running without its port; run: docker stop {name}\n"
    );
    outside(&["close", "-y", "-l", &port.to_string()]).run().is(2, "", &refused);
    assert!(answers(port), "the port still leads to the server");
}

/// Whether a web server answers there, on the machine's own network.
fn answers(port: u16) -> bool {
    let ask = move || {
        setns(netns::of_the_machine(), CloneFlags::CLONE_NEWNET).expect("the machine's network");
        let mut connection = TcpStream::connect(("127.0.0.1", port)).expect("connect");
        connection.set_read_timeout(Some(Duration::from_mins(1))).expect("a deadline");
        connection.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("ask");
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).expect("an answer");
        answer.starts_with(b"HTTP/1")
    };
    thread::spawn(ask).join().expect("a thread")
}

#[trial]
fn a_server_inside_is_found_in_its_namespace() {
    let Some(image) = Image::new() else { return };
    let container = image.run(&[], &["-p", "80"]);
    container.await_listener();
    let output = portwho(["--all-netns", "--json", "80", "--name", "httpd"]).run();
    let answer = output.json(0, &output.stderr);
    let is_its = |socket: &&Value| socket["netns"]["name"] == container.name.as_str();
    let found: Vec<&Value> = sockets(&answer).iter().filter(is_its).collect();
    let [socket] = found[..] else { panic!("{answer:#}") };
    assert_eq!(socket["owner"], json!({"kind": "processes", "pids": [container.pid()]}));
    assert_eq!(process(&answer, container.pid())["container"], described(&container));
    assert!(output.stderr.contains(&is_the_containers(80, &container)), "{output:?}");
    let row = format!(" {:<8} httpd      {:.25}\n", container.pid(), container.name);
    let table = portwho(["--all-netns", "80", "--name", "httpd"]).run();
    assert_eq!(table.stdout.matches(&row).count(), 1, "{table:?}");
}

/// `--network host`: the server itself holds the port.
const ON_THE_MACHINE: [&str; 2] = ["--network", "host"];

#[trial]
fn a_server_on_the_machines_network() {
    let Some(image) = Image::new() else { return };
    let container = image.run(&ON_THE_MACHINE, &["-p", "127.0.0.1:0"]);
    let port = container.await_listener();
    let remark = is_the_containers(port, &container);
    let answer = in_json(&[&port.to_string(), "-l"], &remark);
    assert_eq!(only_owner(&answer), container.pid());
    assert_eq!(process(&answer, container.pid())["container"], described(&container));
    let name = &container.name;
    let output = outside(&["-v", "-l", &port.to_string()]).run();
    let line = format!("  container    the Docker container {name} ({})\n", container.short_id());
    assert!(output.stdout.contains(&line), "{output:?}");
    let output = outside(&["kill", "-n", &port.to_string()]).run();
    let again =
        format!("  it runs in a container; to stop the container, run: docker stop {name}\n");
    assert!(output.stdout.contains(&again), "{output:?}");
    output.is(0, &output.stdout, "");
}

/// Who may not look into it still reads the cgroup of its socket.
#[trial]
fn its_owner_is_named_to_others_too() {
    let Some(image) = Image::new() else { return };
    if !can_become(NOBODY) {
        return crate::support::skip("there is no other user here");
    }
    let container = image.run(&ON_THE_MACHINE, &["-p", "127.0.0.1:0"]);
    let port = container.await_listener();
    let (id, pid) = (container.short_id(), container.pid());
    let remarks = format!(
        "portwho: the owners of 1 socket are hidden (root): run with sudo to see the owners of \
         other users' sockets\n\
         portwho: 127.0.0.1:{port}: held by root in the Docker container {id} (most likely PID \
         {pid})\n"
    );
    let words = [&port.to_string(), "-l"];
    let output = portwho(words).on_the_machines_network(Some(NOBODY)).run();
    output.is(0, &output.stdout, &remarks);
}

#[trial]
fn after_docker_stop_the_port_is_free() {
    let Some(image) = Image::new() else { return };
    let container = image.run(&PUBLISHED, &["-p", "80"]);
    let port = container.published();
    outside(&["-q", &port.to_string()]).run().is(
        0,
        &format!(
            "{}\n",
            only_owner(&in_json(&[&port.to_string()], &is_the_containers(port, &container)))
        ),
        &is_the_containers(port, &container),
    );
    container.stop();
    let output = outside(&[&port.to_string()]).run();
    output.is(1, "", &output.stderr);
    assert!(output.stderr.contains(&format!("portwho: port {port} is free")), "{output:?}");
    assert!(!output.stderr.contains(&container.name), "{output:?}");
}
