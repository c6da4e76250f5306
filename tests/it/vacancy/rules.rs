//! What the system's own rules say of a port: privileged, reserved, ephemeral.

use std::fs;

use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

use super::{NOBODY, asked, says, try_bind};
use crate::support::makers::{self, Loopback};
use crate::support::netns::NOT_SEARCHED;
use crate::support::process::{Owner, can_become};
use crate::support::{features, portwho, skip};

/// Changes a setting of this test's network namespace.
#[track_caller]
fn set(name: &str, value: &str) {
    fs::write(format!("/proc/sys/net/ipv4/{name}"), value).expect("a setting of the namespace");
}

/// The line of a port that takes more privileges.
fn takes_rights(port: u16, below: u16) -> String {
    format!(
        "portwho: port {port} is not in use, but a bind fails: ports below {below} require root or \
         CAP_NET_BIND_SERVICE (net.ipv4.ip_unprivileged_port_start)\n"
    )
}

#[trial]
fn ports_of_privileged_users() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    if !features::lists_bound() {
        return;
    }
    let as_nobody = |port: u16, line: &str| {
        let words = [port.to_string()];
        portwho(&words).user(NOBODY).run().is(1, "", &format!("{line}{NOT_SEARCHED}"));
        // The system's own word for it.
        let bind = portwho(["--try-bind", &words[0]]).user(NOBODY).run();
        let denied = bind.stderr.contains("Permission denied (os error 13)");
        assert_eq!(denied, line.contains("a bind fails"), "{bind:?}");
    };
    set("ip_unprivileged_port_start", "1024");
    as_nobody(1023, &takes_rights(1023, 1024));
    as_nobody(1024, "portwho: port 1024 is free\n");
    set("ip_unprivileged_port_start", "81");
    as_nobody(80, &takes_rights(80, 81));
    as_nobody(81, "portwho: port 81 is free\n");
    set("ip_unprivileged_port_start", "0");
    as_nobody(80, "portwho: port 80 is free\n");
    set("ip_unprivileged_port_start", "1024");
    says(&["80"], "portwho: port 80 is free\n");
}

#[trial]
fn root_without_the_capability() {
    set("ip_unprivileged_port_start", "1024");
    says(&["80"], "portwho: port 80 is free\n");
    remove_capability_from_bounding_set(CapabilitySet::NET_BIND_SERVICE).expect("drop it");
    says(&["80"], &takes_rights(80, 1024));
    says(&["8080"], "portwho: port 8080 is free\n");
}

/// The kernel never assigns it to a bind of port 0, and lets a bind name it.
#[trial]
fn a_reserved_port() {
    set("ip_local_reserved_ports", "8080,9148-9150");
    for port in [8080, 9149] {
        let line = format!(
            "portwho: port {port} is free; it is reserved, so never assigned automatically \
             (net.ipv4.ip_local_reserved_ports)\n"
        );
        says(&[&port.to_string()], &line);
        try_bind(Loopback::V4.port(port), false).expect("it can be bound");
    }
    says(&["8081"], "portwho: port 8081 is free\n");
}

#[trial]
fn the_ephemeral_range() {
    set("ip_local_port_range", "40000 50001");
    for port in [40_000, 50_001] {
        let line = format!(
            "portwho: port {port} is free; it is in the ephemeral range 40000-50001: any \
             outgoing connection may take it\n"
        );
        says(&[&port.to_string()], &line);
        try_bind(Loopback::V4.port(port), false).expect("it can be bound");
    }
    says(&["39999"], "portwho: port 39999 is free\n");
    says(&["50002"], "portwho: port 50002 is free\n");
}

#[trial]
fn a_held_port_is_not_judged() {
    set("ip_local_port_range", "40000 50001");
    set("ip_local_reserved_ports", "8080");
    for port in [8080, 40_000] {
        let held = makers::bound(Loopback::V4.port(port));
        let owner = Owner::named("holder").holding(held.socket);
        let line = format!(
            "portwho: 127.0.0.1:{port}: held by holder (PID {}), bound without listening: nobody \
             can connect, and it blocks the port\n",
            owner.pid()
        );
        let output = asked(&[&port.to_string()]);
        output.is(0, &output.stdout, &line);
    }
}
