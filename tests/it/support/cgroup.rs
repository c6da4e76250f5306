//! Cgroups, made for a test and removed after it.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::SystemTime;

use rustix::process::{Pid, Signal, kill_process};

use super::{skip, wait_until};

/// A cgroup; when dropped, every process in it is killed and it is removed.
pub struct Group {
    /// Through a descriptor of the mount, which stays what it is when others hide it.
    path: PathBuf,
    home: PathBuf,
    mount: Rc<File>,
}

impl Group {
    /// A group of version 2 with this name and the test's number before it, right below the first.
    /// Where there is no version 2, or it may not be changed, that is said.
    pub fn named(name: &str) -> Option<Self> {
        let made = match mounts("cgroup2", "").first() {
            None => Err(io::Error::other("cgroups of version 2 are not mounted")),
            Some(mount) => Self::at(mount, "", &unique(name)),
        };
        made.map_err(|error| skip(&format!("no cgroup of its own: {error}"))).ok()
    }

    /// The same in systemd's own hierarchy of version 1, on machines that have one.
    pub fn of_systemd(name: &str) -> Option<Self> {
        let mount = mounts("cgroup", "name=systemd").into_iter().next()?;
        Self::at(&mount, "name=systemd", &unique(name)).ok()
    }

    /// The same in the hierarchy of version 1 that has the freezer.
    pub fn of_freezer(name: &str) -> Option<Self> {
        let mount = mounts("cgroup", "freezer").into_iter().next()?;
        Self::at(&mount, "freezer", &unique(name)).ok()
    }

    /// Freezes it or thaws it, and returns when that is so; false where it cannot.
    pub fn freeze(&self, frozen: bool) -> bool {
        let (file, text, state) = match (self.path.join("freezer.state").exists(), frozen) {
            (true, true) => ("freezer.state", "FROZEN", ("freezer.state", "FROZEN")),
            (true, false) => ("freezer.state", "THAWED", ("freezer.state", "THAWED")),
            (false, true) => ("cgroup.freeze", "1", ("cgroup.events", "frozen 1")),
            (false, false) => ("cgroup.freeze", "0", ("cgroup.events", "frozen 0")),
        };
        if fs::write(self.path.join(file), text).is_err() {
            return false;
        }
        wait_until("a group to be frozen or thawed", || {
            let said = fs::read_to_string(self.path.join(state.0)).expect("the state");
            said.lines().any(|line| line == state.1).then_some(())
        });
        true
    }

    /// Where its hierarchy is mounted.
    pub fn mounted(&self) -> String {
        let number = self.mount.as_raw_fd();
        let point = fs::read_link(format!("/proc/self/fd/{number}")).expect("the mount");
        point.into_os_string().into_string().expect("UTF-8")
    }

    /// A group in this one.
    pub fn below(&self, name: &str) -> Self {
        let path = self.path.join(name);
        fs::create_dir(&path).expect("a group in a group");
        Self { path, home: self.home.clone(), mount: Rc::clone(&self.mount) }
    }

    fn at(mount: &Path, hierarchy: &str, name: &str) -> io::Result<Self> {
        let own = fs::read_to_string("/proc/self/cgroup")?;
        let own = own.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            (controllers == hierarchy).then(|| path.trim_start_matches('/').to_owned())
        });
        let directory = File::open(mount)?;
        let mount = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
        let (path, home) = (mount.join(name), mount.join(own.unwrap_or_default()));
        fs::create_dir(&path)?;
        // Where a group may be made and not entered, nothing can be tested either.
        let entered = fs::write(path.join("cgroup.procs"), "0");
        entered.inspect_err(|_| drop(fs::remove_dir(&path)))?;
        let group = Self { path, home, mount: Rc::new(directory) };
        group.leave();
        Ok(group)
    }

    /// What the last part of its path is.
    pub fn name(&self) -> &str {
        self.path.file_name().expect("a name").to_str().expect("UTF-8")
    }

    /// Runs this here: what it makes and starts belongs to the group.
    pub fn inside<T>(&self, run: impl FnOnce() -> T) -> T {
        fs::write(self.path.join("cgroup.procs"), "0").expect("enter a group");
        let result = run();
        self.leave();
        result
    }

    /// Runs this in the first group of all.
    pub fn inside_the_first<T>(&self, run: impl FnOnce() -> T) -> T {
        let first = self.path.parent().expect("the mount");
        fs::write(first.join("cgroup.procs"), "0").expect("enter the first group");
        let result = run();
        self.leave();
        result
    }

    /// Moves a process here.
    pub fn take(&self, pid: u32) {
        fs::write(self.path.join("cgroup.procs"), pid.to_string()).expect("move a process");
    }

    /// Removes it, though sockets that were made in it live on.
    pub fn remove(self) {
        drop(self);
    }

    fn leave(&self) {
        fs::write(self.home.join("cgroup.procs"), "0").expect("leave a group");
    }

    /// By PID, since the kernel's own `cgroup.kill` came with 5.14.
    fn kill_everybody(&self) {
        let processes = fs::read_to_string(self.path.join("cgroup.procs")).unwrap_or_default();
        for pid in processes.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)) {
            // It may have ended by itself.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.leave();
        // What is frozen in a group of version 1 does not end.
        let _ = fs::write(self.path.join("freezer.state"), "THAWED");
        wait_until("a group to be empty, and removed", || {
            self.kill_everybody();
            fs::remove_dir(&self.path).ok()
        });
    }
}

/// A name that no other test has, now or in another run. Its stem is the same each time.
pub fn unique(name: &str) -> String {
    static STAMP: OnceLock<u32> = OnceLock::new();
    // In a PID namespace of its own every test is the first process.
    let stamp = STAMP.get_or_init(|| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        now.map_or(0, |now| now.subsec_micros())
    });
    format!("portwho-it-{}-{stamp}-{name}", std::process::id())
}

/// Where a file system of this type is mounted with this option.
pub fn mounts(kind: &str, option: &str) -> Vec<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    let point = |line: &str| {
        let (place, what) = line.split_once(" - ")?;
        let (found, options) = what.split_once(' ')?;
        let is_it = found == kind
            && options.split([' ', ',']).any(|one| option.is_empty() || one == option);
        is_it.then(|| PathBuf::from(place.split(' ').nth(4).expect("a mount point")))
    };
    mounts.lines().filter_map(point).collect()
}
