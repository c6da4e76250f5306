//! Entering namespaces, one after the other, and reading their tables.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd;
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::super::owners::Inodes;
use super::super::{bound, tables};
use super::known::Namespace;
use crate::model::{Gap, Reach, Scope, Socket};
use crate::platform::SocketTable;

/// What was found in one namespace.
pub(super) struct Visit {
    pub(super) inode: u64,
    pub(super) table: Result<SocketTable, String>,
    /// The inodes of all its sockets, where descriptors are searched for others.
    pub(super) inodes: Inodes,
}

impl Visit {
    fn failed(inode: u64, why: String) -> Self {
        Self { inode, table: Err(why), inodes: Inodes::default() }
    }
}

/// Adds what was found there; returns which namespaces could be read.
pub(super) fn merge(visits: Vec<Visit>, found: &mut SocketTable) -> BTreeSet<u64> {
    let mut read = BTreeSet::new();
    for Visit { inode, table, .. } in visits {
        match table {
            Ok(table) => {
                if !table.gaps.iter().any(Gap::may_hide_rows) {
                    read.insert(inode);
                }
                let inside = |socket| Socket { netns: Some(inode), ..socket };
                found.sockets.extend(table.sockets.into_iter().map(inside));
                found.gaps.extend(table.gaps);
            }
            Err(why) => found.gaps.push(Gap::NamespacesUnseen { why: Some(why) }),
        }
    }
    read
}

/// Reads each namespace in turn, in one thread that ends afterwards.
pub(super) fn visit_all(
    namespaces: &BTreeMap<u64, Namespace>,
    scope: &Scope,
    reach: Reach,
) -> Vec<Visit> {
    let visit_each = || {
        namespaces.iter().map(|(inode, namespace)| visit(*inode, namespace, scope, reach)).collect()
    };
    let visited = thread::scope(|threads| {
        let visitor = thread::Builder::new().spawn_scoped(threads, visit_each);
        let visitor = visitor.map_err(|error| error.to_string())?;
        visitor.join().map_err(|_| "the thread that entered them panicked".to_owned())
    });
    visited.unwrap_or_else(|why| {
        namespaces.keys().map(|inode| Visit::failed(*inode, why.clone())).collect()
    })
}

/// Enters a namespace, where this thread remains, and reads its table.
fn visit(inode: u64, namespace: &Namespace, scope: &Scope, reach: Reach) -> Visit {
    let entered =
        move_into_link_name_space(namespace.link.as_fd(), Some(LinkNameSpaceType::Network));
    if let Err(error) = entered {
        return Visit::failed(inode, io::Error::from(error).to_string());
    }
    let table = tables::listed(scope).map_err(|error| error.to_string());
    let inodes = match (reach, &table) {
        (Reach::Hint | Reach::Processes, _) => Inodes::default(),
        (Reach::Descriptors, Ok(table)) if scope.is_everything() => bound::inodes(&table.sockets),
        (Reach::Descriptors, _) => all_inodes(),
    };
    Visit { inode, table, inodes }
}

/// The inodes of all sockets that this thread's network namespace lists.
pub(super) fn all_inodes() -> Inodes {
    let table = tables::listed(&Scope::everything()).unwrap_or_default();
    bound::inodes(&table.sockets)
}
