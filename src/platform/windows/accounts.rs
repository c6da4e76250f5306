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

/// Finds the domain and the name of an account.
trait LookUp: Fn(&[u8]) -> Option<(Vec<u16>, Vec<u16>)> + Send + 'static {}

impl<T: Fn(&[u8]) -> Option<(Vec<u16>, Vec<u16>)> + Send + 'static> LookUp for T {}

/// Names by security identifier.
#[derive(Debug, Default)]
pub(super) struct Accounts(BTreeMap<Vec<u8>, Untrusted>);

impl Accounts {
    /// Looks up those of `sids`.
    pub(super) fn of(sids: BTreeSet<Vec<u8>>) -> Self {
        Self::by(ffi::account, sids, PATIENCE)
    }

    /// The same, by any look-up, which all together may take so long.
    fn by(account: impl LookUp, sids: BTreeSet<Vec<u8>>, patience: Duration) -> Self {
        let mut sids: Vec<Vec<u8>> = sids.into_iter().take(MOST).collect();
        // Those of the machine first: theirs are shorter than those of a domain (SID).
        sids.sort_by_key(Vec::len);
        let count = sids.len();
        let (sender, receiver) = mpsc::channel();
        let look_up = move || {
            for sid in sids {
                let name = account(&sid).map(|(domain, name)| with_domain(domain, &name));
                // Nobody receives it if it comes too late.
                if sender.send((sid, name)).is_err() {
                    return;
                }
            }
        };
        let end = Instant::now() + patience;
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

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::mpsc::Sender;

    use super::*;

    /// Of so many subauthorities, which are their numbers.
    fn sid(parts: u8) -> Vec<u8> {
        let mut sid = vec![1, parts, 0, 0, 0, 0, 0, 5];
        sid.extend((1..=parts).flat_map(|part| u32::from(part).to_ne_bytes()));
        sid
    }

    fn wide(text: &str) -> Vec<u16> {
        text.encode_utf16().collect()
    }

    /// Those of the machine come first; that of a domain whose controller does not answer is left as it is.
    #[test]
    fn a_look_up_that_never_ends_is_not_awaited() {
        let (asked, order) = mpsc::channel();
        let asked: Mutex<Sender<usize>> = Mutex::new(asked);
        let look_up = move |sid: &[u8]| {
            asked.lock().unwrap().send(sid.len()).unwrap();
            if sid.len() > 12 {
                loop {
                    thread::park();
                }
            }
            Some((wide("HOST"), wide("anna")))
        };
        let sids = BTreeSet::from([sid(5), sid(1)]);
        // The quick one is waited for as long as all of them may take.
        let accounts = Accounts::by(look_up, sids, PATIENCE);
        assert_eq!(accounts.name(&sid(1)).unwrap().to_lossy(), r"HOST\anna");
        assert_eq!(accounts.name(&sid(5)).unwrap().to_lossy(), "S-1-5-1-2-3-4-5");
        assert_eq!(order.try_iter().collect::<Vec<_>>(), [12, 28]);
    }

    #[test]
    fn an_account_without_a_name_is_its_identifier() {
        let accounts = Accounts::by(|_: &[u8]| None, BTreeSet::from([sid(2)]), PATIENCE);
        assert_eq!(accounts.name(&sid(2)).unwrap().to_lossy(), "S-1-5-1-2");
        assert!(accounts.name(&[]).is_none());
    }
}
