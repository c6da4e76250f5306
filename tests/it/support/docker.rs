//! Containers of a real Docker engine, on the machine's own network.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::cgroup::unique;
use super::process::is_machines_root;
use super::programs::find_in_path;
use super::{Scratch, skip, wait_until};

/// An image with a web server, removed with its guard.
pub struct Image {
    name: String,
}

impl Image {
    /// Where an engine answers; elsewhere that is said.
    pub fn new() -> Option<Self> {
        if !succeeds(&["version"]) {
            skip("no Docker engine answers");
            return None;
        }
        // The published ports are on the machine's own network, which has to be entered.
        if !is_machines_root() {
            return None;
        }
        let Some(busybox) = find_in_path("busybox") else {
            skip("no busybox to make an image of");
            return None;
        };
        let root = Scratch::new();
        let programs = root.path().join("bin");
        fs::create_dir(&programs).expect("a folder");
        fs::copy(busybox, programs.join("busybox")).expect("copy");
        symlink("busybox", programs.join("httpd")).expect("link");
        let mut tar = Command::new("tar");
        tar.arg("-C").arg(root.path()).args(["-cf", "-", "."]).stdout(Stdio::piped());
        let mut tar = tar.spawn().expect("run tar");
        let name = unique("image");
        let mut import = Command::new("docker");
        import.args(["import", "-", &name]).stdin(tar.stdout.take().expect("a pipe"));
        let imported = import.output().expect("run docker");
        assert!(tar.wait().expect("wait").success() && imported.status.success(), "{imported:?}");
        Some(Self { name })
    }

    /// Starts its web server, with these options for the container and these for the server.
    pub fn run(&self, options: &[&str], server: &[&str]) -> Container {
        let name = unique("container");
        let words =
            [&["run", "-d", "--name", &name], options, &[&self.name, "/bin/httpd", "-f"], server];
        docker(&words.concat());
        Container { name }
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        // A leftover image is no reason to fail a test that passed.
        succeeds(&["rmi", "-f", &self.name]);
    }
}

/// A container, removed with its guard.
pub struct Container {
    pub name: String,
}

impl Container {
    /// The port of the machine that its port 80 is published on.
    pub fn published(&self) -> u16 {
        let address = docker(&["port", &self.name, "80/tcp"]);
        let port = address.lines().next().and_then(|line| line.rsplit_once(':'));
        port.expect("an address").1.parse().expect("a port")
    }

    /// Its id, as `docker ps` prints it.
    pub fn short_id(&self) -> String {
        docker(&["inspect", "-f", "{{.Id}}", &self.name])[..12].to_owned()
    }

    /// The first of its processes, as the machine counts them.
    pub fn pid(&self) -> u32 {
        docker(&["inspect", "-f", "{{.State.Pid}}", &self.name]).parse().expect("a PID")
    }

    /// Waits until its server listens, on this port or on any, and returns the port.
    pub fn await_listener(&self) -> u16 {
        let table = |name: &str| PathBuf::from(format!("/proc/{}/net/{name}", self.pid()));
        let inodes = || -> Vec<String> {
            let links = fs::read_dir(format!("/proc/{}/fd", self.pid())).into_iter().flatten();
            let links = links.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
            links.map(|link| link.to_string_lossy().into_owned()).collect()
        };
        wait_until("the server in the container to listen", || {
            let own = inodes();
            let tables =
                ["tcp", "tcp6"].map(|name| fs::read_to_string(table(name)).unwrap_or_default());
            tables.concat().lines().find_map(|line| {
                let words: Vec<&str> = line.split_whitespace().collect();
                let is_own = own.contains(&format!("socket:[{}]", words.get(9)?));
                let port = words.get(1)?.rsplit_once(':')?.1;
                (is_own && words.get(3) == Some(&"0A"))
                    .then(|| u16::from_str_radix(port, 16).expect("hex"))
            })
        })
    }

    pub fn is_running(&self) -> bool {
        docker(&["inspect", "-f", "{{.State.Running}}", &self.name]) == "true"
    }

    pub fn stop(&self) {
        docker(&["stop", "-t", "0", &self.name]);
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // A leftover container is no reason to fail a test that passed.
        succeeds(&["rm", "-f", &self.name]);
    }
}

fn docker(words: &[&str]) -> String {
    let output = Command::new("docker").args(words).output().expect("run docker");
    assert!(output.status.success(), "docker {}: {output:?}", words.join(" "));
    String::from_utf8(output.stdout).expect("UTF-8").trim_end().to_owned()
}

fn succeeds(words: &[&str]) -> bool {
    let mut command = Command::new("docker");
    command.args(words).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
