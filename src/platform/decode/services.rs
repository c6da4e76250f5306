//! The services file: services(5), the same on Windows.

/// The ports of the service called `name`, by its name or one of its aliases, whatever its
/// protocol; each once.
#[must_use]
pub fn ports(file: &str, name: &str) -> Vec<u16> {
    let mut found: Vec<u16> = file.lines().filter_map(|line| port(line, name)).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn port(line: &str, name: &str) -> Option<u16> {
    let entry = line.split('#').next()?;
    let mut words = entry.split_whitespace();
    let official = words.next()?;
    let (port, _protocol) = words.next()?.split_once('/')?;
    let named = official == name || words.any(|alias| alias == name);
    named.then(|| port.parse().ok()).flatten().filter(|&port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_aliases_are_found_and_comments_are_not() {
        let file = "# http 1/tcp\nhttp\t\t80/tcp\t\twww # WorldWideWeb HTTP\nhttp 80/udp\n\
                    domain 53/tcp\nbroken\nodd x/tcp\nzero 0/tcp\n";
        assert_eq!(ports(file, "http"), [80]);
        assert_eq!(ports(file, "www"), [80]);
        assert_eq!(ports(file, "domain"), [53]);
        for absent in ["WorldWideWeb", "HTTP", "broken", "odd", "zero", ""] {
            assert!(ports(file, absent).is_empty(), "{absent}");
        }
    }
}
