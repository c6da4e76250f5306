//! Values of the registry: a rule is its name and its data, and nothing else.

use portwho::model::{PortProxy, Untrusted};
use portwho::platform::decode::port_proxy::{KEYS, rule};

use super::input::{Input, wide};

pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let length = usize::from(input.byte());
    let (name, text) = (wide(input.take(length)), wide(input.rest()));
    for (_, families) in KEYS {
        let Some(rule) = rule(families, &name, &text) else { continue };
        assert_eq!(rule.families, families);
        is_written(&name, &rule.listen, rule.port);
        is_written(&text, &rule.connect, rule.connect_port);
        of_its_families(&rule);
    }
}

/// What was read, written again, is what was there, apart from zeros before a number.
fn is_written(units: &[u16], address: &Untrusted, port: u16) {
    let slash = units.iter().position(|unit| *unit == u16::from(b'/')).expect("a slash");
    assert_eq!(Untrusted::from_wide(&units[..slash]), *address);
    let digits = String::from_utf16(&units[slash + 1..]).expect("digits");
    assert_eq!(digits.trim_start_matches('0'), port.to_string());
    assert!(port != 0 && !address.as_bytes().is_empty());
}

fn of_its_families(rule: &PortProxy) {
    let ends =
        [(rule.families.0, rule.listen_address()), (rule.families.1, rule.connect_address())];
    for (family, address) in ends {
        let known = address.map(|address| address.is_ipv4());
        assert!(known.is_none_or(|is_v4| is_v4 == (family == portwho::model::Family::V4)));
    }
}
