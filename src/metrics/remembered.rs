//! What users have added to the labels of earlier looks. A budget bounds one look; a user who shows other
//! values at each look would still fill Prometheus, which keeps what it has seen for hours.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{Duration, SystemTime};

/// How long Prometheus keeps a series in memory that has ended: its head spans 3 hours at most.
const KEPT: Duration = Duration::from_hours(3);

/// A number for a value or an account. They are kept as such, because a file of them tells nothing then, and
/// nothing in it has to be escaped. Who finds two with the same number has gained one value of an account.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Number(u64);

impl Number {
    pub(super) fn of(value: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// A kind of value, with a budget of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// Of an owner: program and unit.
    Owner,
    /// Of a listener: where it is.
    Listener,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Owner, Self::Listener];

    const fn word(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Listener => "listener",
        }
    }
}

/// The values that were shown in the last hours, by account, and when each was last.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Remembered(BTreeMap<(Kind, Number, Number), u64>);

impl Remembered {
    /// What [`Self::text`] has written, and how many lines it has not: these are left out. One that
    /// does not end may be cut.
    #[must_use]
    pub fn of_text(text: &[u8]) -> (Self, usize) {
        let text = String::from_utf8_lossy(text);
        let lines = || text.split_inclusive('\n');
        let values = lines().filter_map(|one| line(one.strip_suffix('\n')?));
        let mut own = 0;
        let values = values.inspect(|_| own += 1).collect();
        (Self(values), lines().count() - own)
    }

    /// A line for each value, of `longest` bytes at most, and how many values that leaves out: those that
    /// were seen longest ago.
    #[must_use]
    pub fn text(&self, longest: usize) -> (String, usize) {
        let line = |((kind, account, value), seen): (&(Kind, Number, Number), &u64)| {
            (*seen, format!("{} {:016x} {:016x} {seen}\n", kind.word(), account.0, value.0))
        };
        let mut lines: Vec<(u64, String)> = self.0.iter().map(line).collect();
        lines.sort_by_key(|(seen, _)| *seen);
        let mut left: usize = lines.iter().map(|(_, line)| line.len()).sum();
        let too_many = |(_, line): &&(u64, String)| {
            let is_too_long = left > longest;
            left -= line.len();
            is_too_long
        };
        let forgotten = lines.iter().take_while(too_many).count();
        (lines.into_iter().skip(forgotten).map(|(_, line)| line).collect(), forgotten)
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Forgets what Prometheus has forgotten. What was seen later than now was so before the clock was set
    /// back.
    pub(super) fn forget_before(&mut self, now: SystemTime) {
        let now = seconds(now);
        self.0.values_mut().for_each(|seen| *seen = now.min(*seen));
        self.0.retain(|_, seen| now - *seen < KEPT.as_secs());
    }

    /// The values of an account.
    pub(super) fn of(&self, kind: Kind, account: Number) -> impl Iterator<Item = Number> {
        let (first, last) = (Number(u64::MIN), Number(u64::MAX));
        let range = self.0.range((kind, account, first)..=(kind, account, last));
        range.map(|((_, _, value), _)| *value)
    }

    /// Remembers that a value was shown.
    pub(super) fn add(&mut self, kind: Kind, account: Number, value: Number, now: SystemTime) {
        self.0.insert((kind, account, value), seconds(now));
    }
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn line(line: &str) -> Option<((Kind, Number, Number), u64)> {
    let mut words = line.split(' ');
    let word = words.next()?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.word() == word)?;
    let mut number = || u64::from_str_radix(words.next()?, 16).ok().map(Number);
    let (account, value) = (number()?, number()?);
    let seen = words.next()?.parse().ok()?;
    words.next().is_none().then_some(((kind, account, value), seen))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn values(remembered: &Remembered) -> usize {
        remembered.of(Kind::Owner, Number::of(&"user")).count()
    }

    fn with_one(seen: u64) -> Remembered {
        let mut remembered = Remembered::default();
        remembered.add(Kind::Owner, Number::of(&"user"), Number::of(&"x"), at(seen));
        remembered
    }

    #[test]
    fn it_lasts_as_long_as_prometheus_keeps_a_series() {
        let hours = |hours: u64| at(1_000_000 + hours * 3600);
        for (later, expected) in [(0, 1), (2, 1), (3, 0), (4, 0)] {
            let mut remembered = with_one(1_000_000);
            remembered.forget_before(hours(later));
            assert_eq!(values(&remembered), expected, "{later}");
        }
    }

    #[test]
    fn a_clock_that_is_set_back_keeps_nothing_longer() {
        let mut remembered = with_one(9_000_000);
        remembered.forget_before(at(1_000_000));
        assert_eq!(values(&remembered), 1);
        remembered.forget_before(at(1_000_000 + 3 * 3600));
        assert!(remembered.is_empty());
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut remembered = with_one(7);
        remembered.add(Kind::Listener, Number(0), Number(u64::MAX), at(8));
        assert_eq!(
            Remembered::of_text(remembered.text(1000).0.as_bytes()),
            (remembered.clone(), 0)
        );
        assert_eq!(remembered.of(Kind::Listener, Number(0)).count(), 1);
    }

    #[test]
    fn what_was_seen_longest_ago_is_not_written_where_it_is_too_much() {
        let mut remembered = with_one(7);
        for seen in [9, 8] {
            remembered.add(Kind::Owner, Number::of(&"user"), Number(seen), at(seen));
        }
        let (whole, none) = remembered.text(1000);
        let each = whole.len() / 3;
        assert_eq!(none, 0);
        assert_eq!(remembered.text(3 * each), (whole, 0));
        for (longest, kept) in [(3 * each - 1, 2), (2 * each, 2), (each, 1), (each - 1, 0), (0, 0)]
        {
            let (text, forgotten) = remembered.text(longest);
            assert_eq!((text.lines().count(), forgotten), (kept, 3 - kept), "{longest}");
            assert!(text.len() <= longest && (kept == 0 || text.ends_with(" 9\n")), "{text}");
        }
    }

    #[test]
    fn a_line_that_is_none_is_left_out_and_counted() {
        assert_eq!(Remembered::of_text(b""), (Remembered::default(), 0));
        for text in [
            "\n",
            "owner",
            "owner 1 2\n",
            "owner 1 2 x\n",
            "owner 1 2 3 4\n",
            "x 1 2 3\n",
            "\u{0}",
            // The time may have had more digits.
            "owner 1 2 3",
        ] {
            assert_eq!(Remembered::of_text(text.as_bytes()), (Remembered::default(), 1), "{text}");
        }
        let (some, strange) = Remembered::of_text(b"\xff\nowner 1 2 3\n\nowner 1 2 3\n");
        assert_eq!((some.text(1000).0.lines().count(), strange), (1, 2));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Remembered::of_text(&bytes);
        }
    }
}
