//! Containers, as far as the machine outside them knows.

use super::Untrusted;

/// What runs a container.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Runtime {
    /// Docker.
    Docker,
    /// podman.
    Podman,
    /// containerd, by Kubernetes.
    Containerd,
    /// containerd, by nerdctl or ctr.
    Nerdctl,
    /// CRI-O.
    CriO,
    /// Kubernetes, by a runtime that its path does not name.
    Kubernetes,
    /// LXC, LXD or Incus.
    Lxc,
    /// systemd-nspawn.
    Nspawn,
}

impl Runtime {
    /// Its name, also in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
            Self::Containerd | Self::Nerdctl => "containerd",
            Self::CriO => "cri-o",
            Self::Kubernetes => "kubernetes",
            Self::Lxc => "lxc",
            Self::Nspawn => "systemd-nspawn",
        }
    }

    /// Its name in a sentence.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Docker => "Docker",
            Self::CriO => "CRI-O",
            Self::Kubernetes => "Kubernetes",
            Self::Lxc => "LXC",
            Self::Podman | Self::Containerd | Self::Nerdctl | Self::Nspawn => self.word(),
        }
    }
}

/// How many digits of an id suffice to name a container, as `docker ps` shows them.
const SHORT: usize = 12;

/// A container.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Container {
    /// What runs it.
    pub runtime: Runtime,
    /// Its whole id; where the runtime has none, its name.
    pub id: Untrusted,
    /// Its name, where the runtime reports it.
    pub name: Option<Untrusted>,
    /// Whether it is a user's own, below that user's manager: root's commands do not know it.
    pub of_user: bool,
}

impl Container {
    /// The id as short as its runtime's own tools print it.
    #[must_use]
    pub fn short_id(&self) -> Untrusted {
        let is_hex = self.id.as_bytes().iter().all(u8::is_ascii_hexdigit);
        match self.id.as_bytes().get(..SHORT) {
            Some(short) if is_hex => Untrusted::new(short),
            _ => self.id.clone(),
        }
    }

    /// What its runtime's commands know it by: CRI's by the id alone, the others' by the name too.
    #[must_use]
    pub fn handle(&self) -> Untrusted {
        let by_name =
            !matches!(self.runtime, Runtime::Containerd | Runtime::CriO | Runtime::Kubernetes);
        match &self.name {
            Some(name) if by_name => name.clone(),
            _ => self.short_id(),
        }
    }
}
