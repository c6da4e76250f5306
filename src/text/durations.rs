//! Durations, in one format everywhere: `850ms`, `4.2s`, `42s`, `2h 12m`.

use std::time::Duration;

/// A duration with as much precision as a reader can use: milliseconds below one second, tenths
/// below ten, whole seconds below a minute, two units above.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match duration.as_secs() {
        0 => format!("{millis}ms"),
        1..10 if !millis.is_multiple_of(1000) => format!("{:.1}s", duration.as_secs_f64()),
        seconds => two_units(seconds),
    }
}

/// The same of a number of milliseconds.
#[must_use]
pub fn milliseconds(ms: u32) -> String {
    duration(Duration::from_millis(ms.into()))
}

/// How long ago something was whose time is known to the second: `0s`, `42s`, `2h 12m`.
#[must_use]
pub fn age(span: Duration) -> String {
    two_units(span.as_secs())
}

/// What a timer has left, rounded up to seconds: what has not run out is never `0s`.
#[must_use]
pub fn left(ms: u32) -> String {
    two_units(ms.div_ceil(1000).into())
}

fn two_units(seconds: u64) -> String {
    let whole = humantime::format_duration(Duration::from_secs(seconds)).to_string();
    whole.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn precision_falls_as_durations_grow() {
        let cases = [
            (0, "0ms"),
            (850, "850ms"),
            (1_000, "1s"),
            (4_200, "4.2s"),
            (5_000, "5s"),
            (42_900, "42s"),
            (60_000, "1m"),
            (143_000, "2m 23s"),
            (7_921_000, "2h 12m"),
            (200_000_000, "2days 7h"),
        ];
        for (millis, expected) in cases {
            assert_eq!(duration(Duration::from_millis(millis)), expected);
        }
    }

    #[test]
    fn what_is_left_is_rounded_up() {
        let cases = [(0, "0s"), (1, "1s"), (41_001, "42s"), (60_000, "1m"), (7_201_000, "2h 1s")];
        for (ms, expected) in cases {
            assert_eq!(left(ms), expected);
        }
    }

    #[test]
    fn an_age_has_whole_seconds() {
        let cases = [(0, "0s"), (59_900, "59s"), (61_000, "1m 1s"), (7_920_000, "2h 12m")];
        for (millis, expected) in cases {
            assert_eq!(age(Duration::from_millis(millis)), expected);
        }
    }
}
