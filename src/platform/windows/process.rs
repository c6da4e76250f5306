//! Processes: sysinfo for what everybody shows; the system's own lists for names of protected
//! processes, parents, sessions, accounts and services.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, UpdateKind};
use windows_sys::Win32::System::Threading::PROCESS_QUERY_LIMITED_INFORMATION;

use super::ffi::{self, ListedProcess};
use crate::model::{Pid, Process, ProcessKind, Service, Session, Untrusted};

/// From 1601 to 1970, in the 100 ns of a FILETIME.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// Describes those of `pids` that still exist.
pub(super) fn describe(pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Process> {
    if pids.is_empty() {
        return BTreeMap::new();
    }
    let (Ok(listed), Ok(mut system)) = (ffi::list_processes(), sysinfo::System::new()) else {
        return BTreeMap::new();
    };
    let wanted: Vec<sysinfo::Pid> = pids.iter().map(|pid| sysinfo::Pid::from_u32(pid.0)).collect();
    let kind = ProcessRefreshKind::nothing()
        .with_memory()
        .with_cmd(UpdateKind::Always)
        .with_exe(UpdateKind::Always);
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&wanted), false, kind);
    let source = Source { system, sessions: ffi::sessions(), services: ffi::services() };
    let present = listed.iter().filter(|process| pids.contains(&process.pid));
    present.map(|process| (process.pid, source.describe(process))).collect()
}

/// What is asked for once.
struct Source {
    system: sysinfo::System,
    sessions: Vec<(u32, Vec<u16>)>,
    services: Vec<(Pid, Vec<u16>)>,
}

impl Source {
    fn describe(&self, listed: &ListedProcess) -> Process {
        let pid = listed.pid;
        let shown = self.system.process(sysinfo::Pid::from_u32(pid.0));
        let opened = ffi::Process::open(pid, PROCESS_QUERY_LIMITED_INFORMATION).ok();
        let birth = opened.as_ref().and_then(ffi::Process::created);
        let session = ffi::session_id(pid);
        Process {
            pid,
            birth,
            parent: Some(listed.parent).filter(|&parent| parent != Pid(0)),
            name: Untrusted::from_wide(&listed.name),
            command: shown
                .map(|process| process.cmd().iter().map(|part| Untrusted::from_os(part)).collect())
                .unwrap_or_default(),
            executable: shown
                .and_then(|process| process.exe())
                .map(|path| Untrusted::from_os(path.as_os_str())),
            uid: None,
            user: opened.as_ref().and_then(account),
            memory_bytes: shown.map(sysinfo::Process::memory),
            started: birth.and_then(system_time),
            session: Session { name: session.and_then(|id| self.session_name(id)), id: session },
            services: self.services_of(pid),
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

/// This process, its parent, and so on. A parent that was born later than its child only has
/// the PID of the real one, which has exited.
pub(super) fn lineage() -> Vec<Pid> {
    let mut lineage = vec![Pid(std::process::id())];
    let Ok(listed) = ffi::list_processes() else { return lineage };
    let birth = |pid| {
        ffi::Process::open(pid, PROCESS_QUERY_LIMITED_INFORMATION).ok().and_then(|p| p.created())
    };
    while let Some(&child) = lineage.last() {
        let entry = listed.iter().find(|process| process.pid == child);
        let Some(parent) = entry.map(|process| process.parent) else { break };
        let is_newcomer = birth(parent).zip(birth(child)).is_some_and(|(p, c)| p > c);
        if parent == Pid(0) || is_newcomer || lineage.contains(&parent) {
            break;
        }
        lineage.push(parent);
    }
    lineage
}
