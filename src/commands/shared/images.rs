//! Processes that are known by their image names, and the lists of those names. Whether a process
//! is what its name says is another question: see [`super::installed`].

use wildmatch::WildMatchPattern;

use crate::model::{Capabilities, Role, ServiceManager, Untrusted};

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

/// systemd, as PID 1 or as a user's manager: it holds sockets for services that it starts later.
const MANAGERS: [&str; 1] = ["systemd"];

/// The processes that Windows crashes without, in case it does not mark them as critical.
const CRITICAL_IMAGES: [&str; 6] =
    ["lsass.exe", "services.exe", "wininit.exe", "winlogon.exe", "csrss.exe", "smss.exe"];

/// What hosts Windows' services.
const SERVICE_HOSTS: [&str; 1] = ["svchost.exe"];

/// The image names of a role.
pub(super) const fn images(role: Role) -> &'static [&'static str] {
    match role {
        Role::Container => &CONTAINER_IMAGES,
        Role::Manager => &MANAGERS,
        Role::Critical => &CRITICAL_IMAGES,
        Role::ServiceHost => &SERVICE_HOSTS,
    }
}

/// Whether anything has this role on this system.
pub(super) const fn exists_on(role: Role, system: Capabilities) -> bool {
    match role {
        Role::Container => true,
        Role::Manager => matches!(system.service_manager, ServiceManager::Systemd),
        Role::ServiceHost => matches!(system.service_manager, ServiceManager::Windows),
        Role::Critical => system.protected_processes,
    }
}

/// Whether a name is that of any role.
pub(in crate::commands) fn is_listed(name: &Untrusted) -> bool {
    Role::ALL.into_iter().any(|role| is_image(name, images(role)))
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
