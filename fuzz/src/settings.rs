//! Counters, settings and the services file: every number stands in the text.

use portwho::platform::decode::{proc_counters, services, sysctl};

use super::input::Input;

pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let length = usize::from(input.byte() % 16);
    let (name, text) = (input.take(length), input.rest());
    let (Ok(name), Ok(text)) = (std::str::from_utf8(name), std::str::from_utf8(text)) else {
        return;
    };
    let counters = [
        proc_counters::netstat(text, "TcpExt:", name),
        proc_counters::sockstat(text, "TCP:", name),
        sysctl::number(text),
    ];
    for number in counters.into_iter().flatten() {
        assert!(stands_in(text, number));
    }
    for range in sysctl::ranges(text).into_iter().chain(sysctl::range(text)) {
        assert!(stands_in(text, (*range.start()).into()) && stands_in(text, (*range.end()).into()));
    }
    a_service_has_a_line(text, name);
    a_counter_comes_back(name);
}

/// Whether a number stands between what is no digit, leading zeros or not.
fn stands_in(text: &str, number: u64) -> bool {
    text.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.parse() == Ok(number))
}

fn a_service_has_a_line(file: &str, name: &str) {
    let ports = services::ports(file, name);
    assert!(ports.is_sorted_by(|a, b| a < b), "ascending, each once");
    for port in ports {
        let tells = |line: &str| {
            let entry = line.split('#').next().unwrap_or_default();
            entry.split_whitespace().any(|word| word == name) && stands_in(entry, port.into())
        };
        assert!(port != 0 && file.lines().any(tells));
    }
}

fn a_counter_comes_back(name: &str) {
    if name.is_empty() || name.contains(char::is_whitespace) || name == "Other" {
        return;
    }
    let netstat = format!("IpExt: {name}\nIpExt: 1\nTcpExt: Other {name}\nTcpExt: 2 3\n");
    assert_eq!(proc_counters::netstat(&netstat, "TcpExt:", name), Some(3));
    let sockstat = format!("UDP: {name} 1\nTCP: Other 2 {name} 3\n");
    let found = proc_counters::sockstat(&sockstat, "TCP:", name);
    assert!(found == Some(3) || name == "2" || name == "TCP:", "{name}: {found:?}");
}
