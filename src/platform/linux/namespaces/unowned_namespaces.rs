//! Namespaces that nothing but a socket keeps alive, found by the descriptors of sockets that no
//! table has.

use std::collections::BTreeMap;

use super::super::bound::{self, Row};
use super::super::owners::Inodes;
use super::super::unlisted::{self, Missed};
use super::known::{Known, Namespace};
use super::visits::all_inodes;
use crate::model::{Gap, Protocol, Socket};
use crate::platform::SocketTable;

/// What was found by the descriptors of sockets that no table has.
#[derive(Debug)]
pub(super) struct UnownedNamespaces {
    /// Namespaces that nothing but sockets keeps alive.
    pub(super) namespaces: BTreeMap<u64, Namespace>,
    /// Sockets bound in other namespaces that were known, for kernels that do not list those.
    bound: Vec<Socket>,
    /// Whether one was met of which it is not known whether it still holds its port.
    is_unclear: bool,
    missed: Missed,
    /// Why no descriptor was searched.
    failure: Option<String>,
}

impl UnownedNamespaces {
    pub(super) fn search(known: &mut Known, listed: &[&Inodes]) -> Self {
        let own = all_inodes();
        let inodes = listed.iter().copied().chain([&own]).flatten().copied().collect();
        let mut namespaces = BTreeMap::new();
        let (mut bound, mut is_unclear) = (Vec::new(), false);
        let missed = unlisted::search(&inodes, unlisted::ALL, |protocol, copied| {
            let (link, inode) = copied.namespace()?;
            if known.namespaces.contains_key(&inode) {
                if protocol != Protocol::Tcp {
                    return Ok(());
                }
                match bound::row(copied)? {
                    Row::Holds(row) => bound.push(Socket { netns: Some(inode), ..*row }),
                    Row::Unclear => is_unclear = true,
                    Row::None => {}
                }
            } else if !namespaces.contains_key(&inode) && known.admits(inode, &link) {
                namespaces.insert(inode, Namespace::new(link));
            }
            Ok(())
        });
        let (missed, failure) = match missed {
            Ok(missed) => (missed, None),
            Err(error) => (Missed::default(), Some(error.to_string())),
        };
        known.complete &= !missed.is_unreadable;
        Self { namespaces, bound, is_unclear, missed, failure }
    }

    /// Adds the bound sockets where the kernel does not list them, and what was not examined.
    pub(super) fn complete(&self, table: &mut SocketTable) {
        if table.gaps.iter().any(Gap::is_about_bound) {
            table.sockets.extend(self.bound.iter().cloned());
            if self.missed.is_nothing() && self.failure.is_none() && !self.is_unclear {
                table.gaps.retain(|gap| !gap.is_about_bound());
            }
        }
        table.gaps.extend(self.missed.beyond_budget());
        table.gaps.extend(self.missed.refusal());
        let failure = self.failure.clone().map(|why| Gap::NamespacesUnseen { why: Some(why) });
        table.gaps.extend(failure);
    }
}
