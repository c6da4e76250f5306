//! What Windows' `netsh int ipv4 show` prints of ports: only its numbers, because its words are in
//! the user's language.

use crate::model::PortRange;

/// The ranges in a listing of `excludedportrange`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Ranges {
    /// Those that a program reserved for itself: a bind of any other fails (WSAEACCES).
    pub excluded: Vec<PortRange>,
    /// Those that an administrator added, marked with `*`: they are not assigned automatically, and
    /// whoever asks for one by number has it. That is what they are for ("Configure a static port" of
    /// SQL Server's documentation adds one for its own listener; microsoft/msquic issue 2891).
    pub administered: Vec<PortRange>,
}

/// The pairs of numbers in a listing of `excludedportrange`: a line for each range.
#[must_use]
pub fn ranges(text: &str) -> Ranges {
    let mut ranges = Ranges::default();
    for (range, is_administered) in text.lines().filter_map(range) {
        let list = if is_administered { &mut ranges.administered } else { &mut ranges.excluded };
        list.push(range);
    }
    ranges
}

/// The range in a line, and whether an administrator added it. Behind the pair a mark may stand, and no
/// word.
fn range(line: &str) -> Option<(PortRange, bool)> {
    let mut words = line.split_whitespace();
    let (first, last) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let marks: Vec<&str> = words.collect();
    let is_row = first <= last && marks.iter().all(|mark| *mark == "*");
    is_row.then_some((first..=last, !marks.is_empty()))
}

/// The range in a listing of `dynamicport`: the first port and the number of ports, each behind a
/// colon.
#[must_use]
pub fn dynamic_range(text: &str) -> Option<PortRange> {
    let values =
        text.lines().filter_map(|line| line.rsplit_once(':')?.1.trim().parse::<u16>().ok());
    let values: Vec<u16> = values.collect();
    let [first, count] = values[..] else { return None };
    Some(first..=first.checked_add(count.checked_sub(1)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pairs_of_numbers_are_ranges() {
        let english = "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n\
            ----------    --------      \r\n      5357        5357      \r\n     50000       50059     *\r\n\
            \r\n* - Administered port exclusions.\r\n";
        let found = ranges(english);
        assert_eq!((found.excluded, found.administered), (vec![5357..=5357], vec![50000..=50059]));
        let german = "Portausschlussbereiche f\u{fc}r Protokoll \"tcp\"\n 80 80\n9 1\n2026 11 20\n";
        assert_eq!(ranges(german).excluded, [80..=80]);
    }

    #[test]
    fn the_dynamic_range_is_a_start_and_a_number() {
        let english = "Protocol tcp Dynamic Port Range\r\n---------------------------------\r\n\
            Start Port      : 49152\r\nNumber of Ports : 16384\r\n\r\n";
        assert_eq!(dynamic_range(english), Some(49152..=65535));
        assert_eq!(dynamic_range("Start : 65535\nNumber : 2\n"), None);
        assert_eq!(dynamic_range("Start : 1\nNumber : 0\n"), None);
        assert_eq!(dynamic_range(""), None);
    }
}
