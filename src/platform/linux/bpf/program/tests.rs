use super::*;
use crate::platform::decode::btf::Field;

/// A kernel whose fields stand at round numbers.
fn layout() -> Layout {
    let at = |offset, size| Field { offset, size: Some(size) };
    Layout {
        file_inode: at(100, 8),
        file_dentry: at(108, 8),
        dentry_name: at(200, 40),
        inode_mode: at(300, 2),
        inode_number: at(308, 8),
        task_process: at(400, 4),
        task_thread: at(404, 4),
        task_leader: at(408, 8),
        task_table: at(416, 8),
        table_array: at(500, 8),
        array_size: at(600, 4),
        iterator_of_files: 1,
        iterator_of_tasks: 2,
    }
}

/// An instruction in words, as bpftool prints it; `line` is its own number.
fn word(instruction: u64, line: usize) -> String {
    let bytes = instruction.to_ne_bytes();
    let [code, registers, ..] = bytes;
    let (low, high) = (registers & 15, registers >> 4);
    let (to, from) = if cfg!(target_endian = "big") { (high, low) } else { (low, high) };
    let offset = i16::from_ne_bytes([bytes[2], bytes[3]]);
    let number = i32::from_ne_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
    let goal = line.cast_signed() + 1 + isize::from(offset);
    match code {
        0xBF => format!("r{to} = r{from}"),
        0xB7 => format!("r{to} = {number}"),
        0x18 => format!("r{to} = kind {from} of {number:#x}"),
        0x00 => format!("   and {number:#x}"),
        0x0F => format!("r{to} += r{from}"),
        0x07 => format!("r{to} += {number}"),
        0x57 => format!("r{to} &= {number:#x}"),
        0x77 => format!("r{to} >>= {number}"),
        0x7F => format!("r{to} >>= r{from}"),
        0x79 => format!("r{to} = u64 at r{from} {offset:+}"),
        0x61 => format!("r{to} = u32 at r{from} {offset:+}"),
        0x69 => format!("r{to} = u16 at r{from} {offset:+}"),
        0x7B => format!("u64 at r{to} {offset:+} = r{from}"),
        0x63 => format!("u32 at r{to} {offset:+} = r{from}"),
        0x15 => format!("if r{to} == {number:#x} goto {goal}"),
        0x55 => format!("if r{to} != {number:#x} goto {goal}"),
        0x1D => format!("if r{to} == r{from} goto {goal}"),
        0x5D => format!("if r{to} != r{from} goto {goal}"),
        0x05 => format!("goto {goal}"),
        0x85 => format!("call {number}"),
        0x95 => "exit".to_owned(),
        _ => panic!("instruction {line} is {code:#x}"),
    }
}

fn listing(program: &[u64]) -> String {
    let words = program.iter().enumerate().map(|(line, instruction)| word(*instruction, line));
    let lines = words.enumerate().map(|(line, word)| format!("{line}: {word}"));
    lines.chain([String::new()]).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_program_for_descriptors_reads_as_it_should() {
    let listing = listing(&of_files(&layout(), 7).unwrap());
    assert_eq!(listing, FILES, "\n{listing}");
}

#[test]
fn the_program_for_tasks_reads_as_it_should() {
    let listing = listing(&of_tasks(&layout()).unwrap());
    assert_eq!(listing, TASKS, "\n{listing}");
}

#[test]
fn a_kernel_with_other_fields_gets_no_program() {
    let odd = |field: Field| Layout { inode_mode: field, ..layout() };
    for field in [
        Field { offset: 40_000, size: Some(2) },
        Field { offset: 300, size: Some(3) },
        Field { offset: 300, size: None },
    ] {
        assert!(matches!(of_files(&odd(field), 7), Err(Refusal::OddLayout)), "{field:?}");
    }
}

const FILES: &str = "\
0: r6 = r1
1: r7 = u64 at r6 +24
2: if r7 == 0x0 goto 49
3: r8 = u64 at r6 +8
4: if r8 == 0x0 goto 49
5: r1 = u64 at r7 +100
6: r9 = u64 at r1 +308
7: r2 = u16 at r1 +300
8: r2 &= 0xf000
9: if r2 == 0xc000 goto 19
10: if r2 == 0x0 goto 12
11: if r2 != 0x8000 goto 49
12: r1 = u64 at r7 +108
13: r1 = u64 at r1 +200
14: r2 = kind 0 of 0x5f6f695b
15:    and 0x6e697275
16: if r1 != r2 goto 49
17: r4 = 2
18: goto 35
19: r1 = kind 2 of 0x7
20:    and 0x0
21: r2 = r9
22: r2 >>= 3
23: r2 &= 0xfff8
24: r1 += r2
25: r3 = u64 at r1 +0
26: r4 = r9
27: r4 &= 0x3f
28: r3 >>= r4
29: r3 &= 0x1
30: if r3 == 0x0 goto 49
31: r1 = r7
32: call 162
33: if r0 == 0x0 goto 49
34: r4 = 1
35: u64 at r10 -24 = r9
36: r1 = u32 at r6 +16
37: u32 at r10 -8 = r1
38: u32 at r10 -4 = r4
39: r1 = u32 at r8 +400
40: u32 at r10 -16 = r1
41: r1 = u32 at r8 +404
42: u32 at r10 -12 = r1
43: r1 = u64 at r6 +0
44: r1 = u64 at r1 +0
45: r2 = r10
46: r2 += -24
47: r3 = 24
48: call 127
49: r0 = 0
50: exit
";

const TASKS: &str = "\
0: r6 = r1
1: r8 = u64 at r6 +8
2: if r8 == 0x0 goto 25
3: r7 = u64 at r8 +416
4: if r7 == 0x0 goto 25
5: r1 = u64 at r8 +408
6: if r1 == r8 goto 9
7: r1 = u64 at r1 +416
8: if r1 == r7 goto 25
9: u64 at r10 -24 = r7
10: r1 = u64 at r7 +500
11: r1 = u32 at r1 +600
12: r4 = 3
13: u32 at r10 -8 = r1
14: u32 at r10 -4 = r4
15: r1 = u32 at r8 +400
16: u32 at r10 -16 = r1
17: r1 = u32 at r8 +404
18: u32 at r10 -12 = r1
19: r1 = u64 at r6 +0
20: r1 = u64 at r1 +0
21: r2 = r10
22: r2 += -24
23: r3 = 24
24: call 127
25: r0 = 0
26: exit
";
