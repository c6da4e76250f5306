//! Whom portwho never ends, why, and what to type instead.

use crate::model::{Pid, Process, ProcessKind, Untrusted};

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

/// Why `pid` is not to be ended, if it is not. `others` hold the same sockets.
pub(super) fn refusal(
    pid: Pid,
    process: Option<&Process>,
    others: &[&Process],
    lineage: &[Pid],
) -> Option<Refusal> {
    let is_kernel = process.is_some_and(|process| process.kind == ProcessKind::KernelThread);
    match pid {
        Pid(0) => Some(Refusal::Kernel),
        _ if is_kernel => Some(Refusal::Kernel),
        Pid(1) => Some(first_process(process, others)),
        _ if lineage.first() == Some(&pid) => Some(Refusal::Itself),
        _ if lineage.contains(&pid) => Some(Refusal::Ancestor),
        _ if process.is_some_and(|process| is_container_image(&process.name)) => {
            Some(Refusal::Container)
        }
        _ => None,
    }
}

fn first_process(process: Option<&Process>, others: &[&Process]) -> Refusal {
    let of_service = others.iter().find(|other| other.service.is_some());
    let is_systemd = process.is_some_and(|process| process.name.as_bytes() == b"systemd");
    match of_service {
        Some(holder) => Refusal::SocketActivation(SocketUnit::OfHolder(holder.pid)),
        None if is_systemd || !others.is_empty() => Refusal::SocketActivation(SocketUnit::Unknown),
        None => Refusal::FirstProcess,
    }
}

fn is_container_image(name: &Untrusted) -> bool {
    let name = name.as_bytes().to_ascii_lowercase();
    CONTAINER_IMAGES.iter().any(|image| match image.strip_suffix('*') {
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
            assert!(is_container_image(&name.into()), "{name}");
        }
        for name in ["docker", "docker-proxy2", "conmon-like", "nginx", ""] {
            assert!(!is_container_image(&name.into()), "{name}");
        }
    }

    #[test]
    fn the_first_process_itself_and_ancestors_are_refused() {
        let lineage = [Pid(500), Pid(400), Pid(1)];
        let refused = |pid| refusal(Pid(pid), None, &[], &lineage);
        assert_eq!(refused(0), Some(Refusal::Kernel));
        assert_eq!(refused(1), Some(Refusal::FirstProcess));
        assert_eq!(refused(400), Some(Refusal::Ancestor));
        assert_eq!(refused(500), Some(Refusal::Itself));
        assert_eq!(refused(812), None);
    }
}
