//! A port that is taken again as soon as it is free: by whom, and who starts them.

use crate::kill::{
    TERM, assert_held, assert_lives, ended, held_here, kill, named, run, runs, server,
};
use crate::support::cgroup::Group;
use crate::support::process::Owner;

/// It starts the next server 60 ms after the end of the last.
#[trial]
fn by_a_supervisor() {
    let mut supervisor = Owner::named("runsv").playing("supervise", &["60", "127.0.0.1:80"]);
    let pid: u32 = supervisor.line().parse().expect("a PID");
    let parent = named("runsv", supervisor.pid());
    let mut output = run(kill(["80"]));
    let next: u32 = supervisor.line().parse().expect("a PID");
    let expected =
        held_here(80, "runsv", pid) + &format!("  {parent}, its parent, may restart it\n");
    let line = format!(
        "portwho: PID {pid} exited after T, but port 80 was taken again by {}; \
         {parent}, its parent, started it\n",
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
    let lines = format!(", {unit})\n  its service may restart it; run: systemctl stop {unit}\n");
    first.replacen(")\n", &lines, 1)
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
