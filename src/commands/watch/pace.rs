//! How far looks are apart.

use std::time::Duration;

/// Looks take about a tenth of one processor: they rest so many times as long as they work.
const REST: u32 = 10;

/// How long to rest after a look on which processors have worked so long: as long as was asked for, or
/// longer.
pub(super) fn interval(asked: Duration, cost: Duration) -> Duration {
    cost.saturating_mul(REST).max(asked)
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
}
