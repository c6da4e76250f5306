//! The two programs, which the kernel runs for each task and for each descriptor of each task.
//!
//! Both only read, and write records of [`RECORD`](task_records::RECORD) bytes to whoever reads the
//! iterator. What they read are fields of `struct file` and `struct task_struct`, found by their names
//! ([`Layout`]); a kernel whose verifier does not agree refuses them.

use super::Refusal;
use super::instruction::Register::{R0, R1, R2, R3, R4, R6, R7, R8, R9, R10};
use super::instruction::{Assembler, Label, Register, Than};
use super::types::Layout;
use crate::platform::decode::btf::Field;
use crate::platform::decode::task_records::{RECORD, RING, SOCKET, TABLE};

/// `BPF_FUNC_probe_read_kernel` of linux/bpf.h (Linux 5.5). What a kernel that is locked down to
/// confidentiality refuses.
const PROBE_READ_KERNEL: i32 = 113;

/// `BPF_FUNC_seq_write` of linux/bpf.h (Linux 5.8).
const SEQ_WRITE: i32 = 127;

/// `BPF_FUNC_sock_from_file` of linux/bpf.h (Linux 5.11).
const SOCK_FROM_FILE: i32 = 162;

/// The file types of `st_mode` (inode(7)).
const S_IFMT: i32 = 0o170_000;
const S_IFSOCK: i32 = 0o140_000;
const S_IFREG: i32 = 0o100_000;

/// The flag of a thread of the kernel itself (linux/sched.h).
const PF_KTHREAD: i32 = 0x20_0000;

/// How the name of the file of an io_uring begins, `[io_uring]`. Others may begin so too: a link in
/// /proc tells.
const NAME_OF_RING: [u8; 8] = *b"[io_urin";

/// How many bits of an inode number choose its place in the sieve. Numbers of sockets are given out one
/// after the other (`get_next_ino`), so that the lower bits differ.
pub(super) const SIEVE_BITS: u32 = 19;

/// Where the record stands on the stack, from its end.
const PLACE: i16 = -40;

/// Where what is read by a function is put, below the record.
const READ: i16 = -48;

/// The program of the iterator over descriptors: `struct bpf_iter__task_file`. It writes a record for each
/// socket that the sieve lets pass, and for each io_uring.
pub(super) fn of_files(layout: &Layout, sieve: i32) -> Result<Vec<u64>, Refusal> {
    let mut code = Assembler::default();
    let (end, socket, ring, found) = (code.label(), code.label(), code.label(), code.label());
    code.copy(R6, R1);
    code.load(R7, R6, 24);
    code.jump_if_equal(R7, Than::Number(0), end);
    code.load(R8, R6, 8);
    code.jump_if_equal(R8, Than::Number(0), end);
    code.load_field(R1, R7, layout.file_inode)?;
    code.load_field(R9, R1, layout.inode_number)?;
    code.load_field(R2, R1, layout.inode_mode)?;
    code.and(R2, S_IFMT);
    code.jump_if_equal(R2, Than::Number(S_IFSOCK), socket);
    // Files without a place in the file system have no type, and since Linux 6.16 that of a plain file.
    code.jump_if_equal(R2, Than::Number(0), ring);
    code.jump_if_not(R2, Than::Number(S_IFREG), end);
    code.place(ring);
    code.load_field(R1, R7, layout.file_dentry)?;
    code.load_beginning(R1, R1, layout.dentry_name)?;
    code.set_wide(R2, u64::from_ne_bytes(NAME_OF_RING));
    code.jump_if_not(R1, Than::Register(R2), end);
    code.set(R4, RING);
    code.go_to(found);
    code.place(socket);
    sift(&mut code, sieve, end);
    code.copy(R1, R7);
    code.call(SOCK_FROM_FILE);
    // An O_PATH descriptor of an AF_UNIX name has a socket's type, and is none.
    code.jump_if_equal(R0, Than::Number(0), end);
    code.set(R4, SOCKET);
    code.place(found);
    code.store(PLACE, R9);
    code.load_field(R1, R8, layout.task_table)?;
    code.store(PLACE + 8, R1);
    code.load_field(R1, R7, layout.file_references)?;
    code.add_number(R1, -layout.reference_of_iterator);
    code.store(PLACE + 16, R1);
    code.load_word(R1, R6, 16);
    write(&mut code, layout, R1, R4)?;
    code.place(end);
    leave(code)
}

/// Goes on only if the sieve lets the inode number in R9 pass.
fn sift(code: &mut Assembler, sieve: i32, end: Label) {
    // Eight bytes of the sieve have 64 places.
    let last_word = (1 << (SIEVE_BITS - 3)) - 8;
    code.set_value_of_array(R1, sieve);
    code.copy(R2, R9);
    code.shift_right(R2, 3);
    code.and(R2, last_word);
    code.add(R1, R2);
    code.load(R3, R1, 0);
    code.copy(R4, R9);
    code.and(R4, 63);
    code.shift_right_by(R3, R4);
    code.and(R3, 1);
    code.jump_if_equal(R3, Than::Number(0), end);
}

/// The program of the iterator over tasks: `struct bpf_iter__task`. It writes a record for each task that
/// has a table of descriptors which is not that of its process's first thread, or is that thread. Threads of
/// the kernel share a table without descriptors, whatever its size: there it is 0.
pub(super) fn of_tasks(layout: &Layout) -> Result<Vec<u64>, Refusal> {
    let mut code = Assembler::default();
    let (end, other, sized) = (code.label(), code.label(), code.label());
    code.copy(R6, R1);
    code.load(R8, R6, 8);
    code.jump_if_equal(R8, Than::Number(0), end);
    read(&mut code, R7, R8, layout.task_table)?;
    code.jump_if_equal(R7, Than::Number(0), end);
    read(&mut code, R9, R8, layout.task_leader)?;
    code.jump_if_equal(R9, Than::Register(R8), other);
    read(&mut code, R1, R9, layout.task_table)?;
    code.jump_if_equal(R1, Than::Register(R7), end);
    code.place(other);
    code.store(PLACE, R7);
    code.set(R1, 0);
    code.store(PLACE + 8, R1);
    code.store(PLACE + 16, R1);
    code.load_field(R2, R8, layout.task_flags)?;
    code.and(R2, PF_KTHREAD);
    code.jump_if_not(R2, Than::Number(0), sized);
    read(&mut code, R9, R7, layout.table_array)?;
    read(&mut code, R1, R9, layout.array_size)?;
    code.place(sized);
    code.set(R4, TABLE);
    write(&mut code, layout, R1, R4)?;
    code.place(end);
    leave(code)
}

/// `to` = a field of what `from` points to, read by a function: for each pointer that is loaded from a task
/// itself the verifier searches all of the kernel's types by name (Linux 6.2), which takes longer than
/// everything else here. Only R6 to R9 outlast it. What cannot be read is 0.
fn read(code: &mut Assembler, to: Register, from: Register, field: Field) -> Result<(), Refusal> {
    let number = |number| i32::try_from(number).map_err(|_| Refusal::OddLayout);
    code.copy(R3, from);
    code.add_number(R3, number(field.offset)?);
    code.copy(R1, R10);
    code.add_number(R1, i32::from(READ));
    code.set(R2, number(field.size.ok_or(Refusal::OddLayout)?)?);
    code.call(PROBE_READ_KERNEL);
    code.copy(R1, R10);
    code.add_number(R1, i32::from(READ));
    code.load_field(to, R1, Field { offset: 0, ..field })
}

/// Writes a record, of which the first 24 bytes stand on the stack: of the task in R8, with a number
/// and its kind.
fn write(
    code: &mut Assembler,
    layout: &Layout,
    number: Register,
    kind: Register,
) -> Result<(), Refusal> {
    code.store_word(PLACE + 32, number);
    code.store_word(PLACE + 36, kind);
    code.load_field(R1, R8, layout.task_process)?;
    code.store_word(PLACE + 24, R1);
    code.load_field(R1, R8, layout.task_thread)?;
    code.store_word(PLACE + 28, R1);
    // `struct bpf_iter_meta` begins with the `struct seq_file` that is written to.
    code.load(R1, R6, 0);
    code.load(R1, R1, 0);
    code.copy(R2, R10);
    code.add_number(R2, i32::from(PLACE));
    code.set(R3, i32::try_from(RECORD).map_err(|_| Refusal::OddLayout)?);
    code.call(SEQ_WRITE);
    Ok(())
}

/// Ends the program: 0 goes on with the next.
fn leave(mut code: Assembler) -> Result<Vec<u64>, Refusal> {
    code.set(R0, 0);
    code.exit();
    code.finish()
}

#[cfg(test)]
mod tests;
