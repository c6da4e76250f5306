use std::net::Ipv4Addr;

use portwho::model::{
    Capabilities, Endpoint, Holder, OwnedSocket, Owner, Pid, Process, Protocol, Snapshot, Socket,
    TcpState, Uid,
};

/// Sockets in a sample; small enough for many rounds, and too many for the caches' first level.
pub const SOCKETS: u32 = 10_000;

/// Processes in a sample.
const PROCESSES: u32 = 500;

/// What a look would see on a busy server: listeners, connections, some over and some stuck.
pub fn snapshot() -> Snapshot {
    let pids = (0..PROCESSES).map(|number| Pid(1000 + number));
    Snapshot {
        privileged: true,
        sockets: (0..SOCKETS).map(owned).collect(),
        processes: pids.map(|pid| (pid, process(pid))).collect(),
        users: [(Uid(33), "www-data".to_owned().into())].into(),
        ..Snapshot::empty(Capabilities::LINUX)
    }
}

fn owned(number: u32) -> OwnedSocket {
    let holder = Holder { pid: Pid(1000 + number % PROCESSES), descriptor: Some(3) };
    OwnedSocket { owner: Owner::Processes([holder].into()), socket: socket(number) }
}

/// The sockets come in no order, as from the kernel's hash table.
fn socket(number: u32) -> Socket {
    let scattered = number.wrapping_mul(2_654_435_761);
    let [a, b, c, d] = scattered.to_be_bytes();
    let state = match number % 20 {
        0 => TcpState::Listening,
        1 => TcpState::CloseWait,
        2 => TcpState::FinWait2,
        _ => TcpState::Established,
    };
    let far = Endpoint::new(Ipv4Addr::new(10, a, b, c).into(), u16::from_be_bytes([c, d]) | 1);
    let local = Endpoint::new(Ipv4Addr::new(192, 168, 0, d).into(), u16::from_be_bytes([a, b]) | 1);
    Socket {
        foreign: (state != TcpState::Listening).then_some(far),
        state: Some(state),
        inode: Some(u64::from(number) + 1),
        cookie: Some(u64::from(number) + 1),
        uid: Some(Uid(33)),
        ..Socket::at(Protocol::Tcp, local)
    }
}

fn process(pid: Pid) -> Process {
    Process {
        command: vec!["nginx: worker process".to_owned().into()],
        user: Some("www-data".to_owned().into()),
        memory_bytes: Some(u64::from(pid.0) * 4096),
        ..Process::named(pid, format!("worker-{pid}").into())
    }
}
