//! Owners that this user may not see: the unit, slice or container that the socket was made
//! in is named all the same, with the processes that may hold it.

mod nameless;

use std::os::fd::OwnedFd;

use serde_json::{Value, json};

use crate::support::cgroup::Group;
use crate::support::golden::{self, SocketRow};
use crate::support::json::{gaps, only_socket, process};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner, Process, can_become};
use crate::support::{mounts, portwho, refuse, skip};

const NOBODY: u32 = 65534;

/// What is said of one socket whose owner is hidden, whatever else is known.
const ONE_HIDDEN: &str = "portwho: the owners of 1 socket are hidden (root): run with sudo to see \
                          the owners of other users' sockets\n";

fn listener(port: u16) -> OwnedFd {
    makers::listening(Loopback::V4.port(port)).socket
}

/// The row says whose it is, and in which unit or container: `(root, web.service)`.
fn hidden_row(port: u16, whose: &str) -> SocketRow {
    let local = format!("127.0.0.1:{port}");
    golden::socket("TCP", local, "0.0.0.0:0", "LISTENING", "?").image(format!("({whose})"))
}

/// A group with this name, and a user who may not read root's processes; or a skip.
fn group(name: &str) -> Option<Group> {
    if !can_become(NOBODY) {
        skip("there is no other user here");
        return None;
    }
    Group::named(name)
}

/// A process of root's that was started here, with the listener of port 80 that was made here.
fn server_in(group: &Group) -> Process {
    group.inside(|| Owner::named("roots").holding(listener(80)))
}

/// A parent and its children that hold the listener of port 80, all of this group; their PIDs,
/// ascending.
fn family_in(group: &Group, children: usize) -> (Actor, Vec<u32>) {
    let words = [children.to_string()];
    let mut parent =
        group.inside(|| Owner::named("roots").playing_with("family", &[&words[0]], listener(80)));
    let line = parent.line();
    let mut pids: Vec<u32> = line.split(' ').map(|pid| pid.parse().expect("a PID")).collect();
    pids.push(parent.pid());
    pids.sort_unstable();
    (parent, pids)
}

/// Port 80 was not asked for: the row says where root holds it, and a remark which processes it may
/// be, if there are any.
#[track_caller]
fn nobody_is_told(place: &str) {
    let (shown, candidates) = place.split_once(" (").unwrap_or((place, ""));
    let shown = shown.strip_prefix("the Docker container ").map(|id| format!("docker {id}"));
    let shown = shown.unwrap_or_else(|| place.split(" (").next().unwrap_or_default().to_owned());
    let note = format!("portwho: 127.0.0.1:80: held by root in {place}\n");
    let remarks =
        if candidates.is_empty() { ONE_HIDDEN.to_owned() } else { ONE_HIDDEN.to_owned() + &note };
    let expected = golden::netstat(&[hidden_row(80, &format!("root, {shown}"))]);
    portwho(["80"]).user(NOBODY).run().is(0, &expected, &remarks);
}

/// The same in JSON: the owner.
#[track_caller]
fn nobodys_json(note: &str) -> Value {
    let answer = portwho(["--json", "80"]).user(NOBODY).run().json(0, ONE_HIDDEN);
    let socket = only_socket(&answer);
    assert_eq!(socket["note"], note, "{socket:#}");
    assert_eq!(gaps(&answer), [("owners-hidden", Some(1))]);
    socket["owner"].clone()
}

#[trial]
fn a_unit_is_named_with_its_processes() {
    let Some(group) = group("web.service") else { return };
    let (_parent, pids) = family_in(&group, 1);
    let unit = group.name();
    let place = format!("{unit} (most likely one of PIDs {}, {})", pids[0], pids[1]);
    nobody_is_told(&place);
    let owner = json!({"kind": "hidden", "user": "root", "service": unit, "container": null,
        "candidates": pids});
    assert_eq!(nobodys_json(&format!("held by root in {place}")), owner);
}

#[trial]
fn the_only_process_of_a_unit_is_the_likeliest() {
    let Some(group) = group("web.scope") else { return };
    let server = server_in(&group);
    let place = format!("{} (most likely PID {})", group.name(), server.pid());
    nobody_is_told(&place);
    let owner = nobodys_json(&format!("held by root in {place}"));
    assert_eq!(owner["candidates"], json!([server.pid()]));
}

#[trial]
fn more_than_four_processes_are_counted() {
    let Some(group) = group("web.service") else { return };
    let (_parent, pids) = family_in(&group, 5);
    let place = format!("{} (most likely one of 6 processes)", group.name());
    nobody_is_told(&place);
    let owner = nobodys_json(&format!("held by root in {place}"));
    assert_eq!(owner["candidates"], json!(pids));
}

/// systemd makes the socket before there is a process of the service.
#[trial]
fn a_socket_unit_is_named_with_the_processes_of_its_service() {
    let Some(socket_unit) = group("web.socket") else { return };
    let socket = socket_unit.inside(|| listener(80));
    nobody_is_told(socket_unit.name());
    let Some(service) = Group::named("web.service") else { return };
    let server = service.inside(|| Owner::named("roots").holding(socket));
    let place = format!("{} (most likely PID {})", socket_unit.name(), server.pid());
    nobody_is_told(&place);
    let owner = nobodys_json(&format!("held by root in {place}"));
    assert_eq!(owner["service"], socket_unit.name());
    assert_eq!(owner["candidates"], json!([server.pid()]));
}

/// A group with controllers has no processes of its own: they live in groups within.
#[trial]
fn processes_are_searched_for_in_the_groups_within() {
    let Some(outer) = group("web.service") else { return };
    let socket = outer.inside(|| listener(80));
    let middle = outer.below("middle");
    let (left, right) = (middle.below("left"), middle.below("right"));
    let first = left.inside(|| Owner::named("roots").holding(socket.try_clone().expect("dup")));
    let second = right.inside(|| Owner::named("roots").holding(socket));
    let deeper = right.below("deeper");
    let _further = deeper.inside(|| Owner::named("other").holding(listener(81)));
    let mut pids = [first.pid(), second.pid()];
    pids.sort_unstable();
    let [one, other] = pids;
    nobody_is_told(&format!("{} (most likely one of PIDs {one}, {other})", outer.name()));
}

#[trial]
fn a_container_is_named() {
    let Some(outer) = group("containers") else { return };
    let docker = outer.below("docker");
    let id = format!("{:064x}", u64::from(std::process::id()) << 32).replace('0', "e");
    let container = docker.below(&id);
    let inner = container.below("nginx.service");
    let server = inner.inside(|| Owner::named("roots").holding(listener(80)));
    let short = &id[..12];
    let place = format!("the Docker container {short} (most likely PID {})", server.pid());
    nobody_is_told(&place);
    let owner = json!({"kind": "hidden", "user": "root", "service": null,
        "container": {"runtime": "docker", "id": short, "name": null},
        "candidates": [server.pid()]});
    assert_eq!(nobodys_json(&format!("held by root in {place}")), owner);
}

#[trial]
fn a_slice_is_named_where_there_is_no_unit() {
    let Some(slice) = group("web.slice") else { return };
    let server = server_in(&slice);
    nobody_is_told(&format!("{} (most likely PID {})", slice.name(), server.pid()));
}

/// It was not systemd that made it.
#[trial]
fn a_group_without_a_unit_has_candidates() {
    let Some(group) = group("web") else { return };
    let server = server_in(&group);
    let note = format!("held by a process of root (most likely PID {})", server.pid());
    let remarks = format!("{ONE_HIDDEN}portwho: 127.0.0.1:80: {note}\n");
    let expected = golden::netstat(&[hidden_row(80, "root")]);
    portwho(["80"]).user(NOBODY).run().is(0, &expected, &remarks);
    let owner = json!({"kind": "hidden", "user": "root", "service": null, "container": null,
        "candidates": [server.pid()]});
    assert_eq!(nobodys_json(&note), owner);
}

/// Whoever holds it by now: the kernel keeps the group that it was made in.
#[trial]
fn the_unit_is_that_of_the_sockets_maker() {
    let (Some(first), Some(second)) = (group("first.service"), Group::named("second.service"))
    else {
        return;
    };
    let server = server_in(&first);
    second.take(server.pid());
    nobody_is_told(first.name());
    let owner = nobodys_json(&format!("held by root in {}", first.name()));
    assert_eq!(owner["candidates"], json!([]));
}

#[trial]
fn a_hostile_name_of_a_unit_is_escaped() {
    let Some(group) = group("\u{1b}[2J\u{202e}.service") else { return };
    let server = server_in(&group);
    let shown = group.name().replace('\u{1b}', "\\x1b").replace('\u{202e}', "\\u{202e}");
    assert_ne!(shown, group.name());
    nobody_is_told(&format!("{shown} (most likely PID {})", server.pid()));
}

#[trial]
fn sockets_of_the_same_unit_share_a_line() {
    let Some(group) = group("web.service") else { return };
    let words = ["127.0.0.1:80", "127.0.0.1:81"];
    let mut server = group.inside(|| Owner::named("roots").playing("listen", &words));
    server.line();
    let remarks = format!(
        "{}portwho: 127.0.0.1:80, 127.0.0.1:81: held by root in {} (most likely PID {})\n",
        ONE_HIDDEN.replace("1 socket are", "2 sockets are"),
        group.name(),
        server.pid()
    );
    let whose = format!("root, {}", group.name());
    let expected = golden::netstat(&[hidden_row(80, &whose), hidden_row(81, &whose)]);
    portwho(["80,81"]).user(NOBODY).run().is(0, &expected, &remarks);
}

#[trial]
fn kill_names_the_unit() {
    let Some(group) = group("web.service") else { return };
    let server = server_in(&group);
    let (unit, pid) = (group.name(), server.pid());
    let line = format!(
        "portwho: port 80: held by root in {unit} (most likely PID {pid}); run: sudo portwho kill 80\n"
    );
    portwho(["kill", "80"]).user(NOBODY).run().is(2, "", &line);
    assert!(!server.has_exited());
}

#[trial]
fn root_without_ptrace_sees_the_unit() {
    let Some(group) = Group::named("web.service") else { return };
    let (_parent, pids) = family_in(&group, 1);
    refuse::ptrace();
    let remarks = format!(
        "portwho: the owners of 1 socket are hidden (root): even root cannot read some \
         processes: CAP_SYS_PTRACE is missing, or a sandbox or user namespace isolates them\n\
         portwho: 127.0.0.1:80: held by root in {} (most likely one of PIDs {}, {})\n",
        group.name(),
        pids[0],
        pids[1]
    );
    let whose = format!("root, {}", group.name());
    portwho(["80"]).run().is(0, &golden::netstat(&[hidden_row(80, &whose)]), &remarks);
}

#[trial]
fn a_hidden_proc_hides_no_unit() {
    let Some(group) = group("web.service") else { return };
    let server = server_in(&group);
    mounts::hide_processes().expect("mount");
    nobody_is_told(&format!("{} (most likely PID {})", group.name(), server.pid()));
}

#[trial]
fn a_visible_owner_needs_no_unit() {
    let Some(group) = Group::named("web.service") else { return };
    let server = server_in(&group);
    let row = golden::socket("TCP", "127.0.0.1:80", "0.0.0.0:0", "LISTENING", server.pid());
    let expected = golden::tables(&[row], &[golden::process("roots", server.pid())]);
    assert!(expected.contains(&format!("{:.16} ", group.name())), "{expected}");
    portwho(["80"]).run().is(0, &expected, "");
    let answer = portwho(["--json", "80"]).run().json(0, "");
    assert_eq!(process(&answer, server.pid())["service"], group.name());
    assert_eq!(only_socket(&answer)["note"], Value::Null);
}

/// On machines with several hierarchies the unit stands in systemd's own, and the line of
/// version 2 may be `/`.
#[trial]
fn a_processes_own_unit_by_any_hierarchy() {
    let Some(group) = Group::named("web.service") else { return };
    let unit_of = |pid| {
        let answer = portwho(["--json", "80"]).run().json(0, "");
        process(&answer, pid)["service"].clone()
    };
    let server = server_in(&group);
    assert_eq!(unit_of(server.pid()), group.name());
    drop(server);
    if let Some(mixed) = Group::of_systemd("mixed.service") {
        let server = server_in(&mixed);
        assert_eq!(unit_of(server.pid()), mixed.name());
        group.take(server.pid());
        assert_eq!(unit_of(server.pid()), group.name(), "version 2 knows better");
    }
}
