//! Paths of cgroups: cgroups(7), systemd's names in them (systemd.unit(5)), and those of
//! container runtimes.

use crate::model::Runtime;

/// A systemd unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unit<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Whether a user's own manager runs it, below `user@1000.service`.
    pub of_user: bool,
}

/// A container.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ContainerPath<'a> {
    /// What runs it.
    pub runtime: Runtime,
    /// Its id; its name where the runtime has no ids.
    pub id: &'a [u8],
    /// Whether it is below a user's own manager, where that user may name groups at will.
    pub of_user: bool,
}

/// What the path of a cgroup identifies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Membership<'a> {
    /// The innermost service, scope or socket unit. What runs inside of a container has units of
    /// the container's own, which the machine's systemctl does not know: those do not count.
    pub unit: Option<Unit<'a>>,
    /// The innermost slice.
    pub slice: Option<&'a [u8]>,
    /// The user whose slice it is below: `/user.slice/user-1000.slice`, which only systemd makes.
    pub user: Option<u32>,
    /// The outermost container.
    pub container: Option<ContainerPath<'a>>,
}

/// The path of the group that /proc/PID/cgroup has for a controller; for none, that of version 2.
#[must_use]
pub fn path_of<'a>(file: &'a [u8], controller: &[u8]) -> Option<&'a [u8]> {
    file.split(|&byte| byte == b'\n').find_map(|line| {
        let mut fields = line.splitn(3, |&byte| byte == b':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        controllers.split(|&byte| byte == b',').any(|one| one == controller).then_some(path)
    })
}

/// What /proc/PID/cgroup says about a process.
///
/// Every line is read: on a machine with mixed hierarchies the line of version 2 may be `/`
/// while systemd's own hierarchy, `name=systemd`, shows the unit, and any of them the container.
#[must_use]
pub fn of_process(file: &[u8]) -> Membership<'_> {
    let of = |wanted: &[u8]| lines(file).find(|(name, _)| *name == wanted).map(|(_, found)| found);
    let unified = of(b"").unwrap_or_default();
    let systemd = of(b"name=systemd").unwrap_or_default();
    Membership {
        unit: unified.unit.or(systemd.unit),
        slice: unified.slice.or(systemd.slice),
        user: unified.user.or(systemd.user),
        container: unified.container.or_else(|| lines(file).find_map(|(_, found)| found.container)),
    }
}

/// The controllers of each line, and what its path identifies.
fn lines(file: &[u8]) -> impl Iterator<Item = (&[u8], Membership<'_>)> {
    file.split(|&byte| byte == b'\n').filter_map(|line| {
        let mut fields = line.splitn(3, |&byte| byte == b':');
        let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        Some((controllers, of_path(path)))
    })
}

/// What a path identifies.
#[must_use]
pub fn of_path(path: &[u8]) -> Membership<'_> {
    let (is_beside, path) = beside(path);
    let mut found = Membership { user: user_of_slice(path), ..Membership::default() };
    let mut of_user = false;
    let mut parents = Parents { is_beside, ..Parents::default() };
    for part in path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
        if is_unit(part) {
            found.unit = Some(Unit { name: part, of_user });
            of_user |= part.starts_with(b"user@");
        } else if part.ends_with(b".slice") {
            found.slice = Some(part);
        }
        found.container =
            container(part, parents).map(|(runtime, id)| ContainerPath { runtime, id, of_user });
        if found.container.is_some() {
            break;
        }
        parents = parents.followed_by(part);
    }
    found
}

/// Whether a path begins with `/..`, and what comes after all of these. In a cgroup namespace of its own,
/// as containers have, the paths of others lead out of it (cgroup_namespaces(7)), and miss what they
/// have in common with its own, such as `kubepods`.
fn beside(path: &[u8]) -> (bool, &[u8]) {
    let mut rest = path;
    while let Some(behind) = rest.strip_prefix(b"/..").filter(|behind| is_end_of_part(behind)) {
        rest = behind;
    }
    (rest.len() < path.len(), rest)
}

fn is_end_of_part(rest: &[u8]) -> bool {
    rest.first().is_none_or(|&byte| byte == b'/')
}

/// The user of the slice that a path begins with.
fn user_of_slice(path: &[u8]) -> Option<u32> {
    let rest = path.strip_prefix(b"/user.slice/user-")?;
    let slice = rest.split(|&byte| byte == b'/').next()?;
    std::str::from_utf8(slice.strip_suffix(b".slice")?).ok()?.parse().ok()
}

fn is_unit(part: &[u8]) -> bool {
    [&b".service"[..], b".scope", b".socket"].iter().any(|suffix| part.ends_with(suffix))
}

/// What stands before a part of a path.
#[derive(Clone, Copy, Default)]
struct Parents<'a> {
    last: &'a [u8],
    /// Somewhere below `kubepods` or `kubepods.slice`.
    in_pods: bool,
    /// Whether the first of them are not known, because they are those of portwho's own container too.
    is_beside: bool,
}

impl<'a> Parents<'a> {
    fn followed_by(self, part: &'a [u8]) -> Self {
        let is_pod = part.starts_with(b"kubepods") || (self.is_beside && is_pod(part));
        Self { last: part, in_pods: self.in_pods || is_pod, ..self }
    }
}

/// `pod0a1b2c3d-1111-2222-3333-444455556666`; the pod of a node's own file has a hash.
fn is_pod(part: &[u8]) -> bool {
    let uid = part.strip_prefix(b"pod").unwrap_or_default();
    uid.len() >= 32 && uid.iter().all(|&byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// The prefixes of `PREFIX-ID` and `PREFIX-ID.scope`, by what writes them.
const PREFIXES: [(&[u8], Runtime); 5] = [
    (b"docker", Runtime::Docker),
    (b"libpod", Runtime::Podman),
    (b"cri-containerd", Runtime::Containerd),
    (b"nerdctl", Runtime::Nerdctl),
    (b"crio", Runtime::CriO),
];

/// The container that a part of a path is the group of.
fn container<'a>(part: &'a [u8], parents: Parents<'_>) -> Option<(Runtime, &'a [u8])> {
    let is = |runtime, id| Some((runtime, id));
    let name = part.strip_suffix(b".scope").unwrap_or(part);
    for (prefix, runtime) in PREFIXES {
        // runc writes SLICE:PREFIX:ID where it takes a systemd path for a plain one.
        let tagged = name.rsplitn(3, |&byte| byte == b':').nth(1) == Some(prefix);
        let rest = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(b"-"));
        let id = if tagged { name.rsplit(|&byte| byte == b':').next() } else { rest };
        if let Some(id) = id.filter(|id| is_id(id)) {
            return is(runtime, id);
        }
    }
    if is_id(part) {
        return match parents.last {
            _ if parents.in_pods => is(Runtime::Kubernetes, part),
            // Right beside portwho's own container, outside of a pod.
            b"" if parents.is_beside => is(Runtime::Docker, part),
            b"docker" => is(Runtime::Docker, part),
            b"libpod_parent" => is(Runtime::Podman, part),
            b"k8s.io" => is(Runtime::Containerd, part),
            b"default" => is(Runtime::Nerdctl, part),
            _ => None,
        };
    }
    let nspawn = part.strip_prefix(b"systemd-nspawn@").and_then(|n| n.strip_suffix(b".service"));
    let machine = name.strip_prefix(b"machine-").filter(|_| name.len() < part.len());
    let lxc = part.strip_prefix(b"lxc.payload.");
    let lxc = lxc.or_else(|| [&b"lxc"[..], b"lxc.payload"].contains(&parents.last).then_some(part));
    match (lxc.filter(|name| !name.is_empty()), nspawn.or(machine)) {
        (Some(name), _) => is(Runtime::Lxc, name),
        (None, Some(name)) if !name.is_empty() => is(Runtime::Nspawn, name),
        _ => None,
    }
}

/// Ids of the Open Container Initiative's runtimes are 64 hexadecimal digits.
#[must_use]
pub fn is_id(text: &[u8]) -> bool {
    text.len() == 64 && text.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests;
