//! Processes: the system's list for what it tells of everybody, sysinfo for commands and
//! programs; sessions, accounts and services by their own calls.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::windows::ffi::OsStrExt;
use std::time::{Duration, SystemTime};

use rustc_hash::FxHashMap;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, UpdateKind};
use windows_sys::Win32::System::Threading::PROCESS_QUERY_LIMITED_INFORMATION;

use super::ffi;
use crate::model::{Particulars, Pid, Process, ProcessKind, Service, Session, Untrusted};
use crate::platform::PlatformError;
use crate::platform::decode::process_list::{ListedProcess, process_list};

/// From 1601 to 1970, in the 100 ns of a FILETIME.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// Every process of the machine.
///
/// # Errors
/// When the list cannot be had.
pub(super) fn list() -> Result<Vec<ListedProcess>, PlatformError> {
    let what = "cannot list processes";
    let (bytes, address) = ffi::process_list().map_err(|error| PlatformError::io(what, error))?;
    process_list(&bytes, address)
        .map_err(|source| PlatformError::Decode { what: what.to_owned(), source })
}

/// Describes those of `pids` that still exist.
pub(super) fn describe(pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Process> {
    if pids.is_empty() {
        return BTreeMap::new();
    }
    let (Ok(listed), Ok(mut system)) = (list(), sysinfo::System::new()) else {
        return BTreeMap::new();
    };
    let wanted: Vec<sysinfo::Pid> = pids.iter().map(|pid| sysinfo::Pid::from_u32(pid.0)).collect();
    let kind =
        ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always).with_exe(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&wanted), false, kind);
    let source = Source {
        system,
        births: listed.iter().map(|process| (process.pid, process.created)).collect(),
        sessions: ffi::sessions(),
        services: ffi::services().unwrap_or_default(),
    };
    let present = listed.iter().filter(|process| pids.contains(&process.pid));
    present.map(|process| (process.pid, source.describe(process))).collect()
}

/// The particulars of those of `pids` that still exist. Working directories stand in the memory of
/// each process, which is not read.
pub(super) fn particulars(pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Particulars> {
    let listed = list().unwrap_or_default();
    let present = listed.iter().filter(|process| pids.contains(&process.pid));
    let of = |process: &ListedProcess| Particulars {
        descriptors: Some(u64::from(process.handles)),
        ..Particulars::default()
    };
    present.map(|process| (process.pid, of(process))).collect()
}

/// What is asked for once.
struct Source {
    system: sysinfo::System,
    births: FxHashMap<Pid, Option<u64>>,
    sessions: Vec<(u32, Vec<u16>)>,
    services: Vec<(Pid, Vec<u16>)>,
}

impl Source {
    fn describe(&self, listed: &ListedProcess) -> Process {
        let pid = listed.pid;
        let shown = self.system.process(sysinfo::Pid::from_u32(pid.0));
        let opened = ffi::Process::open(pid, PROCESS_QUERY_LIMITED_INFORMATION).ok();
        Process {
            pid,
            birth: listed.created,
            parent: parent(listed, &self.births),
            name: listed.name.clone(),
            command: shown
                .map(|process| process.cmd().iter().map(|part| untrusted(part)).collect())
                .unwrap_or_default(),
            command_cut: false,
            executable: shown
                .and_then(|process| process.exe())
                .map(|path| untrusted(path.as_os_str())),
            uid: None,
            is_set_user_id: false,
            user: opened.as_ref().and_then(account),
            memory_bytes: listed.memory_bytes,
            started: listed.created.and_then(system_time),
            session: Session { name: self.session_name(listed.session), id: Some(listed.session) },
            services: self.services_of(pid),
            container: None,
            kind: kind(pid, opened.as_ref()),
        }
    }

    fn session_name(&self, id: u32) -> Option<Untrusted> {
        let (_, name) = self.sessions.iter().find(|(session, _)| *session == id)?;
        Some(Untrusted::from_wide(name))
    }

    fn services_of(&self, pid: Pid) -> Vec<Service> {
        let hosted = self.services.iter().filter(|(host, _)| *host == pid);
        let service =
            |name: &Vec<u16>| Service { name: Untrusted::from_wide(name), of_user: false };
        hosted.map(|(_, name)| service(name)).collect()
    }
}

pub(super) fn untrusted(text: &OsStr) -> Untrusted {
    Untrusted::from_wide(&text.encode_wide().collect::<Vec<_>>())
}

fn kind(pid: Pid, opened: Option<&ffi::Process>) -> ProcessKind {
    match pid {
        Pid(0 | 4) => ProcessKind::Kernel,
        _ if opened.is_some_and(ffi::Process::is_critical) => ProcessKind::Critical,
        _ => ProcessKind::Ordinary,
    }
}

/// `DOMAIN\name`.
fn account(process: &ffi::Process) -> Option<Untrusted> {
    let (mut account, name) = process.account()?;
    account.push(u16::from(b'\\'));
    account.extend(name);
    Some(Untrusted::from_wide(&account))
}

fn system_time(ticks: u64) -> Option<SystemTime> {
    let since = ticks.checked_sub(UNIX_EPOCH)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(since.checked_mul(100)?))
}

/// The parent, if it is still there: Windows keeps its PID, which may be a newcomer's by now.
fn parent(listed: &ListedProcess, births: &FxHashMap<Pid, Option<u64>>) -> Option<Pid> {
    let birth = births.get(&listed.parent)?;
    let is_newcomer = birth.zip(listed.created).is_some_and(|(parent, child)| parent > child);
    Some(listed.parent).filter(|&parent| parent != Pid(0) && !is_newcomer)
}

/// This process, its parent, and so on.
pub(super) fn ancestors() -> Vec<Pid> {
    let mut ancestors = vec![Pid(std::process::id())];
    let Ok(listed) = list() else { return ancestors };
    let births = listed.iter().map(|process| (process.pid, process.created)).collect();
    let parent_of =
        |child: &Pid| parent(listed.iter().find(|process| process.pid == *child)?, &births);
    while let Some(next) = ancestors.last().and_then(parent_of)
        && !ancestors.contains(&next)
    {
        ancestors.push(next);
    }
    ancestors
}
