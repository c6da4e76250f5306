//! Groups that identify no owner.

use serde_json::json;

use super::{
    NOBODY, ONE_HIDDEN, group, hidden_row, listener, nobody_is_told, nobodys_json, server_in,
};
use crate::support::cgroup::Group;
use crate::support::process::Owner;
use crate::support::{golden, mounts, portwho};

/// Nothing is known but whose it is.
#[track_caller]
fn nobody_is_told_the_user_alone() {
    let expected = golden::netstat(&[hidden_row(80, "root")]);
    portwho(["80"]).user(NOBODY).run().is(0, &expected, ONE_HIDDEN);
    let nothing = json!({"kind": "hidden", "user": "root", "service": null, "container": null,
        "candidates": []});
    assert_eq!(nobodys_json("held by a process of root"), nothing);
}

#[trial]
fn the_first_group_says_nothing() {
    let Some(group) = group("unused") else { return };
    let socket = group.inside_the_first(|| listener(80));
    let _server = Owner::named("roots").holding(socket);
    nobody_is_told_the_user_alone();
}

#[trial]
fn without_control_groups_the_user_alone_is_named() {
    let Some(group) = group("web.service") else { return };
    let _server = server_in(&group);
    mounts::hide_cgroups().expect("a tmpfs in their place");
    nobody_is_told_the_user_alone();
}

/// As in a container: what is mounted begins at the group that this process is in.
#[trial]
fn an_invisible_group_identifies_nothing() {
    let Some(outside) = group("web.service") else { return };
    let Some(root) = Group::named("container") else { return };
    let server = server_in(&outside);
    let inside = root.below("inner.service");
    root.inside(mounts::only_own_cgroups).expect("mounts of its own");
    nobody_is_told_the_user_alone();
    drop(server);
    let server = server_in(&inside);
    nobody_is_told(&format!("inner.service (most likely PID {})", server.pid()));
}

#[trial]
fn a_group_that_was_removed_says_nothing() {
    let Some(group) = group("web.service") else { return };
    let socket = group.inside(|| listener(80));
    let _server = Owner::named("roots").holding(socket);
    nobody_is_told(group.name());
    group.remove();
    nobody_is_told_the_user_alone();
}
