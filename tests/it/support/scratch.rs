//! A temporary directory that goes away with its owner.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// World-readable whatever the umask: other users run what is put here. One that was left by a run that was
    /// killed, whose PID this process has now, is another's.
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let path = std::env::temp_dir().join(format!("portwho-it-{}-{number}", process::id()));
            match fs::create_dir(&path) {
                Ok(()) => {
                    make_reachable(&path);
                    return Self { path };
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => panic!("create a temporary directory: {error}"),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A leftover directory is no reason to fail a test that passed.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(unix)]
fn make_reachable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("chmod 755");
}

#[cfg(not(unix))]
fn make_reachable(_path: &Path) {}
