//! The rules of `netsh interface portproxy`, from the registry: netsh's own list is in the user's language.

use std::io;

use super::ffi;
use crate::model::{Gap, PortProxy};
use crate::platform::decode::port_proxy::{KEYS, rule};
use crate::platform::reason;

/// Where IP Helper keeps them. Microsoft documents the command, not this place.
const PLACE: &str = r"SYSTEM\CurrentControlSet\Services\PortProxy";

/// Every rule that is set, and what is missing.
pub(super) fn read() -> (Vec<PortProxy>, Option<Gap>) {
    let (mut rules, mut why) = (Vec::new(), None);
    for (key, families) in KEYS {
        let texts = match ffi::texts(&format!(r"{PLACE}\{key}")) {
            Ok(texts) => texts,
            Err(error) => {
                why = Some(failed(&error));
                continue;
            }
        };
        let read = texts.values.iter().filter_map(|(name, text)| rule(families, name, text));
        let before = rules.len();
        rules.extend(read);
        let unread = texts.others + texts.values.len() - (rules.len() - before);
        if texts.has_more {
            why = Some(format!("too many values in the registry key {key}"));
        } else if unread > 0 {
            why = Some(format!("unknown values in the registry key {key}: {unread}"));
        }
    }
    (rules, why.map(|why| Gap::PortProxiesUnreadable { why }))
}

fn failed(error: &io::Error) -> String {
    format!("the registry: {}", reason(error))
}
