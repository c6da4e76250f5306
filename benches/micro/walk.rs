use std::fs::File;
use std::net::{TcpListener, UdpSocket};

use divan::Bencher;
use portwho::model::{Detail, Protocol, Socket};
use portwho::platform::{Sockets, ThisSystem};
use portwho::query::{Filter, Protocols};

/// Descriptors of this process that are no sockets, and as many that are, within the limit of 1024
/// that most systems have. All other processes of the machine are walked too.
const DESCRIPTORS: usize = 400;

/// One listener is looked for: the walk of every process, and little else.
#[divan::bench(sample_count = 30)]
fn one_listener(bencher: Bencher<'_, '_>) {
    let _files = files();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut sockets = own_sockets(Protocols { tcp: true, udp: false });
    sockets.retain(|socket| socket.protocol == Protocol::Tcp && socket.local.port == port);
    assert_eq!(sockets.len(), 1, "the listener is there");
    bencher
        .with_inputs(|| sockets.clone())
        .bench_local_values(|sockets| ThisSystem::default().owners(sockets));
}

/// Every UDP socket is looked for, of which this process has many.
#[divan::bench(sample_count = 30)]
fn many_sockets(bencher: Bencher<'_, '_>) {
    let _files = files();
    let own: Vec<_> = (0..DESCRIPTORS).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
    let sockets = own_sockets(Protocols { tcp: false, udp: true });
    assert!(sockets.len() >= own.len(), "all of them are there");
    bencher
        .with_inputs(|| sockets.clone())
        .bench_local_values(|sockets| ThisSystem::default().owners(sockets));
}

/// No socket, no walk: what is left is what the program does in any case.
#[divan::bench]
fn nothing() {
    drop(ThisSystem::default().owners(Vec::new()));
}

fn files() -> Vec<File> {
    (0..DESCRIPTORS).map(|_| File::open("/dev/null").unwrap()).collect()
}

fn own_sockets(protocols: Protocols) -> Vec<Socket> {
    let filter = Filter { protocols, ..Filter::everything() };
    ThisSystem::default().sockets(&filter.scope(Detail::Brief)).unwrap().sockets
}
