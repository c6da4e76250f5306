//! Servers that are known by their executables: what they understand comes before SIGKILL.

use crate::kill::{
    KILL, assert_free, assert_lives, freed, held_here, kill, listener, named, run, timeless,
};
use crate::support::process::{Owner, Process};
use crate::support::terminal::Terminal;

const SMART: &str = "on SIGTERM PostgreSQL waits until its clients disconnect; on SIGINT it \
                     disconnects them and shuts down cleanly";

/// It has the executable's name, and does not end on SIGTERM, as with a client connected.
fn waiting(name: &str) -> Process {
    Owner::named(name).copied().ignoring_term().holding(listener(80))
}

fn still(name: &str, pid: u32) -> String {
    format!("portwho: {} is still running after 200ms and holds port 80", named(name, pid))
}

#[trial]
fn postgres_is_interrupted_before_it_is_killed() {
    let postgres = waiting("postgres");
    let first = held_here(80, "postgres", postgres.pid());
    let said = still("postgres", postgres.pid());
    let line = format!("{said}; {SMART}; run: portwho kill -s INT --timeout 0.2 80\n");
    run(kill(["--timeout", "0.2", "80"])).is(2, &first, &line);
    let line = format!("{said}; {SMART}; run: portwho kill -s INT -y --timeout 0.2 80\n");
    run(kill(["-y", "-s", "TERM", "--timeout", "0.2", "80"])).is(2, &first, &line);
    assert_lives(&postgres);
    let output = run(kill(["-s", "INT", "80"]));
    output.is(0, &(first + &freed(postgres.pid(), 80, "")), "");
    assert_eq!(postgres.ended_by(), Some(2));
    assert_free(80);
}

/// It is asked again, and for SIGKILL only after that.
#[trial]
fn a_terminal_offers_the_same() {
    let postgres = waiting("postgres");
    let who = named("postgres", postgres.pid());
    let mut terminal = Terminal::asked(&kill(["--timeout", "0.2", "80"]));
    terminal.await_text("[y/N] ");
    terminal.type_in("y\n");
    terminal.await_text("Send SIGINT");
    terminal.type_in("y\n");
    let output = timeless(terminal.finish());
    let expected = held_here(80, "postgres", postgres.pid())
        + &format!("{who} is still running after 200ms\n  {SMART}\n")
        + &freed(postgres.pid(), 80, "");
    output.is(0, &expected, &format!("Terminate {who}? [y/N] Send SIGINT to {who}? [y/N] "));
    assert_eq!(postgres.ended_by(), Some(2));
}

/// More time, and SIGKILL only after that.
#[trial]
fn redis_is_given_time() {
    let redis = waiting("redis-server");
    let first = held_here(80, "redis-server", redis.pid());
    let line = still("redis-server", redis.pid())
        + "; on SIGTERM Redis saves its data, which may take a while; to wait longer, run: portwho \
           kill --timeout 60 80\n";
    run(kill(["--timeout=0.2", "80"])).is(2, &first, &line);
    assert_lives(&redis);
    run(kill(["--force", "80"])).is(0, &(first + &freed(redis.pid(), 80, "")), "");
    assert_eq!(redis.ended_by(), KILL);
}

/// Any process may have that name.
#[trial]
fn another_program_of_that_name() {
    let other = Owner::named("postgres").ignoring_term().holding(listener(80));
    let line = still("postgres", other.pid()) + "; run: portwho kill --force --timeout 0.2 80\n";
    let first = held_here(80, "postgres", other.pid());
    run(kill(["--timeout", "0.2", "80"])).is(2, &first, &line);
    assert_lives(&other);
}
