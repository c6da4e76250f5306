//! Whom portwho never ends, why, and what to type instead.

use crate::model::{Os, Pid, Process, ProcessKind, Untrusted};

/// Why a process is not ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// PID 0 and, with its other holders, everything that says "the kernel".
    Kernel,
    /// The first process: nothing lives on without it.
    FirstProcess,
    /// The first process holds the socket for others to come: socket activation.
    SocketActivation(SocketUnit),
    /// portwho itself.
    Itself,
    /// The shell, terminal or session that portwho runs in.
    Ancestor,
    /// It forwards a container's port, or runs containers.
    Container,
    /// Windows does not live on without it.
    Critical,
    /// It hosts several Windows services, of which only one is meant.
    SharedHost,
}

/// The systemd unit that holds a socket for a service.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SocketUnit {
    /// That of the service that another holder, by its PID, belongs to.
    OfHolder(Pid),
    /// Not known from here.
    Unknown,
}

/// Forwarders and runtimes of containers by image name; a `*` at the end stands for more.
/// Ending one cuts the container's network and leaves the container running.
const CONTAINER_IMAGES: [&str; 14] = [
    "docker-proxy",
    "dockerd",
    "containerd-shim*",
    "conmon",
    "rootlessport",
    "rootlesskit",
    "slirp4netns",
    "pasta",
    "pasta.avx2",
    "passt",
    "passt.avx2",
    "kube-proxy",
    "wslrelay.exe",
    "com.docker.backend.exe",
];

/// Windows' processes whose end is the system's, should it not mark them as critical.
const CRITICAL_IMAGES: [&str; 6] =
    ["lsass.exe", "services.exe", "wininit.exe", "winlogon.exe", "csrss.exe", "smss.exe"];

/// Why `pid` is not to be ended, if it is not. `others` hold the same sockets.
pub(super) fn refusal(
    pid: Pid,
    process: Option<&Process>,
    others: &[&Process],
    lineage: &[Pid],
    os: Os,
) -> Option<Refusal> {
    match pid {
        Pid(0) => return Some(Refusal::Kernel),
        Pid(1) if os == Os::Linux => return Some(first_process(process, others)),
        Pid(4) if os == Os::Windows => return Some(Refusal::Kernel),
        _ if lineage.first() == Some(&pid) => return Some(Refusal::Itself),
        _ if lineage.contains(&pid) => return Some(Refusal::Ancestor),
        _ => {}
    }
    let process = process?;
    match process.kind {
        ProcessKind::Kernel => Some(Refusal::Kernel),
        ProcessKind::Critical => Some(Refusal::Critical),
        ProcessKind::Ordinary if is_image(&process.name, &CRITICAL_IMAGES) => {
            Some(Refusal::Critical)
        }
        ProcessKind::Ordinary if is_image(&process.name, &CONTAINER_IMAGES) => {
            Some(Refusal::Container)
        }
        // A user's own manager holds sockets for the user's services to come.
        ProcessKind::Ordinary if os == Os::Linux && is_image(&process.name, &["systemd"]) => {
            Some(first_process(Some(process), others))
        }
        ProcessKind::Ordinary if hosts_several(process) => Some(Refusal::SharedHost),
        ProcessKind::Ordinary => None,
    }
}

/// Whether it hosts several services. An svchost hosts one at least: where none is known, they
/// could not be listed, and it may be several.
fn hosts_several(process: &Process) -> bool {
    let is_host = is_image(&process.name, &["svchost.exe"]);
    process.services.len() > 1 || (is_host && process.services.is_empty())
}

fn first_process(process: Option<&Process>, others: &[&Process]) -> Refusal {
    let of_service = others.iter().find(|other| !other.services.is_empty());
    let is_systemd = process.is_some_and(|process| process.name.as_bytes() == b"systemd");
    match of_service {
        Some(holder) => Refusal::SocketActivation(SocketUnit::OfHolder(holder.pid)),
        None if is_systemd => Refusal::SocketActivation(SocketUnit::Unknown),
        None => Refusal::FirstProcess,
    }
}

/// Whether a name is one of `images`; a `*` at the end of one stands for more.
fn is_image(name: &Untrusted, images: &[&str]) -> bool {
    let name = name.as_bytes().to_ascii_lowercase();
    images.iter().any(|image| match image.strip_suffix('*') {
        Some(start) => name.starts_with(start.as_bytes()),
        None => name == image.as_bytes(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarders_are_known_by_their_whole_name() {
        for name in ["docker-proxy", "containerd-shim-runc-v2", "conmon", "pasta.avx2"] {
            assert!(is_image(&name.into(), &CONTAINER_IMAGES), "{name}");
        }
        for name in ["docker", "docker-proxy2", "conmon-like", "nginx", ""] {
            assert!(!is_image(&name.into(), &CONTAINER_IMAGES), "{name}");
        }
    }

    #[test]
    fn the_first_process_itself_and_ancestors_are_refused() {
        let lineage = [Pid(500), Pid(400), Pid(1)];
        let refused = |pid| refusal(Pid(pid), None, &[], &lineage, Os::Linux);
        assert_eq!(refused(0), Some(Refusal::Kernel));
        assert_eq!(refused(1), Some(Refusal::FirstProcess));
        assert_eq!(refused(400), Some(Refusal::Ancestor));
        assert_eq!(refused(500), Some(Refusal::Itself));
        assert_eq!(refused(812), None);
        assert_eq!(refused(4), None);
        assert_eq!(refusal(Pid(4), None, &[], &lineage, Os::Windows), Some(Refusal::Kernel));
    }
}
