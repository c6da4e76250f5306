use proptest::prelude::*;

use super::*;
use crate::model::{Endpoint, Holder, KernelReason, Pid, Protocol, TcpState};

fn row(cookie: u64, state: TcpState, pid: u32) -> OwnedSocket {
    let local = Endpoint::new([127, 0, 0, 1].into(), 80);
    let foreign = (!state.holds_port()).then(|| Endpoint::new([127, 0, 0, 1].into(), 5000));
    let inode = if pid == 0 { 0 } else { cookie + 100 };
    let socket = Socket {
        state: Some(state),
        foreign,
        cookie: Some(cookie),
        inode: Some(inode),
        ..Socket::at(Protocol::Tcp, local)
    };
    let owner = match socket.kernel_reason() {
        Some(reason) => Owner::Kernel(reason),
        None => Owner::of_process(Pid(pid)),
    };
    OwnedSocket { socket, owner }
}

fn compared(before: &[OwnedSocket], after: &[OwnedSocket]) -> Vec<Change> {
    let unread = Unread::default();
    let seen = |rows| Seen { rows, others: &[], unread: &unread };
    changes(seen(before), seen(after))
}

#[test]
fn what_closed_is_told_last() {
    let listener = row(1, TcpState::Listening, 812);
    let open = row(2, TcpState::Established, 812);
    let over = row(2, TcpState::TimeWait, 0);
    let before = [listener.clone(), open.clone()];
    let after = [row(3, TcpState::Established, 812), over.clone()];
    let expected = [
        Change::Changed { previous: open.into(), now: over, leaves: false },
        Change::Opened(after[0].clone()),
        Change::Closed(listener),
    ];
    assert_eq!(compared(&before, &after), expected);
    assert_eq!(compared(&after, &after), []);
}

#[test]
fn an_owner_is_a_change_and_a_descriptor_is_none() {
    let before = row(1, TcpState::Listening, 812);
    let with = |holders: &[(u32, u32)]| {
        let holder = |(pid, fd): &(u32, u32)| Holder { pid: Pid(*pid), descriptor: Some(*fd) };
        let owner = Owner::Processes(holders.iter().map(holder).collect());
        OwnedSocket { owner, ..before.clone() }
    };
    assert_eq!(compared(std::slice::from_ref(&before), &[with(&[(812, 3), (812, 4)])]), []);
    let shared = compared(std::slice::from_ref(&before), &[with(&[(812, 3), (813, 3)])]);
    assert!(matches!(shared.as_slice(), [Change::Changed { .. }]), "{shared:?}");
}

#[test]
fn what_could_not_be_read_has_not_closed() {
    let before = [row(1, TcpState::Listening, 812)];
    let all = Unread::default();
    let none = Unread { tables: true, ..Unread::default() };
    let seen = |rows, unread| Seen { rows, others: &[], unread };
    assert_eq!(changes(seen(&before, &all), seen(&[], &none)), []);
    assert_eq!(changes(seen(&before, &none), seen(&[], &all)).len(), 1);
}

#[test]
fn a_namespace_that_could_not_be_read_keeps_its_sockets_and_no_others() {
    let within = |cookie, netns| {
        let row = row(cookie, TcpState::Listening, 812);
        OwnedSocket { socket: Socket { netns, ..row.socket }, ..row }
    };
    let before = [within(1, None), within(2, Some(7)), within(3, Some(8))];
    let unread = Unread { namespaces: true, read: [7].into(), ..Unread::default() };
    let seen = |rows, unread| Seen { rows, others: &[], unread };
    let closed = changes(seen(&before, &unread), seen(&[], &unread));
    let closed: Vec<Option<u64>> = closed.iter().map(|it| it.row().socket.netns).collect();
    assert_eq!(closed, [None, Some(7)]);
}

#[test]
fn a_socket_that_is_no_longer_asked_for_has_changed_and_not_closed() {
    let open = row(2, TcpState::Established, 812);
    let over = row(2, TcpState::TimeWait, 0);
    let unread = &Unread::default();
    let before = Seen { rows: std::slice::from_ref(&open), others: &[], unread };
    let others = std::slice::from_ref(&over.socket);
    let after = Seen { rows: &[], others, unread };
    let leaving =
        Change::Changed { previous: open.clone().into(), now: over.clone(), leaves: true };
    assert_eq!(over.owner, Owner::Kernel(KernelReason::TimeWait));
    assert_eq!(changes(before, after), [leaving]);
    // And the other way round.
    let back = changes(after, before);
    let [Change::Changed { previous, now, leaves: false }] = back.as_slice() else {
        panic!("{back:?}")
    };
    assert_eq!((&previous.socket, now), (&over.socket, &open));
}

#[test]
fn sockets_that_nothing_tells_apart_are_counted() {
    let udp = |pid| OwnedSocket {
        socket: Socket::at(Protocol::Udp, Endpoint::new([0, 0, 0, 0].into(), 5353)),
        owner: Owner::of_process(Pid(pid)),
    };
    assert_eq!(compared(&[udp(1), udp(2)], &[udp(1), udp(2)]), []);
    assert_eq!(compared(&[udp(1), udp(2)], &[udp(1)]), [Change::Closed(udp(2))]);
    assert_eq!(compared(&[udp(1)], &[udp(1), udp(2)]), [Change::Opened(udp(2))]);
}

proptest! {
    /// Wherever a socket is listed, it is found again.
    #[test]
    fn the_order_of_the_rows_does_not_matter(
        before in Just((0_u64..60).collect::<Vec<_>>()).prop_shuffle(),
        after in Just((0_u64..60).collect::<Vec<_>>()).prop_shuffle(),
        in_order in any::<bool>(),
        counts in (0_usize..60, 0_usize..60),
        changed in 0_u64..60,
    ) {
        let rows = |cookies: &[u64], count: usize, is_changed: &dyn Fn(u64) -> bool| {
            let mut cookies = cookies[..count].to_vec();
            if in_order {
                cookies.sort_unstable();
            }
            let state = |cookie| if is_changed(cookie) { TcpState::CloseWait } else { TcpState::Established };
            cookies.iter().map(|cookie| row(*cookie + 1, state(*cookie), 7)).collect::<Vec<_>>()
        };
        let before = rows(&before, counts.0, &|_| false);
        let after = rows(&after, counts.1, &|cookie| cookie % 7 == changed % 7);
        let has = |rows: &[OwnedSocket], row: &OwnedSocket| {
            rows.iter().any(|other| other.socket.cookie == row.socket.cookie)
        };
        let told = compared(&before, &after);
        let count = |of: fn(&Change) -> bool| told.iter().filter(|change| of(change)).count();
        let opened = after.iter().filter(|row| !has(&before, row)).count();
        let closed = before.iter().filter(|row| !has(&after, row)).count();
        let is_changed = |row: &&OwnedSocket| row.socket.state == Some(TcpState::CloseWait);
        let changed = after.iter().filter(|row| has(&before, row)).filter(is_changed).count();
        prop_assert_eq!(count(|it| matches!(it, Change::Opened(_))), opened);
        prop_assert_eq!(count(|it| matches!(it, Change::Closed(_))), closed);
        prop_assert_eq!(count(|it| matches!(it, Change::Changed { .. })), changed);
    }
}
