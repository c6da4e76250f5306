//! What portwho needs of a system: a trait for each subject, and [`System`], which is their sum.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::io;
use std::thread;
use std::time::Duration;

use super::{CloseError, Ending, NamespaceTable, OwnerTable, PlatformError, SocketTable};
use crate::model::{
    About, Capabilities, Creator, Endpoint, Gap, MachineLimits, OwnedSocket, Particulars, Pid,
    PortProxy, PortRules, Process, Protocol, Reach, Reading, Scope, ServedUrl, Service, Signal,
    Socket, Stopped, TcpSettings, Uid, Unconnected, Untrusted,
};

/// Reading sockets, who holds them and who created them.
pub trait Sockets {
    /// The sockets in `scope`, or more.
    ///
    /// # Errors
    /// When no table could be read at all. A table among several is a gap.
    fn sockets(&self, scope: &Scope) -> Result<SocketTable, PlatformError>;

    /// Other network namespaces than portwho's own that were found, to be read again.
    type Namespaces: Debug;

    /// The sockets in `scope`, or more, of other network namespaces than portwho's own, as far as
    /// `reach` tells; and these namespaces.
    ///
    /// # Errors
    /// When the namespaces cannot be listed.
    fn namespaces(
        &self,
        scope: &Scope,
        reach: Reach,
    ) -> Result<(NamespaceTable, Self::Namespaces), PlatformError>;

    /// The same sockets, once.
    ///
    /// # Errors
    /// When the namespaces cannot be listed.
    fn sockets_elsewhere(
        &self,
        scope: &Scope,
        reach: Reach,
    ) -> Result<NamespaceTable, PlatformError> {
        self.namespaces(scope, reach).map(|(table, _)| table)
    }

    /// The same sockets of namespaces that were found before: no others are searched for.
    fn sockets_of(&self, namespaces: &Self::Namespaces, scope: &Scope) -> NamespaceTable;

    /// Whether the first process is in another network namespace than portwho: then portwho is in a sandbox, or was
    /// put there by `ip netns`, and sees none of the machine's sockets. None where that cannot be told.
    fn is_apart_from_first(&self) -> Option<bool> {
        None
    }

    /// Finds who holds each of `sockets`.
    ///
    /// # Errors
    /// When the search fails that was asked for, and no other one may stand in for it. What another cannot see is
    /// a gap.
    fn owners(&self, sockets: Vec<Socket>) -> Result<OwnerTable, PlatformError>;

    /// The same, and the sockets that took the port of one that closed meanwhile, if they are
    /// `wanted`. Where the table of sockets names the owners, no time passes between the two.
    ///
    /// # Errors
    /// As [`owners`](Self::owners).
    fn owners_now(
        &self,
        sockets: Vec<Socket>,
        wanted: &dyn Fn(&Socket) -> bool,
    ) -> Result<OwnerTable, PlatformError> {
        let _ = wanted;
        self.owners(sockets)
    }

    /// Those of `counted` whose owners in `rows` are proven to be all.
    fn all_there(&self, rows: &[OwnedSocket], counted: BTreeSet<u64>) -> BTreeSet<u64> {
        let _ = rows;
        counted
    }

    /// Those of `sockets` that are held by one of the processes `likely`, and the others as they are: a
    /// search that is much shorter where it is likely. Nothing where the table of sockets names the owners.
    fn owners_among(
        &self,
        sockets: Vec<Socket>,
        likely: &[Pid],
    ) -> (Vec<OwnedSocket>, Vec<Socket>) {
        let _ = likely;
        (Vec::new(), sockets)
    }

    /// The sockets of TCP that are not connected, and no more than kept, of processes of this network
    /// namespace that have at least this many of them.
    fn unconnected(&self, at_least: usize) -> Reading<Unconnected> {
        let _ = at_least;
        Reading::Unreported
    }

    /// What is known of those who created sockets, by the sockets' cgroups; nothing for a group
    /// that is not visible from here, and nothing on systems without them.
    fn creators(&self, cgroups: &BTreeSet<u64>) -> BTreeMap<u64, Creator>;
}

/// Describing processes.
pub trait Processes {
    /// Describes the processes among `pids` that still exist, as far as is asked for, or more.
    fn processes(&self, pids: &BTreeSet<Pid>, about: About) -> BTreeMap<Pid, Process>;

    /// Every process; none where some may be hidden from this user.
    fn all_processes(&self) -> Option<BTreeSet<Pid>>;

    /// Whether it is certain that no process has this PID.
    fn is_absent(&self, pid: Pid) -> bool;

    /// The particulars of those among `pids` that still exist.
    fn particulars(&self, pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Particulars>;

    /// The processes whose parent this is; none where the system does not show that, or where ending
    /// a parent would not keep it from starting others.
    fn children(&self, parent: Pid) -> Option<BTreeSet<Pid>> {
        let _ = parent;
        None
    }

    /// This process, then its parent, and so on up to the first.
    fn ancestors(&self) -> Vec<Pid>;

    /// The directories below which only an administrator puts programs.
    fn program_directories(&self) -> Vec<Untrusted> {
        Vec::new()
    }

    /// Those among `pids` that see the same file systems as portwho. To others a path may lead to
    /// another program. On systems without mount namespaces, all of them.
    fn in_own_mounts(&self, pids: &BTreeSet<Pid>) -> BTreeSet<Pid> {
        pids.clone()
    }

    /// When the system starts a service again that has ended, in its own word; none where it does not,
    /// or where that cannot be known.
    fn restart_policy(&self, service: &Service) -> Option<Untrusted> {
        let _ = service;
        None
    }
}

/// The rules of the system for ports.
pub trait Ports {
    /// The system's rules for ports.
    fn port_rules(&self, protocol: Protocol) -> PortRules;

    /// Binds a socket of `protocol` to `end`, on `interface` where one is meant, as a server would,
    /// and releases it immediately.
    ///
    /// # Errors
    /// The system's answer, where it is no.
    fn try_bind(&self, protocol: Protocol, end: Endpoint, interface: Option<u32>)
    -> io::Result<()>;

    /// How the system's TCP is set, and what it has counted.
    fn tcp_settings(&self) -> TcpSettings;

    /// What all programs share, and how much of it is used.
    fn machine_limits(&self) -> MachineLimits {
        MachineLimits::default()
    }

    /// The URLs that a driver serves in the name of programs; none on systems without such a driver.
    ///
    /// # Errors
    /// The gap of URLs that could not be read.
    fn served_urls(&self) -> Result<Vec<ServedUrl>, Gap> {
        Ok(Vec::new())
    }

    /// The rules by which a service of the system forwards ports, and the gap of those that could not be
    /// read; none on systems without such a service.
    fn port_proxies(&self) -> (Vec<PortProxy>, Option<Gap>) {
        (Vec::new(), None)
    }

    /// The ports of a service, by its name or alias in the system's services file.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    fn service_ports(&self, name: &str) -> Result<Vec<u16>, PlatformError>;
}

/// The names of users and network interfaces.
pub trait Names {
    /// The name of a user; none where it has none.
    fn user_name(&self, uid: Uid) -> Option<Untrusted>;

    /// Whether there is a user of this name or number; none where that cannot be told.
    fn has_user(&self, word: &str) -> Option<bool>;

    /// The names of network interfaces, for those of `indices` that have one.
    fn interface_names(&self, indices: &BTreeSet<u32>) -> BTreeMap<u32, Untrusted>;

    /// The index of a network interface, by its name.
    fn interface_index(&self, name: &str) -> Option<u32>;
}

/// Ending processes and closing sockets.
pub trait Control {
    /// A process that was opened, so that its PID can no longer mean another one.
    type Process: OpenProcess;

    /// How `signal` would end the process: systems without signals have their own ways.
    fn ending(&self, pid: Pid, signal: Signal) -> Ending;

    /// Opens a process, to end it and to wait for it. `birth` is that of the one that is meant.
    ///
    /// # Errors
    /// [`PlatformError::NoSuchProcess`] when it has exited, be the PID another's or not.
    fn open_process(&self, pid: Pid, birth: Option<u64>) -> Result<Self::Process, PlatformError>;

    /// Closes each of `sockets` itself, while its process lives on; the answers are in their
    /// order. A success says that the system took it on: only another query shows that it is gone.
    fn close_sockets(&self, sockets: &[&Socket]) -> Vec<Result<(), CloseError>>;
}

/// A system: the sum of its subjects, and what is true of it as a whole.
pub trait System: Sockets + Processes + Ports + Names + Control {
    /// What it can do.
    fn capabilities(&self) -> Capabilities;

    /// Whether this process has all the rights that `sudo` would give: root, or elevated.
    fn is_privileged(&self) -> bool;

    /// Forgets what is kept from one look to the next and may have changed: names of containers.
    fn forget(&self) {}

    /// Whether the console obeys escapes, where stdout is one.
    fn console_takes_escapes(&self) -> bool;

    /// How long processors have worked for this process; none where the system is not asked.
    fn processor_time(&self) -> Option<Duration> {
        None
    }

    /// Waits for so long.
    fn pause(&self, time: Duration) {
        thread::sleep(time);
    }

    /// Waits for so long, or until the user interrupts. From the first call on, that does not end
    /// this process anymore.
    fn pause_until_interrupt(&self, time: Duration) -> Pause {
        self.pause(time);
        Pause::Over
    }

    /// From now on this process does not end or stop when the system requests it: `tell` is told, and
    /// [`System::obey`] does it. Nothing on systems without such requests.
    ///
    /// # Errors
    /// When the system refuses.
    fn on_request(&self, tell: Box<dyn Fn(SystemRequest) + Send>) -> io::Result<()> {
        let _ = tell;
        Ok(())
    }

    /// Does what was requested: ends the process, or stops it and returns when it is continued.
    fn obey(&self, request: SystemRequest) {
        let _ = request;
    }
}

/// What the system wants of a program that has taken the terminal over.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SystemRequest {
    /// To end, by this signal.
    End(i32),
    /// To die of this signal, which is not sent to end a program in order.
    Die(i32),
    /// To stop until it is continued.
    Stop,
    /// To run on: it was stopped, be it by a signal that cannot be caught, and the terminal may have been
    /// another's meanwhile.
    Continue,
}

/// How a pause ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pause {
    /// The time has passed.
    Over,
    /// The user wants no more (Ctrl-C).
    Interrupted,
}

/// A process that was opened. What is done to it is done to no other, even if its PID is given
/// to a new process meanwhile.
pub trait OpenProcess {
    /// Takes note of descriptors by which it holds sockets, by their inodes. On systems where a
    /// descriptor cannot be looked at alone nothing is done.
    fn know(&mut self, descriptors: &[(u32, u64)]) {
        let _ = descriptors;
    }

    /// Whether one of the known descriptors is a socket at this moment whose inode is `wanted`. A
    /// single one is read in a few microseconds. No says nothing of its other descriptors.
    fn holds_known(&self, wanted: &dyn Fn(u64) -> bool) -> bool {
        let _ = wanted;
        false
    }

    /// Whether this very process holds any of `sockets` at this moment.
    ///
    /// # Errors
    /// [`PlatformError::NoSuchProcess`] when it has exited; otherwise when its descriptors
    /// cannot be read.
    fn holds_any(&self, sockets: &[&Socket]) -> Result<bool, PlatformError>;

    /// Ends it, or asks it to end, in the way that was announced.
    ///
    /// # Errors
    /// [`PlatformError::NoSuchProcess`] when it has exited, [`PlatformError::NotPermitted`],
    /// and [`PlatformError::NoSafeSignal`] where it could only be sent by bare PID.
    fn end(&self, ending: Ending) -> Result<(), PlatformError>;

    /// Waits until the whole process has exited, all threads included, `timeout` at most.
    /// Returns whether it has.
    ///
    /// # Errors
    /// When the system refuses to wait.
    fn wait_exit(&self, timeout: Duration) -> Result<bool, PlatformError>;

    /// What keeps it from running at this moment, as far as that can be told; nothing for one that
    /// runs, and on systems that do not report it.
    fn stopped(&self) -> Option<Stopped> {
        None
    }
}
