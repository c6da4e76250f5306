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
    let mut found = Membership { user: user_of_slice(path), ..Membership::default() };
    let mut of_user = false;
    let mut parents = Parents::default();
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
        parents = Parents { last: part, in_pods: parents.in_pods || part.starts_with(b"kubepods") };
    }
    found
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
mod tests {
    use super::*;

    #[test]
    fn each_controller_has_a_path() {
        let file = b"6:freezer:/a\n5:cpu,cpuacct:/b:c\n1:name=systemd:/d\n0::/e\n";
        let path = |controller: &[u8]| path_of(file, controller);
        assert_eq!(path(b"freezer"), Some(&b"/a"[..]));
        assert_eq!(path(b"cpuacct"), Some(&b"/b:c"[..]));
        assert_eq!(path(b""), Some(&b"/e"[..]));
        assert_eq!(path(b"memory"), None);
    }

    const ID: &str = "932a195ea739d3a1f0c8b1cf5d9f7f2a1b0c3d4e5f60718293a4b5c6d7e8f901";

    #[test]
    fn the_innermost_unit_is_the_processes_own() {
        let user = b"0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service\n";
        let cases: [(&[u8], Option<&[u8]>); 7] = [
            (b"0::/system.slice/nginx.service\n", Some(b"nginx.service")),
            (b"0::/user.slice/user-0.slice/session-3.scope\n", Some(b"session-3.scope")),
            (user, Some(b"web.service")),
            (b"12:cpu:/\n1:name=systemd:/system.slice/ssh.service\n0::/\n", Some(b"ssh.service")),
            (b"0::/init.scope", Some(b"init.scope")),
            (b"0::/system.slice/sshd.socket\n", Some(b"sshd.socket")),
            (b"0::/\n\nnonsense", None),
        ];
        for (file, expected) in cases {
            let unit = of_process(file).unit;
            let of_user = expected == Some(b"web.service");
            assert_eq!(unit.is_some_and(|unit| unit.of_user), of_user);
            assert_eq!(unit.map(|unit| unit.name), expected, "{}", file.escape_ascii());
        }
        let slice = of_path(b"/user.slice/user-1000.slice").slice;
        assert_eq!(slice, Some(&b"user-1000.slice"[..]));
    }

    #[test]
    fn only_a_slice_at_the_top_is_a_users() {
        for (path, expected) in [
            (&b"/user.slice/user-1000.slice/session-3.scope"[..], Some(1000)),
            (b"/user.slice/user-1000.slice/user@1000.service/user-0.slice/a.service", Some(1000)),
            (b"/user.slice/user-0.slice", Some(0)),
            (b"/user.slice", None),
            (b"/user.slice/user-1000.slicer", None),
            (b"/user.slice/user-x.slice", None),
            (b"/system.slice/web.service/user.slice/user-0.slice", None),
        ] {
            assert_eq!(of_path(path).user, expected, "{}", path.escape_ascii());
        }
        let mixed = b"4:memory:/\n1:name=systemd:/user.slice/user-7.slice/a.scope\n0::/\n";
        assert_eq!(of_process(mixed).user, Some(7));
    }

    /// The paths as the runtimes write them, with the cgroup drivers cgroupfs and systemd.
    #[test]
    fn every_runtime_is_known_by_its_paths() {
        let pod = "kubepods-burstable-pod0a1b2c3d_1111_2222_3333_444455556666.slice";
        let cases = [
            ("/docker/ID", Runtime::Docker),
            ("/system.slice/docker-ID.scope", Runtime::Docker),
            ("/machine.slice/libpod-ID.scope", Runtime::Podman),
            ("/machine.slice/libpod-ID.scope/container", Runtime::Podman),
            ("/libpod_parent/libpod-ID", Runtime::Podman),
            (
                "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-ID.scope/container",
                Runtime::Podman,
            ),
            ("/system.slice/nerdctl-ID.scope", Runtime::Nerdctl),
            ("/default/ID", Runtime::Nerdctl),
            ("/kubepods/burstable/pod0a1b2c3d-1111-2222-3333-444455556666/ID", Runtime::Kubernetes),
            (
                "/kubepods.slice/kubepods-burstable.slice/POD/cri-containerd-ID.scope",
                Runtime::Containerd,
            ),
            ("/kubepods.slice/POD/crio-ID.scope/container", Runtime::CriO),
            ("/kubepods.slice/POD/docker-ID.scope", Runtime::Docker),
            ("/system.slice/containerd.service/POD:cri-containerd:ID", Runtime::Containerd),
        ];
        for (path, runtime) in cases {
            let path = path.replace("ID", ID).replace("POD", pod);
            let found = of_path(path.as_bytes()).container;
            let of_user = path.contains("user@");
            assert_eq!(
                found,
                Some(ContainerPath { runtime, id: ID.as_bytes(), of_user }),
                "{path}"
            );
        }
    }

    #[test]
    fn runtimes_without_ids_have_names() {
        let cases = [
            ("/lxc/web", Runtime::Lxc, "web"),
            ("/lxc.payload.web/system.slice/nginx.service", Runtime::Lxc, "web"),
            ("/lxc.payload/web", Runtime::Lxc, "web"),
            ("/machine.slice/machine-web.scope/payload", Runtime::Nspawn, "web"),
            ("/machine.slice/systemd-nspawn@web.service/payload", Runtime::Nspawn, "web"),
        ];
        for (path, runtime, name) in cases {
            let found = of_path(path.as_bytes()).container;
            let expected = ContainerPath { runtime, id: name.as_bytes(), of_user: false };
            assert_eq!(found, Some(expected), "{path}");
        }
    }

    #[test]
    fn what_only_looks_like_a_container_is_not_one() {
        let others = [
            "/system.slice/docker.service",
            "/system.slice/containerd.service",
            "/docker/short",
            "/docker",
            "/lxc.monitor.web",
            "/machine.slice/libpod-conmon-ID.scope",
            "/system.slice/crio-conmon-ID.scope",
            "/elsewhere/ID",
            "/lxc.payload.",
            "",
        ];
        for path in others {
            assert_eq!(of_path(path.replace("ID", ID).as_bytes()).container, None, "{path}");
        }
    }

    #[test]
    fn the_units_inside_of_a_container_are_not_the_machines() {
        let path = format!("/docker/{ID}/system.slice/nginx.service");
        assert_eq!(of_path(path.as_bytes()).unit, None);
        let path = format!("/system.slice/docker-{ID}.scope/init.scope");
        let scope = format!("docker-{ID}.scope");
        assert_eq!(of_path(path.as_bytes()).unit.map(|unit| unit.name), Some(scope.as_bytes()));
        let mixed =
            format!("4:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}/init.scope\n0::/\n");
        let found = of_process(mixed.as_bytes());
        assert_eq!(found.unit, None);
        assert_eq!(found.container.map(|one| one.id), Some(ID.as_bytes()));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = of_process(&bytes);
            let _ = of_path(&bytes);
        }
    }
}
