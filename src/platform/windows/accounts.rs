//! The accounts of processes: each security identifier is looked up once, and all of them together
//! take a bounded time, because Windows may ask a domain controller that does not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::ffi;
use crate::model::Untrusted;
use crate::platform::decode::sid;

/// So long all look-ups may take together. Those of local and well-known accounts take less than a
/// millisecond each.
const PATIENCE: Duration = Duration::from_secs(3);

/// So many accounts are looked up. A terminal server has fewer users.
const MOST: usize = 512;

/// Names by security identifier.
#[derive(Debug, Default)]
pub(super) struct Accounts(BTreeMap<Vec<u8>, Untrusted>);

impl Accounts {
    /// Looks up those of `sids`.
    pub(super) fn of(sids: BTreeSet<Vec<u8>>) -> Self {
        let mut sids: Vec<Vec<u8>> = sids.into_iter().take(MOST).collect();
        // Those of the machine first: theirs are shorter than those of a domain (SID).
        sids.sort_by_key(Vec::len);
        let count = sids.len();
        let (sender, receiver) = mpsc::channel();
        let look_up = move || {
            for sid in sids {
                let name = ffi::account(&sid).map(|(domain, name)| with_domain(domain, &name));
                // Nobody receives it if it comes too late.
                if sender.send((sid, name)).is_err() {
                    return;
                }
            }
        };
        let end = Instant::now() + PATIENCE;
        let mut names = BTreeMap::new();
        if count > 0 && thread::Builder::new().spawn(look_up).is_ok() {
            let left = || end.saturating_duration_since(Instant::now());
            while let Ok((sid, name)) = receiver.recv_timeout(left()) {
                names.extend(name.map(|name| (sid, name)));
            }
        }
        Self(names)
    }

    /// The name of an account, or its security identifier where no name was found.
    pub(super) fn name(&self, sid: &[u8]) -> Option<Untrusted> {
        let text = || sid::text(sid).map(Untrusted::from);
        self.0.get(sid).cloned().or_else(text)
    }
}

/// `DOMAIN\name`.
fn with_domain(mut domain: Vec<u16>, name: &[u16]) -> Untrusted {
    domain.push(u16::from(b'\\'));
    domain.extend(name);
    Untrusted::from_wide(&domain)
}
