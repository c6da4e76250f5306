//! The calls that the attackers among the roles need, and no crate wraps: prctl(2) with
//! `PR_SET_MM_MAP`, clone(2) with `CLONE_FILES`; bpf(2), to see what is left in the kernel; and signal(2),
//! for all of them.
//!
//! The only file of the tests with unsafe code on Linux.
#![expect(unsafe_code, reason = "system calls without a safe wrapper")]

use std::collections::BTreeSet;
use std::fs;
use std::io;

use nix::libc;

/// Lets the signals end this process, and what it runs, that a shell may have had it ignore: nohup
/// does that to SIGHUP, and a job in the background of a script ignores SIGINT and SIGQUIT.
pub fn heed_signals() {
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: the default action is no code of this process.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// `struct prctl_mm_map` (linux/prctl.h).
#[repr(C)]
struct MemoryMap {
    start_code: u64,
    end_code: u64,
    start_data: u64,
    end_data: u64,
    start_brk: u64,
    brk: u64,
    start_stack: u64,
    arg_start: u64,
    arg_end: u64,
    env_start: u64,
    env_end: u64,
    auxv: u64,
    auxv_size: u32,
    exe_fd: u32,
}

/// Makes the command line of this process whatever stands in `memory`, which takes no right
/// (`PR_SET_MM_MAP` in prctl(2)).
pub fn set_command_line(memory: &'static [u8]) -> io::Result<()> {
    let start = memory.as_ptr() as u64;
    let end = start + memory.len() as u64;
    let map = MemoryMap { arg_start: start, arg_end: end, env_start: end, env_end: end, ..own() };
    let size = size_of::<MemoryMap>();
    let command = libc::PR_SET_MM_MAP;
    // SAFETY: the kernel reads `size` bytes of `map`, which lives until the call returns. Of what
    // it is told it only prints the command line, from memory that is never freed; the heap and
    // the stack stay where they are.
    match unsafe { libc::prctl(libc::PR_SET_MM, command, &raw const map, size, 0) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The map that this process has, by proc_pid_stat(5).
fn own() -> MemoryMap {
    let stat = fs::read_to_string("/proc/self/stat").expect("stat");
    let (_, fields) = stat.rsplit_once(')').expect("a name");
    let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
    // The third field is the first after the name.
    let field = |number: usize| -> u64 { fields[number - 3].parse().expect("a number") };
    // SAFETY: sbrk(2) of 0 changes nothing.
    let brk = unsafe { libc::sbrk(0) };
    MemoryMap {
        start_code: field(26),
        end_code: field(27),
        start_data: field(45),
        end_data: field(46),
        start_brk: field(47),
        brk: brk as u64,
        start_stack: field(28),
        arg_start: field(48),
        arg_end: field(49),
        env_start: field(50),
        env_end: field(51),
        auxv: 0,
        auxv_size: 0,
        exe_fd: u32::MAX,
    }
}

/// Starts a process that shares this one's table of descriptors (`CLONE_FILES` without
/// `CLONE_THREAD`, clone(2)), and that waits to be ended with this one. Returns its PID.
pub fn spawn_sharing_descriptors() -> io::Result<u32> {
    let flags = libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: without a stack of its own the child goes on with a copy of this one's memory, as
    // after fork(2); the other arguments are not used with these flags. In the child only calls
    // follow that are safe there (signal-safety(7)).
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    match pid {
        0 => wait_for_the_end(),
        1.. => Ok(u32::try_from(pid).unwrap_or_default()),
        _ => Err(io::Error::last_os_error()),
    }
}

fn wait_for_the_end() -> ! {
    // SAFETY: prctl(2) takes numbers here, and pause(2) takes nothing.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        loop {
            libc::pause();
        }
    }
}

/// The ids of the programs of BPF that the kernel has (`BPF_PROG_GET_NEXT_ID` of bpf(2)).
///
/// # Errors
/// EPERM without CAP_SYS_ADMIN.
pub fn loaded_programs() -> io::Result<BTreeSet<u32>> {
    const BPF_PROG_GET_NEXT_ID: libc::c_int = 11;
    let mut known = BTreeSet::new();
    // `union bpf_attr`: the id to start after, the next one, flags.
    let mut attribute = [0_u32; 3];
    loop {
        // SAFETY: the kernel reads and writes the twelve bytes of the attribute, which has no pointers
        // and outlives the call.
        let answer = unsafe {
            libc::syscall(libc::SYS_bpf, BPF_PROG_GET_NEXT_ID, attribute.as_mut_ptr(), 12_usize)
        };
        if answer != 0 {
            let error = io::Error::last_os_error();
            return if error.raw_os_error() == Some(libc::ENOENT) { Ok(known) } else { Err(error) };
        }
        known.insert(attribute[1]);
        attribute = [attribute[1], 0, 0];
    }
}
