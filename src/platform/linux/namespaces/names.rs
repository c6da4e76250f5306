//! What network namespaces are called.

use std::collections::BTreeMap;

use super::super::process;
use super::known::{KERNEL_THREADS, Namespace};
use crate::model::{About, Container, Pid, Process, ProcessKind, Untrusted};

/// What other portwhos are called, whose threads visit namespaces as this one's does.
const OWN_IMAGE: &[u8] = env!("CARGO_PKG_NAME").as_bytes();

/// What each namespace is called: its container, the name that it is bound to, or else its first
/// process.
pub(super) fn names(namespaces: &BTreeMap<u64, Namespace>) -> BTreeMap<u64, Untrusted> {
    let firsts = namespaces.values().flat_map(Namespace::candidates);
    let processes = process::describe(&firsts.chain([KERNEL_THREADS]).collect(), About::Table);
    let kernel = processes.get(&KERNEL_THREADS);
    let has_kernel = kernel.is_some_and(|process| process.kind == ProcessKind::Kernel);
    let named = namespaces.iter().map(|(inode, namespace)| {
        let name = if namespace.is_first && has_kernel {
            Some(Untrusted::from("host"))
        } else {
            name(namespace, &processes)
        };
        (*inode, name.unwrap_or_else(|| format!("net:[{inode}]").into()))
    });
    named.collect()
}

/// Its container, the file it is bound to, or its first process; another portwho only visits.
fn name(namespace: &Namespace, processes: &BTreeMap<Pid, Process>) -> Option<Untrusted> {
    let living = namespace.candidates().filter_map(|pid| processes.get(&pid));
    let first = living.min_by_key(|process| process.name.as_bytes() == OWN_IMAGE);
    let container = first.and_then(|process| process.container.as_ref());
    let by_process = || first.map(|process| process.name.clone());
    container.map(Container::handle).or(namespace.bound_to.clone()).or_else(by_process)
}
