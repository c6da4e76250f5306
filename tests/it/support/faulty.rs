//! The running system with one fault, and the program on it: what no system does when it is asked to.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use portwho::cli;
use portwho::commands::{self, Output};
use portwho::model::{
    About, Capabilities, Creator, Endpoint, Particulars, Pid, PortRules, Process, Protocol, Reach,
    Scope, Signal, Socket, TcpSettings, Uid, Untrusted,
};
use portwho::platform::{
    CloseError, Control, Ending, Names, NamespaceTable, OwnerTable, PlatformError, Ports,
    Processes, SocketTable, Sockets, System, SystemRequest, ThisSystem,
};

/// What is wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fault {
    /// The third look panics.
    Look,
    /// The third look never ends.
    Stall,
    /// To ask for what a process has panics, as for its details.
    Details,
    /// To look a service up panics.
    Service,
    /// To look a service up never ends.
    StalledService,
}

struct Faulty {
    fault: Fault,
    looks: AtomicUsize,
    inner: ThisSystem,
}

/// `faulty-watch FAULT WORDS...`: portwho on a system with that fault, with something that listens on
/// port 80.
pub fn watch(words: &[String]) {
    let fault = match words[0].as_str() {
        "look" => Fault::Look,
        "stall" => Fault::Stall,
        "details" => Fault::Details,
        "service" => Fault::Service,
        "stalled-service" => Fault::StalledService,
        other => panic!("no fault is {other}"),
    };
    let _listener = TcpListener::bind("127.0.0.1:80").expect("bind");
    let system = Box::leak(Box::new(Faulty {
        fault,
        looks: AtomicUsize::new(0),
        inner: ThisSystem::default(),
    }));
    let line = ["portwho".to_owned()].into_iter().chain(words[1..].iter().cloned());
    let request = cli::parse(line.map(Into::into)).expect("arguments");
    let mut output = Output::of_process();
    let outcome = commands::start(request, system, &mut output).expect("an outcome");
    std::process::exit(i32::from(outcome != commands::Outcome::Success));
}

impl Faulty {
    /// What happens at the fault: it panics, or it never ends.
    fn meet(&self, panics: Fault, stalls: Option<Fault>) {
        assert!(self.fault != panics, "a fault\nof two lines");
        while stalls == Some(self.fault) {
            thread::park();
        }
    }
}

impl Sockets for Faulty {
    type Namespaces = <ThisSystem as Sockets>::Namespaces;

    fn sockets(&self, scope: &Scope) -> Result<SocketTable, PlatformError> {
        if self.looks.fetch_add(1, Ordering::Relaxed) >= 2 {
            self.meet(Fault::Look, Some(Fault::Stall));
        }
        self.inner.sockets(scope)
    }

    fn namespaces(
        &self,
        scope: &Scope,
        reach: Reach,
    ) -> Result<(NamespaceTable, Self::Namespaces), PlatformError> {
        self.inner.namespaces(scope, reach)
    }

    fn sockets_of(&self, namespaces: &Self::Namespaces, scope: &Scope) -> NamespaceTable {
        self.inner.sockets_of(namespaces, scope)
    }

    fn owners(&self, sockets: Vec<Socket>) -> Result<OwnerTable, PlatformError> {
        self.inner.owners(sockets)
    }

    fn creators(&self, cgroups: &BTreeSet<u64>) -> BTreeMap<u64, Creator> {
        self.inner.creators(cgroups)
    }
}

impl Processes for Faulty {
    fn processes(&self, pids: &BTreeSet<Pid>, about: About) -> BTreeMap<Pid, Process> {
        self.inner.processes(pids, about)
    }

    fn all_processes(&self) -> Option<BTreeSet<Pid>> {
        self.inner.all_processes()
    }

    fn is_absent(&self, pid: Pid) -> bool {
        self.inner.is_absent(pid)
    }

    fn particulars(&self, pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Particulars> {
        self.meet(Fault::Details, None);
        self.inner.particulars(pids)
    }

    fn ancestors(&self) -> Vec<Pid> {
        self.inner.ancestors()
    }
}

impl Ports for Faulty {
    fn port_rules(&self, protocol: Protocol) -> PortRules {
        self.inner.port_rules(protocol)
    }

    fn try_bind(&self, protocol: Protocol, end: Endpoint, on: Option<u32>) -> io::Result<()> {
        self.inner.try_bind(protocol, end, on)
    }

    fn tcp_settings(&self) -> TcpSettings {
        self.inner.tcp_settings()
    }

    fn service_ports(&self, name: &str) -> Result<Vec<u16>, PlatformError> {
        self.meet(Fault::Service, Some(Fault::StalledService));
        self.inner.service_ports(name)
    }
}

impl Names for Faulty {
    fn user_name(&self, uid: Uid) -> Option<Untrusted> {
        self.inner.user_name(uid)
    }

    fn has_user(&self, word: &str) -> Option<bool> {
        self.inner.has_user(word)
    }

    fn interface_names(&self, indices: &BTreeSet<u32>) -> BTreeMap<u32, Untrusted> {
        self.inner.interface_names(indices)
    }

    fn interface_index(&self, name: &str) -> Option<u32> {
        self.inner.interface_index(name)
    }
}

impl Control for Faulty {
    type Process = <ThisSystem as Control>::Process;

    fn ending(&self, pid: Pid, signal: Signal) -> Ending {
        self.inner.ending(pid, signal)
    }

    fn open_process(&self, pid: Pid, birth: Option<u64>) -> Result<Self::Process, PlatformError> {
        self.inner.open_process(pid, birth)
    }

    fn close_sockets(&self, sockets: &[&Socket]) -> Vec<Result<(), CloseError>> {
        self.inner.close_sockets(sockets)
    }
}

impl System for Faulty {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    fn is_privileged(&self) -> bool {
        self.inner.is_privileged()
    }

    fn console_takes_escapes(&self) -> bool {
        true
    }

    fn processor_time(&self) -> Option<Duration> {
        self.inner.processor_time()
    }

    fn on_request(&self, tell: Box<dyn Fn(SystemRequest) + Send>) -> io::Result<()> {
        self.inner.on_request(tell)
    }

    fn obey(&self, request: SystemRequest) {
        self.inner.obey(request);
    }
}
