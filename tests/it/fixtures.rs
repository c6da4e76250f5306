//! The makers of sockets, compared with the kernel's table and `ss`.

use std::net::SocketAddr;

use crate::support::kernel_table::{self, State};
use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::process::Owner;

fn state(local: SocketAddr, foreign: SocketAddr) -> State {
    kernel_table::find(local, foreign).expect("a row").state
}

#[trial]
fn every_state_is_reached() {
    for at in Loopback::BOTH {
        let made = makers::fin_wait_1(at);
        assert_eq!(state(made.client_address, made.server_address), State::FIN_WAIT_1);
        let made = makers::half_closed(at);
        assert_eq!(state(made.client_address, made.server_address), State::FIN_WAIT_2);
        assert_eq!(state(made.server_address, made.client_address), State::CLOSE_WAIT);
        let made = makers::last_ack(at);
        assert_eq!(state(made.server_address, made.client_address), State::LAST_ACK);
        let made = makers::closing(at);
        assert_eq!(state(made.client_address, made.server_address), State::CLOSING);
        let made = makers::syn_sent(at);
        assert_eq!(state(made.client_address, made.server_address), State::SYN_SENT);
        let made = makers::syn_received(at);
        assert_eq!(state(made.server_address, made.client_address), State::SYN_RECEIVED);
    }
}

#[trial]
fn inode_is_zero_where_no_process_can_hold_the_socket() {
    for at in Loopback::BOTH {
        let made = makers::time_wait(at);
        let row = kernel_table::find(made.client_address, made.server_address).expect("a row");
        assert_eq!((row.state, row.inode), (State::TIME_WAIT, 0));
        let made = makers::not_accepted(at);
        let row = kernel_table::find(made.server_address, made.client_address).expect("a row");
        assert_eq!((row.state, row.inode), (State::ESTABLISHED, 0));
        let made = makers::fin_wait_1(at);
        drop(made.client);
        let row = kernel_table::find(made.client_address, made.server_address).expect("a row");
        assert_eq!((row.state, row.inode), (State::FIN_WAIT_1, 0));
    }
}

fn comm(pid: u32) -> Vec<u8> {
    let comm = std::fs::read(format!("/proc/{pid}/comm")).expect("comm");
    comm.strip_suffix(b"\n").expect("a line").to_vec()
}

fn holds(pid: u32, inode: u64) -> bool {
    let link = std::fs::read_link(format!("/proc/{pid}/fd/0")).expect("fd 0");
    link.as_os_str() == format!("socket:[{inode}]").as_str()
}

fn only_listener() -> kernel_table::Row {
    let rows = kernel_table::rows("tcp");
    assert_eq!(rows.len(), 1);
    rows.into_iter().next().expect("a row")
}

#[trial]
fn a_named_process_holds_what_it_is_given() {
    let listener = makers::listening(Loopback::V4.port(80));
    let owner = Owner::named("inetinfo.exe").holding(listener.socket);
    assert_eq!(comm(owner.pid()), b"inetinfo.exe");
    assert!(holds(owner.pid(), only_listener().inode));
}

#[trial]
fn a_process_that_ignores_term_has_its_name() {
    let listener = makers::listening(Loopback::V4.port(80));
    let owner = Owner::named("deaf").ignoring_term().holding(listener.socket);
    assert_eq!(comm(owner.pid()), b"deaf");
    let pid = rustix::process::Pid::from_raw(owner.pid().cast_signed()).expect("a PID");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("kill");
    let status = std::fs::read_to_string(format!("/proc/{}/status", owner.pid())).expect("status");
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:\t")).expect("SigIgn");
    let ignored = u64::from_str_radix(ignored, 16).expect("a mask");
    assert_ne!(ignored & 1 << (15 - 1), 0, "SIGTERM is ignored");
}

#[trial]
fn a_family_holds_one_socket() {
    let listener = makers::listening(Loopback::V4.port(80));
    let mut master = Owner::named("nginx").playing_with("family", &["3"], listener.socket);
    let line = master.line();
    let workers: Vec<u32> = line.split(' ').map(|pid| pid.parse().expect("a PID")).collect();
    assert_eq!(workers.len(), 3);
    for pid in workers {
        assert!(holds(pid, only_listener().inode));
    }
}

#[trial]
fn a_zombie_leader_lives_on() {
    let listener = makers::listening(Loopback::V4.port(80));
    let mut leader = Owner::named("leader").playing_with("zombie-leader", &[], listener.socket);
    assert_eq!(leader.line(), "ready");
    crate::support::wait_until("the leader to be a zombie", || {
        (leader.process.state() == 'Z').then_some(())
    });
    assert!(!leader.process.has_exited());
    assert_eq!(only_listener().state, State::LISTENING);
}

#[trial]
fn a_listening_role_obeys() {
    let mut role = Owner::named("server").playing("listen", &["127.0.0.1:80"]);
    assert_eq!(role.line(), "127.0.0.1:80");
    assert_eq!(only_listener().state, State::LISTENING);
    assert_eq!(role.tell("close"), "closed");
    assert_eq!(kernel_table::rows("tcp").len(), 0);
    assert!(!role.process.has_exited());
}

#[trial]
fn namespaces_do_not_see_each_other() {
    let _here = makers::listening(Loopback::V4.port(80));
    in_netns(|| {
        assert_eq!(kernel_table::rows("tcp").len(), 0);
        let _there = makers::listening(Loopback::V4.port(80));
        assert_eq!(kernel_table::rows("tcp").len(), 1);
    });
    assert_eq!(kernel_table::rows("tcp").len(), 1);
}
