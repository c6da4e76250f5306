//! bpf(2), and mapping the kernel's types: calls that rustix does not have, or only as unsafe ones.
//!
//! The only file of `bpf` with unsafe code.
#![expect(unsafe_code, reason = "bpf(2) and mmap(2) without a safe wrapper")]

use std::ffi::{CStr, c_void};
use std::io;
use std::ops::Deref;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::slice;

// Numbers of linux/bpf.h.
const BPF_MAP_CREATE: libc::c_int = 0;
const BPF_MAP_UPDATE_ELEM: libc::c_int = 2;
const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_LINK_CREATE: libc::c_int = 28;
const BPF_ITER_CREATE: libc::c_int = 33;
const BPF_MAP_TYPE_ARRAY: u32 = 2;
const BPF_F_RDONLY_PROG: u32 = 1 << 7;
const BPF_PROG_TYPE_TRACING: u32 = 26;
const BPF_TRACE_ITER: u32 = 28;

/// The license that the kernel asks for where a program looks into `struct file` and writes to a reader.
/// It is that of the program of instructions, and of nothing else here.
const LICENSE: &CStr = c"Dual MIT/GPL";

/// How the programs are called, in audit records and by bpftool: 15 bytes at most.
const NAME: &[u8] = b"portwho_owners";

/// `union bpf_attr` of `BPF_MAP_CREATE`. The kernel takes what is behind it for zeros, here and below.
#[repr(C)]
struct MapCreate {
    map_type: u32,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    map_flags: u32,
}

/// That of `BPF_MAP_UPDATE_ELEM`.
#[repr(C)]
struct MapUpdate {
    map_fd: RawFd,
    padding: u32,
    key: u64,
    value: u64,
    flags: u64,
}

/// That of `BPF_PROG_LOAD`.
#[derive(Default)]
#[repr(C)]
struct ProgLoad {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
    prog_btf_fd: u32,
    func_info_rec_size: u32,
    func_info: u64,
    func_info_cnt: u32,
    line_info_rec_size: u32,
    line_info: u64,
    line_info_cnt: u32,
    attach_btf_id: u32,
}

/// That of `BPF_LINK_CREATE`.
#[repr(C)]
struct LinkCreate {
    prog_fd: RawFd,
    target_fd: u32,
    attach_type: u32,
    flags: u32,
    iter_info: u64,
    iter_info_len: u32,
    padding: u32,
}

/// `union bpf_iter_link_info`, of which a task is chosen (Linux 6.1).
#[repr(C)]
struct IterInfo {
    tid: u32,
    pid: u32,
    pid_fd: u32,
    padding: u32,
}

/// That of `BPF_ITER_CREATE`.
#[repr(C)]
struct IterCreate {
    link_fd: RawFd,
    flags: u32,
}

/// An array of one value in the kernel, which programs only read.
#[derive(Debug)]
pub(super) struct Array {
    descriptor: OwnedFd,
    size: usize,
}

impl Array {
    /// Makes one whose value has `size` bytes, all zero.
    ///
    /// # Errors
    /// EPERM without CAP_BPF, ENOSYS without bpf(2), ENOMEM.
    pub(super) fn new(size: u32) -> io::Result<Self> {
        let create = MapCreate {
            map_type: BPF_MAP_TYPE_ARRAY,
            key_size: 4,
            value_size: size,
            max_entries: 1,
            map_flags: BPF_F_RDONLY_PROG,
        };
        // SAFETY: the attribute has no pointers.
        let descriptor = unsafe { opened(BPF_MAP_CREATE, &create) }?;
        Ok(Self { descriptor, size: usize::try_from(size).unwrap_or(usize::MAX) })
    }

    /// Its number.
    pub(super) fn number(&self) -> RawFd {
        self.descriptor.as_raw_fd()
    }

    /// Replaces the value.
    ///
    /// # Errors
    /// EINVAL where it has another size; the kernel's own.
    pub(super) fn write(&self, value: &[u64]) -> io::Result<()> {
        if size_of_val(value) != self.size {
            return Err(io::Error::from_raw_os_error(libc::EINVAL));
        }
        let key = 0_u32;
        let update = MapUpdate {
            map_fd: self.number(),
            padding: 0,
            key: address(&raw const key),
            value: address(value.as_ptr()),
            flags: 0,
        };
        // SAFETY: the key has the four bytes that the array's key has, the value as many as its value,
        // which was compared; both outlive the call, and the kernel only reads them.
        unsafe { bpf(BPF_MAP_UPDATE_ELEM, &update) }.map(drop)
    }
}

/// Loads a program of instructions that an iterator runs, for the iterator whose BTF function this is.
///
/// # Errors
/// EPERM without CAP_BPF and CAP_PERFMON or where a lockdown or a sandbox refuses it; EINVAL and EACCES
/// where the verifier does; E2BIG before Linux 5.8.
pub(super) fn load(program: &[u64], function: u32) -> io::Result<OwnedFd> {
    let mut prog_name = [0; 16];
    for (to, from) in prog_name.iter_mut().zip(NAME) {
        *to = *from;
    }
    let load = ProgLoad {
        prog_type: BPF_PROG_TYPE_TRACING,
        insn_cnt: u32::try_from(program.len()).unwrap_or(u32::MAX),
        insns: address(program.as_ptr()),
        license: address(LICENSE.as_ptr()),
        prog_name,
        expected_attach_type: BPF_TRACE_ITER,
        attach_btf_id: function,
        ..ProgLoad::default()
    };
    // SAFETY: an instruction (`struct bpf_insn`) is eight bytes, of which there are as many as
    // `insn_cnt` says; the license ends with a zero. Both outlive the call, and the kernel only reads
    // them. All else is zero: there is no log to write. What the program may do is proved by the kernel's verifier.
    unsafe { opened(BPF_PROG_LOAD, &load) }
}

/// An iterator that runs a program over every task in this PID namespace, or over one alone, by
/// its thread id (Linux 6.1; before, the kernel ignores the choice, and of threads that are not the first of their
/// process it shows nothing before Linux 6.12). It is attached to nothing: its link is closed here, and only the iterator
/// holds it.
///
/// # Errors
/// The kernel's answer.
pub(super) fn iterate(program: BorrowedFd<'_>, task: Option<u32>) -> io::Result<OwnedFd> {
    let info = IterInfo { tid: task.unwrap_or_default(), pid: 0, pid_fd: 0, padding: 0 };
    let length = if task.is_some() { size_of::<IterInfo>() } else { 0 };
    let create = LinkCreate {
        prog_fd: program.as_raw_fd(),
        target_fd: 0,
        attach_type: BPF_TRACE_ITER,
        flags: 0,
        iter_info: if task.is_some() { address(&raw const info) } else { 0 },
        iter_info_len: u32::try_from(length).unwrap_or_default(),
        padding: 0,
    };
    // SAFETY: `iter_info` points to as many bytes as `iter_info_len` says, or is null and empty; they
    // outlive the call, and the kernel only reads them.
    let link = unsafe { opened(BPF_LINK_CREATE, &create) }?;
    let create = IterCreate { link_fd: link.as_raw_fd(), flags: 0 };
    // SAFETY: the attribute has no pointers.
    unsafe { opened(BPF_ITER_CREATE, &create) }
}

fn address<T>(pointer: *const T) -> u64 {
    pointer.expose_provenance() as u64
}

/// Calls bpf(2).
///
/// # Safety
/// The addresses in `attribute` must be good for what `command` reads and writes there, as long as the
/// call lasts.
unsafe fn bpf<T>(command: libc::c_int, attribute: &T) -> io::Result<RawFd> {
    // SAFETY: the attribute is as large as is said, and outlives the call; the kernel reads so much of
    // it. What it points to is the caller's promise.
    let answer =
        unsafe { libc::syscall(libc::SYS_bpf, command, &raw const *attribute, size_of::<T>()) };
    match RawFd::try_from(answer) {
        Ok(answer @ 0..) => Ok(answer),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Calls bpf(2), which answers with a descriptor; the kernel closes all of these at execve(2).
///
/// # Safety
/// As [`bpf`], and `command` must be one that makes a descriptor.
unsafe fn opened<T>(command: libc::c_int, attribute: &T) -> io::Result<OwnedFd> {
    // SAFETY: the caller's promise.
    let descriptor = unsafe { bpf(command, attribute) }?;
    // SAFETY: the kernel has just made this descriptor for this process, and nothing else knows its
    // number.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// A file of the kernel's types, mapped.
#[derive(Debug)]
pub(super) struct Mapped {
    start: NonNull<u8>,
    length: usize,
}

/// `SYSFS_MAGIC` of linux/magic.h.
const SYSFS: rustix::fs::FsWord = 0x6265_6572;

impl Mapped {
    /// Maps a file of the kernel's types, which has no more than `longest` bytes.
    ///
    /// # Errors
    /// ENODEV where it cannot be mapped (before Linux 6.16), or is no file of sysfs: any other might be
    /// changed or cut by others while it is mapped.
    pub(super) fn types(file: BorrowedFd<'_>, longest: usize) -> io::Result<Self> {
        let is_of_kernel = rustix::fs::fstatfs(file)?.f_type == SYSFS;
        let length = usize::try_from(rustix::fs::fstat(file)?.st_size).unwrap_or(usize::MAX);
        if !is_of_kernel || length > longest {
            return Err(io::Error::from_raw_os_error(libc::ENODEV));
        }
        let (protection, flags) = (libc::PROT_READ, libc::MAP_PRIVATE | libc::MAP_POPULATE);
        let file = file.as_raw_fd();
        // SAFETY: the kernel chooses the place, so that nothing of this process is replaced; a length of
        // zero, or one beyond the file, is an error.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), length, protection, flags, file, 0) };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let start = NonNull::new(start.cast()).ok_or_else(io::Error::last_os_error)?;
        Ok(Self { start, length })
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: so many bytes are mapped there for reading until this is dropped, and they do not
        // change: the types are a part of the kernel's image (kernel/bpf/sysfs_btf.c), and a module's
        // stay as long as its file is open.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: exactly this was mapped by `types`, and nothing borrows it any longer.
        unsafe { libc::munmap(self.start.as_ptr().cast::<c_void>(), self.length) };
    }
}
