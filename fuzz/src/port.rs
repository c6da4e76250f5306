//! PORT arguments: what is understood is what was typed, and an error is safe to print.

use portwho::query::{PortSet, PortTerm, PortWord};
use portwho::text::escape::harmless;

use super::escape::is_safe;

pub fn check(data: &[u8]) {
    let Ok(word) = std::str::from_utf8(data) else { return };
    match PortTerm::parse_list(word) {
        Ok(terms) => {
            assert_eq!(terms.len(), word.split(',').count());
            for (term, part) in terms.iter().zip(word.split(',')) {
                is_what_was_typed(term, part);
            }
            the_set_has_these_ports(&terms);
        }
        Err(error) => {
            assert!(harmless(&error.to_string()).chars().all(|c| c == '\n' || is_safe(c)));
        }
    }
}

fn is_what_was_typed(term: &PortTerm, part: &str) {
    match &term.port {
        PortWord::Range(range) => {
            assert!(*range.start() > 0 && range.start() <= range.end());
            let tail = part.rsplit(':').next().unwrap_or_default();
            let numbers: Vec<u16> = tail.split('-').map(|n| n.parse().unwrap()).collect();
            let ends = [numbers.first(), numbers.last()];
            assert_eq!(ends, [Some(range.start()), Some(range.end())]);
        }
        PortWord::Service(name) => assert!(part.ends_with(name.as_str()) && name.is_ascii()),
    }
    assert_eq!(PortTerm::parse_list(&written(term)), Ok(vec![term.clone()]));
}

/// A PORT as it can be typed.
pub fn written(term: &PortTerm) -> String {
    let port = match &term.port {
        PortWord::Range(range) if range.start() == range.end() => range.start().to_string(),
        PortWord::Range(range) => format!("{}-{}", range.start(), range.end()),
        PortWord::Service(name) => name.clone(),
    };
    let Some(at) = &term.address else { return port };
    let zone = at.zone.as_ref().map(|zone| format!("%{zone}")).unwrap_or_default();
    format!("[{}{zone}]:{port}", at.address)
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
