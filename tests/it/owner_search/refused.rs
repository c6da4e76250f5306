//! Where the kernel does not search: nothing is said of it, unless it was asked for.

use std::process::Command;

use nix::libc;
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
use serde_json::json;

use super::{AT, playing};
use crate::support::json::only_socket;
use crate::support::makers;
use crate::support::process::{Owner, is_machines_root};
use crate::support::programs::can_strace;
use crate::support::{Scratch, features, mounts, portwho, refuse, skip};

/// The owner is found in /proc as if nothing was, where there is so much to read that the kernel is tried; asked
/// for, the kernel's refusal is the answer.
#[track_caller]
fn falls_back(wrapper: &[&str], why: &str) {
    let Some(_large) = playing("large-table", &["12000"]) else { return };
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
    for call in 9..=13 {
        let strace = ["strace", "-o", "/dev/null", "-e", &failing(call)];
        for words in [&["8080"][..], &["--json", "8080"], &["kill", "8080"]] {
            portwho(words).env("PORTWHO_OWNERS", "bpf").through(strace).run().is(2, "", FAILED);
        }
    }
    assert_ne!(server.state(), 'Z');
    let kill = portwho(["kill", "--owners", "bpf", "8080"]).run();
    kill.is(0, &kill.stdout, &kill.stderr);
    assert_eq!(server.reap(), Some(15));
}

/// Who shares a table is named, whichever call fails. From the fourteenth call on each table is asked for.
#[trial]
fn in_the_middle_of_a_search_that_nobody_asked_for() {
    if !features::searches_by_kernel() || !can_strace() {
        return;
    }
    let Some((_actor, line)) = playing("shared-table", &["40", "3000", AT]) else { return };
    let mut pids: Vec<u32> = line.split(' ').map(|pid| pid.parse().expect("a PID")).collect();
    pids.sort_unstable();
    let scratch = Scratch::new();
    let trace = scratch.path().join("trace");
    let file = trace.to_str().expect("a path");
    for call in [1, 3, 4, 8, 9, 11, 12, 13, 14, 15, 40] {
        let inject = failing(call);
        // Nothing else is stopped at, of thousands of calls.
        let only = ["-f", "--seccomp-bpf", "-e", "trace=bpf", "-e", &inject];
        let strace = [&["strace", "-o", file][..], &only].concat();
        let auto = portwho(["--json", "--owners", "auto", "8080"]).through(strace).run();
        let answer = auto.json(0, &auto.stderr);
        let calls = std::fs::read_to_string(&trace).expect("a trace");
        let has_failed = calls.contains("(INJECTED)");
        // Where tables cannot be asked for by themselves (before Linux 6.1) there are no more calls.
        assert!(has_failed || call > 15, "call {call}: {calls}");
        let way = if has_failed { "proc" } else { "bpf" };
        assert_eq!(answer["owners_from"], way, "call {call}: {answer:#}");
        assert_eq!(only_socket(&answer)["owner"]["pids"], json!(pids), "call {call}: {answer:#}");
        assert!(!auto.stderr.contains("kernel"), "call {call}: {}", auto.stderr);
    }
}

const FAILED: &str = "portwho: the kernel cannot be asked for owners: \
                      the search failed: Cannot allocate memory (os error 12)\n";

/// What has strace(1) let this call of bpf(2) fail.
fn failing(call: u32) -> String {
    format!("inject=bpf:error=ENOMEM:when={call}")
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
