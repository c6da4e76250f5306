//! What network namespaces are known by.

use std::collections::BTreeMap;

use super::super::process;
use super::known::{KERNEL_THREADS, Namespace};
use crate::model::{self, About, Container, Pid, Process, ProcessKind, Resident, Untrusted};

/// What other portwhos are called, whose threads visit namespaces as this one's does.
const OWN_IMAGE: &[u8] = env!("CARGO_PKG_NAME").as_bytes();

/// What each namespace is known by: its container or the name that it is bound to, and its first process.
pub(super) fn identities(namespaces: &BTreeMap<u64, Namespace>) -> BTreeMap<u64, model::Namespace> {
    let firsts = namespaces.values().flat_map(Namespace::candidates);
    let processes = process::describe(&firsts.chain([KERNEL_THREADS]).collect(), About::Table);
    let kernel = processes.get(&KERNEL_THREADS);
    let has_kernel = kernel.is_some_and(|process| process.kind == ProcessKind::Kernel);
    let known = namespaces.iter().map(|(inode, namespace)| {
        let mut known = identity(namespace, &processes);
        if namespace.is_first && has_kernel {
            known.name = Some(Untrusted::from("host"));
        }
        (*inode, known)
    });
    known.collect()
}

/// Its container or the file it is bound to, and its first process; another portwho only visits.
fn identity(namespace: &Namespace, processes: &BTreeMap<Pid, Process>) -> model::Namespace {
    let living = namespace.candidates().filter_map(|pid| processes.get(&pid));
    let first = living.min_by_key(|process| process.name.as_bytes() == OWN_IMAGE);
    let container = first.and_then(|process| process.container.as_ref());
    let resident = first.map(|process| Resident {
        pid: process.pid,
        name: process.name.clone(),
        by_first_thread: namespace.first == Some(process.pid),
    });
    let name = container.map(Container::handle).or(namespace.bound_to.clone());
    model::Namespace { name, resident }
}
