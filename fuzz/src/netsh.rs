//! netsh's listings: every range is a line of two numbers in order.

use portwho::platform::decode::netsh::{dynamic_range, ranges};

pub fn check(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let found = ranges(&text);
    for range in found.excluded.into_iter().chain(found.administered) {
        assert!(range.start() <= range.end());
        let tells = |line: &str| {
            let mut words = line.split_whitespace().map(str::parse);
            words.next() == Some(Ok(*range.start())) && words.next() == Some(Ok(*range.end()))
        };
        assert!(text.lines().any(tells), "{range:?}");
    }
    if let Some(range) = dynamic_range(&text) {
        let count = range.len();
        let told = |number: usize| {
            text.split(':').any(|part| part.lines().any(|l| l.trim().parse() == Ok(number)))
        };
        assert!(count > 0 && told(usize::from(*range.start())) && told(count), "{range:?}");
    }
}
