//! Owners that this user may not see, and what is said instead.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::{IN_NAMESPACE, NOBODY, can_make_pid_namespaces, listener, listener_row, owner};
use crate::support::flight::Flight;
use crate::support::json::{gaps, only_socket, process, socket, sockets};
use crate::support::makers::{self, Loopback};
use crate::support::metrics::value;
use crate::support::process::{Owner, Process, can_become, is_machines_root};
use crate::support::{Run, features, golden, mounts, portwho, refuse, skip, wait_until};

/// What stands on stderr, in every view, when one socket's owner may not be seen.
const ONE_HIDDEN: &str = "portwho: the owners of 1 socket are hidden (root): run with sudo to see \
                          the owners of other users' sockets\n";

#[trial]
fn another_users() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    mounts::hide_cgroups().expect("out of sight");
    let _owner = Owner::named("roots").holding(listener(80));
    let expected = golden::netstat(&[listener_row(80, "?").image("(root)")]);
    portwho(["80"]).user(NOBODY).run().is(0, &expected, ONE_HIDDEN);
    hidden_in_json(portwho(["--json", "80"]).user(NOBODY), ONE_HIDDEN, "held by a process of root");
    let nobody = "portwho: cannot tell which process holds these sockets\n";
    let quiet = portwho(["-q", "80"]).user(NOBODY).run();
    quiet.is(1, "", &format!("{ONE_HIDDEN}{nobody}"));
}

/// The gaps. A kernel that lists no BOUND sockets has one more for those, wherever they matter.
fn owner_gaps(answer: &Value) -> Vec<(&str, Option<u64>)> {
    let is_expected =
        |(kind, _): &(&str, _)| *kind != "bound-not-listed" || features::lists_bound();
    gaps(answer).into_iter().filter(is_expected).collect()
}

/// One socket of root's, hidden; one gap, which counts it.
#[track_caller]
fn hidden_in_json(run: Run, stderr: &str, note: &str) {
    let answer = run.run().json(0, stderr);
    let found = only_socket(&answer);
    assert_eq!(found["owner"]["kind"], "hidden", "{found:#}");
    assert_eq!(found["owner"]["user"], "root", "{found:#}");
    assert_eq!((&found["user"], &found["uid"]), (&json!("root"), &json!(0)));
    assert_eq!(found["note"], note);
    assert_eq!(owner_gaps(&answer), [("owners-hidden", Some(1))]);
    assert_eq!(answer["processes"], json!([]));
}

#[trial]
fn ones_own_beside_another_users() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let _roots: Vec<Process> =
        [80, 81].map(|port| Owner::named("roots").holding(listener(port))).into();
    let mut own = Owner::named("own").user(NOBODY).playing("listen", &["127.0.0.1:8080"]);
    own.line();
    let answer = portwho(["--json", "-l"]).user(NOBODY).run();
    let answer: Value = serde_json::from_str(&answer.stdout).expect("JSON");
    assert_eq!(sockets(&answer).len(), 3);
    let found = socket(&answer, Loopback::V4.port(8080), None);
    assert_eq!(found["owner"], json!({"kind": "processes", "pids": [own.pid()]}));
    assert_eq!(gaps(&answer), [("owners-hidden", Some(2))]);
}

/// That it does not listen is no secret.
#[trial]
fn one_that_is_bound() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    if !features::lists_bound() {
        return;
    }
    mounts::hide_cgroups().expect("out of sight");
    let _owner = Owner::named("roots").holding(makers::bound(Loopback::V4.port(80)).socket);
    let note = "held by a process of root, bound without listening: nobody can connect, and it blocks \
                the port";
    let output = portwho(["80"]).user(NOBODY).run();
    output.is(0, &output.stdout, &format!("{ONE_HIDDEN}portwho: 127.0.0.1:80: {note}\n"));
    hidden_in_json(portwho(["--json", "80"]).user(NOBODY), ONE_HIDDEN, note);
}

#[trial]
fn root_without_ptrace() {
    mounts::hide_cgroups().expect("out of sight");
    let _owner = Owner::named("roots").holding(listener(80));
    refuse::ptrace();
    let why = "portwho: the owners of 1 socket are hidden (root): even root cannot read some \
               processes: CAP_SYS_PTRACE is missing, or a sandbox or user namespace isolates them\n";
    portwho(["80"]).run().is(0, &golden::netstat(&[listener_row(80, "?").image("(root)")]), why);
    hidden_in_json(
        portwho(["--json", "80"]),
        why,
        "held by a process of root or the kernel itself",
    );
}

#[trial]
fn hidden_by_the_mount_of_proc() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let _owner = Owner::named("roots").holding(listener(80));
    if let Err(error) = mounts::hide_processes() {
        return skip(&format!("mount: {error}"));
    }
    mounts::hide_cgroups().expect("out of sight");
    let listed = fs::read_dir("/proc").expect("proc").count();
    assert!(listed > 0);
    hidden_in_json(portwho(["--json", "80"]).user(NOBODY), ONE_HIDDEN, "held by a process of root");
    let mut own = Owner::named("own").user(NOBODY).playing("listen", &["127.0.0.1:8080"]);
    own.line();
    let found = owner(portwho(["--json", "8080"]).user(NOBODY), "");
    assert_eq!(found, json!({"kind": "processes", "pids": [own.pid()]}));
}

#[trial]
fn in_a_pid_namespace_below() {
    if !can_make_pid_namespaces() {
        return;
    }
    mounts::hide_cgroups().expect("out of sight");
    let _owner = Owner::named("outside").holding(listener(80));
    let not_found = "portwho: the owners of 1 socket were not found: they belong to another PID \
                     namespace, or are being passed between processes: run portwho again, or run \
                     it outside this PID namespace\n";
    let answer = portwho(["--json", "80"]).through(IN_NAMESPACE).run().json(0, not_found);
    let nobody = json!({"kind": "not-found", "service": null, "container": null, "candidates": []});
    assert_eq!(only_socket(&answer)["owner"], nobody);
    assert_eq!(only_socket(&answer)["note"], "held by an owner that was not found");
    assert_eq!(owner_gaps(&answer), [("owners-not-found", Some(1))]);
    let expected = golden::netstat(&[listener_row(80, "?").image("(root)")]);
    portwho(["80"]).through(IN_NAMESPACE).run().is(0, &expected, not_found);
}

/// Where every process was searched, what none holds is the kernel's, or on its way. What is on its way
/// for ever stands for a tunnel's, which few kernels here can make.
#[trial]
fn in_no_process_of_the_machine() {
    if !is_machines_root() {
        return;
    }
    let in_first = fs::metadata("/proc/self/ns/pid").expect("stat").ino() == FIRST_PID_NAMESPACE;
    if !in_first {
        return skip("this is not the machine's own PID namespace");
    }
    // Some machines keep their first process even from root.
    mounts::own_mounts()
        .and_then(|()| mounts::empty("/proc/1"))
        .expect("without the first process");
    mounts::hide_cgroups().expect("out of sight");
    let socket = listener(80);
    let _in_flight = Flight::of(&socket);
    drop(socket);
    let gap = "portwho: no process holds 1 socket: the kernel does (for a tunnel such as VXLAN or \
               WireGuard, or for NFS), unless they are being passed between processes: run portwho again\n";
    let answer = portwho(["--json", "80"]).run().json(0, gap);
    assert_eq!(only_socket(&answer)["owner"]["kind"], "not-found");
    assert_eq!(owner_gaps(&answer), [("no-process", Some(1))]);
    // As a user with the rights of the units too.
    let unit = ["sys_ptrace", "dac_read_search"];
    for run in [portwho(["metrics"]), portwho(["metrics"]).user_with(64_123, &unit)] {
        let output = run.run();
        for (kind, count) in
            [("no-process", "1"), ("owners-not-found", "0"), ("owners-hidden", "0")]
        {
            let sample = format!("portwho_gaps{{kind=\"{kind}\"}}");
            assert_eq!(value(&output.stdout, &sample), Some(count), "{kind}: {output:?}");
        }
        assert!(output.stderr.contains(gap), "{output:?}");
    }
    let tables = portwho(["80"]).through(IN_NAMESPACE).run();
    assert!(
        tables.stderr.contains("not found: they belong to another PID namespace"),
        "{tables:?}"
    );
}

/// `PROC_PID_INIT_INO` in the kernel.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

#[trial]
fn outside_the_pid_namespace() {
    let mut unshare = Command::new("unshare");
    unshare.args(["-pf", "--kill-child", "sleep", "3600"]).stdin(listener(80));
    let mut outer = unshare.stdout(Stdio::null()).spawn().expect("unshare");
    drop(unshare);
    let children = format!("/proc/{0}/task/{0}/children", outer.id());
    let inner: u32 = wait_until("a process inside", || {
        let pid = fs::read_to_string(&children).ok()?.trim().parse().ok()?;
        let comm = fs::read_to_string(format!("/proc/{pid}/comm")).ok()?;
        (comm == "sleep\n").then_some(pid)
    });
    let output = portwho(["--json", "80"]).run();
    outer.kill().expect("kill");
    outer.wait().expect("wait");
    let mut pids = [outer.id(), inner];
    pids.sort_unstable();
    let answer = output.json(0, "");
    assert_eq!(only_socket(&answer)["owner"], json!({"kind": "processes", "pids": pids}));
}

#[trial]
fn a_user_without_a_name() {
    const UID: u32 = 4_000_000_000;
    if !can_become(UID) {
        return skip("there is no other user here");
    }
    let mut role = Owner::named("server").user(UID).playing("listen", &["127.0.0.1:8080"]);
    role.line();
    let answer = portwho(["--json", "8080"]).run().json(0, "");
    let found = only_socket(&answer);
    assert_eq!((&found["user"], &found["uid"]), (&json!("4000000000"), &json!(UID)));
    assert_eq!(process(&answer, role.pid())["user"], "4000000000");
    let rows = portwho(["-q", "--user", "4000000000"]).run();
    rows.is(0, &format!("{}\n", role.pid()), "");
}
