//! Processes that are known by their image names, and the lists of those names. Whether a process
//! is what its name says is another question: see [`super::installed`].

use wildmatch::WildMatchPattern;

use crate::model::{Capabilities, ServiceManager, Untrusted};

/// Forwarders and runtimes of containers by image name; `*` matches anything.
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

/// systemd, as the first process or as a user's manager: it holds sockets for services to come.
const MANAGERS: [&str; 1] = ["systemd"];

/// Windows' processes whose end is the system's, should it not mark them as critical.
const CRITICAL_IMAGES: [&str; 6] =
    ["lsass.exe", "services.exe", "wininit.exe", "winlogon.exe", "csrss.exe", "smss.exe"];

/// What hosts Windows' services.
const SERVICE_HOSTS: [&str; 1] = ["svchost.exe"];

/// What a process may be that is better left alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::commands) enum Role {
    /// It forwards the ports of containers, or runs them.
    Container,
    /// It holds sockets for services.
    Manager,
    /// Windows does not live on without it.
    Critical,
    /// It hosts services.
    ServiceHost,
}

impl Role {
    /// Every role.
    pub(super) const ALL: [Self; 4] =
        [Self::Container, Self::Manager, Self::Critical, Self::ServiceHost];

    /// The image names of those who have it.
    pub(super) const fn images(self) -> &'static [&'static str] {
        match self {
            Self::Container => &CONTAINER_IMAGES,
            Self::Manager => &MANAGERS,
            Self::Critical => &CRITICAL_IMAGES,
            Self::ServiceHost => &SERVICE_HOSTS,
        }
    }

    /// Whether anything has it on this system.
    pub(super) const fn exists_on(self, system: Capabilities) -> bool {
        match self {
            Self::Container => true,
            Self::Manager => matches!(system.service_manager, ServiceManager::Systemd),
            Self::ServiceHost => matches!(system.service_manager, ServiceManager::Windows),
            Self::Critical => system.protected_processes,
        }
    }

    /// What is said to have this role: `a container runtime`.
    pub(in crate::commands) const fn words(self) -> &'static str {
        match self {
            Self::Container => "a container runtime",
            Self::Manager => "systemd",
            Self::Critical => "a process that Windows needs",
            Self::ServiceHost => "a host of Windows services",
        }
    }
}

/// Whether a name is that of any role.
pub(in crate::commands) fn is_listed(name: &Untrusted) -> bool {
    Role::ALL.iter().any(|role| is_image(name, role.images()))
}

/// Whether a name is one of `images`, in which `*` matches anything; case is ignored.
pub(in crate::commands) fn is_image(name: &Untrusted, images: &[&str]) -> bool {
    // No character but `*` is special.
    type ImagePattern = WildMatchPattern<'*', '\0'>;
    let name = name.to_lossy();
    images.iter().any(|image| ImagePattern::new_case_insensitive(image).matches(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarders_are_known_by_their_whole_name() {
        for name in ["docker-proxy", "containerd-shim-runc-v2", "conmon", "Pasta.AVX2"] {
            assert!(is_image(&name.into(), &CONTAINER_IMAGES), "{name}");
        }
        for name in ["docker", "docker-proxy2", "conmon-like", "my-containerd-shim", "nginx", ""] {
            assert!(!is_image(&name.into(), &CONTAINER_IMAGES), "{name}");
        }
    }
}
