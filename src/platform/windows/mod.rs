//! Windows: sockets from netstat2 and the IP helper, processes from the system's own lists and by
//! handle, ends by process handle.

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the layouts of Windows' lists of processes and services here are those of 64 bits");

mod accounts;
mod close;
mod directories;
mod ffi;
mod handle;
mod layouts;
mod owners;
mod port_proxies;
mod port_rules;
mod process;
mod service_sockets;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};
use std::{fs, io};

use windows_sys::Win32::Foundation::STATUS_CONTROL_C_EXIT;

pub(super) use ffi::is_read;

use super::decode::services;
use super::{
    CloseError, Control, Ending, Names, NamespaceTable, OwnerTable, Pause, PlatformError, Ports,
    Processes, SocketTable, Sockets, System, SystemRequest, bind,
};
use crate::model::{
    About, Capabilities, Creator, Endpoint, Gap, OwnerSearch, Particulars, Pid, PortProxy,
    PortRules, Process, Protocol, Reach, Scope, ServedUrl, Signal, Socket, TcpSettings, Uid,
    Untrusted,
};

/// The running Windows. With braces, so that it is made as that of Linux is.
#[derive(Debug, Default)]
pub struct Windows {}

impl Windows {
    /// The system, whose tables of sockets name the owners: there is nothing to search.
    ///
    /// # Errors
    /// Never: [`Capabilities::owner_search`] tells that no way can be chosen.
    pub const fn searching(_asked: OwnerSearch) -> Result<Self, PlatformError> {
        Ok(Self {})
    }
}

impl Sockets for Windows {
    type Namespaces = ();

    fn sockets(&self, scope: &Scope) -> Result<SocketTable, PlatformError> {
        tables::sockets(scope)
    }

    /// Windows divides sockets into network compartments, as of containers, and has no call that reads
    /// those of another one: the tables are those of the compartment of this thread
    /// (SetCurrentThreadCompartmentId).
    fn namespaces(
        &self,
        _scope: &Scope,
        _reach: Reach,
    ) -> Result<(NamespaceTable, ()), PlatformError> {
        Ok((NamespaceTable::default(), ()))
    }

    fn sockets_of(&self, _namespaces: &(), _scope: &Scope) -> NamespaceTable {
        NamespaceTable::default()
    }

    fn owners(&self, sockets: Vec<Socket>) -> Result<OwnerTable, PlatformError> {
        Ok(owners::find(sockets))
    }

    /// Windows' sockets have no cgroups.
    fn creators(&self, _cgroups: &BTreeSet<u64>) -> BTreeMap<u64, Creator> {
        BTreeMap::new()
    }
}

impl Processes for Windows {
    fn processes(&self, pids: &BTreeSet<Pid>, about: About) -> BTreeMap<Pid, Process> {
        process::describe(pids, about)
    }

    fn all_processes(&self) -> Option<BTreeSet<Pid>> {
        Some(process::list().ok()?.iter().map(|process| process.pid).collect())
    }

    fn is_absent(&self, pid: Pid) -> bool {
        self.all_processes().is_some_and(|all| !all.contains(&pid))
    }

    fn particulars(&self, pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Particulars> {
        process::particulars(pids)
    }

    fn ancestors(&self) -> Vec<Pid> {
        process::ancestors()
    }

    fn program_directories(&self) -> Vec<Untrusted> {
        directories::of_programs()
    }
}

impl Ports for Windows {
    fn port_rules(&self, protocol: Protocol) -> PortRules {
        port_rules::read(protocol)
    }

    /// There is no documented call that lists the URL groups that exist.
    fn served_urls(&self) -> Result<Vec<ServedUrl>, Gap> {
        port_rules::served_urls()
    }

    fn port_proxies(&self) -> (Vec<PortProxy>, Option<Gap>) {
        port_proxies::read()
    }

    fn try_bind(
        &self,
        protocol: Protocol,
        end: Endpoint,
        interface: Option<u32>,
    ) -> io::Result<()> {
        bind::attempt(protocol, end, interface, self.capabilities().reuses_address(protocol))
    }

    /// Windows tells nothing of these but its port range, which is among the port rules.
    fn tcp_settings(&self) -> TcpSettings {
        TcpSettings::default()
    }

    fn service_ports(&self, name: &str) -> Result<Vec<u16>, PlatformError> {
        let what = "cannot find the services file";
        let system = ffi::system_directory().map_err(|error| PlatformError::io(what, error))?;
        let path = system.join(r"drivers\etc\services");
        match fs::read(&path) {
            Ok(bytes) => Ok(services::ports(&String::from_utf8_lossy(&bytes), name)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(PlatformError::io(format!("cannot read {}", path.display()), error)),
        }
    }
}

impl Names for Windows {
    /// Windows' sockets have no users.
    fn user_name(&self, _uid: Uid) -> Option<Untrusted> {
        None
    }

    /// An account may be another machine's or a domain's, which is not asked.
    fn has_user(&self, _word: &str) -> Option<bool> {
        None
    }

    /// Windows names a scope by its number.
    fn interface_names(&self, _indices: &BTreeSet<u32>) -> BTreeMap<u32, Untrusted> {
        BTreeMap::new()
    }

    /// By its alias, as in `ipconfig` and Get-NetAdapter: `Ethernet`.
    fn interface_index(&self, name: &str) -> Option<u32> {
        ffi::interface_index(name)
    }
}

impl Control for Windows {
    type Process = handle::Handle;

    fn ending(&self, pid: Pid, signal: Signal) -> Ending {
        if signal != Signal::Kill && ffi::has_window(pid) {
            Ending::CloseWindow
        } else {
            Ending::Terminate
        }
    }

    fn open_process(&self, pid: Pid, birth: Option<u64>) -> Result<Self::Process, PlatformError> {
        handle::Handle::open(pid, birth)
    }

    fn close_sockets(&self, sockets: &[&Socket]) -> Vec<Result<(), CloseError>> {
        sockets.iter().map(|socket| close::close(socket)).collect()
    }
}

impl System for Windows {
    fn capabilities(&self) -> Capabilities {
        Capabilities::WINDOWS
    }

    fn is_privileged(&self) -> bool {
        ffi::is_elevated()
    }

    fn console_takes_escapes(&self) -> bool {
        ffi::console_takes_escapes()
    }

    fn on_request(&self, tell: Box<dyn Fn(SystemRequest) + Send>) -> io::Result<()> {
        ffi::on_end(tell)
    }

    /// As the system itself ends a process: with STATUS_CONTROL_C_EXIT. None is stopped.
    fn obey(&self, request: SystemRequest) {
        if let SystemRequest::End(_) = request {
            std::process::exit(STATUS_CONTROL_C_EXIT);
        }
    }

    fn pause_until_interrupt(&self, time: Duration) -> Pause {
        /// How soon Ctrl-C is noticed.
        const SLICE: Duration = Duration::from_millis(50);
        let begun = Instant::now();
        while !ffi::was_interrupted() {
            let left = time.saturating_sub(begun.elapsed());
            if left.is_zero() {
                return Pause::Over;
            }
            thread::sleep(left.min(SLICE));
        }
        Pause::Interrupted
    }
}
