//! Processes: the system's list for what it tells of everybody; programs and command lines by handle;
//! sessions, accounts and services by their own calls.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::windows::ffi::OsStrExt;

use rustc_hash::FxHashMap;
use windows_sys::Win32::Foundation::ERROR_ACCESS_DENIED;
use windows_sys::Win32::System::Threading::PROCESS_QUERY_LIMITED_INFORMATION;

use super::accounts::Accounts;
use super::ffi;
use crate::model::{
    About, Particulars, Pid, Process, ProcessKind, Service, Session, Untrusted, Withheld,
    from_file_time,
};
use crate::platform::PlatformError;
use crate::platform::decode::process_list::{ListedProcess, process_list};
use crate::platform::decode::windows_command_line::arguments;

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

/// Describes those of `pids` that still exist. Users are looked up where they are shown.
pub(super) fn describe(pids: &BTreeSet<Pid>, about: About) -> BTreeMap<Pid, Process> {
    if pids.is_empty() {
        return BTreeMap::new();
    }
    let Ok(listed) = list() else { return BTreeMap::new() };
    let opened: BTreeMap<Pid, ffi::Process> = listed
        .iter()
        .map(|process| process.pid)
        .filter(|pid| pids.contains(pid))
        .filter_map(|pid| Some((pid, open(pid, about)?)))
        .collect();
    let users = if about == About::Table { BTreeMap::new() } else { users(pids, &opened) };
    let source = Source {
        about,
        births: listed.iter().map(|process| (process.pid, process.created)).collect(),
        accounts: Accounts::of(users.values().cloned().collect()),
        opened,
        users,
        sessions: ffi::sessions(),
        services: ffi::services().ok(),
    };
    let present = listed.iter().filter(|process| pids.contains(&process.pid));
    present.map(|process| (process.pid, source.describe(process))).collect()
}

/// Opens a process to ask of it. SeDebugPrivilege, which lets administrators open the processes of
/// others, is enabled after the first denial and only where its answers are shown: programs that watch
/// for attacks report it.
fn open(pid: Pid, about: About) -> Option<ffi::Process> {
    let open = || ffi::Process::open(pid, PROCESS_QUERY_LIMITED_INFORMATION);
    match open() {
        Ok(process) => Some(process),
        Err(error) if error.raw_os_error() == Some(ERROR_ACCESS_DENIED.cast_signed()) => {
            let may_ask = about != About::Table && pid != Pid(0) && ffi::is_elevated();
            if !may_ask {
                return None;
            }
            ffi::enable_debug_privilege();
            open().ok()
        }
        Err(_) => None,
    }
}

/// The security identifiers of the users of `pids`: from the terminal services, which tell an
/// administrator all of them without opening a process, and by handle.
fn users(pids: &BTreeSet<Pid>, opened: &BTreeMap<Pid, ffi::Process>) -> BTreeMap<Pid, Vec<u8>> {
    let mut users: BTreeMap<Pid, Vec<u8>> = ffi::users().into_iter().collect();
    users.retain(|pid, _| pids.contains(pid));
    for (pid, process) in opened {
        if !users.contains_key(pid) {
            users.extend(process.user().map(|sid| (*pid, sid)));
        }
    }
    users
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
    about: About,
    births: FxHashMap<Pid, Option<u64>>,
    opened: BTreeMap<Pid, ffi::Process>,
    users: BTreeMap<Pid, Vec<u8>>,
    accounts: Accounts,
    sessions: Vec<(u32, Vec<u16>)>,
    /// None where they cannot be listed.
    services: Option<Vec<(Pid, Vec<u16>)>>,
}

impl Source {
    fn describe(&self, listed: &ListedProcess) -> Process {
        let pid = listed.pid;
        let opened = self.opened.get(&pid);
        let line = opened.and_then(ffi::Process::command_line);
        let executable = opened.and_then(ffi::Process::image_path);
        let user = self.users.get(&pid).and_then(|sid| self.accounts.name(sid));
        let kind = kind(pid, opened);
        let is_shown = self.about != About::Table && kind != ProcessKind::Kernel;
        let withheld = Withheld {
            details: is_shown && (line.is_none() || executable.is_none() || user.is_none()),
            services: self.services.is_none(),
        };
        let command = line.map(|line| arguments(&line)).unwrap_or_default();
        Process {
            pid,
            birth: listed.created,
            parent: parent(listed, &self.births),
            name: listed.name.clone(),
            command: command.iter().map(|part| Untrusted::from_wide(part)).collect(),
            command_cut: false,
            executable: executable.map(|path| Untrusted::from_wide(&path)),
            uid: None,
            is_set_user_id: false,
            slice_user: None,
            is_delegated: false,
            user,
            memory_bytes: listed.memory_bytes,
            started: listed.created.and_then(from_file_time),
            session: Session { name: self.session_name(listed.session), id: Some(listed.session) },
            services: self.services_of(pid),
            container: None,
            kind,
            withheld,
        }
    }

    fn session_name(&self, id: u32) -> Option<Untrusted> {
        let (_, name) = self.sessions.iter().find(|(session, _)| *session == id)?;
        Some(Untrusted::from_wide(name))
    }

    fn services_of(&self, pid: Pid) -> Vec<Service> {
        let hosted = self.services.iter().flatten().filter(|(host, _)| *host == pid);
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
