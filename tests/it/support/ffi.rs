//! Calls of the tests that have no safe wrapper.
#![expect(unsafe_code, reason = "system calls without a safe wrapper")]

use std::io;

use nix::libc;

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
