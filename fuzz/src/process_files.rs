//! The files of a process: no name that it takes changes what its other fields say.

use portwho::model::{Pid, ProcessKind, Uid, Untrusted};
use portwho::platform::decode::descriptor::{PortUse, port_use, protocol};
use portwho::platform::decode::{proc_cmdline, proc_limits, proc_stat, proc_status, ring_info};

use super::input::{Input, contains, lies_within};

pub fn check(data: &[u8]) {
    what_is_read_stands_there(data);
    a_name_changes_no_field(data);
    no_file_is_registered_that_has_no_line(data);
    arguments_are_what_stands_between_the_ends(data);
    a_port_is_bound_only_before_a_connection(data);
}

fn what_is_read_stands_there(data: &[u8]) {
    if let Some(name) = proc_stat::name(data) {
        assert!(lies_within(name, data));
    }
    let _ = proc_stat::stat(data);
    let numbers = proc_status::effective_user(data).map(|uid| uid.0.into()).into_iter();
    let (soft, hard) = proc_limits::open_files(data);
    for number in numbers.chain(soft).chain(hard).chain(proc_stat::resident_pages(data)) {
        assert!(contains(data, u64::to_string(&number).as_bytes()), "{number}");
    }
}

/// stat and status as the kernel writes them for a process of this name.
fn a_name_changes_no_field(data: &[u8]) {
    let mut input = Input::new(data);
    let state = b"RSDZTtXI"[usize::from(input.byte() % 8)];
    let [flags, threads, start, uid] = [(); 4].map(|()| input.number());
    let [parent, session, terminal] = [(); 3].map(|()| input.number());
    let name = input.rest();
    // tty_nr is printed signed.
    let tail = format!(
        ") {} {parent} 1 {session} {} 1 {flags} 0 0 0 0 5 6 0 0 20 0 {threads} 0 {start} 1000 200",
        char::from(state),
        terminal.cast_signed(),
    );
    let file = [b"812 (", name, tail.as_bytes()].concat();
    assert_eq!(proc_stat::name(&file), Some(name));
    let found = proc_stat::stat(&file).expect("a whole file");
    assert_eq!((found.state, found.session, found.terminal), (state, session, terminal));
    assert_eq!(found.parent, Some(Pid(parent)).filter(|pid| pid.0 != 0));
    assert_eq!((found.threads, found.start_ticks), (threads.into(), start.into()));
    let is_kernel = flags & 0x0020_0000 != 0;
    assert_eq!(found.kind == ProcessKind::Kernel, is_kernel);
    let (major, minor) = proc_stat::device_numbers(terminal);
    assert_eq!(terminal, major << 8 | minor & 0xff | minor >> 8 << 20);

    let end = format!("\nUmask:\t0022\nUid:\t7\t{uid}\t8\t9\nGid:\t0\t0\t0\t0\n");
    let file = [b"Name:\t", escaped(name).as_slice(), end.as_bytes()].concat();
    assert_eq!(proc_status::effective_user(&file), Some(Uid(uid)));
}

/// How the kernel writes a name into status: `proc_task_name` in fs/proc/array.c.
fn escaped(name: &[u8]) -> Vec<u8> {
    let escape = |&byte: &u8| match byte {
        b'\n' => b"\\n".to_vec(),
        b'\\' => b"\\\\".to_vec(),
        byte => vec![byte],
    };
    name.iter().flat_map(escape).collect()
}

fn no_file_is_registered_that_has_no_line(data: &[u8]) {
    let files: Vec<&[u8]> = ring_info::registered_files(data).collect();
    assert!(files.len() < data.split(|&byte| byte == b'\n').count());
    for file in &files {
        assert!(lies_within(file, data) && !file.contains(&b'\n'));
    }
    // What stands behind a list that ends as it ought to is not the list's.
    let end = b"\nUserFiles:\t2\n    0: <none>\n    1: socket:[4711]\nUserBufs:\t0\n";
    let text = [end, data].concat();
    let files: Vec<&[u8]> = ring_info::registered_files(&text).collect();
    assert_eq!(files, [&b"<none>"[..], b"socket:[4711]"]);
    assert!(!ring_info::is_silent(&text) && !ring_info::was_in_use(&text));
}

/// Written again, the arguments are the file, or its beginning where there are more.
fn arguments_are_what_stands_between_the_ends(data: &[u8]) {
    let (most, file) = data.split_first().map_or((0, data), |(most, file)| (*most, file));
    let read = proc_cmdline::arguments(file, most.into());
    assert!(read.arguments.len() <= most.into());
    let written: Vec<&[u8]> = read.arguments.iter().map(Untrusted::as_bytes).collect();
    let written = written.join(&0);
    let rest = file.strip_prefix(written.as_slice()).expect("the beginning of the file");
    if most > 0 && !read.is_cut {
        assert!(matches!(rest, [] | [0]), "{rest:?}");
        assert_eq!(read.arguments.is_empty(), file.is_empty());
    }
    match proc_cmdline::first(file) {
        Some(first) => assert_eq!(file.get(first.len()), Some(&0)),
        None => assert!(!file.contains(&0)),
    }
}

/// `TCP_CLOSE` is 7, and the segment size that a connection sets is at 20 (linux/tcp.h).
fn a_port_is_bound_only_before_a_connection(data: &[u8]) {
    let is_bound = data.first() == Some(&7) && data.get(20..24) == Some(&[0; 4]);
    assert_eq!(port_use(data) == PortUse::Bound, is_bound);
    assert!(data.len() >= 24 || port_use(data) == PortUse::Unclear);
    if protocol(data).is_some() {
        assert!(data.starts_with(b"TCP") || data.starts_with(b"UDP") || data.starts_with(b"MPTCP"));
    }
}
