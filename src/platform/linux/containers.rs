//! The names of containers, from the files of their runtimes, or else from their commands.
//!
//! What a process says of itself, by its name, its command line or the name of a cgroup
//! that its user made, may be forged. An id is therefore looked up only if it is one, and only
//! root's processes are believed to serve root's containers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use rustix::fs::{AtFlags, CWD, Mode};
use uzers::os::unix::UserExt;

use super::{bounds, regular_file};
use crate::model::{Container, Runtime, Untrusted};
use crate::platform::command::output_within;
use crate::platform::decode::cgroup::{ContainerPath, is_id};
use crate::platform::decode::container_files::{self, DockerContainer, Served};

/// Where Docker keeps its containers.
const DOCKER: &str = "/var/lib/docker/containers";
/// Where containers-storage keeps those of root's podman and of CRI-O.
const STORAGE: &str = "/var/lib/containers/storage";
/// The same of a user, in the home directory.
const USERS_STORAGE: &str = ".local/share/containers/storage";
/// Where containerd's shims keep what they run, below each namespace of containerd.
const TASKS: &str = "/run/containerd/io.containerd.runtime.v2.task";
/// Where CRI-O keeps what it runs.
const BUNDLES: &str = "/run/containers/storage/overlay-containers";
/// How long a runtime's command may take: a name is worth no more.
const PATIENCE: Duration = Duration::from_millis(100);

/// Pairs of an id and a name.
type Names = Vec<(String, String)>;

/// What is known of containers. Files and commands are read when the first name is asked for,
/// once for all looks of a run, unless it is forgotten.
#[derive(Debug, Default)]
pub(super) struct Containers {
    /// The names that were looked up, by id: many processes are in one container.
    names: Mutex<BTreeMap<String, Option<String>>>,
    docker: OnceLock<Vec<DockerContainer>>,
    storage: OnceLock<Names>,
    docker_listing: OnceLock<Names>,
    podman_listing: OnceLock<Names>,
}

/// The ones of this program.
static CONTAINERS: LazyLock<Mutex<Arc<Containers>>> = LazyLock::new(Mutex::default);

/// What is known of containers.
pub(super) fn containers() -> Arc<Containers> {
    Arc::clone(&CONTAINERS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Forgets it, so that containers are known that were started since.
pub(super) fn forget() {
    *CONTAINERS.lock().unwrap_or_else(PoisonError::into_inner) = Arc::default();
}

impl Containers {
    /// The container of a path, with its name.
    pub(super) fn named(&self, path: ContainerPath<'_>) -> Container {
        let nameless = Container {
            runtime: path.runtime,
            id: Untrusted::new(path.id),
            name: None,
            of_user: path.of_user,
        };
        let Some(id) = std::str::from_utf8(path.id).ok().filter(|id| is_id(id.as_bytes())) else {
            return nameless;
        };
        let known = self.names.lock().ok().and_then(|names| names.get(id).cloned());
        let name = known.unwrap_or_else(|| {
            let name = self.name(path.runtime, path.of_user, id);
            if let Ok(mut names) = self.names.lock() {
                names.insert(id.to_owned(), name.clone());
            }
            name
        });
        Container { name: name.map(Untrusted::from), ..nameless }
    }

    /// A user may name a group after any container: below a user's manager only that user's own
    /// store is asked.
    fn name(&self, runtime: Runtime, of_user: bool, id: &str) -> Option<String> {
        match runtime {
            Runtime::Podman if of_user => name_of(id, self.storage.get_or_init(stored_names)),
            _ if of_user => None,
            Runtime::Docker => self.docker_name(id),
            Runtime::Podman => self.podman_name(id),
            Runtime::Containerd | Runtime::Nerdctl | Runtime::CriO | Runtime::Kubernetes => {
                bundle_name(id)
            }
            Runtime::Lxc | Runtime::Nspawn => None,
        }
    }

    /// Whether processes of that name serve containers, and their command lines show which.
    pub(super) fn is_server(image: &[u8]) -> bool {
        matches!(image, b"docker-proxy" | b"conmon") || image.starts_with(b"containerd-shim")
    }

    /// The container that root's forwarder, monitor or shim serves, by its name and command line.
    pub(super) fn served_by(&self, image: &[u8], command: &[Untrusted]) -> Option<Container> {
        let served = container_files::served(command.iter().skip(1).map(Untrusted::as_bytes));
        if image == b"docker-proxy" {
            return self.behind_proxy(&served);
        }
        let id = served.id.filter(|id| is_id(id.as_bytes()))?;
        let path = |runtime| ContainerPath { runtime, id: id.as_bytes(), of_user: false };
        if image != b"conmon" {
            let runtime = self.docker_name(&id).map_or(Runtime::Containerd, |_| Runtime::Docker);
            return Some(self.named(path(runtime)));
        }
        // Kubernetes has CRI-O name its containers so.
        let of_kubernetes = served.name.as_ref().is_some_and(|name| name.starts_with("k8s_"));
        let runtime = if of_kubernetes { Runtime::CriO } else { Runtime::Podman };
        let stored = self.named(path(runtime));
        Some(Container { name: served.name.map(Untrusted::from).or(stored.name), ..stored })
    }

    /// A proxy knows the container by its address; Docker knows the address and the name.
    fn behind_proxy(&self, served: &Served) -> Option<Container> {
        let address = served.address?;
        let known = self.docker.get_or_init(docker_containers);
        let found = known.iter().find(|one| one.running && one.addresses.contains(&address));
        let found = found.map(|one| (one.id.clone(), one.name.clone()));
        let (id, name) = found.or_else(|| publishing(served))?;
        let (id, name) = (id.into(), Some(name.into()));
        Some(Container { runtime: Runtime::Docker, id, name, of_user: false })
    }

    fn docker_name(&self, id: &str) -> Option<String> {
        let file = read_regular(&Path::new(DOCKER).join(id).join("config.v2.json"));
        let known = file.and_then(|file| container_files::docker_container(&file).ok());
        let listing = || self.docker_listing.get_or_init(|| docker_listing(&[]));
        known.map(|found| found.name).or_else(|| name_of(id, listing()))
    }

    fn podman_name(&self, id: &str) -> Option<String> {
        name_of(id, self.storage.get_or_init(stored_names))
            .or_else(|| name_of(id, self.podman_listing.get_or_init(podman_listing)))
    }
}

fn name_of(id: &str, names: &[(String, String)]) -> Option<String> {
    names.iter().find(|(known, _)| known == id).map(|(_, name)| name.clone())
}

/// Every container that Docker knows.
fn docker_containers() -> Vec<DockerContainer> {
    let directories = directories_in(Path::new(DOCKER)).take(bounds::DOCKER_CONTAINERS);
    let containers = directories.filter_map(|directory| {
        let file = read_regular(&directory.join("config.v2.json"))?;
        container_files::docker_container(&file).ok()
    });
    containers.collect()
}

/// The id and the name of the one container that the engine says publishes the port.
fn publishing(served: &Served) -> Option<(String, String)> {
    let protocol = served.protocol.as_deref().unwrap_or("tcp");
    let published = format!("publish={}/{protocol}", served.host_port?);
    let listed = docker_listing(&["--filter", &published]);
    // At two addresses of the machine the same port may be of two containers.
    <[_; 1]>::try_from(listed).ok().map(|[only]| only)
}

/// The names that containers-storage keeps: root's, and this user's own.
fn stored_names() -> Names {
    let home = own_home().map(|home| home.join(USERS_STORAGE));
    let stores = std::iter::once(PathBuf::from(STORAGE)).chain(home);
    let files = stores.flat_map(|store| {
        ["overlay", "vfs", "btrfs"]
            .map(|driver| store.join(format!("{driver}-containers/containers.json")))
    });
    let read = |path: PathBuf| container_files::storage_names(&read_regular(&path)?).ok();
    files.filter_map(read).flatten().collect()
}

/// The home of this user by the password database: $HOME may be another user's, as with sudo.
fn own_home() -> Option<PathBuf> {
    let user = uzers::get_user_by_uid(rustix::process::geteuid().as_raw())?;
    Some(user.home_dir().to_owned())
}

/// The name that is annotated in the bundle of a container.
fn bundle_name(id: &str) -> Option<String> {
    let of_namespaces = directories_in(Path::new(TASKS)).map(|namespace| namespace.join(id));
    let of_storage = std::iter::once(Path::new(BUNDLES).join(id).join("userdata"));
    let read = |bundle: PathBuf| read_regular(&bundle.join("config.json"));
    let file = of_namespaces.chain(of_storage).find_map(read)?;
    container_files::oci_name(&file).ok()?
}

fn directories_in(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

fn read_regular(path: &Path) -> Option<Vec<u8>> {
    regular_file::read_no_link(path, bounds::RUNTIME_FILE).ok()
}

/// Where root's commands are searched for, in this order: the directories that sudo's secure_path
/// has, those of the distribution first.
const SYSTEM_PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/snap/bin";

/// A runtime's command. A user's own is found by that user's PATH; root's by a fixed one, and told
/// nothing of the environment, which may be that of the user who called sudo.
fn runtime_command(name: &str) -> Option<Command> {
    if !rustix::process::geteuid().is_root() {
        return Some(Command::new(name));
    }
    let mut candidates = SYSTEM_PATH.split(':').map(|directory| Path::new(directory).join(name));
    let mut command = Command::new(candidates.find(|path| is_roots_alone(path))?);
    command.env_clear().env("PATH", SYSTEM_PATH).env("LC_ALL", "C").current_dir("/");
    if let Some(home) = own_home() {
        command.env("HOME", home);
    }
    Some(command)
}

/// Whether a file is there which only root may change.
fn is_roots_alone(path: &Path) -> bool {
    let by_others = (Mode::WGRP | Mode::WOTH).bits();
    let stat = rustix::fs::statat(CWD, path, AtFlags::empty());
    stat.is_ok_and(|stat| stat.st_uid == 0 && stat.st_mode & by_others == 0)
}

/// What this machine's Docker lists, wherever the user's own settings would ask.
fn docker_listing(options: &[&str]) -> Names {
    let Some(mut command) = runtime_command("docker") else { return Names::new() };
    command.env_remove("DOCKER_HOST").env_remove("DOCKER_CONTEXT");
    command.args(["--host", "unix:///var/run/docker.sock"]);
    listing(command, options)
}

fn podman_listing() -> Names {
    let Some(mut command) = runtime_command("podman") else { return Names::new() };
    command.env_remove("CONTAINER_HOST").env_remove("CONTAINER_CONNECTION");
    command.arg("--remote=false");
    listing(command, &[])
}

/// What `ps` of a runtime's command lists, if it does so soon enough.
fn listing(mut command: Command, options: &[&str]) -> Names {
    command.args(["ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}"]).args(options);
    let output = output_within(command, PATIENCE).unwrap_or_default();
    container_files::listed_names(&String::from_utf8_lossy(&output))
}
