//! Processes of one user that name themselves anew, each with a program of its own.

use std::fs;
use std::net::UdpSocket;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::programs::in_path;
use super::{Scratch, wait_until};

/// Names the shell at each signal, and waits without end. `$1` is a pipe that nobody writes to.
const SCRIPT: &str = "n=0; trap 'n=$((n+1)); printf %s \"r$n-$$\" > /proc/$$/comm' USR1; \
                      exec 3<>\"$1\"; while :; do read -r _ <&3 || :; done";

/// The processes, killed when dropped.
pub struct Crowd {
    children: Vec<Child>,
    names: usize,
    _scratch: Scratch,
}

impl Crowd {
    /// So many processes, each with a UDP socket.
    pub fn start(user: u32, count: usize) -> Self {
        let scratch = Scratch::new();
        let shell = scratch.path().join("shell");
        fs::copy(in_path("dash"), &shell).expect("copy");
        let pipe = scratch.path().join("pipe");
        let made = Command::new("mkfifo").arg("-m").arg("666").arg(&pipe).status();
        assert!(made.expect("mkfifo").success());
        let start = |number: usize| {
            let program = scratch.path().join(format!("program-{number}"));
            fs::hard_link(&shell, &program).expect("link");
            let socket = OwnedFd::from(UdpSocket::bind("127.0.0.1:0").expect("bind"));
            let mut command = Command::new(program);
            command.args(["-c", SCRIPT, "sh"]).arg(&pipe).uid(user).gid(user);
            command.stdin(Stdio::from(socket)).stdout(Stdio::null()).spawn().expect("spawn")
        };
        let children = (0..count).map(start).collect();
        Self { children, names: 0, _scratch: scratch }
    }

    /// Every process has another name when it returns.
    pub fn rename(&mut self) {
        self.names += 1;
        for child in &self.children {
            wait_until("a shell to listen to signals", || listens(child.id()).then_some(()));
            kill_process(Pid::from_child(child), Signal::USR1).expect("kill");
        }
        let name = |pid| format!("r{}-{pid}\n", self.names);
        for child in &self.children {
            let comm = format!("/proc/{}/comm", child.id());
            wait_until("a process to name itself", || {
                (fs::read_to_string(&comm).expect("comm") == name(child.id())).then_some(())
            });
        }
    }
}

/// Whether a process catches SIGUSR1 (bit 9 of `SigCgt` in proc_pid_status(5)).
fn listens(pid: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:\t"));
    let caught = caught.and_then(|set| u64::from_str_radix(set, 16).ok()).expect("signals");
    caught & 1 << 9 != 0
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
        }
        for child in &mut self.children {
            let _ = child.wait();
        }
    }
}
