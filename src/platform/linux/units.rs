//! What systemd's unit files say of a service. They are read where only root writes: the files of a
//! user's own units are the user's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::regular_file;
use crate::model::{Service, Untrusted};

/// Where the system's units are, the most important first (systemd.unit(5)).
const SYSTEM: [&str; 9] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/etc/systemd/system",
    "/run/systemd/system",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// Where users' units are that an administrator installed.
const USER: [&str; 4] = [
    "/etc/systemd/user",
    "/run/systemd/user",
    "/usr/local/lib/systemd/user",
    "/usr/lib/systemd/user",
];

/// A unit file is a page or two.
const LONGEST: usize = 64 * 1024;

/// At most this many drop-ins of a unit are read.
const DROP_INS: usize = 64;

/// The value of `Restart=` of a service; none where it is `no`, or not known.
pub(super) fn restart_policy(service: &Service) -> Option<Untrusted> {
    let directories: &[&str] = if service.of_user { &USER } else { &SYSTEM };
    let name = std::str::from_utf8(service.name.as_bytes()).ok()?;
    if name.contains('/') || !name.ends_with(".service") {
        return None;
    }
    policy_in(directories, name).map(|value| Untrusted::new(value.as_slice()))
}

fn policy_in<P: AsRef<Path>>(directories: &[P], name: &str) -> Option<Vec<u8>> {
    let names = [Some(name.to_owned()), template(name)];
    let names: Vec<String> = names.into_iter().flatten().collect();
    let paths = names
        .iter()
        .flat_map(|name| directories.iter().map(move |directory| directory.as_ref().join(name)));
    // The first file counts, even where it is masked or cannot be read.
    let main = paths.into_iter().find(|path| path.symlink_metadata().is_ok())?;
    let mut policy = regular_file::read(&main, LONGEST).ok().and_then(|file| restart(&file));
    for drop_in in drop_ins(directories, &names) {
        let file = regular_file::read(&drop_in, LONGEST).unwrap_or_default();
        policy = restart(&file).or(policy);
    }
    policy.filter(|value| !value.is_empty() && value != b"no")
}

/// `web@.service` of `web@1.service`.
fn template(name: &str) -> Option<String> {
    let (prefix, _) = name.split_once('@')?;
    Some(format!("{prefix}@.service"))
}

/// The drop-ins, in the order of their names; of equal names that of the first directory counts.
fn drop_ins<P: AsRef<Path>>(directories: &[P], names: &[String]) -> Vec<PathBuf> {
    let mut found: BTreeMap<std::ffi::OsString, PathBuf> = BTreeMap::new();
    for directory in directories {
        for name in names {
            let folder = directory.as_ref().join(format!("{name}.d"));
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            let files = entries.map(|entry| entry.path());
            let files = files.filter(|path| path.extension().is_some_and(|end| end == "conf"));
            for path in files.take(DROP_INS) {
                let Some(file) = path.file_name() else { continue };
                found.entry(file.to_owned()).or_insert(path);
            }
        }
    }
    found.into_values().collect()
}

/// The last `Restart=` of `[Service]`; empty where it is reset.
fn restart(file: &[u8]) -> Option<Vec<u8>> {
    let mut in_service = false;
    let mut policy = None;
    for line in file.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii) {
        if line.starts_with(b"[") {
            in_service = line == b"[Service]";
        } else if in_service && let Some(rest) = line.strip_prefix(b"Restart") {
            let value = rest.trim_ascii_start().strip_prefix(b"=");
            policy = value.map(|value| value.trim_ascii().to_vec()).or(policy);
        }
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_in_its_section_counts() {
        for (file, expected) in [
            ("[Service]\nRestart=always\n", Some("always")),
            ("[Service]\nRestart = on-failure \nRestartSec=5\n", Some("on-failure")),
            ("[Service]\nRestart=always\nRestart=no", Some("no")),
            ("[Unit]\nRestart=always\n[Service]\nRestartSec=1\n", None),
            ("[Service]\n# Restart=always\n", None),
            ("[Service]\nRestart=always\nRestart=\n", Some("")),
            ("", None),
        ] {
            let found = restart(file.as_bytes());
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{file:?}");
        }
    }

    #[test]
    fn drop_ins_and_templates_are_read() {
        let folder = std::env::temp_dir().join(format!("portwho-units-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = folder.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("usr/web.service", "[Service]\nRestart=always\n");
        write("usr/app@.service", "[Service]\nRestart=on-failure\n");
        write("usr/job.service", "[Service]\nType=oneshot\n");
        write("usr/late.service", "[Service]\nRestart=no\n");
        write("etc/late.service.d/10-restart.conf", "[Service]\nRestart=on-abnormal\n");
        write("etc/web.service", "[Service]\nExecStart=/bin/web\n");
        let directories = [folder.join("etc"), folder.join("usr")];
        let policy = |name: &str| policy_in(&directories, name);
        let found =
            ["web", "app@1", "job", "late", "none"].map(|it| policy(&format!("{it}.service")));
        std::fs::remove_dir_all(&folder).unwrap();
        let expected = [None, Some("on-failure"), None, Some("on-abnormal"), None];
        assert_eq!(found, expected.map(|value| value.map(|value| value.as_bytes().to_vec())));
    }
}
