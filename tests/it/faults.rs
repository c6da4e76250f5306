//! The kernel's tables refused, partly there, or unusual: what can be shown is shown, and what is
//! missing is said, once.

mod addresses;

use serde_json::{Value, json};

use crate::support::features;
use crate::support::golden::{self, SocketRow};
use crate::support::json::{gaps, only_socket, sockets};
use crate::support::makers::{self, Loopback};
use crate::support::process::Owner;
use crate::support::{mounts, portwho, refuse, skip};

/// What both sources know of a socket.
fn essence(answer: &Value) -> Vec<Value> {
    const FIELDS: [&str; 9] =
        ["protocol", "family", "local", "foreign", "state", "owner", "user", "uid", "inode"];
    let of = |socket: &Value| {
        FIELDS.iter().map(|field| ((*field).to_owned(), socket[*field].clone())).collect()
    };
    sockets(answer).iter().map(of).collect()
}

/// The same rows in the same order as over netlink, but for those that are BOUND.
fn netlink_refused(errno: i32) {
    let mut held = Vec::new();
    let mut owners = Vec::new();
    for at in Loopback::BOTH {
        held.push(makers::listening(at.port(80)).socket);
        held.push(makers::bound(at.port(81)).socket);
        held.push(makers::udp(at.port(123)).socket);
        held.push(makers::udp_connected(at.port(53)).socket);
        let made = makers::half_closed(at);
        owners.push(Owner::named("closer").holding(made.client));
        held.extend([made.listener, made.server]);
        let made = makers::not_accepted(at);
        held.extend([made.listener, made.client]);
        held.push(makers::time_wait(at).listener);
        let made = makers::syn_received(at);
        held.extend([made.listener, made.client]);
    }
    let before = portwho(["--json"]).run().json(0, "");
    let mut expected = essence(&before);
    let count = expected.len();
    expected.retain(|socket| socket["state"] != "BOUND");
    let bound = if features::lists_bound() { 2 } else { 0 };
    assert_eq!(expected.len(), count - bound, "two are BOUND, where they are listed");
    refuse::netlink(errno);
    let after = portwho(["--json"]).run();
    let reason = std::io::Error::from_raw_os_error(errno).to_string();
    let reason = reason.split(" (os error").next().expect("a reason");
    assert_eq!(after.stderr.lines().count(), 1, "{}", after.stderr);
    assert!(after.stderr.to_lowercase().contains(&reason.to_lowercase()), "{}", after.stderr);
    let after = after.json(0, &after.stderr);
    assert_eq!(essence(&after), expected);
    assert_eq!(gaps(&after), [("netlink-refused", None)]);
}

#[trial]
fn netlink_refused_as_an_unknown_family() {
    netlink_refused(97);
}

#[trial]
fn netlink_refused_without_permission() {
    netlink_refused(1);
}

#[trial]
fn netlink_refused_by_policy() {
    netlink_refused(13);
}

#[trial]
fn netlink_refused_as_an_unknown_protocol() {
    netlink_refused(93);
}

#[trial]
fn bound_sockets_unseen_without_netlink() {
    let _held = makers::bound(Loopback::V4.port(80));
    refuse::netlink(1);
    refuse::other_namespaces();
    let output = portwho(["--json", "--state", "BOUND"]).run();
    let answer = output.json(1, &output.stderr);
    assert_eq!(answer["sockets"], json!([]));
    assert_eq!(gaps(&answer), [("netlink-refused", None)]);
}

#[trial]
fn nothing_found_without_netlink() {
    refuse::netlink(1);
    refuse::other_namespaces();
    let why = "portwho: netlink was refused (Operation not permitted (os error 1)), so \
               /proc/net was read: BOUND sockets, backlogs, idle times and cgroups are missing; \
               allow AF_NETLINK \
               sockets (NETLINK_SOCK_DIAG)\n\
               portwho: port 4732 is not in use by any socket that can be seen\n";
    portwho(["4732"]).run().is(1, "", why);
}

#[trial]
fn netlink_and_proc_refused() {
    let _held = makers::listening(Loopback::V4.port(80));
    if let Err(error) = mounts::empty_proc() {
        return skip(&format!("mount: {error}"));
    }
    refuse::netlink(1);
    for words in [&["80"] as &[&str], &[], &["--json"], &["-q"], &["--summary"], &["-u"]] {
        let output = portwho(words).run();
        output.is(2, "", &output.stderr);
        assert!(output.stderr.starts_with("portwho: "), "{output:?}");
        assert!(output.stderr.contains("/proc"), "{output:?}");
    }
}

/// Netlink tells the sockets, and nothing tells the owners.
#[trial]
fn proc_empty() {
    let _held = makers::listening(Loopback::V4.port(80));
    if let Err(error) = mounts::empty_proc() {
        return skip(&format!("mount: {error}"));
    }
    let unreadable = "portwho: cannot list processes: No such file or directory (os error 2): \
                      make the list of processes readable (on Linux: mount /proc), and run portwho again\n";
    let expected = golden::netstat(&[listener("127.0.0.1:80", "?").image("(root)")]);
    portwho(["80"]).run().is(0, &expected, unreadable);
    let answer = portwho(["--json", "80"]).run().json(0, unreadable);
    assert_ne!(only_socket(&answer)["owner"]["kind"], "processes");
    let of_bound = |(kind, _): &(&str, _)| *kind == "bound-not-listed" && !features::lists_bound();
    let told: Vec<_> = gaps(&answer).into_iter().filter(|gap| !of_bound(gap)).collect();
    assert_eq!(told, [("processes-unreadable", None)]);
    let answer = portwho(["doctor", "--json"]).run().json(0, unreadable);
    let checks = answer["checks"].as_array().expect("checks").iter();
    let check = checks.into_iter().find(|check| check["kind"] == "descriptors-nearly-used");
    let check = check.expect("the check");
    assert_eq!((&check["made"], &check["needs"]), (&json!(false), &json!("system")));
}

fn listener(local: &str, pid: impl ToString) -> SocketRow {
    let foreign = if local.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    golden::socket("TCP", local, foreign, "LISTENING", pid)
}
