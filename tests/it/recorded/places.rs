//! Where owners live, on recorded machines: units and containers of every runtime by their
//! sockets' groups, and what is told of a process with `-v`.

use portwho::model::{
    Container, Creator, Gap, Hiding, Os, Owner, Particulars, Pid, Runtime, Service, Untrusted,
    Whereabouts,
};
use serde_json::json;

use super::machine::Machine;
use super::office::office;
use super::parts::{listener, process, tcp};
use crate::support::Output;
use crate::support::json::{only_socket, process as described};

const ID: &str = "932a195ea739d3a1f0c8b1cf5d9f7f2a1b0c3d4e5f60718293a4b5c6d7e8f901";

/// A Linux machine with one listener whose owner may not be seen, made in this group.
fn hidden(creator: Creator) -> Machine {
    let gap = Gap::OwnersHidden { count: 1, users: vec!["root".into()], why: Hiding::Rights };
    let socket = listener("0.0.0.0:80").linux(31_337, 0).cgroup(4711).owner(Owner::Hidden);
    let mut machine = Machine::new(Os::Linux, Vec::new(), vec![socket]).user(0, "root").gap(gap);
    machine.creators.insert(4711, creator);
    machine
}

const HIDDEN: &str = "portwho: the owners of 1 socket are hidden (root): run with sudo to see the \
                      owners of other users' sockets\n";

#[track_caller]
fn is_held_by_root_in(creator: Creator, place: &str) {
    let output = hidden(creator.clone()).run("--no-header 80");
    // A remark has what the row has not: the processes.
    let note = format!("portwho: 0.0.0.0:80: held by root in {place}\n");
    let note = if creator.candidates.is_empty() { String::new() } else { note };
    output.is(0, &output.stdout, &format!("{HIDDEN}{note}"));
    let answer = hidden(creator).run("--json 80").json(0, HIDDEN);
    assert_eq!(only_socket(&answer)["note"], format!("held by root in {place}"));
}

/// The row has the user, and the unit or container.
#[trial]
fn the_row_says_whose_it_is() {
    let docker = container(Runtime::Docker, ID, Some("web"));
    for (creator, told) in [
        (Creator::default(), "(root)"),
        (unit("nginx.service", false), "(root, nginx.service)"),
        (unit("web.service", true), "(root, web.service)"),
        (in_container(docker), "(root, docker web)"),
        (in_container(container(Runtime::CriO, ID, None)), "(root, cri-o 932a195ea739)"),
    ] {
        let output = hidden(creator).run("--no-header 80");
        let row = "  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       ?";
        output.is(0, &format!("{row}        {told}\n"), &output.stderr);
    }
}

fn unit(name: &str, of_user: bool) -> Creator {
    let service = Service { name: name.into(), of_user };
    Creator { service: Some(service), ..Creator::default() }
}

fn container(runtime: Runtime, id: &str, name: Option<&str>) -> Container {
    Container { runtime, id: id.into(), name: name.map(Untrusted::from), of_user: false }
}

#[trial]
fn a_unit_of_the_system() {
    let with = |pids: &[u32]| Creator {
        candidates: pids.iter().map(|pid| Pid(*pid)).collect(),
        ..unit("nginx.service", false)
    };
    is_held_by_root_in(with(&[]), "nginx.service");
    is_held_by_root_in(with(&[812]), "nginx.service (most likely PID 812)");
    is_held_by_root_in(with(&[812, 813]), "nginx.service (most likely one of PIDs 812, 813)");
    is_held_by_root_in(with(&[1, 2, 3, 4]), "nginx.service (most likely one of PIDs 1, 2, 3, 4)");
    is_held_by_root_in(with(&[1, 2, 3, 4, 5]), "nginx.service (most likely one of 5 processes)");
}

#[trial]
fn a_unit_of_a_user() {
    is_held_by_root_in(unit("web.service", true), "web.service (a systemd user unit)");
}

fn in_container(container: Container) -> Creator {
    Creator { container: Some(container), candidates: vec![Pid(900)], ..Creator::default() }
}

const RUNTIMES: [(Runtime, &str, &str); 7] = [
    (Runtime::Docker, "docker", "Docker"),
    (Runtime::Podman, "podman", "podman"),
    (Runtime::Containerd, "containerd", "containerd"),
    (Runtime::CriO, "cri-o", "CRI-O"),
    (Runtime::Kubernetes, "kubernetes", "Kubernetes"),
    (Runtime::Lxc, "lxc", "LXC"),
    (Runtime::Nspawn, "systemd-nspawn", "systemd-nspawn"),
];

#[trial]
fn every_runtime_by_its_name() {
    for (runtime, word, title) in RUNTIMES {
        let creator = in_container(container(runtime, ID, Some("web")));
        let place = format!("the {title} container web (most likely PID 900)");
        is_held_by_root_in(creator.clone(), &place);
        let answer = hidden(creator).run("--json 80").json(0, HIDDEN);
        let told = json!({"runtime": word, "id": "932a195ea739", "name": "web"});
        assert_eq!(only_socket(&answer)["owner"]["container"], told);
    }
}

/// LXC and systemd-nspawn know no ids: the name is the id.
#[trial]
fn every_runtime_by_its_short_id() {
    for (runtime, _, title) in RUNTIMES {
        let (id, shown) = match runtime {
            Runtime::Lxc | Runtime::Nspawn => {
                ("a-longer-name-of-a-machine", "a-longer-name-of-a-machine")
            }
            _ => (ID, "932a195ea739"),
        };
        let creator = in_container(container(runtime, id, None));
        is_held_by_root_in(
            creator,
            &format!("the {title} container {shown} (most likely PID 900)"),
        );
    }
}

#[trial]
fn an_owner_that_is_not_found() {
    let mut machine = hidden(unit("nginx.service", false)).privileged();
    let gap = Gap::OwnersNotFound { count: 1, place: Whereabouts::Anywhere };
    machine.gaps = vec![gap];
    machine.world.borrow_mut().sockets[0].owner = Owner::NotFound;
    let lines = "portwho: the owners of 1 socket were not found: they belong to the kernel or to \
                 another PID namespace, or are being passed between processes: run portwho \
                 again, or on the host\n";
    let output = machine.run("80");
    assert!(output.stdout.contains(" ?        (root, nginx.service)\n"), "{output:?}");
    output.is(0, &output.stdout, lines);
}

#[trial]
fn a_group_that_identifies_nothing() {
    let output = hidden(Creator::default()).run("80");
    output.is(0, &output.stdout, HIDDEN);
    let answer = hidden(Creator::default()).run("--json 80").json(0, HIDDEN);
    assert_eq!(only_socket(&answer)["note"], "held by a process of root");
}

/// A group that was not made by systemd: its processes are known all the same.
#[trial]
fn a_group_without_a_unit_has_candidates() {
    let creator = Creator { candidates: vec![Pid(812), Pid(813)], ..Creator::default() };
    let output = hidden(creator).run("80");
    let note =
        "portwho: 0.0.0.0:80: held by a process of root (most likely one of PIDs 812, 813)\n";
    output.is(0, &output.stdout, &format!("{HIDDEN}{note}"));
}

/// The last remark of a list: what to type.
#[trial]
fn how_to_stop_what_a_port_belongs_to() {
    let stops = [
        (Runtime::Docker, "docker stop web"),
        (Runtime::Podman, "podman stop web"),
        (Runtime::Containerd, "crictl stop 932a195ea739"),
        (Runtime::CriO, "crictl stop 932a195ea739"),
        (Runtime::Kubernetes, "crictl stop 932a195ea739"),
        (Runtime::Lxc, "lxc-stop -n web"),
        (Runtime::Nspawn, "machinectl terminate web"),
    ];
    for ((runtime, _, title), (_, stop)) in RUNTIMES.into_iter().zip(stops) {
        let inside = process(900, "nginx").with(|process| {
            process.container = Some(container(runtime, ID, Some("web")));
        });
        let socket = listener("0.0.0.0:80").linux(31_337, 0).of(&[900]);
        let machine = Machine::new(Os::Linux, vec![inside], vec![socket]);
        let output = machine.run("80");
        let note = match runtime {
            Runtime::Containerd | Runtime::CriO | Runtime::Kubernetes => {
                "; Kubernetes restarts it unless its pod is deleted"
            }
            Runtime::Lxc => "; in LXD, lxc stop web stops it",
            _ => "",
        };
        let line = format!(
            "portwho: port 80 belongs to the {title} container web{note}; to stop it, run: {stop}\n"
        );
        output.is(0, &output.stdout, &line);
    }
}

/// The lines below the tables, without the age, which grows.
fn block(output: &Output) -> String {
    let (_, block) = output.stdout.rsplit_once("\n\n").expect("a block");
    let ageless = |line: &str| match line.split_once("Z, ") {
        Some((start, _)) if line.starts_with("  started ") => format!("{start}Z\n"),
        _ => format!("{line}\n"),
    };
    block.lines().map(ageless).collect()
}

fn verbose_office() -> Machine {
    let mut machine = office();
    let particulars = Particulars {
        executable_deleted: false,
        working_directory: None,
        descriptors: Some(412),
        descriptor_limit: None,
        descriptor_hard_limit: None,
    };
    machine.particulars.insert(Pid(1020), particulars);
    machine
}

#[trial]
fn the_particulars_of_a_windows_process() {
    let output = verbose_office().run("-v 3389");
    let expected = "\
svchost.exe (PID 1020)
  user         NT AUTHORITY\\NETWORK SERVICE
  started      2026-11-20T04:19:00Z
  service      TermService
  handles      412
";
    assert_eq!(block(&output), expected);
    output.is(0, &output.stdout, "");
}

#[trial]
fn the_particulars_in_json() {
    let answer = verbose_office().run("-v --json 3389").json(0, "");
    let told = described(&answer, 1020);
    assert_eq!((&told["descriptors"], &told["descriptor_limit"]), (&json!(412), &json!(null)));
    assert_eq!(told["working_directory"], json!(null));
    let plain = verbose_office().run("--json 3389").json(0, "");
    assert_eq!(described(&plain, 1020).get("descriptors"), None);
}

#[trial]
fn what_is_not_known_has_no_line() {
    let output = verbose_office().run("-v 49664");
    assert_eq!(block(&output), "lsass.exe (PID 700)\n  service      KeyIso, SamSs\n");
    output.is(0, &output.stdout, "");
}

/// On Windows a process outlives its parent, whose PID it keeps.
#[trial]
fn parents_of_whom_the_last_is_gone() {
    let output = verbose_office().run("-v 9001");
    let chain = "  parents      pwsh.exe (PID 8900) < WindowsTerminal.exe (PID 8800) < PID 5000\n";
    assert!(block(&output).contains(chain), "{output:?}");
    let to = tcp("127.0.0.1:9002", portwho::model::TcpState::Established).to("127.0.0.1:9003");
    let from = tcp("127.0.0.1:9003", portwho::model::TcpState::Established).to("127.0.0.1:9002");
    let machine = verbose_office().socket(to.of(&[3300])).socket(from.of(&[5100]));
    let block = block(&machine.run("-v 9002"));
    assert!(
        block.contains("  connected to browser.exe (PID 5100), at 127.0.0.1:9003\n"),
        "{block}"
    );
}
