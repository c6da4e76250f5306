#![allow(clippy::print_stderr, reason = "skips are printed")]

use super::super::ffi::{Array, load};
use super::*;
use crate::platform::decode::btf::Field;

/// A kernel whose fields stand at round numbers.
fn layout() -> Layout {
    let at = |offset, size| Field { offset, size: Some(size) };
    Layout {
        file_inode: at(100, 8),
        file_dentry: at(108, 8),
        file_references: at(116, 8),
        reference_of_iterator: 1,
        dentry_name: at(200, 40),
        inode_mode: at(300, 2),
        inode_number: at(308, 8),
        task_process: at(400, 4),
        task_thread: at(404, 4),
        task_leader: at(408, 8),
        task_table: at(416, 8),
        task_flags: at(424, 4),
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

/// A listing without the places of fields, which are other ones in each kernel.
fn shape(listing: &str) -> String {
    let place = |word: &str| word.starts_with('+') && word != "+=";
    let line = |line: &str| {
        let line = line.split_once("r3 += ").map_or(line, |(number, _)| number);
        let words = line.split(' ').map(|word| if place(word) { "+" } else { word });
        words.collect::<Vec<_>>().join(" ")
    };
    listing.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_programs_for_the_running_kernel_read_as_they_should_and_load() {
    let loaded = |program: &[u64], function| load(program, function).map(drop);
    let (layout, sieve) = match (Layout::read(), Array::new(1 << (SIEVE_BITS - 3))) {
        (Ok(layout), Ok(sieve)) => (layout, sieve),
        (layout, sieve) => return eprintln!("skipped: {:?}, {:?}", layout.err(), sieve.err()),
    };
    let same = Layout { reference_of_iterator: layout.reference_of_iterator, ..self::layout() };
    let (files, tasks) = (of_files(&layout, sieve.number()).unwrap(), of_tasks(&layout).unwrap());
    let expected = listing(&of_files(&same, sieve.number()).unwrap());
    assert_eq!(shape(&listing(&files)), shape(&expected));
    assert_eq!(shape(&listing(&tasks)), shape(TASKS));
    for (program, function) in
        [(files, layout.iterator_of_files), (tasks, layout.iterator_of_tasks)]
    {
        if let Err(refusal) = loaded(&program, function) {
            // Those who may not, and kernels before Linux 5.11.
            eprintln!("skipped: {refusal}");
        }
    }
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
2: if r7 == 0x0 goto 54
3: r8 = u64 at r6 +8
4: if r8 == 0x0 goto 54
5: r1 = u64 at r7 +100
6: r9 = u64 at r1 +308
7: r2 = u16 at r1 +300
8: r2 &= 0xf000
9: if r2 == 0xc000 goto 19
10: if r2 == 0x0 goto 12
11: if r2 != 0x8000 goto 54
12: r1 = u64 at r7 +108
13: r1 = u64 at r1 +200
14: r2 = kind 0 of 0x5f6f695b
15:    and 0x6e697275
16: if r1 != r2 goto 54
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
30: if r3 == 0x0 goto 54
31: r1 = r7
32: call 162
33: if r0 == 0x0 goto 54
34: r4 = 1
35: u64 at r10 -40 = r9
36: r1 = u64 at r8 +416
37: u64 at r10 -32 = r1
38: r1 = u64 at r7 +116
39: r1 += -1
40: u64 at r10 -24 = r1
41: r1 = u32 at r6 +16
42: u32 at r10 -8 = r1
43: u32 at r10 -4 = r4
44: r1 = u32 at r8 +400
45: u32 at r10 -16 = r1
46: r1 = u32 at r8 +404
47: u32 at r10 -12 = r1
48: r1 = u64 at r6 +0
49: r1 = u64 at r1 +0
50: r2 = r10
51: r2 += -40
52: r3 = 40
53: call 127
54: r0 = 0
55: exit
";

const TASKS: &str = "\
0: r6 = r1
1: r8 = u64 at r6 +8
2: if r8 == 0x0 goto 71
3: r3 = r8
4: r3 += 416
5: r1 = r10
6: r1 += -48
7: r2 = 8
8: call 113
9: r1 = r10
10: r1 += -48
11: r7 = u64 at r1 +0
12: if r7 == 0x0 goto 71
13: r3 = r8
14: r3 += 408
15: r1 = r10
16: r1 += -48
17: r2 = 8
18: call 113
19: r1 = r10
20: r1 += -48
21: r9 = u64 at r1 +0
22: if r9 == r8 goto 33
23: r3 = r9
24: r3 += 416
25: r1 = r10
26: r1 += -48
27: r2 = 8
28: call 113
29: r1 = r10
30: r1 += -48
31: r1 = u64 at r1 +0
32: if r1 == r7 goto 71
33: u64 at r10 -40 = r7
34: r1 = 0
35: u64 at r10 -32 = r1
36: u64 at r10 -24 = r1
37: r2 = u32 at r8 +424
38: r2 &= 0x200000
39: if r2 != 0x0 goto 58
40: r3 = r7
41: r3 += 500
42: r1 = r10
43: r1 += -48
44: r2 = 8
45: call 113
46: r1 = r10
47: r1 += -48
48: r9 = u64 at r1 +0
49: r3 = r9
50: r3 += 600
51: r1 = r10
52: r1 += -48
53: r2 = 4
54: call 113
55: r1 = r10
56: r1 += -48
57: r1 = u32 at r1 +0
58: r4 = 3
59: u32 at r10 -8 = r1
60: u32 at r10 -4 = r4
61: r1 = u32 at r8 +400
62: u32 at r10 -16 = r1
63: r1 = u32 at r8 +404
64: u32 at r10 -12 = r1
65: r1 = u64 at r6 +0
66: r1 = u64 at r1 +0
67: r2 = r10
68: r2 += -40
69: r3 = 40
70: call 127
71: r0 = 0
72: exit
";
