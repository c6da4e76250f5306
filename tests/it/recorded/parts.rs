//! What a recorded machine is made of: processes and sockets, described in a line each.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use portwho::model::{
    Endpoint, Holder, KernelReason, OwnedSocket, Owner, Pid, Process, ProcessKind, Protocol,
    Queues, Service, Session, Socket, TableOwner, TcpInfo, TcpState, Timer, TimerKind, Uid,
    Untrusted,
};

/// What a process does when it is opened or ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Fate {
    /// Ends of whatever is sent.
    #[default]
    Ends,
    /// Ends only at once: its window asks whether to save.
    Stays,
    /// Is stopped by a signal: ends only at once.
    Stopped,
    /// Cannot be ended at all.
    Hangs,
    /// May not be opened.
    Denied,
    /// Has exited by the time it is opened, and no process has its PID.
    Gone,
    /// Has exited by the time it is opened, and a newcomer has its PID and its port.
    Replaced,
    /// Closes its sockets after it was opened.
    LetsGo,
    /// Ends; the sockets that the table gives it stay there for a few looks.
    Lingers,
    /// Ends; the sockets that the table gives it are held by its children from then on.
    LeavesHeirs,
    /// Ends, and a service manager starts it again with the next PID.
    Restarted,
}

/// A process of a recorded machine.
#[derive(Clone, Debug)]
pub struct Simulated {
    pub process: Process,
    pub fate: Fate,
    pub has_window: bool,
}

/// An ordinary process that was started at 2026-11-20 04:19:00 UTC.
pub fn process(pid: u32, name: &str) -> Simulated {
    let process = Process {
        birth: Some(u64::from(pid) * 1000),
        memory_bytes: Some(2800 * 1024),
        started: Some(SystemTime::UNIX_EPOCH + Duration::from_mins(29_919_139)),
        session: Session { name: Some("Console".into()), id: Some(1) },
        ..Process::named(Pid(pid), windows_text(name))
    };
    Simulated { process, fate: Fate::Ends, has_window: false }
}

/// Text as Windows gives it.
pub fn windows_text(text: &str) -> Untrusted {
    Untrusted::from_wide(&text.encode_utf16().collect::<Vec<_>>())
}

impl Simulated {
    pub fn with(mut self, change: impl FnOnce(&mut Process)) -> Self {
        change(&mut self.process);
        self
    }

    pub fn named(self, name: Untrusted) -> Self {
        self.with(|process| process.name = name)
    }

    /// Hosts these services, in session 0.
    pub fn hosting(self, services: &[&str]) -> Self {
        let service = |name: &&str| Service { name: windows_text(name), of_user: false };
        let services = services.iter().map(service).collect();
        self.in_session("Services", 0).with(|process| process.services = services)
    }

    pub fn in_session(self, name: &str, id: u32) -> Self {
        let session = Session { name: Some(name.into()), id: Some(id) };
        self.with(|process| process.session = session)
    }

    pub fn user(self, name: &str) -> Self {
        let user = Some(windows_text(name));
        self.with(|process| process.user = user)
    }

    /// The number of its user, and the name.
    pub fn uid(self, uid: u32) -> Self {
        self.with(|process| {
            process.uid = Some(Uid(uid));
            process.user = Some(uid.to_string().into());
        })
    }

    /// The path of its program, as its system writes paths.
    pub fn program(self, path: &str) -> Self {
        let path = if path.contains('\\') { windows_text(path) } else { path.into() };
        self.with(|process| process.executable = Some(path))
    }

    pub fn kib(self, kib: u64) -> Self {
        self.with(|process| process.memory_bytes = Some(kib * 1024))
    }

    pub fn parent(self, pid: u32) -> Self {
        self.with(|process| process.parent = Some(Pid(pid)))
    }

    pub fn kind(self, kind: ProcessKind) -> Self {
        self.with(|process| process.kind = kind)
    }

    /// What the system says of a process that may not be opened: its name and its session.
    pub fn protected(self) -> Self {
        self.with(|process| {
            process.birth = None;
            process.memory_bytes = None;
            process.started = None;
            process.user = None;
        })
    }

    pub fn fate(self, fate: Fate) -> Self {
        Self { fate, ..self }
    }

    pub fn with_window(self) -> Self {
        Self { has_window: true, ..self }
    }
}

/// A TCP socket that nothing is known of beyond its local end and its state.
pub fn tcp(local: &str, state: TcpState) -> Part {
    Part::new(Protocol::Tcp, local, Some(state))
}

/// A TCP listener.
pub fn listener(local: &str) -> Part {
    tcp(local, TcpState::Listening)
}

/// A UDP socket.
pub fn udp(local: &str) -> Part {
    Part::new(Protocol::Udp, local, None)
}

/// A socket whose owner is still to be said.
#[derive(Clone)]
pub struct Part(Socket);

impl Part {
    fn new(protocol: Protocol, local: &str, state: Option<TcpState>) -> Self {
        Self(Socket {
            protocol,
            local: end(local),
            foreign: None,
            mapped: false,
            // Windows lists a socket that takes both families in both tables.
            v6_only: Some(true),
            interface: None,
            state,
            inode: None,
            cookie: None,
            uid: None,
            queues: Queues::default(),
            timer: None,
            idle_ms: None,
            drops: None,
            tcp_info: None,
            cgroup: None,
            netns: None,
            table_owner: None,
            service: None,
        })
    }

    pub fn to(mut self, foreign: &str) -> Self {
        self.0.foreign = Some(end(foreign));
        self
    }

    pub fn interface(mut self, index: u32) -> Self {
        self.0.interface = Some(index);
        self
    }

    /// What only Linux knows of a socket.
    pub fn linux(mut self, inode: u64, uid: u32) -> Self {
        self.0.inode = Some(inode);
        self.0.cookie = Some(inode + 7000);
        self.0.uid = Some(Uid(uid));
        self.0.v6_only = None;
        self.0.queues = Queues { receive: Some(0), send: Some(0) };
        self.0.drops = Some(0);
        self
    }

    /// Made in the cgroup of this id.
    pub fn cgroup(mut self, id: u64) -> Self {
        self.0.cgroup = Some(id);
        self
    }

    /// In the other network namespace of this number.
    pub fn netns(mut self, number: u64) -> Self {
        self.0.netns = Some(number);
        self
    }

    /// Bytes that were not read, and the age of the peer's last segment.
    pub fn unread(mut self, bytes: u32, age_ms: u32) -> Self {
        self.0.queues.receive = Some(bytes);
        self.0.tcp_info = Some(TcpInfo {
            last_ack_received_ms: age_ms,
            last_data_received_ms: age_ms,
            last_data_sent_ms: age_ms,
            is_unanswered: false,
        });
        self
    }

    pub fn time_wait_ms(mut self, expires_ms: u32) -> Self {
        let kind = TimerKind::TimeWait;
        self.0.timer = Some(Timer { kind, expires_ms, retransmits: 0 });
        self
    }

    pub fn of(self, pids: &[u32]) -> OwnedSocket {
        let holder = |pid: &u32| Holder { pid: Pid(*pid), descriptor: None };
        self.owner(Owner::Processes(pids.iter().map(holder).collect()))
    }

    /// The table names this PID, which made the socket at this time.
    pub fn by_table(mut self, pid: u32, created: Option<u64>) -> OwnedSocket {
        self.0.table_owner = Some(TableOwner { pid: Pid(pid), created });
        self.owner(Owner::NotFound)
    }

    /// One service of its host created it.
    pub fn by_service(mut self, name: &str) -> Self {
        self.0.service = Some(windows_text(name));
        self
    }

    pub fn of_kernel(self, reason: KernelReason) -> OwnedSocket {
        self.owner(Owner::Kernel(reason))
    }

    pub fn owner(self, owner: Owner) -> OwnedSocket {
        OwnedSocket { socket: self.0, owner }
    }
}

fn end(text: &str) -> Endpoint {
    let address: SocketAddr = text.parse().expect("an address and a port");
    Endpoint::new(address.ip(), address.port())
}
