//! Security identifiers: as many numbers as the bytes have, and different bytes read differently.

use portwho::platform::decode::sid::text;

pub fn check(data: &[u8]) {
    let Some(written) = text(data) else { return };
    let mut parts = written.split('-');
    assert_eq!(parts.next(), Some("S"));
    let mut number = || {
        let part = parts.next().expect("a number");
        let hexadecimal = part.strip_prefix("0x").map(|digits| u64::from_str_radix(digits, 16));
        hexadecimal.unwrap_or_else(|| part.parse()).expect("a number")
    };
    let mut bytes = vec![u8::try_from(number()).expect("the revision")];
    let authority = number();
    assert!(data.len() >= 8 && (data.len() - 8).is_multiple_of(4));
    let count = (data.len() - 8) / 4;
    bytes.push(u8::try_from(count).expect("the number of subauthorities"));
    bytes.extend(&authority.to_be_bytes()[2..]);
    for _ in 0..count {
        bytes.extend(u32::try_from(number()).expect("a subauthority").to_ne_bytes());
    }
    assert_eq!((bytes.as_slice(), parts.next()), (data, None));
}
