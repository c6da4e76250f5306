use std::fs;
use std::thread;

/// How busy the machine is: the three averages of proc_loadavg(5).
fn busy() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// What is measured on, and how busy it is now: to be told before and after.
pub fn words() -> String {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = release.split('.').take(2).collect::<Vec<_>>().join(".");
    let user = if is_first_namespace() { "root" } else { "root of a user namespace" };
    format!("{cores} cores, Linux {kernel}, as {user}; load {}", busy())
}

/// Whether all users are mapped to themselves, as in the machine's own user namespace.
fn is_first_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().last() == Some("4294967295")
}
