//! Processes: sysinfo for what every process shows, /proc for sessions, units and kernel threads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, SystemTime};

use rustix::param::page_size;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, UpdateKind};

use super::cgroup::service_of;
use super::command_line;
use super::containers::{Containers, containers};
use super::memory_reader::MemoryReader;
use super::proc_dir::{open_proc, read_file, read_record};
use super::shares::Shares;
use super::{bounds, user_name};
use crate::model::{About, Container, Pid, Process, Service, Session, Uid, Untrusted};
use crate::parallel;
use crate::platform::decode::{cgroup, proc_exe, proc_stat, proc_status};

/// The length at which the kernel cuts a name (`TASK_COMM_LEN` less its NUL).
const LONGEST_COMM: usize = 15;

/// The minimum number of processes for each thread.
const PROCESSES_PER_THREAD: usize = 100;

/// Describes those of `pids` that still exist, on every core when there are many.
pub(super) fn describe(pids: &BTreeSet<Pid>, about: About) -> BTreeMap<Pid, Process> {
    let pids: Vec<Pid> = pids.iter().copied().collect();
    let shares = command_line::shares();
    let describe = |part: &[Pid]| describe_part(part, about, &shares);
    parallel::map_parts(&pids, PROCESSES_PER_THREAD, describe).into_iter().collect()
}

fn describe_part(pids: &[Pid], about: About, shares: &Shares) -> Vec<(Pid, Process)> {
    let Ok(proc) = open_proc() else { return Vec::new() };
    let memory = MemoryReader::new(&proc);
    let mut source = Describer { proc: &proc, memory, names: UserNames::default() };
    let described = pids.iter().filter_map(|&pid| Some((pid, source.for_table(pid)?)));
    let mut described: Vec<(Pid, Process)> = described.collect();
    if about != About::Table {
        source.identify(&mut described, (about == About::Everything).then_some(shares));
    }
    described
}

/// Reads processes: what the table shows by itself, in three files each, and everything else with
/// sysinfo.
struct Describer<'a> {
    proc: &'a OwnedFd,
    memory: MemoryReader<'a>,
    names: UserNames,
}

impl Describer<'_> {
    /// What the table of processes shows; none when the process is gone.
    fn for_table(&mut self, pid: Pid) -> Option<Process> {
        let file = read_record(self.proc, format!("{pid}/stat")).ok()?;
        let (comm, stat) = (proc_stat::name(&file)?, proc_stat::stat(&file).ok()?);
        let Place { service, slice_user, container, is_delegated } = self.place(pid);
        let terminal = terminal_name(stat.terminal);
        let mut process = Process {
            birth: Some(stat.start_ticks),
            parent: stat.parent,
            memory_bytes: self.memory(pid),
            session: Session {
                name: terminal.or_else(|| service.as_ref().map(|service| service.name.clone())),
                id: Some(stat.session),
            },
            services: service.into_iter().collect(),
            slice_user,
            container,
            is_delegated,
            kind: stat.kind,
            ..Process::named(pid, Untrusted::new(comm))
        };
        if comm.len() == LONGEST_COMM {
            process.executable = self.executable(pid);
            let argv0 = || command_line::first_argument(&mut self.memory, pid).map(Untrusted::new);
            process.name = image_name(comm, process.executable.as_ref(), argv0);
        }
        if process.container.is_none()
            && Containers::is_server(process.name.as_bytes())
            && self.is_roots(pid)
        {
            let command = command_line::of_server(&mut self.memory, pid).arguments;
            process.container = containers().served_by(process.name.as_bytes(), &command);
        }
        Some(process)
    }

    /// Adds users, programs and starts, and command lines where there are shares to spend on them.
    fn identify(&mut self, described: &mut [(Pid, Process)], shares: Option<&Shares>) {
        let Ok(mut system) = sysinfo::System::new() else { return };
        let pids: Vec<sysinfo::Pid> =
            described.iter().map(|(pid, _)| sysinfo::Pid::from_u32(pid.0)).collect();
        let kind = ProcessRefreshKind::nothing().with_user(UpdateKind::Always).without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::Some(&pids), false, kind);
        let boot_known = sysinfo::System::boot_time().is_ok_and(|seconds| seconds > 0);
        for (pid, process) in described {
            process.executable = self.executable(*pid);
            let Some(known) = system.process(sysinfo::Pid::from_u32(pid.0)) else { continue };
            let uid = known.effective_user_id().or(known.user_id()).map(|uid| Uid(**uid));
            let since = Duration::from_secs(known.start_time());
            let started = SystemTime::UNIX_EPOCH.checked_add(since);
            let real = known.user_id().map(|uid| Uid(**uid));
            process.uid = uid;
            process.is_set_user_id = real.is_some() && real != uid;
            process.user = uid.map(|uid| self.names.get(uid));
            process.started = started.filter(|_| boot_known);
            if let Some(shares) = shares {
                let line = command_line::within(shares, &mut self.memory, *pid, real);
                (process.command, process.command_cut) = (line.arguments, line.is_cut);
            }
        }
    }

    /// Whether root runs it. The owner of its directory would not tell: a process may hide itself
    /// behind root's name there (PR_SET_DUMPABLE in prctl(2)); nor does the effective user alone,
    /// since any user may start a set-user-ID program under any name.
    fn is_roots(&self, pid: Pid) -> bool {
        let file = read_file(self.proc, format!("{pid}/status")).unwrap_or_default();
        let users = [proc_status::real_user(&file), proc_status::effective_user(&file)];
        users == [Some(Uid(0)); 2]
    }

    fn memory(&self, pid: Pid) -> Option<u64> {
        let file = read_record(self.proc, format!("{pid}/statm")).ok()?;
        proc_stat::resident_pages(&file)?.checked_mul(page_size() as u64)
    }

    /// The path of the program, by the text of the link: it is followed nowhere.
    fn executable(&self, pid: Pid) -> Option<Untrusted> {
        let link = rustix::fs::readlinkat(self.proc, format!("{pid}/exe"), Vec::new()).ok()?;
        Some(proc_exe::executable(link.as_bytes()).path)
    }

    /// Where a process runs, by its cgroup.
    fn place(&self, pid: Pid) -> Place {
        let file = read_record(self.proc, format!("{pid}/cgroup")).unwrap_or_default();
        let group = cgroup::of_process(&file);
        Place {
            service: group.unit.map(service_of),
            slice_user: group.user.map(Uid),
            container: group.container.map(|path| containers().named(path)),
            is_delegated: group.is_delegated,
        }
    }
}

/// Where a process runs.
struct Place {
    service: Option<Service>,
    slice_user: Option<Uid>,
    container: Option<Container>,
    is_delegated: bool,
}

/// Names of users, each looked up once: a name service may be slow.
#[derive(Default)]
struct UserNames(BTreeMap<Uid, Untrusted>);

impl UserNames {
    fn get(&mut self, uid: Uid) -> Untrusted {
        let name = || user_name(uid).unwrap_or_else(|| uid.to_string().into());
        self.0.entry(uid).or_insert_with(name).clone()
    }
}

/// The kernel cuts a name at 15 bytes. Where the executable or argv[0] goes on from there, the
/// longer name is the image's, unless no file can have it.
fn image_name(
    comm: &[u8],
    executable: Option<&Untrusted>,
    argv0: impl FnOnce() -> Option<Untrusted>,
) -> Untrusted {
    let by_link = executable.map(Untrusted::base_name).filter(|name| goes_on(comm, name));
    let by_argv0 =
        || Some(Untrusted::new(argv0()?.base_name())).filter(|name| goes_on(comm, name.as_bytes()));
    by_link.map(Untrusted::new).or_else(by_argv0).unwrap_or_else(|| Untrusted::new(comm))
}

/// Whether a name goes on where `comm` was cut.
fn goes_on(comm: &[u8], name: &[u8]) -> bool {
    let longer = comm.len() + 1..=bounds::FILE_NAME;
    comm.len() == LONGEST_COMM && longer.contains(&name.len()) && name.starts_with(comm)
}

/// The name of a controlling terminal by its device number; none for 0.
fn terminal_name(device: u32) -> Option<Untrusted> {
    if device == 0 {
        return None;
    }
    if let Some(name) = proc_stat::pseudo_terminal(device) {
        return Some(name.into());
    }
    let (major, minor) = proc_stat::device_numbers(device);
    let link = fs::read_link(format!("/sys/dev/char/{major}:{minor}")).ok()?;
    link.file_name().map(|name| Untrusted::new(name.as_bytes()))
}

/// This process, its parent, and so on up to the first.
pub(super) fn ancestors() -> Vec<Pid> {
    let own = Pid(std::process::id());
    let Ok(proc) = open_proc() else { return vec![own] };
    let mut ancestors = vec![own];
    // A PID that is reused while this goes on could close a circle.
    while let Some(parent) = ancestors.last().and_then(|&pid| read_stat(&proc, pid)?.parent)
        && !ancestors.contains(&parent)
    {
        ancestors.push(parent);
    }
    ancestors
}

/// Those whose parent this is; none where /proc cannot be listed. `/proc/PID/task/TID/children` is not
/// there on every kernel (proc(5)).
pub(super) fn children(parent: Pid) -> Option<BTreeSet<Pid>> {
    let proc = open_proc().ok()?;
    let names = fs::read_dir("/proc").ok()?.flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(|name| name.to_str()?.parse().ok().map(Pid));
    let is_child = |pid: &Pid| read_stat(&proc, *pid).is_some_and(|it| it.parent == Some(parent));
    Some(pids.filter(is_child).collect())
}

fn read_stat(proc: &OwnedFd, pid: Pid) -> Option<proc_stat::Stat> {
    proc_stat::stat(&read_file(proc, format!("{pid}/stat")).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_name_is_completed_by_executable_or_command() {
        let name = |comm: &str, executable: &str, argv0: &str| {
            image_name(comm.as_bytes(), Some(&executable.into()), || Some(argv0.into()))
        };
        let long = "containerd-shim-runc-v2";
        assert_eq!(name("containerd-shim", "/usr/bin/containerd-shim-runc-v2", ""), long.into());
        assert_eq!(name("containerd-shim", "/usr/bin/other", long), long.into());
        assert_eq!(name("containerd-shim", "/usr/bin/other", "x"), "containerd-shim".into());
        assert_eq!(name("nginx", "/usr/sbin/nginx-long", "nginx: master"), "nginx".into());
        let endless = format!("containerd-shim{}", "x".repeat(241));
        assert_eq!(name("containerd-shim", "", &endless), "containerd-shim".into());
        let longest = format!("/a/b/containerd-shim{}", "x".repeat(240));
        assert_eq!(name("containerd-shim", "", &longest).as_bytes().len(), 255);
    }

    #[test]
    fn own_ancestors_begin_here_and_end() {
        let ancestors = ancestors();
        assert_eq!(ancestors.first(), Some(&Pid(std::process::id())));
        assert!(ancestors.len() > 1);
    }
}
