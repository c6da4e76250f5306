//! No path that a stranger chose is opened or asked for: one may lead to a file system that does
//! not answer, and no signal ends the wait for that.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::kill::{held_here, named};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner, Process};
use crate::support::programs::in_path;
use crate::support::{Output, Run, Scratch, is_healthy, mounts, portwho, skip};

/// A name that ends as the kernel marks programs that were removed.
const NAME: &str = "p (deleted)";

/// A program that runs from a file system which has stopped answering, and its server, which goes
/// first when both are dropped: nothing waits for it any longer then.
struct Unanswered {
    server: Actor,
    process: Process,
    path: PathBuf,
    _scratch: Scratch,
}

fn unanswered() -> Option<Unanswered> {
    mounts::own_mounts().expect("a mount namespace");
    let scratch = Scratch::new();
    let directory = scratch.path().join("files");
    fs::create_dir(&directory).expect("a directory");
    let program = in_path("sleep");
    let words = [directory.to_str()?, NAME, program.to_str()?];
    let mut server = Owner::named("server").playing("stalling-files", &words);
    match server.line().as_str() {
        "ready" => {}
        refused => {
            skip(&format!("fuse: {refused}"));
            return None;
        }
    }
    let path = directory.join(NAME);
    let socket = makers::listening(Loopback::V4.port(80)).socket;
    let process = Owner::named(NAME).at(path.clone()).holding(socket);
    assert_eq!(server.tell("stall"), "stalled");
    Some(Unanswered { server, process, path, _scratch: scratch })
}

/// How long a run may take that waits for no other process.
const PATIENCE: Duration = Duration::from_mins(1);

impl Unanswered {
    /// Runs to the end. One that does not come to it is freed by the end of the server, since
    /// nothing else ends it, and is a failure.
    #[track_caller]
    fn ends(&self, words: &[&str]) -> Output {
        let run = portwho(words);
        let mut command = run.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("start the program");
        let started = Instant::now();
        while child.try_wait().expect("wait").is_none() {
            if started.elapsed() > PATIENCE {
                self.server.process.signal(Signal::KILL);
                panic!("`{}` waits for a file system", run.command_line());
            }
            thread::sleep(Duration::from_millis(3));
        }
        Output::of(&run, child.wait_with_output().expect("wait"))
    }
}

#[trial]
fn a_program_on_a_file_system_that_does_not_answer() {
    let Some(attack) = unanswered() else { return };
    let pid = attack.process.pid();
    let would = format!("would send SIGTERM to {}\n", named(NAME, pid));
    attack.ends(&["kill", "-n", "80"]).is(0, &(held_here(80, NAME, pid) + &would), "");
    let output = attack.ends(&["-v", "80"]);
    output.is(0, &output.stdout, "");
    let shown = format!("  executable   {}\n", attack.path.display());
    assert!(output.stdout.contains(&shown), "{output:?}");
    is_healthy(&attack.ends(&["doctor"]), "1 socket of 1 process");
}

/// With sudo, $HOME may be another user's.
#[trial]
fn the_home_is_that_of_the_password_database() {
    let scratch = Scratch::new();
    let id = "a".repeat(64);
    let store = scratch.path().join(".local/share/containers/storage/overlay-containers");
    fs::create_dir_all(&store).expect("directories");
    let known = format!(r#"[{{"id":"{id}","names":["stored"]}}]"#);
    fs::write(store.join("containers.json"), known).expect("write");
    let home = scratch.path().to_str().expect("UTF-8");
    let _server = conmon(&id);
    let named = |run: Run, name: &str| {
        let output = run.run();
        output.is(0, &output.stdout, &output.stderr);
        assert!(output.stderr.contains(&format!("podman container {name}")), "{output:?}");
    };
    named(portwho(["80"]).env("HOME", home), "aaaaaaaaaaaa");
    let users = scratch.path().join("passwd");
    fs::write(&users, format!("root:x:0:0:root:{home}:/bin/sh\n")).expect("write");
    mounts::own_mounts().expect("a mount namespace");
    mounts::bind(users.to_str().expect("UTF-8"), "/etc/passwd").expect("mount");
    named(portwho(["80"]).env("HOME", "/"), "stored");
}

/// What serves a container by its name and command line.
fn conmon(id: &str) -> Actor {
    let listener = makers::listening(Loopback::V4.port(80)).socket;
    Owner::named("conmon").playing_with("family", &["0", "-c", id], listener)
}

#[trial]
fn commands_of_runtimes_are_not_searched_for_in_the_path() {
    let scratch = Scratch::new();
    let trace = scratch.path().join("trace");
    for name in ["docker", "podman"] {
        let path = scratch.path().join(name);
        let script = format!("#!/bin/sh\necho $0 >> {}\n", trace.display());
        fs::write(&path, script).expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("chmod");
    }
    let _server = conmon(&"b".repeat(64));
    let path = format!("{}:{}", scratch.path().display(), std::env::var("PATH").expect("PATH"));
    let output = portwho(["80"]).env("PATH", &path).run();
    output.is(0, &output.stdout, &output.stderr);
    assert!(output.stderr.contains("podman container bbbbbbbbbbbb"), "{output:?}");
    assert!(!trace.exists(), "{}", fs::read_to_string(&trace).unwrap_or_default());
}
