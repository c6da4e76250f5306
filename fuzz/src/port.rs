//! PORT arguments: what is understood is what was typed, and an error is safe to print.

use portwho::model::Protocol;
use portwho::query::{PortSet, PortTerm, PortWord};
use portwho::text::escape::harmless;

use super::escape::is_safe;

pub fn check(data: &[u8]) {
    let Ok(word) = std::str::from_utf8(data) else { return };
    match PortTerm::parse_list(word) {
        Ok(terms) => {
            // A URL may have commas, and ends the list.
            let is_with_url = word.contains("://");
            assert!(is_with_url || terms.len() == word.split(',').count());
            for (term, part) in terms.iter().zip(word.split(',')) {
                is_what_was_typed(term, part);
            }
            the_set_has_these_ports(&terms);
            let written: Vec<String> = terms.iter().map(ToString::to_string).collect();
            assert_eq!(PortTerm::parse_list(&written.join(",")), Ok(terms));
        }
        Err(error) => {
            assert!(harmless(&error.to_string()).chars().all(|c| c == '\n' || is_safe(c)));
        }
    }
}

fn is_what_was_typed(term: &PortTerm, part: &str) {
    if is_url(part) {
        assert!(term.host.is_some() && term.protocol.is_none());
        return;
    }
    let lower = part.to_ascii_lowercase();
    let protocol = ["tcp", "udp"].into_iter().find(|name| lower.ends_with(&format!("/{name}")));
    assert_eq!(term.protocol.map(Protocol::word), protocol);
    let end = &part[..part.len() - protocol.map_or(0, |name| name.len() + 1)];
    match &term.port {
        PortWord::Range(range) => {
            assert!(*range.start() > 0 && range.start() <= range.end());
            let mut numbers = end.rsplit([':', '-']).map_while(|n| n.parse::<u16>().ok());
            assert_eq!(numbers.next(), Some(*range.end()));
            assert!(range.start() == range.end() || numbers.next() == Some(*range.start()));
        }
        PortWord::Service(name) => assert!(end.ends_with(name.as_str()) && name.is_ascii()),
    }
}

/// `://` may also stand in the name of an interface.
fn is_url(part: &str) -> bool {
    let is_scheme =
        |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    part.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

fn the_set_has_these_ports(terms: &[PortTerm]) {
    let ranges = terms.iter().filter_map(|term| match &term.port {
        PortWord::Range(range) => Some(range.clone()),
        PortWord::Service(_) => None,
    });
    let ranges: Vec<_> = ranges.collect();
    let set: PortSet = ranges.iter().cloned().collect();
    for edge in ranges.iter().flat_map(|range| [*range.start(), *range.end()]) {
        for port in [edge.saturating_sub(1), edge, edge.saturating_add(1)] {
            let expected = ranges.iter().any(|range| range.contains(&port));
            assert_eq!(set.contains(port), expected, "{port}");
        }
    }
}
