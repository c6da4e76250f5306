//! State arguments: case and separators never matter, and only a state's own letters are one.

use portwho::model::{StateSet, TcpState};

pub fn check(data: &[u8]) {
    let Ok(word) = std::str::from_utf8(data) else { return };
    let Ok(set) = word.parse::<StateSet>() else { return };
    assert!(word.is_ascii() && !set.is_empty(), "{word:?}");
    assert!(!set.contains(TcpState::Unknown(0)));
    let plain = word.replace(['-', '_'], "");
    for spelling in [word.to_lowercase(), word.to_uppercase(), plain.clone(), plain + "_"] {
        assert_eq!(spelling.parse(), Ok(set), "{spelling:?}");
    }
    let named: Vec<TcpState> = TcpState::ALL.into_iter().filter(|s| set.contains(*s)).collect();
    assert_eq!(StateSet::of(&named), set);
}
