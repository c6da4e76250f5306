//! Counters, settings and the services file: every number stands in the text.

use std::collections::BTreeSet;

use portwho::platform::decode::{kernel_release, machine_limits, proc_counters, services, sysctl};

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
    let known = numbers(text);
    assert!(counters.into_iter().flatten().all(|number| known.contains(&number)));
    for range in sysctl::ranges(text).into_iter().chain(sysctl::range(text)) {
        let ends = [*range.start(), *range.end()].map(u64::from);
        assert!(ends.iter().all(|end| known.contains(end)), "{range:?}");
    }
    let limits = machine_limits::files(text).map(|usage| vec![usage.used, usage.most]);
    let bounds = machine_limits::tcp_bounds(text).map(Vec::from);
    let pages = machine_limits::tcp_memory(text).and_then(|memory| memory.pages).map(|it| vec![it]);
    let limits = [limits, bounds, pages].into_iter().flatten().flatten();
    assert!(limits.into_iter().all(|number| known.contains(&number)));
    if let Some((major, minor)) = kernel_release::version(text) {
        assert!([major, minor].iter().all(|number| known.contains(&u64::from(*number))));
    }
    a_service_has_a_line(text, name);
    a_counter_comes_back(name);
}

/// The numbers in a text, leading zeros or not.
fn numbers(text: &str) -> BTreeSet<u64> {
    let digits = text.split(|c: char| !c.is_ascii_digit());
    digits.filter_map(|digits| digits.parse().ok()).collect()
}

fn a_service_has_a_line(file: &str, name: &str) {
    let ports = services::ports(file, name);
    assert!(ports.is_sorted_by(|a, b| a < b), "ascending, each once");
    for port in ports {
        let tells = |line: &str| {
            let entry = line.split('#').next().unwrap_or_default();
            entry.split_whitespace().any(|word| word == name)
                && numbers(entry).contains(&port.into())
        };
        assert!(port != 0 && file.lines().any(tells));
    }
}

fn a_counter_comes_back(name: &str) {
    // A counter is called as no table and no other counter is.
    if name.is_empty() || name.contains(char::is_whitespace) || ["Other", "TcpExt:"].contains(&name)
    {
        return;
    }
    let netstat = format!("IpExt: {name}\nIpExt: 1\nTcpExt: Other {name}\nTcpExt: 2 3\n");
    assert_eq!(proc_counters::netstat(&netstat, "TcpExt:", name), Some(3));
    let sockstat = format!("UDP: {name} 1\nTCP: Other 2 {name} 3\n");
    let found = proc_counters::sockstat(&sockstat, "TCP:", name);
    assert!(found == Some(3) || name == "2" || name == "TCP:", "{name}: {found:?}");
}
