//! What kill does not do, why not, and what to type instead.

use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};

use crate::kill::{
    NOBODY, TERM, as_first_process, assert_held, assert_lives, ended, held, held_here, identity,
    kill, listener, named, own_name, run, server,
};
use crate::support::cgroup::Group;
use crate::support::process::{Owner, can_become};
use crate::support::{refuse, skip};

/// Root, without the right to signal other users' processes.
fn without_kill() {
    remove_capability_from_bounding_set(CapabilitySet::KILL).expect("drop CAP_KILL");
}

fn of_nobody(end: &str, name: &str, pid: u32) -> String {
    held(end, name, pid).replace("user root", "user nobody")
}

#[trial]
fn not_permitted() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let web = Owner::named("web").user(NOBODY).holding(listener(80));
    without_kill();
    let line = format!(
        "portwho: {}: permission denied, even as root: it requires CAP_KILL\n",
        named("web", web.pid())
    );
    let first = of_nobody("127.0.0.1:80", "web", web.pid());
    run(kill(["80"])).is(2, &first, &line);
    run(kill(["--force", "80"])).is(2, &first, &line);
    assert_lives(&web);
    assert_held(80);
}

#[trial]
fn not_permitted_and_another_one_ended() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let theirs = Owner::named("theirs").user(NOBODY).holding(listener(80));
    let own = server("own", 81);
    without_kill();
    let line = format!(
        "portwho: {}: permission denied, even as root: it requires CAP_KILL\n",
        named("theirs", theirs.pid())
    );
    let expected = of_nobody("127.0.0.1:80", "theirs", theirs.pid()) + &ended(&own, "own", 81);
    run(kill(["80", "81"])).is(2, &expected, &line);
    assert_lives(&theirs);
    assert_held(80);
    assert_eq!(own.ended_by(), TERM);
}

const HIDDEN: &str = "portwho: port 80: held by a process of root; run: sudo portwho kill 80\n";

#[trial]
fn another_users_is_hidden() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let web = server("web", 80);
    for words in [&["80"][..], &["-y", "80"], &["-n", "80"], &["--force", "80"]] {
        let line = HIDDEN.replace("kill 80", &format!("kill {}", words.join(" ")));
        run(kill(words).user(NOBODY)).is(2, "", &line);
    }
    assert_lives(&web);
    assert_held(80);
}

#[trial]
fn one_hidden_and_another_one_ended() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let roots = server("roots", 80);
    let own = Owner::named("own").user(NOBODY).holding(listener(8080));
    let expected = ended(&own, "own", 8080).replace("user root", "user nobody");
    run(kill(["80", "8080"]).user(NOBODY)).is(2, &expected, HIDDEN);
    assert_lives(&roots);
    assert_eq!(own.ended_by(), TERM);
}

#[trial]
fn root_may_not_read() {
    let web = server("web", 80);
    refuse::ptrace();
    let line = "portwho: port 80: held by a process of root or the kernel itself; no further \
                privileges would reveal it\n";
    run(kill(["80"])).is(2, "", line);
    assert_lives(&web);
}

/// Two processes hold the socket, and only one can be seen.
#[trial]
fn a_hidden_holder_and_ones_own() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let socket = listener(80);
    let own = Owner::named("own").user(NOBODY).holding(socket.try_clone().expect("dup"));
    let roots = Owner::named("roots").holding(socket);
    let first = of_nobody("127.0.0.1:80", "own", own.pid());
    let line = format!(
        "portwho: PID {} exited after T, but port 80 is still held by a process of root\n",
        own.pid()
    );
    run(kill(["80"]).user(NOBODY)).is(2, &first, &line);
    assert_eq!(own.ended_by(), TERM);
    assert_lives(&roots);
    assert_held(80);
}

#[trial]
fn the_first_process() {
    if !as_first_process() {
        return;
    }
    let _listener = listener(80);
    let name = own_name();
    let line = format!(
        "portwho: port 80: refused: {}; killing it stops the system; in a container, stop the \
         container instead\n",
        named(&name, 1)
    );
    for words in [&["80"][..], &["-y", "80"], &["-n", "80"], &["-9", "80"]] {
        run(kill(words)).is(2, &held_here(80, &name, 1), &line);
    }
    assert_held(80);
}

/// The first process listens for a server that it has handed the socket to.
fn activated(unit: Option<&Group>, stop: &str) {
    let socket = listener(80);
    let web = Owner::named("web").holding(socket.try_clone().expect("dup"));
    if let Some(unit) = unit {
        unit.take(web.pid());
    }
    let name = own_name();
    let line = format!("portwho: port 80: refused: {} {stop}\n", named(&name, 1));
    let held = held_here(80, &name, 1) + &format!("  also held by {}\n", named("web", web.pid()));
    run(kill(["-y", "80"])).is(2, &held, &line);
    assert_lives(&web);
    drop(socket);
    assert_held(80);
}

#[trial]
fn socket_activation() {
    if as_first_process() {
        activated(
            None,
            "holds the socket too; killing it stops the system; in a container, stop the \
             container instead; for socket activation, stop the .socket unit; to \
             find it, run: systemctl list-sockets",
        );
    }
}

#[trial]
fn socket_activation_of_a_unit() {
    if as_first_process() {
        let Some(unit) = Group::named("web.service") else { return };
        let socket = unit.name().replace(".service", ".socket");
        let stop = format!("holds the socket for socket activation; run: systemctl stop {socket}");
        activated(Some(&unit), &stop);
    }
}

fn is_ancestor(name: &str, pid: u32) -> String {
    format!(
        "portwho: port 80: refused: {} is an ancestor of portwho: the shell or session it runs \
         in\n",
        named(name, pid)
    )
}

#[trial]
fn an_ancestor() {
    let _listener = listener(80);
    let (name, pid) = (own_name(), std::process::id());
    for words in [&["80"][..], &["-y", "80"], &["-n", "80"], &["-9", "80"]] {
        run(kill(words)).is(2, &held_here(80, &name, pid), &is_ancestor(&name, pid));
    }
    assert_held(80);
}

/// The shell holds the listener, the program that it starts does not.
#[trial]
fn the_shell() {
    // The process that starts it closes the listener only after that.
    let script = r#"listener=$(readlink /proc/$$/fd/0)
        while ls -l /proc/$PPID/fd | grep -qF "$listener"; do :; done
        echo $$; "$@" </dev/null; exit $?"#;
    let output = run(kill(["-9", "80"]).through(["sh", "-c", script, "sh"]).stdin(listener(80)));
    let (pid, _) = output.stdout.split_once('\n').expect("the shell's line");
    let pid: u32 = pid.parse().expect("a PID");
    let expected = format!("{pid}\n") + &held_here(80, "sh", pid);
    output.is(2, &expected, &is_ancestor("sh", pid));
}

/// Given to it as its standard input.
#[trial]
fn itself() {
    let output = run(kill(["-9", "80"]).stdin(listener(80)));
    let pid = output.stdout.split("(PID ").nth(1).and_then(|rest| rest.split(',').next());
    let pid: u32 = pid.expect("a PID").parse().expect("a number");
    let line = format!("portwho: port 80: refused: {} is portwho itself\n", named("portwho", pid));
    output.is(2, &held_here(80, "portwho", pid), &line);
}

fn serves_a_container(name: &str, pid: u32, port: u16) -> String {
    format!(
        "portwho: port {port}: refused: {} serves a container; stop the container instead; to \
         find it with docker or podman, run: docker ps \
         --filter publish={port}\n",
        named(name, pid)
    )
}

#[trial]
fn containers() {
    for name in ["docker-proxy", "containerd-shim-runc-v2", "conmon", "rootlessport", "pasta"] {
        let forwarder = server(name, 8080);
        let pid = forwarder.pid();
        let line = serves_a_container(name, pid, 8080);
        for words in [&["8080"][..], &["-y", "8080"], &["-n", "8080"], &["-9", "8080"]] {
            run(kill(words)).is(2, &held_here(8080, name, pid), &line);
        }
        assert_lives(&forwarder);
        assert_held(8080);
    }
}

/// Whoever shares a socket with it is spared too, even if asked for alone.
#[trial]
fn a_refused_holder_saves_the_others() {
    let socket = listener(80);
    let forwarder = Owner::named("conmon").holding(socket.try_clone().expect("dup"));
    let web = Owner::named("web").holding(socket);
    let line = serves_a_container("conmon", forwarder.pid(), 80);
    let both = format!(
        "127.0.0.1:80 is held by {}, {}\n",
        identity("conmon", forwarder.pid()),
        identity("web", web.pid())
    );
    run(kill(["-y", "80"])).is(2, &both, &line);
    let one = held_here(80, "web", web.pid())
        + &format!(
            "  also held by {}, which the filters exclude\n",
            named("conmon", forwarder.pid())
        );
    run(kill(["-y", "--pid", &web.pid().to_string(), "80"])).is(2, &one, &line);
    assert_lives(&forwarder);
    assert_lives(&web);
}

/// A refusal is about its own socket: the other port is freed.
#[trial]
fn with_a_refused_one() {
    let forwarder = server("docker-proxy", 80);
    let web = server("web", 81);
    let expected = held_here(80, "docker-proxy", forwarder.pid()) + &ended(&web, "web", 81);
    let line = serves_a_container("docker-proxy", forwarder.pid(), 80);
    run(kill(["80,81"])).is(2, &expected, &line);
    assert_lives(&forwarder);
    assert_eq!(web.ended_by(), TERM);
}
