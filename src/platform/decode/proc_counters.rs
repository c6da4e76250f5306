//! Counters of /proc/net: `netstat` and `snmp` as lines of names and lines of numbers, `sockstat` as
//! names and numbers in turn (the kernel's snmp_counter.rst; proc_pid_net(5)).

/// The counter `name` of a group such as `TcpExt:` in /proc/net/netstat.
#[must_use]
pub fn netstat(text: &str, group: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.split(' ').next() == Some(group));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let mut pairs = names.split_whitespace().zip(numbers.split_whitespace());
    pairs.find(|(known, _)| *known == name)?.1.parse().ok()
}

/// The number after `name` in the line of a group such as `TCP:` in /proc/net/sockstat.
#[must_use]
pub fn sockstat(text: &str, group: &str, name: &str) -> Option<u64> {
    let line = text.lines().find(|line| line.split(' ').next() == Some(group))?;
    let mut words = line.split_whitespace().skip_while(|word| *word != name);
    words.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_is_found_by_its_name() {
        let text = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 22 333\n\
                    IpExt: InNoRoutes\nIpExt: 4\n";
        assert_eq!(netstat(text, "TcpExt:", "ListenOverflows"), Some(22));
        assert_eq!(netstat(text, "IpExt:", "InNoRoutes"), Some(4));
        assert_eq!(netstat(text, "TcpExt:", "Absent"), None);
        assert_eq!(netstat("TcpExt: A B\nTcpExt: 1\n", "TcpExt:", "B"), None);
    }

    #[test]
    fn a_number_of_sockstat_is_found_by_its_name() {
        let text = "sockets: used 34\nTCP: inuse 2 orphan 5 tw 7 alloc 4 mem 44\n";
        assert_eq!(sockstat(text, "TCP:", "orphan"), Some(5));
        assert_eq!(sockstat(text, "TCP:", "absent"), None);
        assert_eq!(sockstat("", "TCP:", "orphan"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_them_panic(text: String) {
            let _ = (netstat(&text, "TcpExt:", "A"), sockstat(&text, "TCP:", "tw"));
        }
    }
}
