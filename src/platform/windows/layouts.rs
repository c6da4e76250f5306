//! The layouts that the decoders assume are those of Windows' headers: a difference does not compile.

use std::mem::offset_of;

use windows_sys::Win32::Foundation::UNICODE_STRING;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    MIB_TCP6ROW_OWNER_MODULE, MIB_TCP6ROW2, MIB_TCP6TABLE_OWNER_MODULE, MIB_TCP6TABLE2,
    MIB_TCPROW_OWNER_MODULE, MIB_TCPROW2, MIB_TCPTABLE_OWNER_MODULE, MIB_TCPTABLE2,
    MIB_UDP6ROW_OWNER_MODULE, MIB_UDP6TABLE_OWNER_MODULE, MIB_UDPROW_OWNER_MODULE,
    MIB_UDPTABLE_OWNER_MODULE,
};
use windows_sys::Win32::System::WindowsProgramming::SYSTEM_PROCESS_INFORMATION;

use crate::platform::decode::mib::{
    BOUND_ROWS, MODULE_ROWS, SCOPE, TCP4_BOUND, TCP4_MODULE, TCP6_BOUND, TCP6_MODULE, UDP4_MODULE,
    UDP6_MODULE,
};
use crate::platform::decode::process_list::offset;

/// Fails to compile where a field of a row stands elsewhere.
macro_rules! row {
    ($layout:ident is $row:ident in $table:ident at $start:ident:
     $local:ident $local_port:ident $pid:ident $(, $part:ident $(. $side:ident)? = $field:ident)*) => {
        const _: () = {
            assert!($layout.length == size_of::<$row>());
            assert!($start == offset_of!($table, table));
            assert!($layout.local == offset_of!($row, $local));
            assert!($layout.local_port == offset_of!($row, $local_port));
            assert!($layout.pid == offset_of!($row, $pid));
            $(row!(@part $layout $row $part $(. $side)? $field);)*
        };
    };
    (@part $layout:ident $row:ident foreign.address $field:ident) => {
        assert!(matches!($layout.foreign, Some((at, _)) if at == offset_of!($row, $field)));
    };
    (@part $layout:ident $row:ident foreign.port $field:ident) => {
        assert!(matches!($layout.foreign, Some((_, at)) if at == offset_of!($row, $field)));
    };
    (@part $layout:ident $row:ident scope $field:ident) => {
        assert!($layout.is_v6 && $layout.local + SCOPE == offset_of!($row, $field));
    };
    (@part $layout:ident $row:ident $part:ident $field:ident) => {
        assert!(matches!($layout.$part, Some(at) if at == offset_of!($row, $field)));
    };
}

row!(TCP4_MODULE is MIB_TCPROW_OWNER_MODULE in MIB_TCPTABLE_OWNER_MODULE at MODULE_ROWS:
    dwLocalAddr dwLocalPort dwOwningPid, state = dwState, foreign.address = dwRemoteAddr,
    foreign.port = dwRemotePort, created = liCreateTimestamp);
row!(TCP6_MODULE is MIB_TCP6ROW_OWNER_MODULE in MIB_TCP6TABLE_OWNER_MODULE at MODULE_ROWS:
    ucLocalAddr dwLocalPort dwOwningPid, scope = dwLocalScopeId, state = dwState,
    foreign.address = ucRemoteAddr, foreign.port = dwRemotePort, created = liCreateTimestamp);
row!(UDP4_MODULE is MIB_UDPROW_OWNER_MODULE in MIB_UDPTABLE_OWNER_MODULE at MODULE_ROWS:
    dwLocalAddr dwLocalPort dwOwningPid, created = liCreateTimestamp);
row!(UDP6_MODULE is MIB_UDP6ROW_OWNER_MODULE in MIB_UDP6TABLE_OWNER_MODULE at MODULE_ROWS:
    ucLocalAddr dwLocalPort dwOwningPid, scope = dwLocalScopeId, created = liCreateTimestamp);
row!(TCP4_BOUND is MIB_TCPROW2 in MIB_TCPTABLE2 at BOUND_ROWS:
    dwLocalAddr dwLocalPort dwOwningPid);
row!(TCP6_BOUND is MIB_TCP6ROW2 in MIB_TCP6TABLE2 at BOUND_ROWS:
    LocalAddr dwLocalPort dwOwningPid, scope = dwLocalScopeId);

const _: () = {
    type Process = SYSTEM_PROCESS_INFORMATION;
    let name = offset_of!(Process, ImageName);
    assert!(offset::NEXT == offset_of!(Process, NextEntryOffset));
    assert!(offset::NAME_LENGTH == name + offset_of!(UNICODE_STRING, Length));
    assert!(offset::NAME_ADDRESS == name + offset_of!(UNICODE_STRING, Buffer));
    assert!(offset::PID == offset_of!(Process, UniqueProcessId));
    assert!(offset::PARENT == offset_of!(Process, Reserved2));
    assert!(offset::HANDLES == offset_of!(Process, HandleCount));
    assert!(offset::SESSION == offset_of!(Process, SessionId));
    assert!(offset::WORKING_SET == offset_of!(Process, WorkingSetSize));
    // Three numbers of 64 bits end what is reserved: the times of creation, in user and in kernel mode.
    assert!(offset::CREATED + 24 == name);
};
