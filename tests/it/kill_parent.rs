//! `kill --parent`: what restarts the owner is ended first, and some are never ended.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::kill::{
    TERM, assert_free, assert_held, assert_lives, declined, held_here, kill, listener, named,
    own_name, run, runs, server, timeless,
};
use crate::support::process::{Actor, Owner};
use crate::support::programs::in_path;
use crate::support::terminal::Terminal;
use crate::support::{Output, Scratch, portwho, wait_until};

/// A script that starts a server again whenever it ends; `line` has the command for it.
fn looping(scratch: &Scratch, line: &str) -> Actor {
    let path = scratch.path().join("loop.sh");
    let binary = env::current_exe().expect("own path");
    let line = line.replace("SERVER", &format!("'{}' 127.0.0.1:80", binary.display()));
    fs::write(&path, format!("#!/bin/sh\nwhile true; do {line}; done\n")).expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    let mut script = Owner::named("loop.sh").at(path).playing("listen", &[]);
    assert_eq!(script.line(), "127.0.0.1:80");
    script
}

/// The PID of who holds port 80.
fn owner() -> u32 {
    portwho(["-q", "-l", "80"]).run().stdout.trim().parse().expect("one PID")
}

/// All that is said when both have ended.
fn ends_both(output: &Output, name: &str, owner: u32, parent: u32, restarts: &str) {
    let mut pids = [owner, parent];
    pids.sort_unstable();
    let expected = held_here(80, name, owner)
        + restarts
        + &format!("PIDs {}, {} exited after T; port 80 is free\n", pids[0], pids[1]);
    output.is(0, &expected, "");
}

#[trial]
fn a_loop_of_a_script() {
    let scratch = Scratch::new();
    let script = looping(&scratch, "SERVER");
    let pid = owner();
    let output = run(kill(["-y", "--parent", "80"]));
    ends_both(&output, &own_name(), pid, script.pid(), "");
    assert_eq!(script.process.ended_by(), TERM);
    assert!(!runs(pid));
    assert_free(80);
}

/// As npm and nodemon start programs: the shell between ends by itself.
#[trial]
fn above_a_shell_that_waits_for_one_command() {
    let scratch = Scratch::new();
    let script = looping(&scratch, "sh -c \"SERVER; :\"");
    let pid = owner();
    let would = format!(
        "would send SIGTERM to {}, its ancestor, then {}\n",
        named("loop.sh", script.pid()),
        named(&own_name(), pid)
    );
    let described = held_here(80, &own_name(), pid);
    run(kill(["-n", "--parent", "80"])).is(0, &(described + &would), "");
    let output = run(kill(["-y", "--parent", "80"]));
    ends_both(&output, &own_name(), pid, script.pid(), "");
    assert_eq!(script.process.ended_by(), TERM);
    assert!(!runs(pid));
    assert_free(80);
}

/// A supervisor of a server on port 80, and the PID of that.
fn supervisor() -> (Actor, u32) {
    let mut supervisor = Owner::named("runsv").playing("supervise", &["60", "127.0.0.1:80"]);
    let pid = supervisor.line().parse().expect("a PID");
    (supervisor, pid)
}

/// It keeps a second child, which waits.
#[trial]
fn a_supervisor_at_a_terminal() {
    let (supervisor, pid) = supervisor();
    let parent = named("runsv", supervisor.pid());
    let restarts = format!("  {parent}, its parent, restarts it\n");
    let question = format!(
        "Terminate {parent}, its parent, which has 1 other child, then {}? [y/N] ",
        named("runsv", pid)
    );
    let asked = |answer: &str| {
        let mut terminal = Terminal::asked(&kill(["--parent", "80"]));
        terminal.await_text("[y/N] ");
        terminal.type_in(answer);
        timeless(terminal.finish())
    };
    let declined = declined("runsv", pid);
    let described = held_here(80, "runsv", pid) + &restarts;
    asked("n\n").is(2, &described, &(question.clone() + &declined));
    assert_lives(&supervisor.process);
    assert!(runs(pid));
    let output = asked("y\n");
    assert_eq!(output.stderr, question, "{output:?}");
    ends_both(
        &Output { stderr: String::new(), ..output },
        "runsv",
        pid,
        supervisor.pid(),
        &restarts,
    );
    assert_eq!(supervisor.process.ended_by(), TERM);
    assert!(!runs(pid));
    assert_free(80);
}

/// There is no terminal to say yes on.
#[trial]
fn without_a_terminal_it_requires_yes() {
    let (supervisor, pid) = supervisor();
    let parent = named("runsv", supervisor.pid());
    let described = held_here(80, "runsv", pid) + &format!("  {parent}, its parent, restarts it\n");
    let line = "portwho: port 80: not confirmed; nothing was sent: without a terminal, --parent \
                requires --yes; run: portwho kill -y --parent 80\n";
    run(kill(["--parent", "80"])).is(2, &described, line);
    let would = described
        + &format!(
            "would send SIGTERM to {parent}, its parent, which has 1 other child, then {}\n",
            named("runsv", pid)
        );
    run(kill(["-n", "--parent", "80"])).is(0, &would, "");
    assert_lives(&supervisor.process);
    assert!(runs(pid));
    assert_held(80);
}

/// What it restarts would come back: nothing else is signaled.
#[trial]
fn one_that_does_not_end() {
    let supervise = Owner::named("app").ignoring_term();
    let mut supervisor = supervise.playing("supervise", &["60", "127.0.0.1:80"]);
    let pid: u32 = supervisor.line().parse().expect("a PID");
    let parent = named("app", supervisor.pid());
    let kills = "portwho kill --force -y --parent --timeout 0.2 80";
    let output = run(kill(["-y", "--parent", "--timeout", "0.2", "80"]));
    assert_eq!((output.code, &output.stdout), (Some(2), &held_here(80, "app", pid)), "{output:?}");
    let line =
        format!("portwho: {parent}, the parent, is still running after 200ms; run: {kills}\n");
    assert!(output.stderr.contains(&line), "{output:?}");
    let line = format!(
        "portwho: {} still holds port 80; nothing was sent because its parent is still running\n",
        named("app", pid)
    );
    assert!(output.stderr.contains(&line), "{output:?}");
    assert!(runs(pid));
    let output = run(kill(["--force", "-y", "--parent", "80"]));
    ends_both(&output, "app", pid, supervisor.pid(), "");
    assert_eq!(supervisor.process.ended_by(), Some(9));
    assert_free(80);
}

/// The test is one: it has started portwho too.
#[trial]
fn an_ancestor_of_portwho_is_refused() {
    let web = server("web", 80);
    let line = format!(
        "portwho: port 80: --parent refused: the parent is {}: it is an ancestor of portwho: the \
         shell or session it runs in\n",
        named(&own_name(), std::process::id())
    );
    for words in [&["-y"][..], &["-n"], &["-y", "--force"], &[]] {
        let words = words.iter().copied().chain(["--parent", "80"]);
        run(kill(words)).is(2, &held_here(80, "web", web.pid()), &line);
    }
    assert_lives(&web);
    assert_held(80);
}

/// A shell that reads what is typed restarts nothing.
#[trial]
fn an_interactive_shell_is_refused() {
    let mut shell = Owner::named("sh").at(in_path("sh")).playing("listen", &[]);
    let binary = env::current_exe().expect("own path");
    let line = format!("'{}' 127.0.0.1:80", binary.display());
    assert_eq!(shell.tell(&line), "127.0.0.1:80");
    let pid = owner();
    let line = format!(
        "portwho: port 80: --parent refused: the parent is {}: it is an interactive shell, which \
         restarts nothing\n",
        named("sh", shell.pid())
    );
    let held = held_here(80, &own_name(), pid);
    run(kill(["-y", "--parent", "80"])).is(2, &held, &line);
    assert_lives(&shell.process);
    assert!(runs(pid));
}

/// By their names, which is enough to leave them alone.
#[trial]
fn what_others_depend_on_is_refused() {
    // It gives its socket to a child, keeps none itself, and waits.
    let script =
        "exec 3<&0; sleep 3600 <&3 & exec 3<&- </dev/null; echo $!; while wait; do :; done";
    for (name, why) in [
        ("conmon", "it runs containers; stop the container instead"),
        ("tini", "it runs containers; stop the container instead"),
        ("systemd", "it runs other services; stop the unit instead"),
        ("tmux: server", "it runs sessions or jobs of users"),
    ] {
        let mut parent = Owner::named(name).running(script, listener(80));
        let comm = format!("/proc/{}/comm", parent.line());
        wait_until("the child to be another program", || {
            let said = fs::read_to_string(&comm).expect("comm");
            (said.trim_end() != name).then_some(())
        });
        let output = run(kill(["-y", "--parent", "80"]));
        let parents = named(name, parent.pid());
        let line = format!("portwho: port 80: --parent refused: the parent is {parents}: {why}\n");
        assert_eq!((output.code, &output.stderr), (Some(2), &line), "{output:?}");
        assert_lives(&parent.process);
        assert_held(80);
        assert_eq!(run(kill(["-y", "80"])).code, Some(0));
    }
}
