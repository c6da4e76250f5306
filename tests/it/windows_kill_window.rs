//! kill and real windows: WM_CLOSE is sent, and the process ends by itself or does not.

use crate::support::peer::Peer;
use crate::support::{portwho, wine};

/// A process with a window, which holds a port.
fn with_window(word: &str) -> (Peer, String) {
    wine::draw_nothing();
    let peer = Peer::holding(&["tcp:127.0.0.1:0", word]);
    let port = peer.port().to_string();
    (peer, port)
}

#[trial]
fn a_window_that_obeys() {
    let (mut peer, port) = with_window("window:obeys");
    let output = portwho(["kill", "-n", &port]).run();
    let would = format!("would ask {} (PID {}) to close its windows\n", Peer::name(), peer.pid());
    assert!(output.stdout.ends_with(&would), "{output:?}");
    assert!(peer.is_running());
    let output = portwho(["kill", &port]).run();
    assert!(output.stdout.ends_with(&format!("; port {port} is free\n")), "{output:?}");
    output.is(0, &output.stdout, "");
    // It closed its window itself: TerminateProcess makes the exit code 1.
    assert_eq!(peer.exit_code(), Some(0));
}

#[trial]
fn a_window_that_does_not() {
    let (mut peer, port) = with_window("window:stays");
    let output = portwho(["kill", "--timeout", "1", &port]).run();
    let named = format!("{} (PID {})", Peer::name(), peer.pid());
    let why = format!(
        "portwho: {named} is still running after 1s and holds port {port}; run: portwho kill --force \
         --timeout 1 {port}\n"
    );
    output.is(2, &output.stdout, &why);
    assert!(peer.is_running(), "nothing was lost");
    let output = portwho(["kill", "--force", &port]).run();
    output.is(0, &output.stdout, "");
    assert_eq!(peer.exit_code(), Some(1));
}
