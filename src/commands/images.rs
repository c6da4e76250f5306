//! Processes that are known by their image names.

use crate::model::{Process, Untrusted};

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

/// Whether a process forwards the ports of containers, or runs them.
pub(super) fn serves_containers(process: &Process) -> bool {
    is_image(&process.name, &CONTAINER_IMAGES)
}

/// Whether a name is one of `images`; a `*` at the end of one stands for more.
pub(super) fn is_image(name: &Untrusted, images: &[&str]) -> bool {
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
}
