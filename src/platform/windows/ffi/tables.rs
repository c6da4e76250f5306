//! The tables of sockets, and a connection that is deleted.

use std::ffi::c_void;
use std::net::SocketAddrV4;
use std::{io, mem, ptr};

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_DATA, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    ConvertInterfaceAliasToLuid, ConvertInterfaceLuidToIndex, GetExtendedTcpTable,
    GetExtendedUdpTable, MIB_TCP_STATE_DELETE_TCB, MIB_TCPROW_LH, MIB_TCPROW_LH_0, SetTcpEntry,
    TCP_TABLE_OWNER_MODULE_ALL, UDP_TABLE_OWNER_MODULE,
};
use windows_sys::Win32::NetworkManagement::Ndis::NET_LUID_LH;
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};
use windows_sys::Win32::System::Memory::{GetProcessHeap, HeapFree, HeapSize};

use super::{TRIES, bytes, export, os_error};
use crate::model::{Family, Protocol};

/// A table of sockets with owner and creation time, as `MIB_*TABLE_OWNER_MODULE`.
///
/// # Errors
/// The system's error.
pub(in crate::platform::windows) fn owner_module_table(
    protocol: Protocol,
    family: Family,
) -> io::Result<Vec<u8>> {
    let address_family = u32::from(match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    });
    let mut words: Vec<u64> = Vec::new();
    for _ in 0..TRIES {
        let mut size = u32::try_from(words.len() * 8).unwrap_or(u32::MAX);
        // An empty table is asked for its size alone (GetExtendedTcpTable).
        let buffer =
            if words.is_empty() { ptr::null_mut() } else { words.as_mut_ptr().cast::<c_void>() };
        // SAFETY: the buffer is `size` bytes long, and aligned as the tables' 64-bit fields
        // want it; with a size of 0 it is null.
        let status = unsafe {
            match protocol {
                Protocol::Tcp => GetExtendedTcpTable(
                    buffer,
                    &raw mut size,
                    0,
                    address_family,
                    TCP_TABLE_OWNER_MODULE_ALL,
                    0,
                ),
                Protocol::Udp => GetExtendedUdpTable(
                    buffer,
                    &raw mut size,
                    0,
                    address_family,
                    UDP_TABLE_OWNER_MODULE,
                    0,
                ),
            }
        };
        match status {
            NO_ERROR => return Ok(bytes(&words)),
            ERROR_INSUFFICIENT_BUFFER => {
                let bytes = usize::try_from(size).unwrap_or_default();
                // Room for sockets that are opened before the next call.
                words = vec![0; bytes / 8 + 512];
            }
            error => return Err(os_error(error)),
        }
    }
    Err(os_error(ERROR_INSUFFICIENT_BUFFER))
}

/// The index of an interface by its alias, which is also its number in a scope (RFC 4007).
pub(in crate::platform::windows) fn interface_index(alias: &str) -> Option<u32> {
    let alias: Vec<u16> = alias.encode_utf16().chain([0]).collect();
    let mut luid = NET_LUID_LH { Value: 0 };
    let mut index = 0;
    // SAFETY: the alias ends with a NUL, and `luid` is written to.
    let status = unsafe { ConvertInterfaceAliasToLuid(alias.as_ptr(), &raw mut luid) };
    if status != NO_ERROR {
        return None;
    }
    // SAFETY: both are valid for the call; `index` is written to.
    let status = unsafe { ConvertInterfaceLuidToIndex(&raw const luid, &raw mut index) };
    (status == NO_ERROR).then_some(index)
}

/// Deletes the TCP connection with these two ends, and returns the system's error, 0 for none.
pub(in crate::platform::windows) fn delete_connection(
    local: SocketAddrV4,
    foreign: SocketAddrV4,
) -> u32 {
    // Addresses and ports are in network order, a port in the lower half of its field
    // (MIB_TCPROW_LH).
    let address = |end: SocketAddrV4| u32::from_ne_bytes(end.ip().octets());
    let port = |end: SocketAddrV4| u32::from(end.port().to_be());
    let row = MIB_TCPROW_LH {
        Anonymous: MIB_TCPROW_LH_0 { State: MIB_TCP_STATE_DELETE_TCB },
        dwLocalAddr: address(local),
        dwLocalPort: port(local),
        dwRemoteAddr: address(foreign),
        dwRemotePort: port(foreign),
    };
    // SAFETY: the row is ours, complete, and only read.
    unsafe { SetTcpEntry(&raw const row) }
}

/// The signature of the two calls for bound endpoints, as `netstat -q` uses them.
type BoundTable = unsafe extern "system" fn(*mut *mut c_void, *mut c_void, u32) -> u32;

/// The bound endpoints of TCP, as `MIB_TCPTABLE2` or `MIB_TCP6TABLE2`; none where the system
/// does not have the call. A success that stores no table says that there are none.
///
/// # Errors
/// The system's error.
pub(in crate::platform::windows) fn bound_table(family: Family) -> io::Result<Option<Vec<u8>>> {
    let name = match family {
        Family::V4 => c"InternalGetBoundTcpEndpointTable",
        Family::V6 => c"InternalGetBoundTcp6EndpointTable",
    };
    let Some(address) = export(c"iphlpapi.dll", name) else { return Ok(None) };
    // SAFETY: the exports have this signature, (table, heap, heap flags), in System Informer's
    // headers (phnt), after netstat's own use; Windows documents neither.
    let call: BoundTable = unsafe { mem::transmute(address) };
    let mut table: *mut c_void = ptr::null_mut();
    // SAFETY: the call stores a block of the given heap, which is ours from then on, or a null
    // pointer. The block's size is asked of the heap, the bytes are copied, and it is freed once.
    unsafe {
        let heap = GetProcessHeap();
        let status = call(&raw mut table, heap, 0);
        if table.is_null() {
            return if status == NO_ERROR { Ok(Some(Vec::new())) } else { Err(os_error(status)) };
        }
        let size = HeapSize(heap, 0, table);
        let bytes = (size != usize::MAX && status == NO_ERROR)
            .then(|| std::slice::from_raw_parts(table.cast::<u8>(), size).to_vec());
        HeapFree(heap, 0, table);
        match bytes {
            Some(bytes) => Ok(Some(bytes)),
            None if status == NO_ERROR => Err(os_error(ERROR_INVALID_DATA)),
            None => Err(os_error(status)),
        }
    }
}
