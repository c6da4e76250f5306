//! Timers and queues.

use std::net::SocketAddr;

use serde_json::json;

use super::{in_json, verdict};
use crate::support::json::{only_socket, socket};
use crate::support::makers::{self, Loopback};
use crate::support::{kernel_table, wait_until};

#[trial]
fn a_timer_runs_where_something_is_awaited() {
    let runs = |state, address: SocketAddr| {
        let port = address.port();
        only_socket(&in_json(port, &verdict(state, port)))["timer"].is_object()
    };
    for at in Loopback::BOTH {
        let idle = makers::established(at);
        let waiting = makers::syn_sent(at);
        let stuck = makers::fin_wait_1(at);
        let over = makers::time_wait(at);
        assert!(!runs("ESTABLISHED", idle.client_address));
        assert!(runs("SYN_SENT", waiting.client_address));
        assert!(runs("FIN_WAIT_1", stuck.client_address));
        assert!(runs("TIME_WAIT", over.client_address));
    }
}

#[trial]
fn the_queues_are_the_kernels() {
    for at in Loopback::BOTH {
        let made = makers::fin_wait_1(at);
        let (client, server) = (made.client_address, made.server_address);
        let ((unsent, unread), sent, received) = wait_until("queues that stay as they are", || {
            let witness = kernel_queues(client, server);
            let sent = in_json(client.port(), &verdict("FIN_WAIT_1", client.port()));
            let received = in_json(server.port(), "");
            (kernel_queues(client, server) == witness).then_some((witness, sent, received))
        });
        let ours = (
            only_socket(&sent)["send_queue"].as_u64(),
            socket(&received, server, Some(client))["recv_queue"].as_u64(),
        );
        assert!(unsent > 0 && unread > 0);
        assert_eq!(ours, (Some(unsent.into()), Some(unread.into())));
    }
}

/// What the client has sent and the server has not acknowledged, and what that one has not read.
fn kernel_queues(client: SocketAddr, server: SocketAddr) -> (u32, u32) {
    let sender = kernel_table::find(client, server).expect("a row");
    let receiver = kernel_table::find(server, client).expect("a row");
    (sender.send_queue, receiver.receive_queue)
}

#[trial]
fn a_full_accept_queue_shows_its_length_and_limit() {
    for at in Loopback::BOTH {
        let made = makers::syn_sent(at);
        let answer = in_json(made.server_address.port(), "");
        let listener = socket(&answer, made.server_address, None);
        assert_eq!((&listener["recv_queue"], &listener["send_queue"]), (&json!(1), &json!(0)));
    }
}
