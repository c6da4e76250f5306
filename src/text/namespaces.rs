//! Network namespaces, named.

use super::escape::{Escaped, brief};
use crate::model::{Snapshot, Untrusted};

/// `web`; `pid:20` by a process, or `net:[4026532184]`, where it has no name.
#[must_use]
pub fn label(inode: u64, snapshot: &Snapshot) -> Untrusted {
    let known = snapshot.namespaces.get(&inode);
    let resident = known.and_then(|known| known.resident.as_ref());
    let by_process = || resident.map(|resident| format!("pid:{}", resident.pid).into());
    let name = known.and_then(|known| known.name.clone()).or_else(by_process);
    name.unwrap_or_else(|| format!("net:[{inode}]").into())
}

/// `the network namespace web`, `the network namespace of python3 (PID 20)`.
#[must_use]
pub fn named(inode: u64, snapshot: &Snapshot) -> String {
    match of(inode, snapshot) {
        Some(process) => format!("the network namespace of {process}"),
        None => format!("the network namespace {}", Escaped(&label(inode, snapshot))),
    }
}

/// `python3 (PID 20)`, where a namespace is named after a process.
#[must_use]
pub fn of(inode: u64, snapshot: &Snapshot) -> Option<String> {
    let known = snapshot.namespaces.get(&inode).filter(|known| known.name.is_none())?;
    let resident = known.resident.as_ref()?;
    Some(format!("{} (PID {})", brief(&resident.name), resident.pid))
}

/// The owners of sockets there without the process that the namespace is named after, if that is the only
/// one: it need not be named twice.
#[must_use]
pub fn others(owners: Vec<String>, inode: u64, snapshot: &Snapshot) -> Vec<String> {
    let named = of(inode, snapshot);
    let is_named = matches!((owners.as_slice(), named), ([one], Some(named)) if *one == named);
    if is_named { Vec::new() } else { owners }
}
