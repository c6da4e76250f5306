//! Windows' list of processes: `SYSTEM_PROCESS_INFORMATION` of NtQuerySystemInformation, as the
//! 64-bit systems lay it out. It covers every process, even for those who may open none.

use super::DecodeError;
use super::bytes::{array_at, u16_at, u32_at, u64_at};
use crate::model::{Pid, Presence, TableOwner, Untrusted};

/// What the list reports about a process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedProcess {
    /// Its id.
    pub pid: Pid,
    /// The id of the process that started it, which may be another's by now.
    pub parent: Pid,
    /// The image name; empty for the idle process.
    pub name: Untrusted,
    /// When it was created, in 100 ns since 1601; none for the idle process.
    pub created: Option<u64>,
    /// Its session.
    pub session: u32,
    /// How many handles it has open.
    pub handles: u32,
    /// Its working set in bytes; none where the system writes 0.
    pub memory_bytes: Option<u64>,
}

/// The offsets of the fields on 64-bit systems. The Windows build compares them with its headers, which
/// call some of them reserved: these are named in System Informer's headers (phnt, ntexapi.h,
/// SYSTEM_PROCESS_INFORMATION).
pub mod offset {
    /// `NextEntryOffset`.
    pub const NEXT: usize = 0;
    /// `CreateTime`, behind WorkingSetPrivateSize, HardFaultCount, NumberOfThreadsHighWatermark and
    /// CycleTime, in what the headers call Reserved1.
    pub const CREATED: usize = 32;
    /// `ImageName.Length`.
    pub const NAME_LENGTH: usize = 56;
    /// `ImageName.Buffer`.
    pub const NAME_ADDRESS: usize = 64;
    /// `UniqueProcessId`.
    pub const PID: usize = 80;
    /// `InheritedFromUniqueProcessId`, which the headers call Reserved2.
    pub const PARENT: usize = 88;
    /// `HandleCount`.
    pub const HANDLES: usize = 96;
    /// `SessionId`.
    pub const SESSION: usize = 100;
    /// `WorkingSetSize`.
    pub const WORKING_SET: usize = 144;
}

/// Where the last field that is read ends.
const LENGTH: usize = offset::WORKING_SET + 8;

/// Decodes the list. `address` is where the bytes stood when the system wrote them: names are
/// given as addresses among them.
///
/// # Errors
/// When an entry points outside the bytes. Never panics.
pub fn process_list(bytes: &[u8], address: u64) -> Result<Vec<ListedProcess>, DecodeError> {
    let mut processes = Vec::new();
    let mut place = 0;
    loop {
        let entry = bytes.get(place..).ok_or(DecodeError::BadLength)?;
        processes.push(process(entry, bytes, address)?);
        match usize::try_from(u32_at(entry, offset::NEXT)?).map_err(|_| DecodeError::BadLength)? {
            0 => return Ok(processes),
            // Entries that overlap would be more than there are bytes for.
            next if next < LENGTH => return Err(DecodeError::BadLength),
            next => place = place.checked_add(next).ok_or(DecodeError::BadLength)?,
        }
    }
}

/// What is known of the process that a table says created a socket, from the list of processes.
///
/// One born after the socket only has the PID of the one that created it, unless the clock was set back
/// in between. The process that holds such a socket now inherited it, so it is a child of the one that
/// is gone, and older than the one that has its PID now. Without such a child the times are not to be
/// believed. Nothing exits of what stands for the kernel.
#[must_use]
pub fn presence(named: TableOwner, list: &[ListedProcess]) -> Presence {
    let Some(own) = list.iter().find(|process| process.pid == named.pid) else {
        let is_kernel = KERNEL.contains(&named.pid);
        return if is_kernel { Presence::Present(None) } else { Presence::Absent };
    };
    let is_older = |process: &ListedProcess| {
        process.created.zip(own.created).is_some_and(|(other, own)| other < own)
    };
    let is_heir = |process: &ListedProcess| process.parent == named.pid && is_older(process);
    let is_reused = !KERNEL.contains(&named.pid) && list.iter().any(is_heir);
    Presence::Present(own.created.filter(|_| is_reused))
}

/// Idle and System.
const KERNEL: [Pid; 2] = [Pid(0), Pid(4)];

fn process(entry: &[u8], all: &[u8], address: u64) -> Result<ListedProcess, DecodeError> {
    let known = |number: u64| Some(number).filter(|&number| number != 0);
    Ok(ListedProcess {
        pid: pid_at(entry, offset::PID)?,
        parent: pid_at(entry, offset::PARENT)?,
        name: name(entry, all, address)?,
        created: known(u64_at(entry, offset::CREATED)?),
        handles: u32_at(entry, offset::HANDLES)?,
        session: u32_at(entry, offset::SESSION)?,
        memory_bytes: known(u64_at(entry, offset::WORKING_SET)?),
    })
}

/// PIDs stand in the field of a handle; their upper half is empty.
fn pid_at(entry: &[u8], offset: usize) -> Result<Pid, DecodeError> {
    u32_at(entry, offset).map(Pid)
}

fn name(entry: &[u8], all: &[u8], address: u64) -> Result<Untrusted, DecodeError> {
    let length = usize::from(u16_at(entry, offset::NAME_LENGTH)?);
    let start = u64_at(entry, offset::NAME_ADDRESS)?;
    if length == 0 || start == 0 {
        return Ok(Untrusted::from_wide(&[]));
    }
    let start = start.checked_sub(address).and_then(|start| usize::try_from(start).ok());
    let start = start.ok_or(DecodeError::BadLength)?;
    let end = start.checked_add(length).ok_or(DecodeError::BadLength)?;
    let name = all.get(start..end).ok_or(DecodeError::BadLength)?;
    let units: Result<Vec<u16>, DecodeError> =
        name.chunks_exact(2).map(|unit| array_at(unit, 0).map(u16::from_ne_bytes)).collect();
    Ok(Untrusted::from_wide(&units?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: u64 = 0x7000_0000;
    const ENTRY: usize = 256;

    fn entry(pid: u64, parent: u64, name: &str, place: usize, is_last: bool) -> Vec<u8> {
        let mut bytes = vec![0; ENTRY];
        let mut put = |offset: usize, field: &[u8]| {
            bytes[offset..offset + field.len()].copy_from_slice(field);
        };
        let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_ne_bytes).collect();
        let start = ADDRESS + u64::try_from(place + 200).unwrap();
        put(offset::NEXT, &u32::try_from(if is_last { 0 } else { ENTRY }).unwrap().to_ne_bytes());
        put(offset::CREATED, &133_000_000_000_000_000_u64.to_ne_bytes());
        put(offset::NAME_LENGTH, &u16::try_from(units.len()).unwrap().to_ne_bytes());
        put(offset::NAME_ADDRESS, &start.to_ne_bytes());
        put(offset::PID, &pid.to_ne_bytes());
        put(offset::PARENT, &parent.to_ne_bytes());
        put(offset::SESSION, &1_u32.to_ne_bytes());
        put(offset::WORKING_SET, &2_867_200_u64.to_ne_bytes());
        put(200, &units);
        bytes
    }

    fn list() -> Vec<u8> {
        let mut bytes = entry(4, 0, "System", 0, false);
        bytes.extend(entry(1688, 4, "inetinfo.exe", ENTRY, true));
        bytes
    }

    #[test]
    fn every_process_is_named() {
        let found = process_list(&list(), ADDRESS).unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].name.as_bytes(), b"System");
        let owner = &found[1];
        assert_eq!((owner.pid, owner.parent, owner.session), (Pid(1688), Pid(4), 1));
        assert_eq!(owner.name.as_bytes(), b"inetinfo.exe");
        assert_eq!(owner.memory_bytes, Some(2_867_200));
        assert_eq!(owner.created, Some(133_000_000_000_000_000));
    }

    fn listed(pid: u32, parent: u32, created: u64) -> ListedProcess {
        ListedProcess {
            pid: Pid(pid),
            parent: Pid(parent),
            name: Untrusted::from_wide(&[]),
            created: Some(created).filter(|created| *created != 0),
            session: 0,
            handles: 0,
            memory_bytes: None,
        }
    }

    #[test]
    fn a_reused_pid_is_known_by_what_its_first_process_left() {
        let named = |pid, created| TableOwner { pid: Pid(pid), created: Some(created) };
        let newcomer = listed(812, 4, 5000);
        for (others, expected) in [
            (vec![], Presence::Present(None)),
            // A child of the one that is gone.
            (vec![listed(900, 812, 4000)], Presence::Present(Some(5000))),
            // A child of the one that is here.
            (vec![listed(900, 812, 6000)], Presence::Present(None)),
            (vec![listed(900, 813, 4000)], Presence::Present(None)),
        ] {
            let list = [vec![newcomer.clone()], others].concat();
            assert_eq!(presence(named(812, 100), &list), expected, "{list:?}");
        }
        assert_eq!(presence(named(812, 100), &[]), Presence::Absent);
    }

    #[test]
    fn the_kernel_never_exits() {
        let named = TableOwner { pid: Pid(4), created: Some(1) };
        assert_eq!(presence(named, &[]), Presence::Present(None));
        let list = [listed(4, 0, 5000), listed(100, 4, 4000)];
        assert_eq!(presence(named, &list), Presence::Present(None));
    }

    #[test]
    fn a_list_that_is_cut_or_points_elsewhere_is_an_error() {
        let whole = list();
        for end in 0..ENTRY + offset::WORKING_SET {
            assert!(process_list(&whole[..end], ADDRESS).is_err(), "{end} bytes");
        }
        assert!(process_list(&whole, ADDRESS + 4096).is_err());
        assert!(process_list(&whole, 0).is_err());
        let mut overlapping = whole;
        overlapping[..4].copy_from_slice(&8_u32.to_ne_bytes());
        assert_eq!(process_list(&overlapping, ADDRESS), Err(DecodeError::BadLength));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes in proptest::collection::vec(0_u8.., 0..400)) {
            let _ = process_list(&bytes, ADDRESS);
        }
    }
}
