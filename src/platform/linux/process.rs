//! Processes: sysinfo for what everybody shows, /proc for sessions, units and kernel threads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::thread;
use std::time::{Duration, SystemTime};

use rustix::fs::AtFlags;
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, UpdateKind};

use super::containers::Containers;
use super::proc_dir::{open_proc, read_file};
use super::user_name;
use crate::model::{Container, Pid, Process, ProcessKind, Service, Session, Uid, Untrusted};
use crate::platform::decode::{cgroup, proc_stat};

/// The length at which the kernel cuts a name (`TASK_COMM_LEN` less its NUL).
const LONGEST_COMM: usize = 15;

/// A thread is worth its start from about this many processes.
const PROCESSES_PER_THREAD: usize = 100;

/// Describes those of `pids` that still exist, on every core when there are many.
pub(super) fn describe(pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Process> {
    let pids: Vec<Pid> = pids.iter().copied().collect();
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = cores.min(pids.len() / PROCESSES_PER_THREAD + 1);
    let containers = Containers::default();
    let mut parts = pids.chunks(pids.len().div_ceil(threads).max(1));
    let Some(own_part) = parts.next() else { return BTreeMap::new() };
    thread::scope(|scope| {
        let containers = &containers;
        let work = |part| {
            thread::Builder::new().spawn_scoped(scope, move || describe_part(part, containers))
        };
        let others: Vec<_> = parts.map(|part| (part, work(part))).collect();
        let mut described = describe_part(own_part, containers);
        for (part, other) in others {
            let joined = other.ok().and_then(|thread| thread.join().ok());
            described.extend(joined.unwrap_or_else(|| describe_part(part, containers)));
        }
        described.into_iter().collect()
    })
}

fn describe_part(pids: &[Pid], containers: &Containers) -> Vec<(Pid, Process)> {
    let (Ok(mut system), Ok(proc)) = (sysinfo::System::new(), open_proc()) else {
        return Vec::new();
    };
    let wanted: Vec<sysinfo::Pid> = pids.iter().map(|pid| sysinfo::Pid::from_u32(pid.0)).collect();
    let kind = ProcessRefreshKind::nothing()
        .with_memory()
        .with_user(UpdateKind::Always)
        .with_exe(UpdateKind::Always)
        .without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&wanted), false, kind);
    let boot_known = sysinfo::System::boot_time().is_ok_and(|seconds| seconds > 0);
    let mut source = Describer { proc, containers, names: UserNames::default(), boot_known };
    let described = pids.iter().filter_map(|&pid| {
        let process = system.process(sysinfo::Pid::from_u32(pid.0))?;
        Some((pid, source.describe(pid, process)))
    });
    described.collect()
}

/// What is needed beside sysinfo.
struct Describer<'a> {
    proc: OwnedFd,
    containers: &'a Containers,
    names: UserNames,
    boot_known: bool,
}

impl Describer<'_> {
    fn describe(&mut self, pid: Pid, process: &sysinfo::Process) -> Process {
        let command = read_command(&self.proc, pid);
        let executable =
            process.exe().map(|path| self.executable(pid, path.as_os_str().as_bytes()));
        let stat = read_stat(&self.proc, pid);
        let (service, container) = self.place(pid);
        let uid = process.effective_user_id().or(process.user_id()).map(|uid| Uid(**uid));
        let started = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(process.start_time()));
        let terminal = stat.and_then(|stat| terminal_name(stat.terminal));
        let parent = process.parent().map(|parent| Pid(parent.as_u32()));
        let name = image_name(process.name().as_bytes(), executable.as_ref(), command.first());
        let served = || self.containers.served_by(name.as_bytes(), &command);
        Process {
            pid,
            birth: stat.map(|stat| stat.start_ticks),
            parent: parent.filter(|&pid| pid != Pid(0)),
            container: container.or_else(served),
            name,
            command,
            executable,
            uid,
            user: uid.map(|uid| self.names.get(uid)),
            memory_bytes: Some(process.memory()),
            started: started.filter(|_| self.boot_known),
            session: Session {
                name: terminal.or_else(|| service.as_ref().map(|service| service.name.clone())),
                id: stat.map(|stat| stat.session),
            },
            services: service.into_iter().collect(),
            kind: stat.map_or(ProcessKind::Ordinary, |stat| stat.kind),
        }
    }

    /// The path of the program. The kernel marks one that was unlinked since.
    fn executable(&self, pid: Pid, path: &[u8]) -> Untrusted {
        let is_unlinked = || {
            rustix::fs::statat(&self.proc, format!("{pid}/exe"), AtFlags::empty())
                .is_ok_and(|file| file.st_nlink == 0)
        };
        let unmarked = path.strip_suffix(b" (deleted)").filter(|_| is_unlinked());
        Untrusted::new(unmarked.unwrap_or(path))
    }

    /// The unit and the container of a process.
    fn place(&self, pid: Pid) -> (Option<Service>, Option<Container>) {
        let file = read_file(&self.proc, format!("{pid}/cgroup")).unwrap_or_default();
        let group = cgroup::of_process(&file);
        let service = |unit: cgroup::Unit<'_>| Service {
            name: Untrusted::new(unit.name),
            of_user: unit.of_user,
        };
        (group.unit.map(service), group.container.map(|path| self.containers.named(path)))
    }
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
/// longer name is the image's.
fn image_name(comm: &[u8], executable: Option<&Untrusted>, argv0: Option<&Untrusted>) -> Untrusted {
    let candidates = executable.into_iter().chain(argv0).map(Untrusted::base_name);
    let longer = candidates
        .filter(|_| comm.len() == LONGEST_COMM)
        .find(|candidate| candidate.starts_with(comm) && candidate.len() > comm.len());
    Untrusted::new(longer.unwrap_or(comm))
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
pub(super) fn lineage() -> Vec<Pid> {
    let own = Pid(std::process::id());
    let Ok(proc) = open_proc() else { return vec![own] };
    let mut lineage = vec![own];
    // A PID that is reused while this goes on could close a circle.
    while let Some(parent) = lineage.last().and_then(|&pid| read_stat(&proc, pid)?.parent)
        && !lineage.contains(&parent)
    {
        lineage.push(parent);
    }
    lineage
}

/// The command line. sysinfo would drop empty arguments.
fn read_command(proc: &OwnedFd, pid: Pid) -> Vec<Untrusted> {
    let bytes = read_file(proc, format!("{pid}/cmdline")).unwrap_or_default();
    if bytes.is_empty() {
        return Vec::new();
    }
    let arguments = bytes.strip_suffix(&[0]).unwrap_or(&bytes);
    arguments.split(|&byte| byte == 0).map(Untrusted::new).collect()
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
            image_name(comm.as_bytes(), Some(&executable.into()), Some(&argv0.into()))
        };
        let long = "containerd-shim-runc-v2";
        assert_eq!(name("containerd-shim", "/usr/bin/containerd-shim-runc-v2", ""), long.into());
        assert_eq!(name("containerd-shim", "/usr/bin/other", long), long.into());
        assert_eq!(name("containerd-shim", "/usr/bin/other", "x"), "containerd-shim".into());
        assert_eq!(name("nginx", "/usr/sbin/nginx-long", "nginx: master"), "nginx".into());
    }

    #[test]
    fn the_lineage_begins_here_and_ends() {
        let lineage = lineage();
        assert_eq!(lineage.first(), Some(&Pid(std::process::id())));
        assert!(lineage.len() > 1);
    }
}
