//! Without pidfd: a held directory of /proc tells processes apart as well, and where nothing
//! does, nothing is sent.

use libc::{ENOSYS, EPERM, SYS_pidfd_open, SYS_pidfd_send_signal};

use crate::kill::{
    KILL, TERM, assert_free, assert_held, assert_lives, ended, held_here, kill, listener, named,
    run, server, survives,
};
use crate::kill_races::{already_exited, asked, it_exits, it_lets_go, meanwhile};
use crate::kill_reuse::{by_a_holder_of_the_very_socket, by_a_stranger, in_namespace};
use crate::kill_signals::zombie_leader;
use crate::support::process::Owner;
use crate::support::refuse;

fn refuse_pidfd() {
    refuse::system_call(SYS_pidfd_open, Vec::new(), ENOSYS);
}

#[trial]
fn it_exits_in_time() {
    refuse_pidfd();
    let web = server("web", 80);
    run(kill(["80"])).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), TERM);
    assert_free(80);
}

#[trial]
fn still_running() {
    refuse::system_call(SYS_pidfd_open, Vec::new(), EPERM);
    let web = Owner::named("web").ignoring_term().holding(listener(80));
    let line = survives("web", web.pid(), "0.3");
    let first = held_here(80, "web", web.pid());
    run(kill(["--timeout", "0.3", "80"])).is(2, &first, &line);
    assert_lives(&web);
    run(kill(["-9", "80"])).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), KILL);
}

#[trial]
fn a_first_thread_that_is_a_zombie() {
    refuse_pidfd();
    let mut web = zombie_leader(Owner::named("web").ignoring_term(), listener(80));
    let line = survives("web", web.pid(), "0.3");
    let first = held_here(80, "web", web.pid());
    run(kill(["--timeout", "0.3", "80"])).is(2, &first, &line);
    assert_lives(&web.process);
    assert_held(80);
    run(kill(["-9", "80"])).is(0, &ended(&web.process, "web", 80), "");
    assert_eq!(web.process.reap(), KILL);
}

/// Before Linux 5.1 a signal can only be sent to a number, which may be another's by now.
#[trial]
fn without_any_safe_signal() {
    refuse_pidfd();
    refuse::system_call(SYS_pidfd_send_signal, Vec::new(), ENOSYS);
    let web = server("web", 80);
    let pid = web.pid();
    let line = |command: &str| {
        format!(
            "portwho: {}: this kernel cannot signal a process safely; after checking that \
             it is still the same process, run: {command}\n",
            named("web", pid)
        )
    };
    let first = held_here(80, "web", pid);
    run(kill(["80"])).is(2, &first, &line(&format!("kill {pid}")));
    run(kill(["-9", "80"])).is(2, &first, &line(&format!("kill -KILL {pid}")));
    run(kill(["-s", "INT", "80"])).is(2, &first, &line(&format!("kill -INT {pid}")));
    assert_lives(&web);
    assert_held(80);
}
#[trial]
fn it_lets_go_meanwhile() {
    refuse_pidfd();
    it_lets_go();
}

#[trial]
fn it_exits_meanwhile() {
    refuse_pidfd();
    it_exits();
    // A zombie has exited too: its parent has not waited for it.
    let mut web = server("web", 80);
    let output = meanwhile(|| web.make_zombie());
    output.is(0, &already_exited(web.pid()), &asked(web.pid()));
}

#[trial]
fn its_pid_is_reused() {
    if in_namespace() {
        refuse_pidfd();
        by_a_stranger();
    }
}

#[trial]
fn its_pid_is_reused_by_a_holder_of_the_very_socket() {
    if in_namespace() {
        refuse_pidfd();
        by_a_holder_of_the_very_socket();
    }
}
