//! A recorded machine as the program sees it: the trait that Linux and Windows implement.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use portwho::model::{
    About, Capabilities, Creator, Endpoint, Gap, MachineLimits, Namespace, Os, OwnedSocket, Owner,
    Particulars, Pid, PortProxy, PortRules, Process, Protocol, Reach, Reading, Scope, ServedUrl,
    Signal, Socket, TcpSettings, Uid, Unconnected, Untrusted,
};
use portwho::platform::{
    CloseError, Control, Ending, Names, NamespaceTable, OwnerTable, PlatformError, Ports,
    Processes, SocketTable, Sockets, System,
};

use super::machine::{Machine, OWN_ANCESTORS};
use super::parts::{Fate, windows_text};
use super::world::Opened;

impl Sockets for Machine {
    type Namespaces = ();

    /// More than is asked for: the query has to decide.
    fn sockets(&self, _scope: &Scope) -> Result<SocketTable, PlatformError> {
        self.world.borrow_mut().look();
        let mut sockets = self.world.borrow_mut().table();
        sockets.retain(|socket| socket.netns.is_none());
        Ok(SocketTable { sockets, gaps: self.gaps.clone() })
    }

    fn namespaces(
        &self,
        scope: &Scope,
        _reach: Reach,
    ) -> Result<(NamespaceTable, ()), PlatformError> {
        self.world.borrow_mut().namespace_searches += 1;
        Ok((self.sockets_of(&(), scope), ()))
    }

    fn sockets_of(&self, _namespaces: &(), _scope: &Scope) -> NamespaceTable {
        let mut sockets = self.world.borrow_mut().table();
        sockets.retain(|socket| socket.netns.is_some());
        let numbers = sockets.iter().filter_map(|socket| socket.netns);
        let named = |number| Namespace { name: Some(format!("ns{number}").into()), resident: None };
        let namespaces: BTreeMap<_, _> = numbers.map(|number| (number, named(number))).collect();
        let read = namespaces.keys().copied().collect();
        let table = SocketTable { sockets, gaps: Vec::new() };
        NamespaceTable { table, namespaces, read, complete: true }
    }

    fn owners(&self, sockets: Vec<Socket>) -> Result<OwnerTable, PlatformError> {
        let world = self.world.borrow();
        let with_owner = |socket| OwnedSocket { owner: world.owner(&socket), socket };
        let sockets: Vec<OwnedSocket> = sockets.into_iter().map(with_owner).collect();
        let count = sockets.iter().filter(|row| matches!(row.owner, Owner::Exited(_))).count();
        let gaps = if count > 0 { vec![Gap::OwnersExited { count }] } else { Vec::new() };
        Ok(OwnerTable { sockets, gaps, ..OwnerTable::default() })
    }

    /// Of what is held by others too, only these are found.
    fn owners_among(
        &self,
        sockets: Vec<Socket>,
        likely: &[Pid],
    ) -> (Vec<OwnedSocket>, Vec<Socket>) {
        let world = self.world.borrow();
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        for socket in sockets {
            let holders = world.owner(&socket).holders().to_vec();
            let among: Vec<_> =
                holders.into_iter().filter(|holder| likely.contains(&holder.pid)).collect();
            if among.is_empty() {
                rest.push(socket);
            } else {
                found.push(OwnedSocket { owner: Owner::Processes(among.into()), socket });
            }
        }
        (found, rest)
    }

    fn unconnected(&self, _at_least: usize) -> Reading<Unconnected> {
        self.unconnected.clone()
    }

    fn creators(&self, cgroups: &BTreeSet<u64>) -> BTreeMap<u64, Creator> {
        let known = cgroups.iter().filter_map(|id| Some((*id, self.creators.get(id)?.clone())));
        known.collect()
    }
}

impl Processes for Machine {
    fn processes(&self, pids: &BTreeSet<Pid>, _about: About) -> BTreeMap<Pid, Process> {
        let mut world = self.world.borrow_mut();
        if !pids.is_empty() {
            world.described.push(pids.iter().map(|pid| pid.0).collect());
        }
        let known = pids.iter().filter_map(|pid| world.processes.get(pid));
        known.map(|one| (one.process.pid, one.process.clone())).collect()
    }

    fn all_processes(&self) -> Option<BTreeSet<Pid>> {
        Some(self.world.borrow().processes.keys().copied().collect())
    }

    fn is_absent(&self, pid: Pid) -> bool {
        !self.world.borrow().processes.contains_key(&pid)
    }

    fn particulars(&self, pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Particulars> {
        let of = |pid: &Pid| {
            let mut own = self.particulars.get(pid)?.clone();
            if self.only_sockets.contains(pid) {
                let sockets = &self.world.borrow().sockets;
                let is_own = |row: &&OwnedSocket| row.owner.pids().any(|owner| owner == *pid);
                own.descriptors = Some(sockets.iter().filter(is_own).count() as u64);
            }
            Some((*pid, own))
        };
        pids.iter().filter_map(of).collect()
    }

    fn ancestors(&self) -> Vec<Pid> {
        OWN_ANCESTORS.to_vec()
    }

    fn program_directories(&self) -> Vec<Untrusted> {
        match self.os {
            Os::Linux => vec!["/usr/bin".into(), "/usr/lib".into()],
            Os::Windows => vec![windows_text(r"C:\Windows"), windows_text(r"C:\Program Files")],
        }
    }

    fn in_own_mounts(&self, pids: &BTreeSet<Pid>) -> BTreeSet<Pid> {
        pids.difference(&self.other_mounts).copied().collect()
    }
}

impl Ports for Machine {
    fn port_rules(&self, _protocol: Protocol) -> PortRules {
        let has_changed = self.world.borrow().meanwhile.is_none();
        let later = self.later_rules.as_ref().filter(|_| has_changed);
        later.unwrap_or(&self.rules).clone()
    }

    fn served_urls(&self) -> Result<Vec<ServedUrl>, Gap> {
        self.served_urls.clone()
    }

    fn port_proxies(&self) -> (Vec<PortProxy>, Option<Gap>) {
        (self.port_proxies.clone(), None)
    }

    fn try_bind(
        &self,
        _protocol: Protocol,
        end: Endpoint,
        _interface: Option<u32>,
    ) -> io::Result<()> {
        match self.refused_binds.get(&end) {
            Some(kind) => Err((*kind).into()),
            None => Ok(()),
        }
    }

    fn tcp_settings(&self) -> TcpSettings {
        self.settings.clone()
    }

    fn machine_limits(&self) -> MachineLimits {
        self.limits.clone()
    }

    fn service_ports(&self, name: &str) -> Result<Vec<u16>, PlatformError> {
        Ok(if name == "http" { vec![80] } else { Vec::new() })
    }
}

impl Names for Machine {
    fn user_name(&self, uid: Uid) -> Option<Untrusted> {
        self.users.get(&uid).cloned()
    }

    fn has_user(&self, word: &str) -> Option<bool> {
        let is_it = |(uid, name): (&Uid, &Untrusted)| {
            uid.to_string() == word || name.as_bytes() == word.as_bytes()
        };
        (self.os == Os::Linux).then(|| self.users.iter().any(is_it))
    }

    fn interface_names(&self, indices: &BTreeSet<u32>) -> BTreeMap<u32, Untrusted> {
        let named = |index: &u32| Some((*index, self.interfaces.get(index)?.clone()));
        indices.iter().filter_map(named).collect()
    }

    fn interface_index(&self, name: &str) -> Option<u32> {
        let is_it = |known: &&Untrusted| known.as_bytes() == name.as_bytes();
        self.interfaces.iter().find(|(_, known)| is_it(known)).map(|(index, _)| *index)
    }
}

impl Control for Machine {
    type Process = Opened;

    fn ending(&self, pid: Pid, signal: Signal) -> Ending {
        let has_window = self.world.borrow().processes.get(&pid).is_some_and(|one| one.has_window);
        match self.os {
            Os::Linux => Ending::Signal(signal),
            Os::Windows if has_window && signal != Signal::Kill => Ending::CloseWindow,
            Os::Windows => Ending::Terminate,
        }
    }

    fn open_process(&self, pid: Pid, birth: Option<u64>) -> Result<Opened, PlatformError> {
        let mut world = self.world.borrow_mut();
        world.opened.push(pid.0);
        match world.fate(pid) {
            Some(Fate::Denied) => return Err(PlatformError::NotPermitted),
            Some(Fate::Gone) => world.end(pid),
            Some(Fate::Replaced) => world.replace(pid),
            _ => {}
        }
        let now = world.processes.get(&pid).map(|one| one.process.birth);
        let is_newcomer = |now: Option<u64>| now.zip(birth).is_some_and(|(a, b)| a != b);
        match now {
            Some(now) if !is_newcomer(now) => {}
            _ => return Err(PlatformError::NoSuchProcess(pid)),
        }
        if world.fate(pid) == Some(Fate::LetsGo) {
            world.let_go(pid);
        }
        Ok(Opened { pid, world: Rc::clone(&self.world) })
    }

    fn close_sockets(&self, sockets: &[&Socket]) -> Vec<Result<(), CloseError>> {
        let mut world = self.world.borrow_mut();
        sockets.iter().map(|socket| world.close(socket)).collect()
    }
}

impl System for Machine {
    fn capabilities(&self) -> Capabilities {
        match self.os {
            Os::Linux => {
                Capabilities { closes_orphans: self.closes_orphans, ..Capabilities::LINUX }
            }
            Os::Windows => Capabilities::WINDOWS,
        }
    }

    fn is_privileged(&self) -> bool {
        self.privileged
    }

    fn console_takes_escapes(&self) -> bool {
        false
    }

    /// There is no wait, and the sockets are older all the same.
    fn pause(&self, time: Duration) {
        let ms = u32::try_from(time.as_millis()).expect("a short time");
        for row in &mut self.world.borrow_mut().sockets {
            let socket = &mut row.socket;
            socket.idle_ms = socket.idle_ms.map(|age| age + ms);
            if let Some(info) = &mut socket.tcp_info {
                info.last_ack_received_ms += ms;
                info.last_data_received_ms += ms;
                info.last_data_sent_ms += ms;
            }
        }
    }
}
