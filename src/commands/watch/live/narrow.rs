//! The filter that is typed into the view: long option names with a colon, PORTs, addresses, names.

use ipnet::IpNet;

use crate::cli::{self, Request};
use crate::commands::shared::{filter, in_the_way};
use crate::platform::System;
use crate::query::{Filter, network};
use crate::text::watch as text;

/// What the words ask for; each narrows.
///
/// # Errors
/// What is wrong with a word, in a line.
pub(super) fn parse(text: &str, system: &impl System) -> Result<Filter, String> {
    let words = text.split_whitespace();
    let (networks, words): (Vec<&str>, Vec<&str>) = words.partition(|word| network(word).is_some());
    let either_networks: Vec<IpNet> = networks.into_iter().filter_map(network).collect();
    let typed: Vec<String> = words.into_iter().map(option).collect::<Result<_, _>>()?;
    let typed = [cli::NAME.to_owned()].into_iter().chain(typed);
    match cli::parse(typed.map(Into::into)) {
        Ok(Request::List(request)) => {
            let filter = filter::of_request(&request.filters, system);
            let filter = filter.map_err(|error| format!("{error:#}"))?;
            Ok(in_the_way::always(Filter { either_networks, ..filter }, system))
        }
        Ok(_) => Err("not a filter".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Options that take no value.
const SWITCHES: [&str; 6] = ["listening", "exposed", "tcp", "udp", "ipv4", "ipv6"];
/// Options that take one.
const OPTIONS: [&str; 8] =
    ["state", "not-state", "pid", "name", "user", "foreign-port", "local", "foreign"];

/// A word as the command line has it.
fn option(word: &str) -> Result<String, String> {
    if word.starts_with('-') {
        return Err(text::NO_DASHES.to_owned());
    }
    if is_place(word) {
        return Ok(word.to_owned());
    }
    let Some((name, value)) = word.split_once(':') else {
        return Ok(format!("--name={word}"));
    };
    let name = name.to_lowercase().replace('_', "-");
    let is_switch = SWITCHES.contains(&name.as_str());
    if is_switch && value.is_empty() {
        return Ok(format!("--{name}"));
    }
    if OPTIONS.contains(&name.as_str()) {
        return Ok(format!("--{name}={value}"));
    }
    let names = OPTIONS.iter().chain(&SWITCHES);
    Err(text::unknown_filter(&name, is_switch, names.copied()))
}

/// Whether it is a PORT, with or without an address: no name of a process begins so, and no option.
fn is_place(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit() || c == ':' || c == '[')
        || word.contains("://")
        || ["*:", "localhost:"].iter().any(|address| word.starts_with(address))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::ThisSystem;

    #[test]
    fn words_are_options_ports_networks_or_names() {
        for (word, expected) in [
            ("state:close_wait", "--state=close_wait"),
            ("name:nginx", "--name=nginx"),
            ("foreign:10.0.0.0/8", "--foreign=10.0.0.0/8"),
            ("foreign_port:443", "--foreign-port=443"),
            ("listening:", "--listening"),
            ("80,443", "80,443"),
            ("53/udp", "53/udp"),
            ("[::1]:80", "[::1]:80"),
            (":80", ":80"),
            ("localhost:80", "localhost:80"),
            ("nginx", "--name=nginx"),
            ("http", "--name=http"),
            ("http://localhost:80", "http://localhost:80"),
            ("name:a:b", "--name=a:b"),
            ("ipv4:", "--ipv4"),
            ("IPv6:", "--ipv6"),
            ("*:80", "*:80"),
        ] {
            assert_eq!(option(word).as_deref(), Ok(expected), "{word}");
        }
        for word in [
            "stat:listen",
            "foo:bar",
            "listening:x",
            "sort:pid",
            "-l",
            "--state",
            "a.b:80",
            "x4:80",
            "foo1:bar",
        ] {
            assert!(option(word).is_err(), "{word}");
        }
    }

    #[test]
    fn each_word_narrows_and_a_wrong_one_says_why() {
        let filter = parse("80 state:established 10.0.0.0/8 ng*", &ThisSystem::default()).unwrap();
        assert_eq!(filter.local.unwrap().ports.ranges(), [80..=80]);
        assert_eq!(filter.either_networks.len(), 1);
        assert_eq!(filter.names.len(), 1);
        assert!(parse("", &ThisSystem::default()).unwrap().is_by_local_end_alone());
        let told = parse("state:nope", &ThisSystem::default()).unwrap_err();
        assert!(told.starts_with("--state 'nope': unknown state"), "{told}");
        assert!(parse("99999", &ThisSystem::default()).is_err());
        assert!(parse("kill", &ThisSystem::default()).unwrap().names.len() == 1);
    }
}
