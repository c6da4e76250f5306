//! Those that may not be entered, and sockets that may not be examined.

use serde_json::json;

use super::{NOBODY, name, port, server_elsewhere, unreadable};
use crate::support::json::gaps;
use crate::support::makers::{self, Loopback};
use crate::support::netns::{NOT_SEARCHED, in_netns};
use crate::support::process::{Owner, can_become, is_machines_root};
use crate::support::{features, portwho, refuse, skip};

#[trial]
fn other_users_do_not_see_them() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    if !features::lists_bound() {
        return;
    }
    let _there =
        in_netns(|| Owner::named("web").holding(makers::listening(Loopback::V4.port(4731)).socket));
    let free = format!("portwho: port 4731 is free\n{NOT_SEARCHED}");
    portwho(["4731"]).user(NOBODY).run().is(1, "", &free);
    let answer = portwho(["--json", "4731"]).user(NOBODY).run().json(1, &free);
    assert_eq!(answer["sockets"], json!([]));
    assert_eq!(gaps(&answer), [("namespaces-unseen", None)]);
}

#[trial]
fn others_who_ask_for_all_get_a_gap() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let mut own = Owner::named("own").user(NOBODY).playing("listen", &["127.0.0.1:8080"]);
    own.line();
    let words = ["--all-netns", "-q", "8080"];
    let output = portwho(words).user(NOBODY).run();
    output.is(0, &format!("{}\n", own.pid()), NOT_SEARCHED);
}

/// What can be seen is shown: the own one.
#[trial]
fn root_who_may_not_enter_them() {
    let server = Owner::named("server").holding(makers::listening(Loopback::V4.port(80)).socket);
    let there = server_elsewhere("other", 81);
    refuse::entering_namespaces();
    let output = portwho(["--all-netns", "-q", "80,81"]).run();
    let gap = "portwho: some network namespaces may be missing (Operation not permitted (os error \
               1)): entering a network namespace requires CAP_SYS_ADMIN and CAP_SYS_PTRACE: run \
               portwho on the host, outside containers and sandboxes\n\
               portwho: port 81 is free\n";
    output.is(0, &format!("{}\n", server.pid()), gap);
    assert!(!there.process.has_exited());
}

#[trial]
fn sockets_that_may_not_be_examined() {
    if !is_machines_root() {
        return;
    }
    let local = Loopback::V4.port(port());
    let _server = Owner::named(name()).holding(in_netns(|| makers::listening(local).socket));
    refuse::system_call(libc::SYS_pidfd_getfd, Vec::new(), libc::EPERM);
    let asked = ["--all-netns", "--json", &local.port().to_string()];
    let output = portwho(asked).run();
    let answer = output.json(1, &output.stderr);
    let kinds = gaps(&answer);
    let unexamined = kinds.iter().find(|(kind, _)| *kind == "sockets-unexamined");
    assert!(unexamined.is_some_and(|(_, count)| count > &Some(0)), "{kinds:?}");
    let told = "in no table were not examined (Operation not permitted (os error 1))";
    let told = [told, &told.replace("were", "was")];
    assert!(told.iter().any(|told| output.stderr.contains(told)), "{output:?}");
}

/// One user's namespaces are searched up to a limit, and root's are searched all the same.
#[trial]
fn one_user_with_very_many() {
    if !is_machines_root() || !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let mut many = Owner::named("many").user(NOBODY).playing("namespaces", &["160"]);
    let made = many.line();
    if made != "160" {
        return skip(&format!("no namespaces for an ordinary user: {made}"));
    }
    let (name, port) = (name(), port());
    let there = server_elsewhere(&name, port);
    let output = portwho(["--json", &port.to_string()]).run();
    let answer = output.json(1, &output.stderr);
    let kinds = gaps(&answer);
    let [("namespaces-unsearched", Some(count))] = kinds[..] else { panic!("{kinds:?}") };
    assert!((32..160).contains(&count), "{count}");
    let gap = format!("portwho: {count} network namespaces of nobody were not searched: ");
    assert!(output.stderr.contains(&gap), "{output:?}");
    let held = format!("is held in the network namespace of {name} (PID {});", there.pid());
    assert!(output.stderr.contains(&held), "{output:?}");
    // Those who ask for all get more.
    portwho(["--all-netns", "-q", &port.to_string()]).run().is(
        0,
        &format!("{}\n", there.pid()),
        unreadable(),
    );
}
