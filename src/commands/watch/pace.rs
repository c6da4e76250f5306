//! How far looks are apart, and searches for all owners.

use std::time::Duration;

/// Looks take about a tenth of one processor: they rest so many times as long as they work.
const REST: u32 = 10;

/// How long to rest after a look on which processors have worked so long: as long as was asked for, or
/// longer.
pub(super) fn interval(asked: Duration, cost: Duration) -> Duration {
    cost.saturating_mul(REST).max(asked)
}

/// After this time every owner is searched again: a socket may be passed on while it stays what it is.
const CONFIRMED: Duration = Duration::from_secs(10);

/// Before that they are searched again after so many times as long as processors work for it, where owners
/// were found by a search that is short: that takes half a percent of one processor.
const SHARE: u32 = 200;

/// Whether it is time to search all owners again, so long after they were, where that has cost so much.
pub(super) fn confirms(since: Duration, cost: Duration, is_unsure: bool) -> bool {
    since >= CONFIRMED || (is_unsure && since >= cost.saturating_mul(SHARE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_grows_with_the_cost_of_a_look() {
        let ms = Duration::from_millis;
        for (asked, cost, expected) in [
            (ms(1000), ms(0), ms(1000)),
            (ms(1000), ms(100), ms(1000)),
            (ms(1000), ms(150), ms(1500)),
            (ms(200), ms(5000), ms(50_000)),
        ] {
            assert_eq!(interval(asked, cost), expected, "{asked:?} {cost:?}");
        }
    }

    #[test]
    fn owners_are_confirmed_within_ten_seconds_and_sooner_where_that_is_cheap() {
        let ms = Duration::from_millis;
        for (since, cost, is_unsure, expected) in [
            (ms(1000), ms(5), true, true),
            (ms(1000), ms(6), true, false),
            (ms(1200), ms(6), true, true),
            (ms(1000), ms(1), false, false),
            (ms(9999), ms(50), true, false),
            (ms(10_000), ms(5000), true, true),
            (ms(10_000), ms(5), false, true),
        ] {
            assert_eq!(confirms(since, cost, is_unsure), expected, "{since:?} {cost:?}");
        }
    }
}
