//! Where the running kernel has what the programs read.

use std::ffi::CStr;
use std::os::fd::AsFd;

use rustix::fs::{Mode, OFlags};

use super::super::bounds;
use super::super::proc_dir::read_opened;
use super::Refusal;
use super::ffi::Mapped;
use crate::platform::decode::btf::{Field, Types};

/// The kernel's types (Linux 5.4, CONFIG_DEBUG_INFO_BTF).
const TYPES: &CStr = c"/sys/kernel/btf/vmlinux";

/// What the programs read, and the functions that stand for the iterators.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Layout {
    pub(super) file_inode: Field,
    pub(super) file_dentry: Field,
    /// How many references there are to a file.
    pub(super) file_references: Field,
    /// What that is while the iterator alone has one.
    pub(super) reference_of_iterator: i32,
    /// A short name of a file, in its entry itself.
    pub(super) dentry_name: Field,
    pub(super) inode_mode: Field,
    pub(super) inode_number: Field,
    pub(super) task_process: Field,
    pub(super) task_thread: Field,
    pub(super) task_leader: Field,
    pub(super) task_table: Field,
    pub(super) task_flags: Field,
    pub(super) table_array: Field,
    pub(super) array_size: Field,
    pub(super) iterator_of_files: u32,
    pub(super) iterator_of_tasks: u32,
}

impl Layout {
    /// Reads it.
    pub(super) fn read() -> Result<Self, Refusal> {
        let unreadable = |why: rustix::io::Errno| Refusal::NoTypes(why.into());
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::open(TYPES, flags, Mode::empty()).map_err(unreadable)?;
        if let Ok(mapped) = Mapped::types(file.as_fd(), bounds::KERNEL_TYPES) {
            return Self::of(&mapped);
        }
        let read = read_opened(file.as_fd(), bounds::KERNEL_TYPES).map_err(unreadable)?;
        Self::of(&read.bytes)
    }

    fn of(bytes: &[u8]) -> Result<Self, Refusal> {
        let structures = ["file", "dentry", "inode", "task_struct", "files_struct", "fdtable"];
        let functions = ["bpf_iter_task_file", "bpf_iter_task"];
        let types = Types::read(bytes, &structures, &functions).map_err(Refusal::OddTypes)?;
        let field = |structure, path: &[&str]| {
            types.field(structure, path).ok_or(Refusal::NoField(structure))
        };
        let function = |name| types.function(name).ok_or(Refusal::NoField(name));
        // Since Linux 6.13 a `file_ref_t`, which is 0 where there is one reference.
        let references = types.field("file", &["f_ref", "refcnt", "counter"]);
        let reference_of_iterator = i32::from(references.is_none());
        Ok(Self {
            file_inode: field("file", &["f_inode"])?,
            file_dentry: field("file", &["f_path", "dentry"])?,
            file_references: references
                .map_or_else(|| field("file", &["f_count", "counter"]), Ok)?,
            reference_of_iterator,
            // `d_shortname` since Linux 6.14.
            dentry_name: field("dentry", &["d_shortname"])
                .or_else(|_| field("dentry", &["d_iname"]))?,
            inode_mode: field("inode", &["i_mode"])?,
            inode_number: field("inode", &["i_ino"])?,
            task_process: field("task_struct", &["tgid"])?,
            task_thread: field("task_struct", &["pid"])?,
            task_leader: field("task_struct", &["group_leader"])?,
            task_table: field("task_struct", &["files"])?,
            task_flags: field("task_struct", &["flags"])?,
            table_array: field("files_struct", &["fdt"])?,
            array_size: field("fdtable", &["max_fds"])?,
            iterator_of_files: function("bpf_iter_task_file")?,
            iterator_of_tasks: function("bpf_iter_task")?,
        })
    }
}
