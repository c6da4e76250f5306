//! CPU time and memory of a process, as in proc_pid_stat(5) and proc_pid_status(5).

use std::fs;
use std::time::Duration;

use rustix::param::clock_ticks_per_second;

/// The CPU time of all threads, and of the children that were waited for.
pub fn processor_time(pid: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    let fields = stat.rsplit(") ").next().expect("fields").split(' ');
    // utime, stime, cutime and cstime are the fields 14 to 17; the state is the third.
    let ticks = fields.skip(11).take(4).map(|field| field.parse::<u64>().expect("ticks"));
    Duration::from_millis(ticks.sum::<u64>() * 1000 / clock_ticks_per_second())
}

/// The peak of the resident set, in MiB.
pub fn memory(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).expect("VmHWM");
    kib.parse::<f64>().expect("KiB") / 1024.0
}
