//! A snapshot: everything that one query of the system returned.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Capabilities, Creator, Gap, Namespace, Owner, OwnersFrom, Particulars, Pid, PortProxy, Process,
    ServedUrl, Socket, Uid, Untrusted,
};

/// The system that a snapshot is of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Os {
    /// Linux.
    Linux,
    /// Windows.
    Windows,
}

impl Os {
    /// Its name in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Linux => "linux",
            Self::Windows => "windows",
        }
    }
}

/// A socket and who holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnedSocket {
    /// The socket.
    pub socket: Socket,
    /// Who holds it.
    pub owner: Owner,
}

/// Everything that one query of the system returned.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// What the system can do.
    pub capabilities: Capabilities,
    /// Whether the one who looks has all the rights that `sudo` would give.
    pub privileged: bool,
    /// The sockets with their owners.
    pub sockets: Vec<OwnedSocket>,
    /// The processes that own them.
    pub processes: BTreeMap<Pid, Process>,
    /// Owners that the system did not describe although they may run, where that matters: see
    /// [`Capabilities::protected_processes`].
    pub unidentified: BTreeSet<Pid>,
    /// The names of the sockets' users.
    pub users: BTreeMap<Uid, Untrusted>,
    /// The names of the sockets' interfaces, by index.
    pub interfaces: BTreeMap<u32, Untrusted>,
    /// What is known of the creators of sockets without a known owner, by cgroup.
    pub creators: BTreeMap<u64, Creator>,
    /// The other network namespaces that sockets are in, by inode number.
    pub namespaces: BTreeMap<u64, Namespace>,
    /// Listeners that were not asked for, in whose queues some of the sockets wait.
    pub listeners: Vec<OwnedSocket>,
    /// The particulars of the owners, where they were asked for.
    pub particulars: BTreeMap<Pid, Particulars>,
    /// The far ends of connections within the machine, where they were asked for.
    pub peers: Vec<OwnedSocket>,
    /// By which way the owners were searched, where they were.
    pub owners_from: Option<OwnersFrom>,
    /// The inodes of sockets of which these owners are proven to be all.
    pub complete: BTreeSet<u64>,
    /// What the system's own web server serves, where one of its ports was asked for.
    pub served_urls: Vec<ServedUrl>,
    /// The rules by which sockets that were asked for are forwarded, with the process that holds them.
    pub port_proxies: Vec<(PortProxy, Pid)>,
    /// What could not be seen.
    pub gaps: Vec<Gap>,
}

impl Snapshot {
    /// A snapshot without any socket.
    #[must_use]
    pub const fn empty(capabilities: Capabilities) -> Self {
        Self {
            capabilities,
            privileged: false,
            sockets: Vec::new(),
            processes: BTreeMap::new(),
            unidentified: BTreeSet::new(),
            users: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            creators: BTreeMap::new(),
            namespaces: BTreeMap::new(),
            listeners: Vec::new(),
            particulars: BTreeMap::new(),
            peers: Vec::new(),
            owners_from: None,
            complete: BTreeSet::new(),
            served_urls: Vec::new(),
            port_proxies: Vec::new(),
            gaps: Vec::new(),
        }
    }

    /// What is known of the creator of a socket.
    #[must_use]
    pub fn creator(&self, socket: &Socket) -> Option<&Creator> {
        self.creators.get(&socket.cgroup?)
    }

    /// The URLs that are served on a port.
    #[must_use]
    pub fn urls_on(&self, port: u16) -> Vec<&ServedUrl> {
        self.served_urls.iter().filter(|url| url.port == port).collect()
    }

    /// The rules by which a port is forwarded.
    #[must_use]
    pub fn proxies_on(&self, port: u16) -> Vec<&PortProxy> {
        let rules = self.port_proxies.iter().map(|(rule, _)| rule);
        rules.filter(|rule| rule.port == port).collect()
    }

    /// The rules by which a process forwards ports that were asked for.
    #[must_use]
    pub fn proxies_of(&self, pid: Pid) -> Vec<&PortProxy> {
        let own = self.port_proxies.iter().filter(|(_, holder)| *holder == pid);
        own.map(|(rule, _)| rule).collect()
    }

    /// Whether a PID only stands for the kernel: Windows' Idle and System.
    #[must_use]
    pub fn is_kernel(&self, pid: Pid) -> bool {
        self.capabilities.kernel_pids.contains(&pid)
    }

    /// The parent of a process, its parent, and so on, as far as they are known.
    #[must_use]
    pub fn ancestors(&self, process: &Process) -> Vec<Pid> {
        let mut chain: Vec<Pid> = Vec::new();
        let mut next = process.parent;
        // A PID that was reused could close a circle.
        while let Some(parent) = next.filter(|pid| !chain.contains(pid) && *pid != process.pid) {
            chain.push(parent);
            next = self.processes.get(&parent).and_then(|process| process.parent);
        }
        chain
    }

    /// The user's name, or the number where it has none.
    #[must_use]
    pub fn user_name(&self, uid: Uid) -> Untrusted {
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string().into())
    }
}
