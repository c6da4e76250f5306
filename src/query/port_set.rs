//! A set of ports.

use crate::model::PortRange;

/// A set of ports, as ranges that neither overlap nor touch, ascending.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PortSet(Vec<PortRange>);

impl PortSet {
    /// Whether `port` is in the set.
    #[must_use]
    pub fn contains(&self, port: u16) -> bool {
        let place = self.0.partition_point(|range| *range.end() < port);
        self.0.get(place).is_some_and(|range| range.contains(&port))
    }

    /// The ranges, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[PortRange] {
        &self.0
    }

    /// Whether exactly one port is in the set.
    #[must_use]
    pub fn is_single(&self) -> bool {
        matches!(self.ranges(), [only] if only.start() == only.end())
    }

    /// Whether no port is in the set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<PortRange> for PortSet {
    fn from_iter<I: IntoIterator<Item = PortRange>>(ranges: I) -> Self {
        let mut sorted: Vec<PortRange> = ranges.into_iter().collect();
        sorted.sort_unstable_by_key(|range| *range.start());
        let mut merged: Vec<PortRange> = Vec::with_capacity(sorted.len());
        for range in sorted {
            match merged.last_mut() {
                Some(last) if u32::from(*range.start()) <= u32::from(*last.end()) + 1 => {
                    *last = *last.start()..=*last.end().max(range.end());
                }
                _ => merged.push(range),
            }
        }
        Self(merged)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        let set = PortSet::from_iter([8000..=8010, 80..=80, 8011..=8012, 8005..=8006]);
        assert_eq!(set.ranges(), [80..=80, 8000..=8012]);
    }

    fn any_range() -> impl Strategy<Value = PortRange> {
        (any::<u16>(), any::<u16>()).prop_map(|(a, b)| a.min(b)..=a.max(b))
    }

    proptest! {
        #[test]
        fn a_set_contains_exactly_what_its_ranges_do(
            ranges in proptest::collection::vec(any_range(), 0..8),
            port: u16,
        ) {
            let set: PortSet = ranges.iter().cloned().collect();
            prop_assert_eq!(set.contains(port), ranges.iter().any(|range| range.contains(&port)));
            for pair in set.ranges().windows(2) {
                prop_assert!(u32::from(*pair[0].end()) + 1 < u32::from(*pair[1].start()));
            }
        }
    }
}
