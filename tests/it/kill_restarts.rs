//! A port that is taken again as soon as it is free: by whom, and who starts them.

use std::fs;

use crate::kill::{
    TERM, assert_held, assert_lives, ended, held_here, kill, named, run, runs, server,
};
use crate::support::cgroup::Group;
use crate::support::process::Owner;
use crate::support::{mounts, skip};

/// It starts the next server 60 ms after the end of the last.
#[trial]
fn by_a_supervisor() {
    let mut supervisor = Owner::named("runsv").playing("supervise", &["60", "127.0.0.1:80"]);
    let pid: u32 = supervisor.line().parse().expect("a PID");
    let parent = named("runsv", supervisor.pid());
    let mut output = run(kill(["80"]));
    let next: u32 = supervisor.line().parse().expect("a PID");
    let expected = held_here(80, "runsv", pid) + &format!("  {parent}, its parent, restarts it\n");
    let line = format!(
        "portwho: PID {pid} exited after T, but port 80 was taken again by {}; \
         {parent}, its parent, restarts it; run: portwho kill --parent 80\n",
        named("runsv", next)
    );
    output.is(2, &expected, &line);
    assert!(!runs(pid));
    assert!(runs(next));
    assert_held(80);
    // The next one is no more sacred than the first.
    output = run(kill(["--force", "80"]));
    assert_eq!(output.code, Some(2), "{output:?}");
    assert!(!runs(next));
    assert_lives(&supervisor.process);
}

/// The same command would ask for a PID that is gone.
#[trial]
fn by_a_supervisor_of_one_that_was_named_by_its_pid() {
    let mut supervisor = Owner::named("runsv").playing("supervise", &["60", "127.0.0.1:80"]);
    let pid: u32 = supervisor.line().parse().expect("a PID");
    let output = run(kill(["--pid", &pid.to_string(), "80"]));
    let next: u32 = supervisor.line().parse().expect("a PID");
    let line = format!(
        "portwho: PID {pid} exited after T, but port 80 was taken again by {}\n",
        named("runsv", next)
    );
    assert_eq!((output.code, output.stderr.as_str()), (Some(2), line.as_str()));
}

/// The unit is what has to be stopped, not its main process.
#[trial]
fn by_systemd() {
    let Some(unit) = Group::named("web.service") else { return };
    let supervise = || Owner::named("runsv").playing("supervise", &["60", "127.0.0.1:80"]);
    let mut supervisor = unit.inside(supervise);
    let pid: u32 = supervisor.line().parse().expect("a PID");
    let output = run(kill(["80"]));
    let next: u32 = supervisor.line().parse().expect("a PID");
    let expected = in_unit(&held_here(80, "runsv", pid), unit.name());
    let line = format!(
        "portwho: PID {pid} exited after T, but port 80 was taken again by {}; run: systemctl stop \
         {}\n",
        named("runsv", next),
        unit.name()
    );
    output.is(2, &expected, &line);
    assert!(!runs(pid));
    assert!(runs(next));
}

/// The first line and the one below it, of a process of this unit.
fn in_unit(first: &str, unit: &str) -> String {
    let lines = format!(
        ", {unit})\n  it runs as a service; to stop the service, run: systemctl stop {unit}\n"
    );
    first.replacen(")\n", &lines, 1)
}

/// Only a unit that says so restarts what it runs.
#[trial]
fn systemd_does() {
    let Some(unit) = Group::named("web.service") else { return };
    if mounts::own_mounts().and_then(|()| mounts::empty("/run")).is_err() {
        return skip("nothing can be mounted");
    }
    fs::create_dir_all("/run/systemd/transient").expect("a directory of units");
    let file = format!("/run/systemd/transient/{}", unit.name());
    let web = server("web", 80);
    unit.take(web.pid());
    for (policy, line) in [
        ("on-failure", "its service restarts it (Restart=on-failure); run"),
        ("no", "it runs as a service; to stop the service, run"),
    ] {
        fs::write(&file, format!("[Service]\nRestart={policy}\n")).expect("a unit");
        let output = run(kill(["-n", "80"]));
        let line = format!("  {line}: systemctl stop {}\n", unit.name());
        assert!(output.stdout.contains(&line), "{output:?}");
    }
}

/// npm, a shell and a test start programs, and do not start them again.
#[trial]
fn a_parent_is_not_a_supervisor() {
    let mut parent = Owner::named("npm").playing("supervise", &["60", "127.0.0.1:80"]);
    let pid: u32 = parent.line().parse().expect("a PID");
    let expected =
        held_here(80, "npm", pid) + &format!("would send SIGTERM to {}\n", named("npm", pid));
    run(kill(["-n", "80"])).is(0, &expected, "");
}

/// It did not within the second that the port is watched.
#[trial]
fn systemd_may() {
    let Some(unit) = Group::named("web.service") else { return };
    let web = server("web", 80);
    unit.take(web.pid());
    run(kill(["80"])).is(0, &in_unit(&ended(&web, "web", 80), unit.name()), "");
    assert_eq!(web.ended_by(), TERM);
}
