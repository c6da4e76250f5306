//! Paths of cgroups as systems and runtimes write them.

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
        (b"/../../../user.slice/user-1000.slice/session-3.scope", Some(1000)),
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

/// Who was given a group may make others in it, of any name.
#[test]
fn names_below_a_group_that_is_no_slice_may_be_anybodys() {
    for (path, expected) in [
        ("/system.slice/nginx.service", false),
        ("/system.slice/system-web.slice/web@1.service/evil.service", false),
        ("/delegated/evil.service", true),
        ("/delegated/evil.slice", true),
        ("/delegated/lxc.payload.evil", true),
        ("/delegated/lxc/evil", true),
        ("/delegated/system.slice/machine-evil.scope", true),
        ("/system.slice/ci.service/lxc.payload.evil", true),
        ("/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", true),
        ("/lxc.payload.web/system.slice/nginx.service", false),
        ("/lxc/web", false),
        ("/../lxc.payload.web", false),
        ("/machine.slice/machine-web.scope/payload", false),
        ("/delegated", false),
        ("/", false),
    ] {
        assert_eq!(of_path(path.as_bytes()).is_delegated, expected, "{path}");
    }
}

#[test]
fn a_unit_within_a_unit_is_none() {
    let unit = |path: &'static str| of_path(path.as_bytes()).unit.map(|unit| unit.name);
    assert_eq!(unit("/system.slice/ci.service/evil.service"), Some(&b"ci.service"[..]));
    let own = "/user.slice/user-1.slice/user@1.service/app.slice/web.service/evil.service";
    assert_eq!(unit(own), Some(&b"web.service"[..]));
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
        assert_eq!(found, Some(ContainerPath { runtime, id: ID.as_bytes(), of_user }), "{path}");
    }
}

/// The paths of others as a container with a cgroup namespace of its own reads them: recorded with
/// Docker, and those of Kubernetes' two cgroup drivers.
#[test]
fn paths_that_lead_out_of_a_cgroup_namespace_are_known() {
    let pod = "pod0a1b2c3d-1111-2222-3333-444455556666";
    let slice = "kubepods-burstable-pod0a1b2c3d_1111_2222_3333_444455556666.slice";
    let cases = [
        ("/../ID", Runtime::Docker),
        ("/../docker-ID.scope", Runtime::Docker),
        ("/../cri-containerd-ID.scope", Runtime::Containerd),
        ("/../../SLICE/cri-containerd-ID.scope", Runtime::Containerd),
        ("/../../../SLICE/crio-ID.scope/container", Runtime::CriO),
        ("/../../POD/ID", Runtime::Kubernetes),
        ("/../../../besteffort/POD/ID", Runtime::Kubernetes),
        ("/../../podd1f2e3c4b5a697881726354453627180/ID", Runtime::Kubernetes),
        ("/../../../../docker/ID", Runtime::Docker),
    ];
    for (path, runtime) in cases {
        let path = path.replace("ID", ID).replace("POD", pod).replace("SLICE", slice);
        let found = of_path(path.as_bytes()).container;
        let expected = ContainerPath { runtime, id: ID.as_bytes(), of_user: false };
        assert_eq!(found, Some(expected), "{path}");
    }
    let unit = |path: &'static str| of_path(path.as_bytes()).unit.map(|unit| unit.name);
    assert_eq!(unit("/../../../system.slice/nginx.service"), Some(&b"nginx.service"[..]));
    for path in ["/..", "/../..", "/", "/../short", "/../../podX/ID", "/..ID", "/a/../ID"] {
        assert_eq!(of_path(path.replace("ID", ID).as_bytes()).container, None, "{path}");
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
    let mixed = format!("4:memory:/docker/{ID}\n1:name=systemd:/docker/{ID}/init.scope\n0::/\n");
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
