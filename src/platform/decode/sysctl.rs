//! Values of /proc/sys/net: `ip-sysctl` in the kernel's documentation.

use std::str::FromStr;

use crate::model::PortRange;

/// A number.
#[must_use]
pub fn number<T: FromStr>(text: &str) -> Option<T> {
    text.trim().parse().ok()
}

/// Two numbers, the first and the last port of a range.
#[must_use]
pub fn range(text: &str) -> Option<PortRange> {
    let mut numbers = text.split_whitespace();
    let (first, last) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    Some(first..=last)
}

/// A list of ports and ranges, as `8080,9148-9150`.
#[must_use]
pub fn ranges(text: &str) -> Vec<PortRange> {
    text.split(',').filter_map(port_or_range).collect()
}

fn port_or_range(word: &str) -> Option<PortRange> {
    let (first, last) = word.split_once('-').unwrap_or((word, word));
    Some(number(first)?..=number(last)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_the_kernel_writes_them() {
        assert_eq!(number::<u16>("1024\n"), Some(1024));
        assert_eq!(number::<u16>("65536\n"), None);
        assert_eq!(range("32768\t60999\n"), Some(32768..=60999));
        assert_eq!(range("32768\n"), None);
        assert_eq!(ranges("8080,9148-9150\n"), [8080..=8080, 9148..=9150]);
        assert_eq!(ranges("\n"), []);
    }
}
