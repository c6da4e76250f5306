//! Limits of the machine: /proc/sys/fs/file-nr (proc_sys_fs(5)), /proc/net/protocols and
//! `net.ipv4.tcp_mem` (the kernel's ip-sysctl.rst).

use crate::model::{TcpMemory, Usage};

/// Open files, and how many there may be: the first and the last of the three numbers of `file-nr`.
#[must_use]
pub fn files(text: &str) -> Option<Usage> {
    let numbers = numbers(text)?;
    let [used, _, most] = numbers[..] else { return None };
    Some(Usage { used, most })
}

/// The three bounds of `tcp_mem`.
#[must_use]
pub fn tcp_bounds(text: &str) -> Option<[u64; 3]> {
    numbers(text)?.try_into().ok()
}

/// The memory of TCP by `protocols`, whose columns have names: `press` is `yes`, `no`, or `NI` where
/// the protocol has no such state. IPv4 and IPv6 share it.
#[must_use]
pub fn tcp_memory(text: &str) -> Option<TcpMemory> {
    let names = text.lines().next()?;
    let row = text.lines().skip(1).find(|line| line.split_whitespace().next() == Some("TCP"))?;
    let is_scarce = match value("press", names, row)? {
        "yes" => true,
        "no" => false,
        _ => return None,
    };
    let pages = value("memory", names, row).and_then(|pages| pages.parse().ok());
    Some(TcpMemory { is_scarce, pages, bounds: None })
}

/// The value in a row that stands where its name does among the names.
fn value<'a>(name: &str, names: &str, row: &'a str) -> Option<&'a str> {
    let place = names.split_whitespace().position(|known| known == name)?;
    row.split_whitespace().nth(place)
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    text.split_whitespace().map(|word| word.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_the_first_and_the_last_of_three() {
        let unlimited = files("428\t0\t9223372036854775807\n");
        assert_eq!(unlimited, Some(Usage { used: 428, most: i64::MAX.cast_unsigned() }));
        assert_eq!(files("428\t0\n"), None);
        assert_eq!(files("428 0 x\n"), None);
        assert_eq!(files(""), None);
    }

    #[test]
    fn tcp_is_scarce_by_its_column() {
        let table = |press: &str| {
            format!(
                "protocol  size sockets  memory press maxhdr  slab module     cl co\n\
                 TCPv6     2432      0     254   no     192   yes  kernel      y  y\n\
                 UDP       1344      1      -1   NI       0   yes  kernel      y  y\n\
                 TCP       2304      2     254   {press}     192   yes  kernel      y  y\n"
            )
        };
        let memory = |is_scarce| Some(TcpMemory { is_scarce, pages: Some(254), bounds: None });
        assert_eq!(tcp_memory(&table("yes")), memory(true));
        assert_eq!(tcp_memory(&table("no")), memory(false));
        assert_eq!(tcp_memory(&table("NI")), None);
        assert_eq!(tcp_memory("protocol  size sockets\nTCP 2304 2\n"), None);
        assert_eq!(tcp_memory(""), None);
    }

    #[test]
    fn tcp_has_three_bounds() {
        assert_eq!(tcp_bounds("92139\t122852\t184278\n"), Some([92_139, 122_852, 184_278]));
        assert_eq!(tcp_bounds("92139\t122852\n"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_them_panic(text: String) {
            let _ = (files(&text), tcp_bounds(&text), tcp_memory(&text));
        }
    }
}
