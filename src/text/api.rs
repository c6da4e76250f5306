//! What the interface of each system calls its things: the words that differ in a sentence.

use crate::model::{Api, Signal};

/// What a process holds `count` sockets by: descriptors, or handles.
#[must_use]
pub const fn descriptors(api: Api, count: usize) -> &'static str {
    match (api, count) {
        (Api::Posix, 1) => "descriptor",
        (Api::Posix, _) => "descriptors",
        (Api::Windows, 1) => "handle",
        (Api::Windows, _) => "handles",
    }
}

/// The call that closes a socket.
#[must_use]
pub const fn close_call(api: Api) -> &'static str {
    match api {
        Api::Posix => "close()",
        Api::Windows => "closesocket()",
    }
}

/// The call that reads from a socket.
#[must_use]
pub const fn read_call(api: Api) -> &'static str {
    match api {
        Api::Posix => "read()",
        Api::Windows => "recv()",
    }
}

/// The strongest means to end a process, which nothing can handle.
#[must_use]
pub fn strongest_means(api: Api) -> String {
    match api {
        Api::Posix => Signal::Kill.to_string(),
        Api::Windows => "TerminateProcess".to_owned(),
    }
}

/// The setting for the ports that are assigned automatically.
#[must_use]
pub const fn ephemeral_range(api: Api) -> &'static str {
    match api {
        Api::Posix => "net.ipv4.ip_local_port_range",
        Api::Windows => "dynamic ports",
    }
}

/// By what ports are reserved, which are never assigned automatically and can be bound.
#[must_use]
pub const fn reserved_ports(api: Api) -> &'static str {
    match api {
        Api::Posix => "net.ipv4.ip_local_reserved_ports",
        Api::Windows => {
            "an administered exclusion of netsh; a program that names the port can bind it"
        }
    }
}

/// Why not even all privileges suffice to end a process.
#[must_use]
pub const fn beyond_rights(api: Api) -> &'static str {
    match api {
        Api::Posix => "permission denied, even as root: it requires CAP_KILL",
        Api::Windows => "permission denied, even elevated: the process is protected",
    }
}

/// Why not even all privileges suffice to close a socket.
#[must_use]
pub const fn beyond_rights_to_close(api: Api) -> &'static str {
    match api {
        Api::Posix => "permission denied, even as root: it requires CAP_NET_ADMIN",
        Api::Windows => "permission denied, even elevated",
    }
}
