//! What the machine allows of a load.

use std::fs;

use anyhow::{Context, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::{Each, Load, counted};
use crate::machine::is_first_namespace;

/// Descriptors of a process in addition to those of the load: its streams, and what std opens meanwhile.
const SPARE_DESCRIPTORS: usize = 16;

/// The first port that is listened on.
pub(super) const PORT: u16 = 9000;

/// Ports from that one on.
const PORTS: usize = (u16::MAX - PORT) as usize + 1;

/// Mappings of a process in addition to those of the load: its program, libraries, heap and stacks.
const SPARE_MAPPINGS: usize = 200;

/// Processes that are left for all others, the contestants included.
const SPARE_PROCESSES: usize = 100;

/// What a process takes at most in addition to its sockets, in KiB: its own pages and the kernel's.
const PROCESS_KIB: usize = 1024;

/// What a socket or a descriptor takes in the kernel, in KiB, generously.
const DESCRIPTOR_KIB: usize = 4;

/// Descriptors that a process needs.
pub(super) const fn descriptors(each: &Each) -> usize {
    each.descriptors + each.sockets() + SPARE_DESCRIPTORS
}

/// Lets this process have at least this many descriptors.
///
/// # Errors
/// When it may not.
pub(super) fn raise(count: usize) -> rustix::io::Result<()> {
    let count = u64::try_from(count).expect("64 bits");
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let current = current.map(|current| current.max(count));
    let maximum = maximum.map(|maximum| maximum.max(count));
    setrlimit(Resource::Nofile, Rlimit { current, maximum })
}

/// What of `wanted` this machine allows, and what that leaves out. To be asked in the network
/// namespace of the load.
///
/// # Errors
/// When it allows nothing, or does not tell.
pub(super) fn fit(wanted: Load) -> anyhow::Result<(Load, Vec<String>)> {
    let mut load = wanted;
    let mut reduced = Vec::new();
    fit_ports(&mut load.each, &mut reduced)?;
    fit_mappings(&mut load.each, &mut reduced)?;
    fit_descriptors(&mut load.each, &mut reduced);
    for (allowed, why) in processes_allowed(&load.each)? {
        if allowed < load.processes {
            reduced.push(format!("{allowed} processes instead of {}: {why}", load.processes));
            load.processes = allowed;
        }
    }
    ensure!(load.processes > 0, "{}", reduced.join("; "));
    Ok((load, reduced))
}

/// Every connection has a near port of its own, because their far ends are the same; and every
/// listener of a process has one.
fn fit_ports(each: &mut Each, reduced: &mut Vec<String>) -> anyhow::Result<()> {
    let range = numbers("/proc/sys/net/ipv4/ip_local_port_range")?;
    let allowed = (range[1] + 1).saturating_sub(range[0]);
    if each.pairs() > allowed {
        let pairs = each.pairs();
        reduced.push(format!("{allowed} connections instead of {pairs}: ip_local_port_range"));
        each.established = each.established.min(allowed);
        each.half_closed = allowed - each.established;
    }
    clamp(&mut each.bound, allowed, "bound sockets", "ip_local_port_range", reduced);
    clamp(&mut each.udp, allowed, "UDP sockets", "ip_local_port_range", reduced);
    clamp(&mut each.listening, PORTS, "listeners", "there are no more ports", reduced);
    Ok(())
}

fn clamp(count: &mut usize, allowed: usize, what: &str, why: &str, reduced: &mut Vec<String>) {
    if *count > allowed {
        reduced.push(format!("{allowed} {what} instead of {count}: {why}"));
        *count = allowed;
    }
}

fn fit_mappings(each: &mut Each, reduced: &mut Vec<String>) -> anyhow::Result<()> {
    let allowed = numbers("/proc/sys/vm/max_map_count")?[0].saturating_sub(SPARE_MAPPINGS);
    clamp(&mut each.mappings, allowed, "mappings", "vm.max_map_count", reduced);
    Ok(())
}

/// What there is most of gives way.
fn fit_descriptors(each: &mut Each, reduced: &mut Vec<String>) {
    let allowed = descriptors_allowed(descriptors(each));
    let mut excess = descriptors(each).saturating_sub(allowed);
    if excess == 0 {
        return;
    }
    let before = *each;
    let mut parts = [
        (&mut each.descriptors, 1),
        (&mut each.established, 2),
        (&mut each.half_closed, 2),
        (&mut each.listening, 1),
        (&mut each.bound, 1),
        (&mut each.udp, 1),
    ];
    parts.sort_by_key(|(count, weight)| std::cmp::Reverse(**count * weight));
    for (count, weight) in parts {
        let cut = excess.div_ceil(weight).min(*count);
        *count -= cut;
        excess = excess.saturating_sub(cut * weight);
    }
    reduced.push(format!(
        "{} and {} a process instead of {} and {}: RLIMIT_NOFILE is {allowed}",
        counted(each.descriptors, "plain descriptor", "plain descriptors"),
        counted(each.sockets(), "socket", "sockets"),
        before.descriptors,
        before.sockets()
    ));
}

/// How many of `wanted` descriptors a process may have: tried, and taken back, because the
/// contestants are to run under the limit that they were given.
fn descriptors_allowed(wanted: usize) -> usize {
    let before = getrlimit(Resource::Nofile);
    if raise(wanted).is_ok() {
        setrlimit(Resource::Nofile, before).expect("the limit that was");
        return wanted;
    }
    before.maximum.map_or(wanted, |maximum| usize::try_from(maximum).expect("64 bits"))
}

/// How many processes each limit of the machine leaves.
fn processes_allowed(each: &Each) -> anyhow::Result<[(usize, &'static str); 4]> {
    let running = fs::read_dir("/proc")?.flatten().filter(is_process).count();
    let taken = running + SPARE_PROCESSES;
    let pid_max = numbers("/proc/sys/kernel/pid_max")?[0];
    let own = match getrlimit(Resource::Nproc).current {
        // The kernel leaves the machine's root alone (RLIMIT_NPROC in getrlimit(2)).
        Some(limit) if !is_first_namespace() => usize::try_from(limit)?,
        _ => usize::MAX,
    };
    let files = numbers("/proc/sys/fs/file-nr")?;
    let room = files[2].saturating_sub(files[0]) / 10 * 9;
    let memory = available_kib()? / 4 * 3;
    Ok([
        (pid_max.saturating_sub(taken), "pid_max"),
        (own.saturating_sub(taken), "RLIMIT_NPROC"),
        (room / descriptors(each), "fs.file-max"),
        (memory / (PROCESS_KIB + DESCRIPTOR_KIB * descriptors(each)), "the memory available"),
    ])
}

fn is_process(entry: &fs::DirEntry) -> bool {
    entry.file_name().to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())
}

/// `MemAvailable` of proc_meminfo(5).
fn available_kib() -> anyhow::Result<usize> {
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    Ok(number.context("no MemAvailable in /proc/meminfo")?.parse()?)
}

/// The numbers in a file of /proc/sys, of which there has to be one.
fn numbers(path: &str) -> anyhow::Result<Vec<usize>> {
    let text = fs::read_to_string(path).with_context(|| format!("cannot read {path}"))?;
    let numbers: Result<Vec<usize>, _> = text.split_whitespace().map(str::parse).collect();
    numbers.with_context(|| format!("cannot understand {path}"))
}
