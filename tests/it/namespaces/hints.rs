//! What is held in another one, where nothing is here.

use serde_json::json;

use super::{name, port, server_elsewhere};
use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::process::{Owner, is_machines_root};
use crate::support::{golden, portwho};

/// The hint is the same in every view.
#[trial]
fn what_is_held_elsewhere_is_hinted_at() {
    if !is_machines_root() {
        return;
    }
    let (name, port) = (name(), port());
    let there = server_elsewhere(&name, port);
    let pid = there.pid();
    let hint = |verdict: &str, words: &str| {
        format!(
            "portwho: {verdict}\n\
             portwho: 127.0.0.1:{port} is held in the network namespace of {name} (PID {pid}); to see \
             it, run: portwho --all-netns {words}\n"
        )
    };
    let free = format!("port {port} is free");
    let port_alone = port.to_string();
    portwho([&port_alone]).run().is(1, "", &hint(&free, &port_alone));
    portwho(["-q", &port_alone]).run().is(1, "", &hint(&free, &format!("-q {port}")));
    let output = portwho(["--json", &port_alone]).run();
    let answer = output.json(1, &hint(&free, &format!("--json {port}")));
    assert_eq!((&answer["sockets"], &answer["gaps"]), (&json!([]), &json!([])));
    let by_name = hint("no socket matches", &format!("--name {name}"));
    portwho(["--name", &name]).run().is(1, "", &by_name);
    let _here = makers::listening(Loopback::V4.port(port));
    let here = portwho([port.to_string()]).run();
    here.is(0, &here.stdout, "");
}

/// kill does not end what is there: its namespace has to be entered first.
#[trial]
fn kill_says_what_is_held_elsewhere() {
    if !is_machines_root() {
        return;
    }
    let (name, port) = (name(), port());
    let there = server_elsewhere(&name, port);
    let pid = there.pid();
    for words in [&["kill"][..], &["kill", "-y"], &["kill", "-n"]] {
        let hint = format!(
            "portwho: port {port}: nothing holds it\n\
             portwho: 127.0.0.1:{port} is held in the network namespace of {name} (PID {pid}); to \
             terminate the holder there, run: nsenter -t {pid} -n portwho {} {port}\n",
            words.join(" ")
        );
        let words = words.iter().map(|word| (*word).to_owned()).chain([port.to_string()]);
        portwho(words).run().is(1, "", &hint);
    }
    assert!(!there.process.has_exited());
    let _here = makers::listening(Loopback::V4.port(port));
    let output = portwho(["kill", "-n", &port.to_string()]).run();
    assert!(!output.stderr.contains("namespace"), "{output:?}");
}

/// A child of the process that the namespace is named after, and another process.
#[trial]
fn other_holders_are_named_too() {
    if !is_machines_root() {
        return;
    }
    let (name, port) = (name(), port());
    let mut there = server_elsewhere(&name, port);
    let child: u32 = there.tell("fork").parse().expect("a PID");
    let (pid, hint) = (there.pid(), portwho([port.to_string()]).run().stderr);
    let held = format!(
        "is held in the network namespace of {name} (PID {pid}) by {name} (PID {pid}), {} (PID \
         {child}); ",
        golden::name_of(child)
    );
    assert!(hint.contains(&held), "{hint}");
}

#[trial]
fn several_sockets_elsewhere_are_counted() {
    if !is_machines_root() {
        return;
    }
    let name = name();
    let words = ["127.0.0.1:80", "127.0.0.1:81"];
    let mut there = in_netns(|| Owner::named(&name).playing("listen", &words));
    there.line();
    let hint = format!(
        "portwho: no socket matches\n\
         portwho: 2 sockets are in the network namespace of {name} (PID {}); to see them, run: \
         portwho --all-netns --name {name}\n",
        there.pid()
    );
    portwho(["--name", &name]).run().is(1, "", &hint);
}
