//! Windows' list of processes: no more entries than there is room for, names only from the list,
//! and what the system writes is read again.

use portwho::model::{Pid, Untrusted};
use portwho::platform::decode::process_list::process_list;

use super::input::{Input, wide};

/// Where the list stands in memory.
const ADDRESS: u64 = 0x7000_0000;
/// The last field that is read ends there.
const SHORTEST: usize = 152;

pub fn check(data: &[u8]) {
    if let Ok(list) = process_list(data, ADDRESS) {
        assert!(list.len() <= data.len() / SHORTEST, "{} entries overlap", list.len());
        // A unit of UTF-16 takes three bytes at most.
        let longest = data.len() / 2 * 3;
        assert!(list.iter().all(|entry| entry.name.as_bytes().len() <= longest));
    }
    names_come_back(data);
}

fn names_come_back(data: &[u8]) {
    let mut input = Input::new(data);
    let first = wide(input.take(64));
    let second = wide(input.rest());
    if second.len() > usize::from(u16::MAX) / 2 {
        return;
    }
    let mut bytes = entry(812, &first, 0, false);
    let place = bytes.len();
    bytes.extend(entry(813, &second, place, true));
    let list = process_list(&bytes, ADDRESS).expect("a whole list");
    let found: Vec<_> = list.iter().map(|entry| (entry.pid, entry.name.clone())).collect();
    let name = |units: &[u16]| Untrusted::from_wide(units);
    assert_eq!(found, [(Pid(812), name(&first)), (Pid(813), name(&second))]);
    assert_eq!(name(&first) == name(&second), first == second, "different names stay different");
}

/// An entry at `place`, with its name behind it.
fn entry(pid: u32, name: &[u16], place: usize, is_last: bool) -> Vec<u8> {
    const FIXED: usize = 256;
    let units: Vec<u8> = name.iter().copied().flat_map(u16::to_ne_bytes).collect();
    let length = (FIXED + units.len()).next_multiple_of(8);
    let mut bytes = vec![0; length];
    let mut put = |offset: usize, field: &[u8]| {
        bytes[offset..offset + field.len()].copy_from_slice(field);
    };
    let next = if is_last { 0 } else { u32::try_from(length).expect("short") };
    put(0, &next.to_ne_bytes());
    put(56, &u16::try_from(units.len()).expect("short").to_ne_bytes());
    put(64, &(ADDRESS + u64::try_from(place + FIXED).expect("short")).to_ne_bytes());
    put(80, &pid.to_ne_bytes());
    put(FIXED, &units);
    bytes
}
