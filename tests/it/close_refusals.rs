//! What close does not do, why not, and what to type instead.

use crate::close::{app, assert_gone, assert_there, close, closes, is_of};
use crate::kill::{NOBODY, assert_lives, named, own_name};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, can_become};
use crate::support::{portwho, refuse, skip};

#[trial]
fn nothing_asked_for() {
    let made = makers::half_closed(Loopback::V4);
    let _app = app(made.server);
    let line = "portwho: close needs a PORT or a filter; to see the filters, run: portwho close \
                --help\n";
    for words in [&[][..], &["-y"], &["-n"]] {
        close(words).run().is(2, "", line);
    }
    portwho(["-s", "CLOSE_WAIT", "close"]).run().is(
        2,
        "",
        "portwho: 'close' is a command and must come first; run: portwho close --help\n",
    );
    assert_there(made.server_address, made.client_address);
}

/// There is no terminal to ask on, and every connection of a program may be meant by mistake.
#[trial]
fn without_a_terminal_a_filter_alone_is_not_enough() {
    let made = makers::half_closed(Loopback::V4);
    let app = app(made.server);
    let described = is_of("1 CLOSE_WAIT", "app", app.pid());
    for words in [&["-s", "CLOSE_WAIT"][..], &["-t", "--name", "app"], &["-4", "--user", "root"]] {
        let again = words.join(" ");
        let line = format!(
            "portwho: nothing was closed: without a terminal, close requires a PORT, --pid or \
             --yes; to close all of them, run: portwho close -y {again}\n"
        );
        let output = close(words).run();
        assert_eq!((output.code, output.stderr.ends_with(&line)), (Some(2), true), "{output:?}");
        assert!(output.stdout.contains(&described), "{output:?}");
    }
    assert_there(made.server_address, made.client_address);
    let pid = app.pid().to_string();
    close(["-s", "CLOSE_WAIT", "--pid", &pid]).run().is(0, &closes("CLOSE_WAIT", &app), "");
    assert_gone(made.server_address, made.client_address);
}

fn is_ancestors(sockets: &str) -> String {
    let who = named(&own_name(), std::process::id());
    format!(
        "portwho: {sockets} of {who}: refused: an ancestor of portwho holds it: the shell or \
         session it runs in\n"
    )
}

/// The test started portwho, as a shell would.
#[trial]
fn an_ancestor() {
    let made = makers::established(Loopback::V4);
    let port = made.client_address.port().to_string();
    for words in [&["-y", &port][..], &["-n", &port], &["-y", "-s", "ESTAB", &port]] {
        close(words).run().is(2, "", &is_ancestors("1 ESTABLISHED"));
    }
    close(["-y", "-s", "ESTAB"]).run().is(2, "", &is_ancestors("2 ESTABLISHED"));
    assert_there(made.client_address, made.server_address);
    assert_there(made.server_address, made.client_address);
}

#[trial]
fn an_ancestors_listener() {
    let _listener = makers::listening(Loopback::V4.port(80));
    close(["-l", "-y", "80"]).run().is(2, "", &is_ancestors("1 LISTENING"));
    let left = "portwho: 1 listener not closed; to close it, run: portwho close -l -y 80\n";
    close(["-y", "80"]).run().is(1, "", left);
}

/// As a session's socket that a child of the shell has inherited.
#[trial]
fn shared_with_an_ancestor() {
    let made = makers::half_closed(Loopback::V4);
    let app = app(made.server.try_clone().expect("dup"));
    let mut owners = [(std::process::id(), own_name()), (app.pid(), "app".to_owned())];
    owners.sort_unstable();
    let who = owners.map(|(pid, name)| named(&name, pid)).join(", ");
    let line = format!(
        "portwho: 1 CLOSE_WAIT of {who}: refused: an ancestor of portwho holds it: the shell or \
         session it runs in\n"
    );
    close(["-y", "-s", "CLOSE_WAIT"]).run().is(2, "", &line);
    close(["-y", "--pid", &app.pid().to_string()]).run().is(2, "", &line);
    assert_there(made.server_address, made.client_address);
}

/// Given to it as its standard input.
#[trial]
fn itself() {
    let made = makers::half_closed(Loopback::V4);
    let output = close(["-y", "-s", "CLOSE_WAIT"]).stdin(made.server).run();
    let line = "): refused: portwho itself holds it\n";
    assert!(output.stderr.starts_with("portwho: 1 CLOSE_WAIT of portwho (PID "), "{output:?}");
    assert!(output.stderr.ends_with(line), "{output:?}");
    output.is(2, "", &output.stderr);
}

/// A refusal is about its own sockets: the others are closed.
#[trial]
fn with_a_refused_one() {
    let made = makers::established(Loopback::V4);
    let app = app(made.server);
    let expected = closes("ESTABLISHED", &app);
    close(["-y", "-s", "ESTAB"]).run().is(2, &expected, &is_ancestors("1 ESTABLISHED"));
    assert_gone(made.server_address, made.client_address);
    assert_lives(&app);
}

/// Who holds it cannot be seen, so it may be the session itself.
#[trial]
fn another_users() {
    if !can_become(NOBODY) {
        return skip("only one user can be had here");
    }
    let made = makers::half_closed(Loopback::V4);
    let _app = app(made.server);
    let line = "portwho: 1 CLOSE_WAIT of a process of root: refused: the owner is hidden, and may \
                be your own session; run: sudo portwho close -y -s CLOSE_WAIT\n";
    close(["-y", "-s", "CLOSE_WAIT"]).user(NOBODY).run().is(2, "", line);
    let gap = "portwho: the owners of 1 socket are hidden (root): run with sudo to see the owners \
               of other users' sockets\n";
    let output = close(["-y", "-s", "CLOSE_WAIT", "--name", "app"]).user(NOBODY).run();
    output.is(1, "", &format!("{gap}portwho: no socket matches\n"));
    assert_there(made.server_address, made.client_address);
}

/// Its own sockets, and no CAP_NET_ADMIN.
#[trial]
fn of_another_user_with_capabilities() {
    if !can_become(NOBODY) {
        return skip("only one user can be had here");
    }
    let made = makers::half_closed(Loopback::V4);
    let app = Owner::named("app").user(NOBODY).holding(made.server);
    let what = format!("1 CLOSE_WAIT of {}", named("app", app.pid()));
    let line = format!(
        "portwho: {what}: not closed: permission denied; run: sudo portwho close -y -s CLOSE_WAIT\n"
    );
    let output = close(["-y", "-s", "CLOSE_WAIT"]).user(NOBODY).run();
    assert!(output.stdout.starts_with("1 CLOSE_WAIT of app (PID "), "{output:?}");
    output.is(2, &output.stdout, &line);
    assert_eq!(output.stdout.lines().count(), 1, "{output:?}");
    assert_there(made.server_address, made.client_address);
}

#[trial]
fn root_without_the_capability() {
    let made = makers::half_closed(Loopback::V4);
    let app = app(made.server);
    refuse::net_admin();
    let line = format!(
        "portwho: 1 CLOSE_WAIT of {}: not closed: permission denied, even as root: it requires \
         CAP_NET_ADMIN\n",
        named("app", app.pid())
    );
    let expected = is_of("1 CLOSE_WAIT", "app", app.pid());
    close(["-y", "-s", "CLOSE_WAIT"]).run().is(2, &expected, &line);
    assert_there(made.server_address, made.client_address);
}

#[trial]
fn a_dry_run() {
    let made = makers::half_closed(Loopback::V4);
    let app = app(made.server);
    let expected = is_of("1 CLOSE_WAIT", "app", app.pid())
        + &format!("would close 1 socket of {}\n", named("app", app.pid()));
    for words in [&["-n", "-s", "CLOSE_WAIT"][..], &["--dry-run", "-y", "-s", "CLOSE_WAIT"]] {
        close(words).run().is(0, &expected, "");
    }
    assert_there(made.server_address, made.client_address);
}
