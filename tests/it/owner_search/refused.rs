//! Where the kernel does not search: nothing is said of it, unless it was asked for.

use std::process::Command;

use nix::libc;
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
use serde_json::json;

use super::AT;
use crate::support::json::only_socket;
use crate::support::makers;
use crate::support::process::{Owner, can_strace, is_machines_root};
use crate::support::{features, mounts, portwho, refuse, skip};

/// The owner is found in /proc as if nothing was; asked for, the kernel's refusal is the answer.
#[track_caller]
fn falls_back(wrapper: &[&str], why: &str) {
    let _held = makers::listening(AT.parse().expect("an address"));
    let asked = |way| portwho(["--json", "--owners", way, "8080"]).through(wrapper).run();
    let auto = asked("auto");
    // Nothing of the search for owners; where the kernel lists no BOUND sockets, of these there may be.
    assert!(!auto.stderr.contains("kernel"), "{}", auto.stderr);
    let answer = auto.json(0, &auto.stderr);
    assert_eq!(answer["owners_from"], "proc", "{answer:#}");
    let line = format!("portwho: the kernel cannot be asked for owners: {why}\n");
    asked("bpf").is(2, "", &line);
    let environment = portwho(["8080"]).through(wrapper).env("PORTWHO_OWNERS", "bpf").run();
    environment.is(2, "", &line);
}

const NOTHING: [&str; 1] = ["env"];

#[trial]
fn by_a_sandbox() {
    if features::searches_by_kernel() {
        refuse::system_call(libc::SYS_bpf, Vec::new(), libc::EPERM);
        falls_back(&NOTHING, "bpf(2): Operation not permitted (os error 1)");
    }
}

/// Every command that portwho gives is refused by itself: nothing that was done before shows.
#[trial]
fn each_command_of_bpf() {
    if !features::searches_by_kernel() {
        return;
    }
    // The last one first: what is refused once, stays refused.
    let commands = [
        (33, "the kernel does not run the program"), // BPF_ITER_CREATE
        (28, "the kernel does not run the program"), // BPF_LINK_CREATE
        (2, "the kernel does not run the program"),  // BPF_MAP_UPDATE_ELEM
        (5, "the kernel refuses the program"),       // BPF_PROG_LOAD
        (0, "bpf(2)"),                               // BPF_MAP_CREATE
    ];
    for (command, what) in commands {
        refuse::system_call(libc::SYS_bpf, vec![refuse::first_argument(command)], libc::EPERM);
        falls_back(&NOTHING, &format!("{what}: Operation not permitted (os error 1)"));
    }
}

/// Nothing of a search that begins and fails is an answer: neither are the owners hidden, nor has /proc
/// been searched. The first eight calls of bpf(2) load the programs and try them out.
#[trial]
fn after_the_programs_are_loaded() {
    if !features::searches_by_kernel() || !can_strace() {
        return;
    }
    let held = makers::listening(AT.parse().expect("an address")).socket;
    let mut server = Owner::named("server").holding(held);
    let why = "the search failed: Cannot allocate memory (os error 12)";
    let line = format!("portwho: the kernel cannot be asked for owners: {why}\n");
    for call in 9..=13 {
        let inject = format!("inject=bpf:error=ENOMEM:when={call}");
        let strace = ["strace", "-o", "/dev/null", "-e", &inject];
        for words in [&["8080"][..], &["--json", "8080"], &["kill", "8080"]] {
            let output = portwho(words).env("PORTWHO_OWNERS", "bpf").through(strace).run();
            assert_eq!(output.stderr, line, "call {call} of {words:?}: {output:?}");
            output.is(2, "", &line);
        }
        let auto = portwho(["--json", "8080"]).through(strace).run();
        let answer = auto.json(0, &auto.stderr);
        assert_eq!(only_socket(&answer)["owner"]["pids"], json!([server.pid()]), "{answer:#}");
    }
    assert_ne!(server.state(), 'Z');
    let kill = portwho(["kill", "--owners", "bpf", "8080"]).run();
    kill.is(0, &kill.stdout, &kill.stderr);
    assert_eq!(server.reap(), Some(15));
}

#[trial]
fn by_a_kernel_without_bpf() {
    if features::searches_by_kernel() {
        refuse::system_call(libc::SYS_bpf, Vec::new(), libc::ENOSYS);
        falls_back(&NOTHING, "bpf(2): Function not implemented (os error 38)");
    }
}

#[trial]
fn without_the_rights() {
    if features::searches_by_kernel() && is_machines_root() {
        for right in [CapabilitySet::SYS_ADMIN, CapabilitySet::PERFMON, CapabilitySet::BPF] {
            remove_capability_from_bounding_set(right).expect("drop a capability");
        }
        let sysctl = std::fs::read_to_string("/proc/sys/kernel/unprivileged_bpf_disabled");
        let is_open_to_all = sysctl.is_ok_and(|value| value.trim() == "0");
        let what = if is_open_to_all { "the kernel refuses the program" } else { "bpf(2)" };
        falls_back(&NOTHING, &format!("{what}: Operation not permitted (os error 1)"));
    }
}

/// The map may be made, and the program not be loaded.
#[trial]
fn without_the_right_to_look_into_the_kernel() {
    if features::searches_by_kernel() && is_machines_root() {
        for right in [CapabilitySet::SYS_ADMIN, CapabilitySet::PERFMON] {
            remove_capability_from_bounding_set(right).expect("drop a capability");
        }
        let why = "the kernel refuses the program: Operation not permitted (os error 1)";
        falls_back(&NOTHING, why);
    }
}

#[trial]
fn without_types() {
    if features::searches_by_kernel() {
        if let Err(error) = mounts::own_mounts() {
            return skip(&format!("mount namespaces are refused: {error}"));
        }
        mounts::bind("/dev/null", "/sys/kernel/btf/vmlinux").expect("mount");
        falls_back(&NOTHING, "cannot read the kernel's types: the message is cut short");
    }
}

#[trial]
fn without_the_directory_of_types() {
    if features::searches_by_kernel() {
        if let Err(error) = mounts::own_mounts() {
            return skip(&format!("mount namespaces are refused: {error}"));
        }
        mounts::empty("/sys/kernel/btf").expect("mount");
        let why = "cannot read /sys/kernel/btf/vmlinux: No such file or directory (os error 2)";
        falls_back(&NOTHING, why);
    }
}

/// The kernel's PIDs are those of the first PID namespace.
#[trial]
fn in_another_pid_namespace() {
    let wrapper = ["unshare", "-pf", "--mount-proc", "env"];
    if !features::searches_by_kernel() {
        return;
    }
    let probe = Command::new("unshare").args(["-pf", "--mount-proc", "true"]).status();
    if !probe.is_ok_and(|status| status.success()) {
        return skip("unshare -pf --mount-proc is refused");
    }
    let why = "portwho does not run in the machine's first PID namespace";
    let line = format!("portwho: the kernel cannot be asked for owners: {why}\n");
    portwho(["--owners", "bpf", "8080"]).through(wrapper).run().is(2, "", &line);
}

#[trial]
fn another_word_is_a_usage_error() {
    let line = "portwho: --owners 'ebpf': unknown value; values are auto, proc, bpf\n";
    portwho(["--owners", "ebpf"]).run().is(2, "", line);
    let line = "portwho: PORTWHO_OWNERS 'ebpf': unknown value; values are auto, proc, bpf\n";
    portwho(["80"]).env("PORTWHO_OWNERS", "ebpf").run().is(2, "", line);
    // The option comes first, and what searches nothing does not look at either.
    let output = portwho(["explain", "SYN_SENT"]).env("PORTWHO_OWNERS", "ebpf").run();
    output.is(0, &output.stdout, "");
}
