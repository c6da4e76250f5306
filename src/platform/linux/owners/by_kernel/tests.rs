#![allow(clippy::print_stderr, reason = "skips are printed")]

use super::*;

const TABLE: u64 = 100;

fn of(pid: u32, descriptor: u32, table: u64, references: u64) -> Reported {
    let link = Link { pid: Pid(pid), thread: pid, descriptor };
    Reported { link, inode: 4711, table, references: Some(references) }
}

fn is_counted(reported: &[Reported]) -> bool {
    counted(reported).contains(&4711)
}

#[test]
fn as_many_descriptors_as_references_are_all() {
    assert!(is_counted(&[of(7, 3, TABLE, 2), of(8, 4, TABLE + 1, 2)]));
}

#[test]
fn a_reference_that_is_no_descriptor_may_be_anywhere() {
    assert!(!is_counted(&[of(7, 3, TABLE, 3), of(8, 4, TABLE + 1, 3)]));
}

#[test]
fn a_shared_table_has_one_descriptor_whoever_shares_it() {
    let [one, other] = [of(7, 3, TABLE, 1), of(8, 3, TABLE, 1)];
    assert!(is_counted(&[one, other]));
    // The second reference is elsewhere.
    let references = Some(2);
    assert!(!is_counted(&[Reported { references, ..one }, Reported { references, ..other }]));
}

#[test]
fn a_thread_that_is_not_named_may_keep_it() {
    let of_thread = |one: Reported| {
        let Link { pid, descriptor, .. } = one.link;
        Reported { link: Link { pid, thread: pid.0 + 1, descriptor }, ..one }
    };
    let (one, other) = (of(7, 3, TABLE, 2), of(8, 4, TABLE + 1, 2));
    assert!(!is_counted(&[one, of_thread(other)]));
    assert!(is_counted(&[of_thread(one), of_thread(other)]));
}

#[test]
fn what_changed_while_it_was_counted_proves_nothing() {
    assert!(!is_counted(&[of(7, 3, TABLE, 1), of(8, 4, TABLE + 1, 2)]));
    // Nothing was counted, as others share the table.
    assert!(!is_counted(&[Reported { references: None, ..of(7, 3, TABLE, 1) }]));
}

fn kernel() -> Option<Kernel> {
    Kernel::open().inspect_err(|refusal| eprintln!("skipped: {refusal}")).ok()
}

#[test]
fn places_are_counted_for_each_that_shares_them() {
    let task = |pid: u32| (Pid(pid), pid);
    let tables = Tables {
        tasks: [(TABLE, vec![task(7), task(8), task(9)]), (TABLE + 1, vec![task(10)])]
            .into_iter()
            .collect(),
        sizes: [(TABLE, 64), (TABLE + 1, 1_000_000)].into_iter().collect(),
        is_cut: false,
    };
    assert_eq!(tables.shared(), 128);
}

/// The tables of this process, as a thread of its own and as the first thread.
fn tables(thread: u32) -> Tables {
    let tasks = [(TABLE, vec![(Pid(std::process::id()), thread)])].into_iter().collect();
    Tables { tasks, ..Tables::default() }
}

fn read_each(kernel: &Kernel, tables: &Tables, time: Duration) -> Report {
    let own = Pid(std::process::id());
    let wanted = Inodes::default();
    let question = Question { kernel, wanted: &wanted, deadline: Deadline::after(time) };
    let mut report = Report { seen: FxHashSet::from_iter([own]), ..Report::default() };
    report.read_each(question, tables).unwrap();
    report
}

#[test]
fn a_table_that_no_first_thread_has_is_left_to_proc() {
    let Some(kernel) = kernel() else { return };
    let own = Pid(std::process::id());
    let report = read_each(&kernel, &tables(own.0 + 1), Duration::from_mins(1));
    assert!(!report.is_cut);
    assert_eq!(report.unseen(&[own]), [own]);
    assert_eq!(report.reported, []);
}

#[test]
fn the_time_is_looked_at_before_each_table() {
    let Some(kernel) = kernel() else { return };
    let own = Pid(std::process::id());
    let report = read_each(&kernel, &tables(own.0), Duration::ZERO);
    assert!(report.is_cut);
    assert_eq!(report.unseen(&[own]), [own]);
}

#[test]
fn where_the_time_is_over_every_process_is_unseen() {
    let Some(kernel) = kernel() else { return };
    let own = Pid(std::process::id());
    let report = Report::of(&kernel, &Inodes::default(), Duration::ZERO).unwrap();
    assert!(report.is_cut);
    assert_eq!(report.unseen(&[own]), [own]);
    let report = Report::of(&kernel, &Inodes::default(), Duration::from_mins(1)).unwrap();
    assert!(!report.is_cut);
    assert_eq!(report.unseen(&[own]), []);
}
