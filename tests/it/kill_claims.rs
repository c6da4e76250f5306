//! Processes that have a name which kill refuses: what proves it is refused, the name alone is not.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::close::close;
use crate::kill::{
    NOBODY, TERM, assert_free, assert_held, assert_lives, declined, freed, held_here, kill,
    listener, named, run,
};
use crate::support::process::{Owner, Process, can_become};
use crate::support::programs::find_in_path;
use crate::support::terminal::Terminal;
use crate::support::{Scratch, mounts, skip};

const NAMES: [(&str, &str); 6] = [
    ("conmon", "a container runtime"),
    ("dockerd", "a container runtime"),
    ("pasta", "a container runtime"),
    ("kube-proxy", "a container runtime"),
    ("containerd-shim-x", "a container runtime"),
    ("systemd", "systemd"),
];

fn of_nobody(name: &str, pid: u32) -> String {
    held_here(80, name, pid).replace("user root", "user nobody")
}

fn warning(name: &str, pid: u32, what: &str) -> String {
    format!(
        "  warning: {} has the name of {what}, but neither its user nor its executable confirms it\n",
        named(name, pid)
    )
}

fn is_possible() -> bool {
    let can = can_become(NOBODY);
    if !can {
        skip("there is no other user here");
    }
    can
}

#[trial]
fn a_name_alone() {
    if !is_possible() {
        return;
    }
    for (name, what) in NAMES {
        let user = Owner::named(name).user(NOBODY).holding(listener(80));
        let pid = user.pid();
        let said = of_nobody(name, pid) + &warning(name, pid, what) + &freed(pid, 80, "");
        run(kill(["-y", "80"])).is(0, &said, "");
        assert_eq!(user.ended_by(), TERM, "{name}");
        assert_free(80);
    }
}

#[trial]
fn asked_with_a_warning() {
    if !is_possible() {
        return;
    }
    let user = Owner::named("conmon").user(NOBODY).holding(listener(80));
    let pid = user.pid();
    let mut terminal = Terminal::asked(&kill(["80"]));
    terminal.await_text("[y/N] ");
    terminal.type_in("n\n");
    let said = of_nobody("conmon", pid) + &warning("conmon", pid, "a container runtime");
    let question = format!("Terminate {}? [y/N] {}", named("conmon", pid), declined("conmon", pid));
    terminal.finish().is(2, &said, &question);
    assert_lives(&user);
}

const BIN: &str = "/usr/local/bin";

/// A user's process of a program that is installed, as rootless podman's are.
fn installed(name: &str) -> Process {
    Owner::named(name).user(NOBODY).installed_in(BIN).holding(listener(80))
}

/// Proven where its path leads to the same file system; elsewhere it may be any program.
#[trial]
fn an_installed_program() {
    if !is_possible() {
        return;
    }
    for name in ["conmon", "pasta"] {
        let here = kill(["-y", "-f", "80"]);
        mounts::empty(BIN).expect("an empty directory");
        let user = installed(name);
        let pid = user.pid();
        let why = format!(
            "portwho: port 80: refused: {} serves a container; stop the container instead; to \
             find it with docker or podman, run: docker ps \
             --filter publish=80\n",
            named(name, pid)
        );
        run(here).is(2, &of_nobody(name, pid), &why);
        assert_lives(&user);
        assert_held(80);
        // In another mount namespace, as rootless podman's, and the same file system there.
        let beside = kill(["-y", "-f", "80"]);
        run(beside).is(2, &of_nobody(name, pid), &why);
        assert_lives(&user);
        let elsewhere = kill(["-n", "80"]);
        mounts::empty(BIN).expect("another directory at that path");
        let would = format!("would send SIGTERM to {}\n", named(name, pid));
        let said = of_nobody(name, pid) + &warning(name, pid, "a container runtime") + &would;
        run(elsewhere).is(0, &said, "");
    }
}

/// The effective user of a set-user-ID program is root, whoever has started it.
#[trial]
fn a_set_user_id_program_by_another_name() {
    if !is_possible() {
        return;
    }
    mounts::own_mounts().expect("a mount namespace");
    mounts::empty(BIN).expect("an empty directory");
    let program = Path::new(BIN).join("tool");
    fs::copy(find_in_path("sleep").expect("sleep"), &program).expect("copy");
    fs::set_permissions(&program, Permissions::from_mode(0o4755)).expect("chmod");
    let scratch = Scratch::new();
    let link = scratch.path().join("conmon");
    symlink(&program, &link).expect("link");
    let user = Owner::named("conmon").user(NOBODY).at(link).holding(listener(80));
    is_terminated(user);
}

/// Where a mount is detached, the path of what runs from it begins at its root, and may look like
/// that of an installed program.
#[trial]
fn a_program_on_a_detached_mount() {
    if !is_possible() {
        return;
    }
    let scratch = Scratch::new();
    let root = scratch.path().to_str().expect("a path in UTF-8");
    mounts::own_mounts().expect("a mount namespace");
    mounts::empty(root).expect("an empty directory");
    let directory = scratch.path().join("usr/bin");
    fs::create_dir_all(&directory).expect("a directory");
    let user = Owner::named("conmon").user(NOBODY).installed_in(directory).holding(listener(80));
    mounts::detach(root).expect("detach");
    let executable = fs::read_link(format!("/proc/{}/exe", user.pid())).expect("exe");
    assert_eq!(executable, Path::new("/usr/bin/conmon"));
    is_terminated(user);
}

/// It is warned of, and terminated.
#[track_caller]
fn is_terminated(user: Process) {
    let pid = user.pid();
    let output = kill(["-y", "80"]).run();
    let warning = warning("conmon", pid, "a container runtime");
    assert!(output.stdout.contains(&warning), "{output:?}");
    assert_eq!((output.code, user.ended_by()), (Some(0), TERM), "{output:?}");
    assert_free(80);
}

#[trial]
fn a_listener_of_a_name_is_closed() {
    if !is_possible() {
        return;
    }
    let user = Owner::named("conmon").user(NOBODY).holding(listener(80));
    let output = close(["-l", "-y", "80"]).run();
    let pid = user.pid();
    assert!(output.stdout.contains(&warning("conmon", pid, "a container runtime")), "{output:?}");
    assert!(!output.stderr.contains("refused"), "{output:?}");
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_lives(&user);
}
