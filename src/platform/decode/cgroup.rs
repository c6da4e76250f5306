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
    /// The service, scope or socket unit that systemctl knows: the first one, or the first one below a user's
    /// manager. Groups within it, and in a container, may have names of units too, which it does not know.
    pub unit: Option<Unit<'a>>,
    /// The innermost slice.
    pub slice: Option<&'a [u8]>,
    /// The user whose slice it is below: `/user.slice/user-1000.slice`, which only systemd makes.
    pub user: Option<u32>,
    /// The outermost container.
    pub container: Option<ContainerPath<'a>>,
    /// Whether what it is known by is below a group that is no slice. Whoever was given such a group names what
    /// is below it at will, after units and containers too.
    pub is_delegated: bool,
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
        is_delegated: lines(file).any(|(_, found)| found.is_delegated),
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
        let is_first = found.unit.is_none_or(|unit| unit.name.starts_with(b"user@"));
        let (is_unit, is_slice) = (is_first && is_unit(part), is_first && is_slice(part));
        if is_unit {
            found.unit = Some(Unit { name: part, of_user });
            of_user |= part.starts_with(b"user@");
        } else if is_slice {
            found.slice = Some(part);
        }
        found.container =
            container(part, parents).map(|(runtime, id)| ContainerPath { runtime, id, of_user });
        let is_named = is_unit || is_slice || is_of_name(found.container, parents);
        found.is_delegated |= parents.is_plain && is_named;
        if found.container.is_some() {
            break;
        }
        parents = parents.followed_by(part);
    }
    found
}

/// Whether a container is known by a name that whoever makes its group chooses, other than right below the
/// group of LXC.
fn is_of_name(container: Option<ContainerPath<'_>>, parents: Parents<'_>) -> bool {
    let has_name = |runtime| matches!(runtime, Runtime::Lxc | Runtime::Nspawn);
    container.is_some_and(|container| has_name(container.runtime)) && !parents.is_of_lxc()
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

fn is_slice(part: &[u8]) -> bool {
    part.ends_with(b".slice")
}

/// What stands before a part of a path.
#[derive(Clone, Copy, Default)]
struct Parents<'a> {
    last: &'a [u8],
    /// Somewhere below `kubepods` or `kubepods.slice`.
    in_pods: bool,
    /// Whether the first of them are not known, because they are those of portwho's own container too.
    is_beside: bool,
    /// Whether one of them is no slice: someone else than systemd may make groups in it.
    is_plain: bool,
    /// How many there are.
    count: usize,
}

impl<'a> Parents<'a> {
    fn followed_by(self, part: &'a [u8]) -> Self {
        let is_pod = part.starts_with(b"kubepods") || (self.is_beside && is_pod(part));
        Self {
            last: part,
            in_pods: self.in_pods || is_pod,
            is_plain: self.is_plain || !is_slice(part),
            count: self.count + 1,
            ..self
        }
    }

    /// The groups in which LXC makes those of its containers, at the top.
    fn is_of_lxc(self) -> bool {
        self.count == 1 && LXC.contains(&self.last)
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

/// What LXC calls the group that has those of its containers.
const LXC: [&[u8]; 2] = [b"lxc", b"lxc.payload"];

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
    let lxc = lxc.or_else(|| LXC.contains(&parents.last).then_some(part));
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
