//! Linux: sockets from sock_diag, owners and processes from /proc, ends by pidfd.

mod bound;
mod bounds;
mod bpf;
mod cgroup;
mod command_line;
mod containers;
mod copied;
mod core_time;
mod destroy;
mod ffi;
mod handle;
mod machine_limits;
mod memory_reader;
mod namespaces;
mod owners;
mod particulars;
mod port_rules;
mod presence;
mod proc_dir;
mod process;
mod programs;
mod reader;
mod regular_file;
mod shares;
#[cfg(any(feature = "watch", feature = "exporter"))]
mod signals;
mod sock_diag;
mod stopped;
mod tables;
mod tcp_settings;
mod units;
mod unlisted;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::netdevice;
use rustix::net::{AddressFamily, SocketFlags, SocketType};

use self::owners::Way;
pub(super) use reader::is_read;
pub(super) use regular_file::read_no_link as small_file;

#[cfg(any(feature = "watch", feature = "exporter"))]
use super::SystemRequest;
use super::decode::services;
use super::{
    CloseError, Control, Ending, Names, NamespaceTable, OwnerTable, Pause, PlatformError, Ports,
    Processes, SocketTable, Sockets, System, bind,
};
use crate::model::{
    About, Capabilities, Creator, Endpoint, MachineLimits, OwnedSocket, OwnerSearch, Particulars,
    Pid, PortRules, Process, Protocol, Reach, Reading, Scope, Service, Signal, Socket, TcpSettings,
    Uid, Unconnected, Untrusted,
};

/// The running Linux system.
#[derive(Debug, Default)]
pub struct Linux {
    /// By which way owners are searched.
    way: Arc<Way>,
}

impl Linux {
    /// The system, where owners are searched by the way that was asked for.
    ///
    /// # Errors
    /// [`PlatformError::NoOwnerSearch`] where the kernel does not search as it was asked to.
    pub fn searching(asked: OwnerSearch) -> Result<Self, PlatformError> {
        let way = Way::new(asked);
        let way = way.map_err(|why| PlatformError::NoOwnerSearch { why: why.to_string() })?;
        Ok(Self { way: Arc::new(way) })
    }
}

impl Sockets for Linux {
    type Namespaces = namespaces::Namespaces;

    fn sockets(&self, scope: &Scope) -> Result<SocketTable, PlatformError> {
        tables::sockets(scope)
    }

    fn namespaces(
        &self,
        scope: &Scope,
        reach: Reach,
    ) -> Result<(NamespaceTable, Self::Namespaces), PlatformError> {
        namespaces::Namespaces::find(scope, reach)
    }

    fn is_apart_from_first(&self) -> Option<bool> {
        namespaces::is_apart_from_first()
    }

    fn sockets_of(&self, namespaces: &Self::Namespaces, scope: &Scope) -> NamespaceTable {
        namespaces.sockets(scope)
    }

    fn owners(&self, sockets: Vec<Socket>) -> Result<OwnerTable, PlatformError> {
        self.owners_now(sockets, &|_| false)
    }

    fn owners_now(
        &self,
        sockets: Vec<Socket>,
        wanted: &dyn Fn(&Socket) -> bool,
    ) -> Result<OwnerTable, PlatformError> {
        let found = owners::find(sockets, wanted, &self.way);
        found.map_err(|why| PlatformError::NoOwnerSearch { why: why.to_string() })
    }

    fn all_there(&self, rows: &[OwnedSocket], counted: BTreeSet<u64>) -> BTreeSet<u64> {
        owners::all_there(rows, counted)
    }

    fn owners_among(
        &self,
        sockets: Vec<Socket>,
        likely: &[Pid],
    ) -> (Vec<OwnedSocket>, Vec<Socket>) {
        owners::among(sockets, likely)
    }

    fn unconnected(&self, at_least: usize) -> Reading<Unconnected> {
        // What cannot be read at all is not even partly known.
        unlisted::unconnected(at_least).map_or(Reading::Unreported, Reading::Read)
    }

    fn creators(&self, cgroups: &BTreeSet<u64>) -> BTreeMap<u64, Creator> {
        cgroup::creators(cgroups)
    }
}

impl Processes for Linux {
    fn processes(&self, pids: &BTreeSet<Pid>, about: About) -> BTreeMap<Pid, Process> {
        process::describe(pids, about)
    }

    fn all_processes(&self) -> Option<BTreeSet<Pid>> {
        presence::all()
    }

    fn is_absent(&self, pid: Pid) -> bool {
        presence::is_absent(pid)
    }

    fn particulars(&self, pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Particulars> {
        particulars::of(pids)
    }

    fn ancestors(&self) -> Vec<Pid> {
        process::ancestors()
    }

    fn children(&self, parent: Pid) -> Option<BTreeSet<Pid>> {
        process::children(parent)
    }

    fn program_directories(&self) -> Vec<Untrusted> {
        programs::directories()
    }

    fn in_own_mounts(&self, pids: &BTreeSet<Pid>) -> BTreeSet<Pid> {
        programs::in_own_mounts(pids)
    }

    fn restart_policy(&self, service: &Service) -> Option<Untrusted> {
        units::restart_policy(service)
    }
}

impl Ports for Linux {
    fn port_rules(&self, _protocol: Protocol) -> PortRules {
        port_rules::read()
    }

    fn try_bind(
        &self,
        protocol: Protocol,
        end: Endpoint,
        interface: Option<u32>,
    ) -> io::Result<()> {
        bind::attempt(protocol, end, interface, self.capabilities().reuses_address(protocol))
    }

    fn tcp_settings(&self) -> TcpSettings {
        tcp_settings::read()
    }

    fn machine_limits(&self) -> MachineLimits {
        machine_limits::read()
    }

    fn service_ports(&self, name: &str) -> Result<Vec<u16>, PlatformError> {
        match regular_file::read(Path::new("/etc/services"), bounds::SERVICES) {
            Ok(bytes) => Ok(services::ports(&String::from_utf8_lossy(&bytes), name)),
            Err(Errno::NOENT) => Ok(Vec::new()),
            Err(error) => Err(PlatformError::io("cannot read /etc/services", error)),
        }
    }
}

impl Names for Linux {
    fn user_name(&self, uid: Uid) -> Option<Untrusted> {
        user_name(uid)
    }

    fn has_user(&self, word: &str) -> Option<bool> {
        Some(presence::has_user(word))
    }

    fn interface_names(&self, indices: &BTreeSet<u32>) -> BTreeMap<u32, Untrusted> {
        interface_names(indices)
    }

    fn interface_index(&self, name: &str) -> Option<u32> {
        netdevice::name_to_index(&any_socket()?, name).ok()
    }
}

impl Control for Linux {
    type Process = handle::Handle;

    fn ending(&self, _pid: Pid, signal: Signal) -> Ending {
        Ending::Signal(signal)
    }

    fn open_process(&self, pid: Pid, birth: Option<u64>) -> Result<Self::Process, PlatformError> {
        handle::Handle::open(pid, birth)
    }

    fn close_sockets(&self, sockets: &[&Socket]) -> Vec<Result<(), CloseError>> {
        destroy::close(sockets)
    }
}

impl System for Linux {
    fn capabilities(&self) -> Capabilities {
        Capabilities { closes_orphans: destroy::ends_orphans(), ..Capabilities::LINUX }
    }

    fn is_privileged(&self) -> bool {
        rustix::process::geteuid().is_root()
    }

    fn forget(&self) {
        containers::forget();
    }

    fn console_takes_escapes(&self) -> bool {
        std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
    }

    fn processor_time(&self) -> Option<Duration> {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
        Duration::try_from(time).ok()
    }

    fn pause_until_interrupt(&self, time: Duration) -> Pause {
        if ffi::wait_for_interrupt(time) { Pause::Interrupted } else { Pause::Over }
    }

    #[cfg(any(feature = "watch", feature = "exporter"))]
    fn on_request(&self, tell: Box<dyn Fn(SystemRequest) + Send>) -> io::Result<()> {
        signals::on_request(tell)
    }

    #[cfg(any(feature = "watch", feature = "exporter"))]
    fn obey(&self, request: SystemRequest) {
        signals::obey(request);
    }
}

/// The name of a user by the system's name services (getpwuid(3)), as in ps and lsof.
fn user_name(uid: Uid) -> Option<Untrusted> {
    uzers::get_user_by_uid(uid.0).map(|user| Untrusted::new(user.name().as_bytes()))
}

/// The names of interfaces (netdevice(7)).
fn interface_names(indices: &BTreeSet<u32>) -> BTreeMap<u32, Untrusted> {
    if indices.is_empty() {
        return BTreeMap::new();
    }
    let Some(socket) = any_socket() else {
        return BTreeMap::new();
    };
    let name = |index| netdevice::index_to_name_inlined(&socket, index).ok();
    let named = indices.iter().filter_map(|&index| Some((index, name(index)?)));
    named.map(|(index, name)| (index, Untrusted::new(name.as_bytes()))).collect()
}

/// A socket to ask for interfaces: any kind will do, in this thread's network namespace.
fn any_socket() -> Option<OwnedFd> {
    let (family, kind) = (AddressFamily::UNIX, SocketType::DGRAM);
    rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None).ok()
}
