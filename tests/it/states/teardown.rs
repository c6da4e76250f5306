//! Connections that are being closed, with a process and without.

use super::{hold, in_json, one_connection, verdict};
use crate::support::json::only_socket;
use crate::support::makers::{self, Loopback};

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
