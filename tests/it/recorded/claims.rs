//! What proves that a process is what its name says: kill and close refuse that, and warn of the
//! name alone.

use portwho::model::Os;

use super::machine::Machine;
use super::parts::{Simulated, listener, process};

/// A process that holds port 80, and whether the name of it is proven.
type Case = (Simulated, bool);

fn one(os: Os, holder: &Simulated) -> Machine {
    let pid = holder.process.pid.0;
    let socket = listener("0.0.0.0:80");
    let socket = if os == Os::Linux { socket.linux(7, 1000) } else { socket };
    Machine::new(os, vec![holder.clone()], vec![socket.of(&[pid])]).privileged()
}

#[track_caller]
fn is_refused(machine: &Machine, is_proven: bool, what: &str) {
    let output = machine.run("kill -n 80");
    assert_eq!(output.stderr.contains(": refused: "), is_proven, "{what}: {output:?}");
    assert_eq!(output.stdout.contains("  warning: "), !is_proven, "{what}: {output:?}");
    assert_eq!(output.code, Some(if is_proven { 2 } else { 0 }), "{what}: {output:?}");
    let output = machine.run("kill -y -f 80");
    assert_eq!(output.code, Some(if is_proven { 2 } else { 0 }), "{what}: {output:?}");
    assert_eq!(machine.ended().is_empty(), is_proven, "{what}");
}

#[track_caller]
fn are_refused(os: Os, cases: Vec<Case>) {
    for (holder, is_proven) in cases {
        let what = format!("{:?} {:?}", holder.process.name, holder.process.executable);
        is_refused(&one(os, &holder), is_proven, &what);
    }
}

fn linux(name: &str) -> Simulated {
    process(812, name).named(name.into()).parent(1)
}

#[trial]
fn of_linux() {
    are_refused(
        Os::Linux,
        vec![
            (linux("conmon").uid(1000).program("/usr/bin/python3"), false),
            (linux("conmon").uid(1000).program("/home/m/conmon"), false),
            (linux("conmon").uid(1000).program("/usr/bin/conmon"), true),
            (linux("conmon").uid(0).program("/opt/bin/conmon"), true),
            (linux("dockerd").uid(1000), false),
            (linux("kube-proxy").uid(1000), false),
            (linux("containerd-shim-x").uid(1000), false),
            (linux("pasta").uid(1000).program("/usr/bin/pasta"), true),
            (linux("systemd").uid(1000).program("/tmp/systemd"), false),
            (linux("systemd").uid(1000).program("/usr/lib/systemd/systemd"), true),
        ],
    );
    // What Windows needs is nothing here.
    for name in ["lsass.exe", "svchost.exe"] {
        let machine = one(Os::Linux, &linux(name).uid(1000));
        let held = format!("0.0.0.0:80 is held by {name} (PID 812, user 1000)\n");
        let would = format!("would send SIGTERM to {name} (PID 812)\n");
        machine.run("kill -n 80").is(0, &format!("{held}{would}"), "");
    }
}

#[trial]
fn of_windows() {
    let windows = |name: &str, path: &str| process(812, name).program(path);
    are_refused(
        Os::Windows,
        vec![
            (process(812, "wslrelay.exe"), true),
            (windows("wslrelay.exe", r"C:\Program Files\WSL\wslrelay.exe"), true),
            (windows("wslrelay.exe", r"C:\Users\m\wslrelay.exe"), false),
            (windows("com.docker.backend.exe", r"D:\x\com.docker.backend.exe"), false),
            (process(812, "lsass.exe"), true),
            (windows("lsass.exe", r"C:\Windows\System32\lsass.exe"), true),
            (windows("lsass.exe", r"C:\Users\m\lsass.exe"), false),
            (windows("svchost.exe", r"c:\windows\system32\svchost.exe"), true),
            (windows("svchost.exe", r"C:\Users\m\svchost.exe"), false),
        ],
    );
}

/// There the path may lead to any program.
#[trial]
fn in_another_mount_namespace() {
    let holder = linux("conmon").uid(1000).program("/usr/bin/conmon");
    is_refused(&one(Os::Linux, &holder).in_other_mounts(812), false, "elsewhere");
    let roots = holder.uid(0);
    is_refused(&one(Os::Linux, &roots).in_other_mounts(812), true, "root's");
    let forwarder = linux("docker-proxy").uid(1000);
    let output = one(Os::Linux, &forwarder).run("close -l -y 80");
    assert!(!output.stderr.contains("refused"), "{output:?}");
    let output = one(Os::Linux, &forwarder.uid(0)).run("close -l -y 80");
    assert!(output.stderr.contains("refused: it serves a container"), "{output:?}");
}

/// The question is not pushed off the screen.
#[trial]
fn many_claims() {
    let pids: Vec<u32> = (20..50).collect();
    let conmon = |pid: &u32| {
        process(*pid, "conmon").named("conmon".into()).parent(1).uid(1000).program("/tmp/conmon")
    };
    let shared = listener("0.0.0.0:80").linux(7, 1000).of(&pids);
    let machine = Machine::new(Os::Linux, pids.iter().map(conmon).collect(), vec![shared]);
    let output = machine.asked("kill 80", "n\n");
    assert_eq!(output.stdout.matches("  warning: ").count(), 10, "{output:?}");
    assert!(output.stdout.ends_with("\n  and 20 more such warnings\n"), "{output:?}");
    assert_eq!(output.stderr.matches("[y/N]").count(), 1, "{output:?}");
}
