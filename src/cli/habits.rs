//! Options of lsof, fuser and kill, which are typed out of habit, and the command that does the same.

use std::ffi::OsString;

use super::words::{is_option, operands};
use crate::query::PortTerm;

/// Flags of lsof that stand before its `-i` and change nothing here.
const LSOF_FLAGS: &str = "nPatl";

/// The command that was meant by `words` of a list with the unknown option `typed`: `portwho 8080` by
/// `-i:8080`, `portwho kill 8080` by `-k 8080` and `-9 8080`.
pub(super) fn meant(typed: &str, words: &[OsString]) -> Option<String> {
    let words: Vec<&str> = words.iter().skip(1).filter_map(|word| word.to_str()).collect();
    match typed {
        "-k" | "-9" => Some(format!("portwho kill {}", operands("kill", &ports(&words)))),
        _ => lsofs(&words),
    }
}

/// The words that are PORTs by number.
fn ports(words: &[&str]) -> Vec<String> {
    let is_port = |word: &&str| {
        word.contains(|c: char| c.is_ascii_digit()) && PortTerm::parse_list(word).is_ok()
    };
    let operands = words.iter().copied().filter(|word| !is_option(word.as_ref()));
    operands.filter(is_port).map(str::to_owned).collect()
}

/// What lsof's `-i` selects, as portwho takes it: `-i:80`, `-i tcp:80`, `-ti4TCP@127.0.0.1:80`.
fn lsofs(words: &[&str]) -> Option<String> {
    let (at, joined) = words.iter().enumerate().find_map(|(at, word)| {
        let (flags, value) = word.strip_prefix('-')?.split_once('i')?;
        flags.chars().all(|flag| LSOF_FLAGS.contains(flag)).then_some((at, value))
    })?;
    let next = words.get(at + 1).filter(|word| !word.starts_with('-'));
    let value = if joined.is_empty() { next.copied().unwrap_or_default() } else { joined };
    let listens = words.iter().any(|word| word.eq_ignore_ascii_case("-sTCP:LISTEN"));
    let family = value.starts_with(['4', '6']).then(|| format!("-{}", value.get(..1)?).into());
    let value = if family.is_some() { value.get(1..)? } else { value };
    let (protocol, end) = protocol(value);
    let port = match end.strip_prefix('@').unwrap_or(end) {
        "" | ":" => None,
        end => Some(end.strip_prefix(':').unwrap_or(end)),
    };
    if port.is_some_and(|port| PortTerm::parse_list(port).is_err()) {
        return None;
    }
    let options = [family.flatten(), protocol.map(str::to_owned), listens.then(|| "-l".to_owned())];
    let words = options.into_iter().flatten().chain(port.map(str::to_owned));
    Some(["portwho".to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" "))
}

/// The option for the protocol that `value` begins with, and the rest of it.
fn protocol(value: &str) -> (Option<&'static str>, &str) {
    let begins = |word: &str| value.get(..3).is_some_and(|first| first.eq_ignore_ascii_case(word));
    let option = [("tcp", "-t"), ("udp", "-u")].into_iter().find(|(word, _)| begins(word));
    option.map_or((None, value), |(_, option)| (Some(option), value.get(3..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_of_other_programs_have_a_command_here() {
        for (line, typed, expected) in [
            ("-i:8080", "-i", Some("portwho 8080")),
            ("-i :8080", "-i", Some("portwho 8080")),
            ("-ti:80,443", "-i", Some("portwho 80,443")),
            ("-nP -iTCP:8080 -sTCP:LISTEN", "-P", Some("portwho -t -l 8080")),
            ("-i 4udp@127.0.0.1:53", "-i", Some("portwho -4 -u 127.0.0.1:53")),
            ("-i", "-i", Some("portwho")),
            ("-i6", "-i", Some("portwho -6")),
            ("-i @example.com:80", "-i", None),
            ("-sfin_wait_1 -Z", "-Z", None),
            ("-k 8080", "-k", Some("portwho kill 8080")),
            ("-k 8080/tcp", "-k", Some("portwho kill 8080/tcp")),
            ("-k -n tcp 80 443", "-k", Some("portwho kill 80 443")),
            ("-9 8080", "-9", Some("portwho kill 8080")),
            ("-k", "-k", Some("portwho kill --help")),
        ] {
            let line = format!("portwho {line}");
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(meant(typed, &words).as_deref(), expected, "{line}");
        }
    }
}
