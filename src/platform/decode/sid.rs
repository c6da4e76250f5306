//! Windows' security identifiers (SID of winnt.h): a revision, the number of subauthorities, an
//! authority of 48 bits in the network's byte order, and subauthorities of 32 bits in the machine's.

use super::bytes::{array_at, u8_at, u32_at};

/// As ConvertSidToStringSid writes it: `S-1-5-18`. None where the bytes are no SID.
#[must_use]
pub fn text(sid: &[u8]) -> Option<String> {
    let (revision, count) = (u8_at(sid, 0).ok()?, usize::from(u8_at(sid, 1).ok()?));
    if sid.len() != 8 + 4 * count {
        return None;
    }
    let authority = array_at::<6>(sid, 2).ok()?;
    let authority = authority.iter().fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    let authority =
        if authority < 1 << 32 { authority.to_string() } else { format!("0x{authority:x}") };
    let mut text = format!("S-{revision}-{authority}");
    for place in 0..count {
        text.push('-');
        text.push_str(&u32_at(sid, 8 + 4 * place).ok()?.to_string());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn well_known_ones_read_as_documented() {
        let sid = |authority: u8, parts: &[u32]| {
            let count = u8::try_from(parts.len()).unwrap();
            let mut bytes = vec![1, count, 0, 0, 0, 0, 0, authority];
            bytes.extend(parts.iter().flat_map(|part| part.to_ne_bytes()));
            bytes
        };
        assert_eq!(text(&sid(5, &[18])).unwrap(), "S-1-5-18");
        assert_eq!(text(&sid(1, &[0])).unwrap(), "S-1-1-0");
        assert_eq!(text(&sid(5, &[32, 544])).unwrap(), "S-1-5-32-544");
        let user = sid(5, &[21, 1_004_336_348, 1_177_238_915, 682_003_330, 512]);
        assert_eq!(text(&user).unwrap(), "S-1-5-21-1004336348-1177238915-682003330-512");
    }

    #[test]
    fn what_is_too_short_or_too_long_is_none() {
        for bytes in [&[][..], &[1], &[1, 1, 0, 0, 0, 0, 0, 5], &[1, 0, 0, 0, 0, 0, 0, 5, 9]] {
            assert_eq!(text(bytes), None, "{bytes:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = text(&bytes);
        }
    }
}
