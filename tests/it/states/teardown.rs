//! Connections that are being closed, with a process and without.

use super::{hold, in_json, one_connection, verdict};
use crate::support::json::only_socket;
use crate::support::makers::{self, Loopback};
use crate::support::portwho;
use crate::support::terminal::Terminal;

#[trial]
fn fin_wait_1() {
    for at in Loopback::BOTH {
        let made = makers::fin_wait_1(at);
        let owner = hold(made.client);
        one_connection("FIN_WAIT_1", made.client_address, made.server_address, Ok(&owner));
    }
}

#[trial]
fn fin_wait_2() {
    for at in Loopback::BOTH {
        let made = makers::half_closed(at);
        let owner = hold(made.client);
        one_connection("FIN_WAIT_2", made.client_address, made.server_address, Ok(&owner));
    }
}

#[trial]
fn close_wait() {
    for at in Loopback::BOTH {
        let made = makers::half_closed(at);
        drop(made.listener);
        let owner = hold(made.server);
        one_connection("CLOSE_WAIT", made.server_address, made.client_address, Ok(&owner));
    }
}

#[trial]
fn last_ack() {
    for at in Loopback::BOTH {
        let made = makers::last_ack(at);
        drop(made.listener);
        let owner = hold(made.server);
        one_connection("LAST_ACK", made.server_address, made.client_address, Ok(&owner));
    }
}

#[trial]
fn closing() {
    for at in Loopback::BOTH {
        let made = makers::closing(at);
        let owner = hold(made.client);
        one_connection("CLOSING", made.client_address, made.server_address, Ok(&owner));
    }
}

#[trial]
fn time_wait() {
    for at in Loopback::BOTH {
        let made = makers::time_wait(at);
        one_connection("TIME_WAIT", made.client_address, made.server_address, Err("time-wait"));
        let port = made.client_address.port();
        let answer = in_json(port, &verdict("TIME_WAIT", port));
        let left = only_socket(&answer)["timer"]["expires_ms"].as_u64();
        let left = left.expect("the time that is left");
        assert!((1..=60_000).contains(&left), "{left}");
    }
}

#[trial]
fn orphaned_fin_wait_1() {
    for at in Loopback::BOTH {
        let made = makers::fin_wait_1(at);
        drop(made.client);
        one_connection("FIN_WAIT_1", made.client_address, made.server_address, Err("orphaned"));
    }
}

#[trial]
fn orphaned_fin_wait_2() {
    for at in Loopback::BOTH {
        let made = makers::half_closed(at);
        drop(made.client);
        one_connection("FIN_WAIT_2", made.client_address, made.server_address, Err("orphaned"));
    }
}

#[trial]
fn orphaned_last_ack() {
    for at in Loopback::BOTH {
        let made = makers::last_ack(at);
        drop((made.server, made.listener));
        one_connection("LAST_ACK", made.server_address, made.client_address, Err("orphaned"));
    }
}

#[trial]
fn orphaned_closing() {
    for at in Loopback::BOTH {
        let made = makers::closing(at);
        drop(made.client);
        one_connection("CLOSING", made.client_address, made.server_address, Err("orphaned"));
    }
}

/// Below the rows, for a person who asked for such states: why they are there, and what says more.
#[trial]
fn why_they_are_stuck() {
    const CLOSE_WAIT: &str = "portwho: CLOSE_WAIT: closed by the peer; the process here has not closed; \
                              to see which process leaks them and why, run: portwho doctor";
    const FIN_WAIT_2: &str = "portwho: FIN_WAIT_2: closed here and acknowledged; the peer has not \
                              closed; to see what ends them, run: portwho explain FIN_WAIT_2";
    let _made = makers::half_closed(Loopback::V4);
    let said = |words: &[&str]| -> Vec<String> {
        let output = Terminal::of_columns(&portwho(words).env("NO_COLOR", "1"), 200).finish();
        assert_eq!(output.code, Some(0), "{output:?}");
        let remarks = output.stdout.lines().filter(|line| line.starts_with("portwho: "));
        remarks.map(str::to_owned).collect()
    };
    assert_eq!(said(&["--state", "CLOSE_WAIT"]), [CLOSE_WAIT]);
    assert_eq!(said(&["-w", "-s", "stuck"]), [FIN_WAIT_2, CLOSE_WAIT]);
    let none: [&str; 0] = [];
    for words in [&["-t"][..], &["-s", "connected"], &["-q", "-s", "CLOSE_WAIT"]] {
        assert_eq!(said(words), none, "{words:?}");
    }
    let piped = portwho(["-s", "CLOSE_WAIT"]).run();
    piped.is(0, &piped.stdout, "");
}

#[trial]
fn why_a_connection_is_not_answered() {
    let _made = makers::syn_sent(Loopback::V4);
    let run = portwho(["-s", "SYN_SENT"]).env("NO_COLOR", "1");
    let output = Terminal::of_columns(&run, 200).finish();
    let line = "portwho: SYN_SENT: connect() was called; no answer has come yet; to see which hosts do \
                not answer, run: portwho doctor";
    assert!(output.stdout.lines().any(|said| said == line), "{output:?}");
}
