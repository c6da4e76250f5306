//! What each capability adds for a user who is not root: the table of docs/security.md.

use serde_json::Value;

use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::process::{Owner, can_become, is_machines_root};
use crate::support::{portwho, skip};

const NOBODY: u32 = 65_534;
/// The user who owns what is listed.
const OTHER: u32 = 33;

/// A user's rights beyond its own, and what they suffice for on another user's sockets.
struct Rights {
    capabilities: &'static [&'static str],
    owners: bool,
    kill: bool,
    close: bool,
}

const fn rights(capabilities: &'static [&'static str], owners: bool) -> Rights {
    Rights { capabilities, owners, kill: false, close: false }
}

const RIGHTS: [Rights; 11] = [
    rights(&[], false),
    rights(&["sys_ptrace"], false),
    rights(&["dac_read_search"], false),
    rights(&["net_admin"], false),
    rights(&["kill"], false),
    rights(&["sys_admin"], false),
    rights(&["sys_ptrace", "sys_admin"], false),
    rights(&["sys_ptrace", "dac_read_search"], true),
    rights(&["sys_ptrace", "dac_read_search", "sys_admin"], true),
    Rights { kill: true, ..rights(&["sys_ptrace", "dac_read_search", "kill"], true) },
    Rights { close: true, ..rights(&["sys_ptrace", "dac_read_search", "net_admin"], true) },
];

/// Whether there are other users, and namespaces that only root may enter; a skip where not.
fn can_be_tried() -> bool {
    if ![NOBODY, OTHER].into_iter().all(can_become) {
        skip("there is no other user here");
        return false;
    }
    is_machines_root()
}

#[trial]
fn owners_take_two_capabilities_together() {
    if !can_be_tried() {
        return;
    }
    let listener = makers::listening(Loopback::V4.port(80));
    let web = Owner::named("web").user(OTHER).holding(listener.socket);
    for Rights { capabilities, owners, .. } in RIGHTS {
        let output = portwho(["-q", "80"]).user_with(NOBODY, capabilities).run();
        let expected = if owners { format!("{}\n", web.pid()) } else { String::new() };
        assert_eq!(output.stdout, expected, "{capabilities:?}: {output:?}");
    }
}

/// Descriptors of an owner that is hidden are not counted, so that check is not made.
#[trial]
fn descriptors_take_the_rights_of_owners() {
    if !can_be_tried() {
        return;
    }
    let listener = makers::listening(Loopback::V4.port(80));
    let _web = Owner::named("web").user(OTHER).holding(listener.socket);
    for Rights { capabilities, owners, .. } in RIGHTS {
        let output = portwho(["doctor", "--json"]).user_with(NOBODY, capabilities).run();
        let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
        let checks = answer["checks"].as_array().expect("checks").iter();
        let check = checks.into_iter().find(|check| check["kind"] == "descriptors-nearly-used");
        let check = check.expect("the check");
        let needs = if owners { Value::Null } else { "rights".into() };
        assert_eq!((&check["made"], &check["needs"]), (&owners.into(), &needs), "{capabilities:?}");
    }
}

#[trial]
fn close_takes_its_own_capability_as_well() {
    if !can_be_tried() {
        return;
    }
    for Rights { capabilities, close, .. } in RIGHTS {
        let made = makers::established(Loopback::V4);
        let app = Owner::named("app").user(OTHER).holding(made.server);
        let words = ["close", "-y", "-s", "ESTABLISHED", &made.server_address.port().to_string()];
        let output = portwho(words).user_with(NOBODY, capabilities).run();
        let expected = if close { 0 } else { 2 };
        assert_eq!(output.code, Some(expected), "{capabilities:?}: {output:?}");
        assert!(!app.has_exited(), "{capabilities:?}");
    }
}

#[trial]
fn kill_takes_its_own_capability_as_well() {
    if !can_be_tried() {
        return;
    }
    for Rights { capabilities, kill, .. } in RIGHTS {
        let listener = makers::listening(Loopback::V4.port(80));
        let web = Owner::named("web").user(OTHER).holding(listener.socket);
        let output = portwho(["kill", "-y", "80"]).user_with(NOBODY, capabilities).run();
        let expected = if kill { 0 } else { 2 };
        assert_eq!(output.code, Some(expected), "{capabilities:?}: {output:?}");
        assert_eq!(web.has_exited(), kill, "{capabilities:?}");
    }
}

/// A port of this test alone: other namespaces of the machine are searched too.
#[trial]
fn other_namespaces_take_root() {
    if !can_be_tried() {
        return;
    }
    let held = in_netns(|| makers::listening(Loopback::V4.port(0)));
    let port = held.address.port().to_string();
    let there = Owner::named("there").holding(held.socket);
    let words = ["--all-netns", "-q", "--name", "there", &port];
    for Rights { capabilities, .. } in RIGHTS {
        let output = portwho(words).user_with(NOBODY, capabilities).run();
        assert_eq!(output.stdout, "", "{capabilities:?}: {output:?}");
    }
    assert!(!there.has_exited());
}

#[trial]
fn own_connections_are_closed_by_one_capability() {
    if !can_be_tried() {
        return;
    }
    for (capabilities, expected) in [(&[][..], 2), (&["net_admin"], 0)] {
        let made = makers::established(Loopback::V4);
        let app = Owner::named("app").user(NOBODY).holding(made.server);
        let words = ["close", "-y", "-s", "ESTABLISHED", &made.server_address.port().to_string()];
        let output = portwho(words).user_with(NOBODY, capabilities).run();
        assert_eq!(output.code, Some(expected), "{capabilities:?}: {output:?}");
        assert!(!app.has_exited(), "{capabilities:?}");
    }
}

#[trial]
fn own_sockets_take_none() {
    if !can_be_tried() {
        return;
    }
    let listener = makers::listening(Loopback::V4.port(80));
    let own = Owner::named("own").user(NOBODY).holding(listener.socket);
    let output = portwho(["-q", "80"]).user_with(NOBODY, &[]).run();
    assert_eq!(output.stdout, format!("{}\n", own.pid()), "{output:?}");
    let output = portwho(["kill", "-y", "80"]).user_with(NOBODY, &[]).run();
    assert_eq!((output.code, own.has_exited()), (Some(0), true), "{output:?}");
}
