//! The rules on ports and the URLs of HTTP.sys, by `netsh`: there is no documented call that lists excluded
//! ranges, nor one for URL groups of other processes.

use std::io;
use std::process::Command;
use std::thread;
use std::time::Duration;

use super::ffi;
use crate::model::{Family, Gap, PortRules, Protocol, ServedUrl};
use crate::platform::command::output_within;
use crate::platform::decode::{http_sys, netsh};
use crate::platform::reason;

/// How long all calls of `netsh` may take together. The first after a start of Windows reads it and its
/// helpers from the disk, which takes longer than half a second on a slow one.
const PATIENCE: Duration = Duration::from_secs(3);

/// What `netsh` printed for one family.
struct Answers {
    dynamic: io::Result<String>,
    excluded: io::Result<String>,
}

/// Reads the rules for `protocol`, of both families: dynamic ports and exclusions are set for each.
pub(super) fn read(protocol: Protocol) -> PortRules {
    let [v4, v6] = thread::scope(|scope| {
        [Family::V4, Family::V6]
            .map(|family| scope.spawn(move || ask_all(protocol, family)))
            .map(thread::ScopedJoinHandle::join)
    });
    let mut rules = PortRules::default();
    for (family, answers) in [(Family::V4, v4), (Family::V6, v6)] {
        match answers {
            Ok(answers) => add(&mut rules, family, answers),
            Err(_) => rules.unread = Some("netsh was not run".to_owned()),
        }
    }
    rules
}

fn add(rules: &mut PortRules, family: Family, Answers { dynamic, excluded }: Answers) {
    match dynamic.map(|text| netsh::dynamic_range(&text)) {
        // Every Windows has such a range.
        Ok(None) => rules.unread = Some("netsh did not list dynamic ports".to_owned()),
        Ok(range) => rules.ephemeral = rules.ephemeral.take().or(range),
        Err(error) => rules.unread = Some(failed(&error)),
    }
    match excluded {
        Ok(text) => {
            let ranges = netsh::ranges(&text);
            rules.excluded.extend(ranges.excluded.into_iter().map(|range| (family, range)));
            let new = |range: &_| !rules.reserved.contains(range);
            let administered: Vec<_> = ranges.administered.into_iter().filter(new).collect();
            rules.reserved.extend(administered);
        }
        Err(error) => rules.unread = Some(failed(&error)),
    }
}

fn failed(error: &io::Error) -> String {
    format!("netsh: {}", reason(error))
}

/// The URLs that HTTP.sys serves, which holds their ports in the name of System.
pub(super) fn served_urls() -> Result<Vec<ServedUrl>, Gap> {
    let text = ask(&["http", "show", "servicestate", "view=requestq"]);
    let text = text.map_err(|error| Gap::UrlsUnreadable { why: failed(&error) })?;
    if text.trim().is_empty() {
        // It has a heading at least.
        return Err(Gap::UrlsUnreadable { why: "netsh printed nothing".to_owned() });
    }
    Ok(http_sys::served_urls(&text))
}

/// Both lists of one family at once.
fn ask_all(protocol: Protocol, family: Family) -> Answers {
    let name = protocol.word();
    let family = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    let named = format!("protocol={name}");
    thread::scope(|scope| {
        let dynamic = scope.spawn(|| ask(&["int", family, "show", "dynamicport", name]));
        let excluded = ask(&["int", family, "show", "excludedportrange", &named]);
        let stopped = |_| Err(io::Error::other("not run"));
        Answers { dynamic: dynamic.join().unwrap_or_else(stopped), excluded }
    })
}

/// What `netsh` prints.
fn ask(words: &[&str]) -> io::Result<String> {
    let mut command = Command::new(ffi::system_directory()?.join("netsh.exe"));
    command.args(words);
    let late = || io::Error::new(io::ErrorKind::TimedOut, "no answer");
    let output = output_within(command, PATIENCE).ok_or_else(late)?;
    // Its words are in the user's language and code page; only its numbers are read.
    Ok(String::from_utf8_lossy(&output).into_owned())
}
