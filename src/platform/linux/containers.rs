//! The names of containers, from the files of their runtimes, or else from their commands.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, OnceLock, mpsc};
use std::thread;
use std::time::Duration;

use crate::model::{Container, Runtime, Untrusted};
use crate::platform::decode::cgroup::ContainerPath;
use crate::platform::decode::container_files::{self, DockerContainer, Served};

/// Where Docker keeps its containers.
const DOCKER: &str = "/var/lib/docker/containers";
/// Where containers-storage keeps those of root's podman and of CRI-O.
const STORAGE: &str = "/var/lib/containers/storage";
/// Where containerd's shims, Docker's own containerd and CRI-O keep what they run; `*` stands for
/// the namespaces of containerd.
const BUNDLES: [&str; 2] =
    ["/run/containerd/io.containerd.runtime.v2.task", "/run/containers/storage/overlay-containers"];
/// How long a runtime's command may take: a name is worth no more.
const PATIENCE: Duration = Duration::from_millis(100);

/// What is known of containers; files and commands are read when the first name is asked for.
#[derive(Debug, Default)]
pub(super) struct Containers {
    /// The names that were looked up, by id: many processes are in one container.
    names: Mutex<BTreeMap<String, Option<String>>>,
    docker: OnceLock<Vec<DockerContainer>>,
    storage: OnceLock<Vec<(String, String)>>,
    docker_listing: OnceLock<Vec<(String, String)>>,
    podman_listing: OnceLock<Vec<(String, String)>>,
}

impl Containers {
    /// The container of a path, with its name.
    pub(super) fn named(&self, path: ContainerPath<'_>) -> Container {
        if matches!(path.runtime, Runtime::Lxc | Runtime::Nspawn) {
            return plain(path);
        }
        let id = String::from_utf8_lossy(path.id).into_owned();
        let known = self.names.lock().ok().and_then(|names| names.get(&id).cloned());
        let name = known.unwrap_or_else(|| {
            let name = self.name(path.runtime, &id);
            if let Ok(mut names) = self.names.lock() {
                names.insert(id, name.clone());
            }
            name
        });
        Container { name: name.map(Untrusted::from), ..plain(path) }
    }

    fn name(&self, runtime: Runtime, id: &str) -> Option<String> {
        match runtime {
            Runtime::Docker => self.docker_name(id),
            Runtime::Podman => self.podman_name(id),
            Runtime::Containerd | Runtime::CriO | Runtime::Kubernetes => bundle_name(id),
            Runtime::Lxc | Runtime::Nspawn => None,
        }
    }

    /// Whether processes of that name serve containers, and their command lines tell which.
    pub(super) fn is_server(image: &[u8]) -> bool {
        matches!(image, b"docker-proxy" | b"conmon") || image.starts_with(b"containerd-shim")
    }

    /// The container that a forwarder, monitor or shim serves, by its name and command line.
    pub(super) fn served_by(&self, image: &[u8], command: &[Untrusted]) -> Option<Container> {
        let arguments = command.iter().skip(1).map(Untrusted::as_bytes);
        let read = || container_files::served(arguments);
        match image {
            b"docker-proxy" => self.behind_proxy(&read()),
            b"conmon" => {
                let Served { id, name, .. } = read();
                let (id, name) = (id?.into(), name.map(Untrusted::from));
                Some(Container { runtime: Runtime::Podman, id, name })
            }
            _ if image.starts_with(b"containerd-shim") => {
                let id = read().id?;
                let runtime = match self.docker_name(&id) {
                    Some(_) => Runtime::Docker,
                    None => Runtime::Containerd,
                };
                Some(self.named(ContainerPath { runtime, id: id.as_bytes() }))
            }
            _ => None,
        }
    }

    /// A proxy knows the container by its address; Docker knows the address and the name.
    fn behind_proxy(&self, served: &Served) -> Option<Container> {
        let address = served.address?;
        let known = self.docker.get_or_init(docker_containers);
        let found = known.iter().find(|one| one.running && one.addresses.contains(&address));
        let listed = || {
            let published = format!("publish={}", served.host_port?);
            listing("docker", &["--filter", &published]).into_iter().next()
        };
        let (id, name) = found.map(|one| (one.id.clone(), one.name.clone())).or_else(listed)?;
        Some(Container { runtime: Runtime::Docker, id: id.into(), name: Some(name.into()) })
    }

    fn docker_name(&self, id: &str) -> Option<String> {
        let file = fs::read(Path::new(DOCKER).join(id).join("config.v2.json"));
        let known = file.ok().and_then(|file| container_files::docker_container(&file).ok());
        known
            .map(|found| found.name)
            .or_else(|| name_of(id, self.docker_listing.get_or_init(|| listing("docker", &[]))))
    }

    fn podman_name(&self, id: &str) -> Option<String> {
        name_of(id, self.storage.get_or_init(stored_names))
            .or_else(|| name_of(id, self.podman_listing.get_or_init(|| listing("podman", &[]))))
    }
}

fn plain(path: ContainerPath<'_>) -> Container {
    Container { runtime: path.runtime, id: Untrusted::new(path.id), name: None }
}

fn name_of(id: &str, names: &[(String, String)]) -> Option<String> {
    names.iter().find(|(known, _)| known == id).map(|(_, name)| name.clone())
}

/// Every container that Docker knows.
fn docker_containers() -> Vec<DockerContainer> {
    let config = |directory: PathBuf| {
        let file = fs::read(directory.join("config.v2.json")).ok()?;
        container_files::docker_container(&file).ok()
    };
    directories_in(Path::new(DOCKER)).filter_map(config).collect()
}

/// The names that containers-storage keeps: root's, and this user's own.
fn stored_names() -> Vec<(String, String)> {
    let home = std::env::var_os("HOME")
        .map(|home| Path::new(&home).join(".local/share/containers/storage"));
    let stores = std::iter::once(PathBuf::from(STORAGE)).chain(home);
    let files = stores.flat_map(|store| {
        ["overlay", "vfs", "btrfs"]
            .map(|driver| store.join(format!("{driver}-containers/containers.json")))
    });
    let read = |path: PathBuf| container_files::storage_names(&fs::read(path).ok()?).ok();
    files.filter_map(read).flatten().collect()
}

/// The name that is annotated in the bundle of a container.
fn bundle_name(id: &str) -> Option<String> {
    let [tasks, storage] = BUNDLES.map(Path::new);
    let of_namespaces = directories_in(tasks).map(|namespace| namespace.join(id));
    let of_storage = std::iter::once(storage.join(id).join("userdata"));
    let read = |bundle: PathBuf| fs::read(bundle.join("config.json")).ok();
    let file = of_namespaces.chain(of_storage).find_map(read)?;
    container_files::oci_name(&file).ok()?
}

fn directories_in(path: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(path).into_iter().flatten();
    entries.filter_map(|entry| Some(entry.ok()?.path()))
}

/// What `docker ps` or `podman ps` lists, if it does so soon enough.
fn listing(program: &str, options: &[&str]) -> Vec<(String, String)> {
    let mut command = Command::new(program);
    command.args(["ps", "--no-trunc", "--format", "{{.ID}} {{.Names}}"]).args(options);
    let output = output_within(command, PATIENCE).unwrap_or_default();
    container_files::listed_names(&output)
}

/// What a command prints, if it ends well within `time`.
fn output_within(mut command: Command, time: Duration) -> Option<String> {
    let streams = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = streams.spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    let read = move || {
        let mut text = String::new();
        let read = stdout.read_to_string(&mut text);
        // Nobody receives it if it came too late.
        let _ = sender.send(read.is_ok().then_some(text));
    };
    let reader = thread::Builder::new().spawn(read);
    let output = reader.ok().and_then(|_| receiver.recv_timeout(time).ok().flatten());
    if output.is_none() {
        // It may have ended by itself meanwhile, which is as good.
        let _ = child.kill();
    }
    let ended_well = child.wait().is_ok_and(|status| status.success());
    output.filter(|_| ended_well)
}
