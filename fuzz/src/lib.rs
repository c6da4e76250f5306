//! What must hold of everything that portwho reads and that others may choose, beyond that nothing
//! crashes: what comes out is part of what went in, what is printed is harmless, and what is
//! written and read again is the same.
//!
//! Each file is a target of `cargo fuzz`. tests/it/corpus.rs includes these files and replays the
//! corpus, so that `cargo test` checks the same invariants on every system without a fuzzer.

pub mod cgroup;
pub mod command_line;
pub mod container_files;
pub mod escape;
pub mod http_sys;
pub mod input;
pub mod mib;
pub mod mount_info;
pub mod netlink;
pub mod netsh;
pub mod port;
pub mod port_proxy;
pub mod proc_net;
pub mod process_files;
pub mod process_list;
pub mod settings;
pub mod shell_word;
pub mod sid;
pub mod states;
pub mod views;
pub mod windows_command_line;

/// A target: its name, which is also its corpus's, and what must hold of any bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 20] = [
    ("cgroup", cgroup::check),
    ("command_line", command_line::check),
    ("container_files", container_files::check),
    ("escape", escape::check),
    ("http_sys", http_sys::check),
    ("mib", mib::check),
    ("mount_info", mount_info::check),
    ("netlink", netlink::check),
    ("netsh", netsh::check),
    ("port", port::check),
    ("port_proxy", port_proxy::check),
    ("proc_net", proc_net::check),
    ("process_files", process_files::check),
    ("process_list", process_list::check),
    ("settings", settings::check),
    ("shell_word", shell_word::check),
    ("sid", sid::check),
    ("states", states::check),
    ("views", views::check),
    ("windows_command_line", windows_command_line::check),
];
