//! Whether a process is what its name says. Any process may take a name; a program in a directory
//! that only an administrator writes to may not, nor may root's user.

use std::collections::BTreeSet;

use super::images::{exists_on, images, is_image, is_listed};
use crate::model::{Capabilities, Paths, Pid, Process, Role, Snapshot, Uid, Untrusted};
use crate::platform::System;

/// How well it is known that a process is one of some images.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::commands) enum Identity {
    /// Root runs it under that name, or its program is the one that an administrator installed.
    Proven,
    /// It has the name.
    Claimed,
    /// It has not even that.
    Other,
}

/// What is known of the programs of processes beyond their names.
#[derive(Debug)]
pub(in crate::commands) struct Programs {
    capabilities: Capabilities,
    /// Where only an administrator puts programs.
    directories: Vec<Untrusted>,
    /// Those for whom a path means what it means to portwho.
    in_own_mounts: BTreeSet<Pid>,
}

impl Programs {
    /// Asks the system about those processes whose programs' names and directories matter.
    pub(in crate::commands) fn new(snapshot: &Snapshot, system: &impl System) -> Self {
        let program = |process: &Process| process.executable.clone().filter(is_listed_program);
        let listed = snapshot.processes.values().filter_map(|one| Some((one.pid, program(one)?)));
        let listed: Vec<(Pid, Untrusted)> = listed.collect();
        let mut programs = Self::none(snapshot.capabilities);
        if listed.is_empty() {
            return programs;
        }
        programs.directories = system.program_directories();
        let installed = listed.iter().filter(|(_, path)| programs.is_installed(path));
        programs.in_own_mounts = system.in_own_mounts(&installed.map(|(pid, _)| *pid).collect());
        programs
    }

    /// Asks the system about all processes that run a program of such a directory.
    pub(in crate::commands) fn of_all<'a>(
        processes: impl Iterator<Item = &'a Process> + Clone,
        capabilities: Capabilities,
        system: &impl System,
    ) -> Self {
        let mut programs = Self::none(capabilities);
        programs.directories = system.program_directories();
        let is_there =
            |one: &&Process| one.executable.as_ref().is_some_and(|it| programs.is_installed(it));
        let pids = processes.filter(is_there).map(|one| one.pid).collect();
        programs.in_own_mounts = system.in_own_mounts(&pids);
        programs
    }

    /// The base name of a process's program, if only an administrator can have put it where it is.
    pub(in crate::commands) fn installed_name(&self, process: &Process) -> Option<Untrusted> {
        let path = process.executable.as_ref().filter(|path| self.is_installed(path))?;
        let is_same = self.in_own_mounts.contains(&process.pid);
        is_same.then(|| path.with_bytes(program_name(path)))
    }

    /// Where nothing more is known than names.
    pub(in crate::commands) const fn none(capabilities: Capabilities) -> Self {
        Self { capabilities, directories: Vec::new(), in_own_mounts: BTreeSet::new() }
    }

    /// Whether a process is one of `images`. On Windows the path of a protected process cannot be
    /// known: there its name has to do.
    pub(in crate::commands) fn identify(&self, process: &Process, images: &[&str]) -> Identity {
        let program = process.executable.as_ref();
        let has_name = is_image(&process.name, images);
        let has_program =
            program.is_some_and(|path| is_image(&Untrusted::new(program_name(path)), images));
        let is_installed = has_program
            && program.is_some_and(|path| self.is_installed(path))
            && self.in_own_mounts.contains(&process.pid);
        if !has_name && !has_program {
            Identity::Other
        } else if is_installed || self.is_roots(process) || self.is_protected(process) {
            Identity::Proven
        } else {
            Identity::Claimed
        }
    }

    fn is_roots(&self, process: &Process) -> bool {
        self.capabilities.root_user && process.uid == Some(Uid(0)) && !process.is_set_user_id
    }

    const fn is_protected(&self, process: &Process) -> bool {
        self.capabilities.protected_processes && process.executable.is_none()
    }

    fn is_installed(&self, path: &Untrusted) -> bool {
        self.directories.iter().any(|directory| self.is_below(path, directory))
    }

    fn is_below(&self, path: &Untrusted, directory: &Untrusted) -> bool {
        let (path, directory) = (self.normal(path), self.normal(directory));
        let rest = path.strip_prefix(directory.as_slice());
        let rest = rest.and_then(|rest| rest.strip_prefix(b"/")).filter(|_| !directory.is_empty());
        rest.is_some_and(|rest| rest.split(|&byte| byte == b'/').all(|part| part != b".."))
    }

    /// A path as paths are compared: Windows' have no case, and two separators.
    fn normal(&self, path: &Untrusted) -> Vec<u8> {
        let path = path.as_bytes();
        if self.capabilities.paths == Paths::Exact {
            return path.to_vec();
        }
        let path = path.strip_prefix(br"\\?\").unwrap_or(path).to_ascii_lowercase();
        let path = path.into_iter().map(|byte| if byte == b'\\' { b'/' } else { byte });
        let mut path: Vec<u8> = path.collect();
        while path.last() == Some(&b'/') {
            path.pop();
        }
        path
    }
}

/// The role of a process, and how well it is known; none for most.
pub(in crate::commands) fn role(
    process: &Process,
    programs: &Programs,
    system: Capabilities,
) -> Option<(Role, Identity)> {
    let roles = Role::ALL.into_iter().filter(|role| exists_on(*role, system));
    let mut known = roles.map(|role| (role, programs.identify(process, images(role))));
    known.find(|(_, identity)| *identity != Identity::Other)
}

/// Whether a process is proven to have this role.
pub(in crate::commands) fn is_proven(
    process: &Process,
    wanted: Role,
    programs: &Programs,
    system: Capabilities,
) -> bool {
    role(process, programs, system) == Some((wanted, Identity::Proven))
}

fn is_listed_program(path: &Untrusted) -> bool {
    is_listed(&Untrusted::new(program_name(path)))
}

/// The base name of a program; Linux marks one that was removed since it was started, as an
/// upgrade does.
fn program_name(path: &Untrusted) -> &[u8] {
    let name = path.base_name();
    name.strip_suffix(b" (deleted)").unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUNTIMES: [&str; 3] = ["conmon", "containerd-shim*", "wslrelay.exe"];

    fn linux(own_mounts: bool) -> Programs {
        Programs {
            capabilities: Capabilities::LINUX,
            directories: vec!["/usr/bin".into(), "/usr/libexec".into()],
            in_own_mounts: if own_mounts { BTreeSet::from([Pid(7)]) } else { BTreeSet::new() },
        }
    }

    fn process(name: &str, executable: Option<&str>, uid: Option<u32>) -> Process {
        Process {
            executable: executable.map(Untrusted::from),
            uid: uid.map(Uid),
            ..Process::named(Pid(7), name.into())
        }
    }

    #[test]
    fn linux_believes_root_and_installed_programs() {
        let (own, other) = (true, false);
        for (name, executable, uid, mounts, expected) in [
            ("conmon", Some("/usr/bin/conmon"), Some(1000), own, Identity::Proven),
            ("renamed", Some("/usr/bin/conmon"), Some(1000), own, Identity::Proven),
            ("conmon", Some("/usr/bin/conmon (deleted)"), Some(1000), own, Identity::Proven),
            ("conmon", Some("/usr/libexec/podman/conmon"), Some(1000), own, Identity::Proven),
            ("conmon", Some("/usr/bin/conmon"), Some(1000), other, Identity::Claimed),
            ("conmon", Some("/usr/bin/python3"), Some(1000), own, Identity::Claimed),
            ("conmon", Some("/home/m/usr/bin/conmon"), Some(1000), own, Identity::Claimed),
            ("conmon", Some("/usr/bin/../../tmp/conmon"), Some(1000), own, Identity::Claimed),
            ("conmon", Some("/usr/binary/conmon"), Some(1000), own, Identity::Claimed),
            ("conmon", Some("usr/bin/conmon"), Some(1000), own, Identity::Claimed),
            ("conmon", None, Some(1000), own, Identity::Claimed),
            ("conmon", None, None, own, Identity::Claimed),
            ("conmon", None, Some(0), other, Identity::Proven),
            ("containerd-shim-x", Some("/tmp/x"), Some(0), other, Identity::Proven),
            ("containerd-shim-x", Some("/tmp/x"), Some(1000), own, Identity::Claimed),
            ("web", Some("/usr/bin/web"), Some(0), own, Identity::Other),
        ] {
            let process = process(name, executable, uid);
            let found = linux(mounts).identify(&process, &RUNTIMES);
            assert_eq!(found, expected, "{name} {executable:?} {uid:?} {mounts}");
        }
    }

    /// Any user may call su by such a name, and let it wait for a password.
    #[test]
    fn a_set_user_id_program_is_not_roots() {
        let process = Process { is_set_user_id: true, ..process("conmon", None, Some(0)) };
        assert_eq!(linux(true).identify(&process, &RUNTIMES), Identity::Claimed);
    }

    #[test]
    fn windows_believes_system_directories_and_what_it_hides() {
        let programs = Programs {
            capabilities: Capabilities::WINDOWS,
            directories: vec![r"C:\Windows".into(), r"C:\Program Files\".into()],
            in_own_mounts: BTreeSet::from([Pid(7)]),
        };
        for (path, expected) in [
            (None, Identity::Proven),
            (Some(r"C:\Program Files\WSL\wslrelay.exe"), Identity::Proven),
            (Some(r"c:\windows\System32\lxss\WSLRELAY.EXE"), Identity::Proven),
            (Some(r"\\?\C:\Program Files\WSL\wslrelay.exe"), Identity::Proven),
            (Some(r"D:\Windows\wslrelay.exe"), Identity::Claimed),
            (Some(r"C:\Program Files (x86)\wslrelay.exe"), Identity::Claimed),
            (Some(r"C:\Users\anna\wslrelay.exe"), Identity::Claimed),
            (Some(r"C:\Windows\..\Users\anna\wslrelay.exe"), Identity::Claimed),
        ] {
            let wide = |path: &str| Untrusted::from_wide(&path.encode_utf16().collect::<Vec<_>>());
            let process =
                Process { executable: path.map(wide), ..process("wslrelay.exe", None, None) };
            assert_eq!(programs.identify(&process, &RUNTIMES), expected, "{path:?}");
        }
    }
}
