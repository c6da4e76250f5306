use super::*;

const HOSTILE: Uid = Uid(4000);
const HONEST: Uid = Uid(33);

fn preferring(user: Uid) -> Budgets {
    let mut budgets = Budgets::default();
    budgets.put_first(BTreeSet::from([user]));
    budgets
}

#[test]
fn one_users_search_does_not_cost_another_user() {
    let budgets = Budgets::default();
    assert!(budgets.take(HOSTILE, Kind::Threads, bounds::SEARCH_THREAD_DESCRIPTORS));
    assert!(!budgets.take(HOSTILE, Kind::Threads, 1));
    assert_eq!(budgets.left(HOSTILE, Kind::Rings), bounds::SEARCH_RING_BYTES);
    for other in [HONEST, Uid(0)] {
        assert_eq!(budgets.left(other, Kind::Threads), bounds::SEARCH_THREAD_DESCRIPTORS);
    }
}

#[test]
fn time_is_one_users_too() {
    let budgets = Budgets::default();
    budgets.note_time(HOSTILE, bounds::SEARCH_TIME_OF_USER * 5 / 4);
    assert!(!budgets.start(HOSTILE, Kind::Processes, 1));
    assert!(budgets.start(HONEST, Kind::Processes, 1));
    for hostile in 5000..6000 {
        budgets.note_time(Uid(hostile), bounds::SEARCH_TIME_OF_USER);
    }
    assert!(!budgets.start(HONEST, Kind::Processes, 1));
    assert!(budgets.start(Uid(0), Kind::Processes, 1));
}

#[test]
fn a_share_of_every_user_is_read_before_more_of_any() {
    let budgets = Budgets::default();
    budgets.charge(HOSTILE, Kind::Processes, bounds::SEARCH_SHARE);
    budgets.note_time(Uid(4001), bounds::SEARCH_TIME_SHARE);
    assert_eq!(
        [HOSTILE, Uid(4001), HONEST].map(|user| budgets.is_share_left(user)),
        [false, false, true]
    );
    assert!(budgets.left(HOSTILE, Kind::Processes) > 0);
}

#[test]
fn what_looks_like_roots_is_not_taken_from_root() {
    let budgets = Budgets::default();
    budgets.charge(UNASKED, Kind::Processes, bounds::SEARCH_UNASKED);
    budgets.note_time(UNASKED, bounds::SEARCH_TIME_UNASKED * 2);
    assert_eq!(budgets.left(UNASKED, Kind::Processes), 0);
    assert_eq!(budgets.left(Uid(0), Kind::Processes), bounds::SEARCH_DESCRIPTORS);
    assert!(budgets.is_share_left(Uid(0)));
}

#[test]
fn many_users_share_a_budget_that_the_first_do_not_need() {
    let budgets = preferring(HONEST);
    for hostile in 4000..6000 {
        budgets.take(Uid(hostile), Kind::Rings, bounds::SEARCH_RING_BYTES);
    }
    assert_eq!(budgets.left(Uid(9000), Kind::Rings), 0);
    assert_eq!(budgets.left(Uid(9000), Kind::Threads), bounds::SEARCH_THREAD_DESCRIPTORS);
    assert_eq!(budgets.left(HONEST, Kind::Rings), bounds::SEARCH_RING_BYTES);
    assert_eq!(budgets.left(Uid(0), Kind::Rings), bounds::SEARCH_RING_BYTES);
}

#[test]
fn the_sockets_own_users_come_first_and_root_before_others() {
    let budgets = preferring(HONEST);
    assert_eq!([HONEST, Uid(0), HOSTILE].map(|user| budgets.turn(user)), [0, 1, 2]);
}

#[test]
fn what_is_not_searched_is_added_up_by_user() {
    let budgets = Budgets::default();
    budgets.leave_out(HOSTILE, LeftOut { rings: 2, ..LeftOut::default() });
    budgets.leave_out(HOSTILE, LeftOut { threads: 1, ..LeftOut::default() });
    let left_out = LeftOut { rings: 2, threads: 1, descriptors: 0 };
    assert_eq!(budgets.left_out(), BTreeMap::from([(HOSTILE, left_out)]));
}
