//! The arguments before clap parses them, and as they can be typed again.

use std::ffi::{OsStr, OsString};

use super::operand;
use crate::model::Signal;
use crate::text::shell::any_word;

/// The command that `words` begin with.
pub(super) fn verb<'a>(words: &'a [OsString], commands: &[String]) -> Option<&'a str> {
    let first = words.get(1)?.to_str()?;
    commands.iter().any(|command| command == first).then_some(first)
}

/// What follows a command when it is put first: the ports that were typed, where it takes any.
/// Otherwise `--help`: no port is made up, which a reader might type.
pub(super) fn operands(command: &str, ports: &[impl AsRef<str>]) -> String {
    if ports.is_empty() || operand(command).as_deref() != Some("PORT") {
        return "--help".to_owned();
    }
    let words: Vec<String> = ports.iter().map(|port| any_word(port.as_ref().as_bytes())).collect();
    words.join(" ")
}

/// Whether it is an option, or several.
pub(super) fn is_option(word: &OsStr) -> bool {
    word.as_encoded_bytes().first() == Some(&b'-') && word != "-" && word != "--"
}

/// The word that a lone `-p` stands before, if it is a number: for lsof's and ss' users a PID, and
/// for portwho a PORT.
pub(super) fn after_lone_p(words: &[OsString]) -> Option<&str> {
    let options = words.split(|word| word == "--").next().unwrap_or_default();
    options.windows(2).find_map(|pair| match pair {
        [option, word] if option == "-p" => word.to_str().filter(|word| is_number(word)),
        _ => None,
    })
}

fn is_number(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit())
}

/// The protocols of `-p` of Windows' netstat, as portwho's options.
const NETSTAT_PROTOCOLS: [(&str, &str); 4] =
    [("tcp", "-t"), ("udp", "-u"), ("tcpv6", "-t6"), ("udpv6", "-u6")];

/// Puts portwho's option in the place of `tcp` after `-p` or `-anop`, which has no effect itself.
fn spell_protocols_out(words: &mut [OsString]) {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    for at in 1..end.saturating_sub(1) {
        let takes_protocol = words.get(at).is_some_and(|word| ends_with_p(word));
        let Some(word) = words.get_mut(at + 1).filter(|_| takes_protocol) else { continue };
        let is_it = |name: &str| word.to_str().is_some_and(|word| word.eq_ignore_ascii_case(name));
        if let Some((_, option)) = NETSTAT_PROTOCOLS.iter().find(|(name, _)| is_it(name)) {
            *word = option.into();
        }
    }
}

/// Whether it is `-p`, alone or after other letters of netstat that take no value.
fn ends_with_p(word: &OsStr) -> bool {
    let letters = word.to_str().and_then(|word| word.strip_prefix('-'));
    letters.is_some_and(|letters| {
        letters.ends_with('p') && letters.chars().all(|letter| "abnoptu46l".contains(letter))
    })
}

/// Turns what other programs' users type into what clap understands: `help kill`, and `kill -KILL`
/// and `kill -HUP` as in kill(1), which clap would read as letters; `-p tcp` as in netstat.
pub(super) fn spell_out(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    if words.get(1).is_some_and(|word| word == "help") {
        words.remove(1);
        words.insert(words.len().min(2), "--help".into());
    }
    if words.get(1).is_some_and(|word| word == "kill") {
        for word in words.iter_mut().skip(2).take_while(|word| *word != "--") {
            let signal = word.to_str().and_then(|word| signal_option(word.strip_prefix('-')?));
            if let Some(option) = signal {
                *word = option.into();
            }
        }
    } else {
        spell_protocols_out(&mut words);
    }
    words
}

/// The long option for a signal's name, which no letters of options spell.
fn signal_option(name: &str) -> Option<String> {
    // Shorter words and numbers are clusters of options: -4, -6, -tu.
    let is_name = name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let signal: Signal = name.parse().ok().filter(|_| is_name)?;
    Some(if signal == Signal::Kill { "--force".to_owned() } else { format!("--signal={name}") })
}

/// The words after `kill` or `close` except `-n` and `--dry-run`, alone or among other letters.
pub(super) fn without_dry_run(words: &[OsString]) -> Vec<OsString> {
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let (options, operands) = words.split_at_checked(end).unwrap_or((words, &[]));
    options.iter().filter_map(|word| without_n(word)).chain(operands.iter().cloned()).collect()
}

/// None where nothing is left of it.
fn without_n(word: &OsStr) -> Option<OsString> {
    let letters = word.to_str().and_then(|word| word.strip_prefix('-'));
    let Some(letters) = letters.filter(|_| word != "--dry-run") else {
        return (word != "--dry-run").then(|| word.to_owned());
    };
    if letters.starts_with('-') || letters.is_empty() {
        return Some(word.to_owned());
    }
    // What follows -s is its value.
    let (switches, value) = letters.split_at(letters.find('s').unwrap_or(letters.len()));
    let left = format!("{}{value}", switches.replace('n', ""));
    (!left.is_empty()).then(|| format!("-{left}").into())
}

/// The words after `kill` except an option and its value, in every spelling: `-s INT`, `-ysINT`,
/// `--signal INT`, `--signal=INT`.
pub(super) fn without_value(words: &[OsString], short: Option<char>, long: &str) -> Vec<OsString> {
    let mut left = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        let is_joined = text.strip_prefix(long).is_some_and(|rest| rest.starts_with('='));
        if text == "--" {
            left.push(word.clone());
            left.extend(words.by_ref().cloned());
        } else if text == long {
            words.next();
        } else if let Some((switches, value)) = short.and_then(|short| cluster(text, short)) {
            left.extend((switches != "-").then(|| switches.into()));
            if value.is_empty() {
                words.next();
            }
        } else if !is_joined {
            left.push(word.clone());
        }
    }
    left
}

/// A cluster of letters with one that takes a value: what is before it, and the value.
fn cluster(word: &str, short: char) -> Option<(&str, &str)> {
    let is_cluster = word.starts_with('-') && !word.starts_with("--");
    word.split_once(short).filter(|_| is_cluster)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_taken_out_with_its_value() {
        for (line, expected) in [
            ("-s INT -y", "-y"),
            ("-ysINT --pid 7", "-y --pid 7"),
            ("-ys INT -4", "-y -4"),
            ("--signal INT --signal=HUP -t", "-t"),
            ("--signals 5 -y", "--signals 5 -y"),
            ("-y -- -s", "-y -- -s"),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let left: Vec<String> = without_value(&words, Some('s'), "--signal")
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            assert_eq!(left.join(" "), expected, "{line}");
        }
    }

    #[test]
    fn a_protocol_after_p_is_an_option() {
        for (line, expected) in [
            ("-p tcp", "-p -t"),
            ("-anop UDP 53", "-anop -u 53"),
            ("-ano -p tcpv6", "-ano -p -t6"),
            ("-p 80 tcp", "-p 80 tcp"),
            ("--name -p -- -p tcp", "--name -p -- -p tcp"),
            ("-ip tcp", "-ip tcp"),
            ("kill -p tcp", "kill -p tcp"),
        ] {
            let words = format!("portwho {line}");
            let words = spell_out(words.split(' ').map(OsString::from));
            let words: Vec<_> = words.iter().skip(1).map(|word| word.to_string_lossy()).collect();
            assert_eq!(words.join(" "), expected, "{line}");
        }
    }

    #[test]
    fn only_a_lone_p_may_have_meant_a_pid() {
        for (line, expected) in [
            ("portwho -p 812", Some("812")),
            ("portwho -t -p 70000", Some("70000")),
            ("portwho -p nginx", None),
            ("portwho -anp 80", None),
            ("portwho -- -p 80", None),
            ("portwho 80 -p", None),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(after_lone_p(&words), expected, "{line}");
        }
    }

    #[test]
    fn a_dry_run_is_taken_out() {
        for (line, expected) in [
            ("-n 80", "80"),
            ("--dry-run --pid 80 80", "--pid 80 80"),
            ("-nu -yn", "-u -y"),
            ("-nsINT -s INT", "-sINT -s INT"),
            ("--name nginx - -- -n", "--name nginx - -- -n"),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let left: Vec<String> = without_dry_run(&words)
                .iter()
                .map(|word| word.to_string_lossy().into_owned())
                .collect();
            assert_eq!(left.join(" "), expected, "{line}");
        }
    }
}
