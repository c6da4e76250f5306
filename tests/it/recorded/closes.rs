//! close on systems that a test cannot make: Windows, and kernels that close no sockets.

mod windows;

use portwho::model::{Gap, KernelReason, Os, Owner, TcpState};

use super::machine::Machine;
use super::parts::{Part, process, tcp};
use super::world::Closing;

fn close_wait(local: &str) -> Part {
    tcp(local, TcpState::CloseWait).to("10.0.0.9:50000")
}

/// A Linux with one process that does not close its connections.
fn leaking() -> Machine {
    let socket = |port: u64| close_wait(&format!("10.0.0.1:{port}")).linux(port, 33).of(&[812]);
    Machine::new(Os::Linux, vec![process(812, "app")], (8080..8083).map(socket).collect())
}

const LEAK: &str = "3 CLOSE_WAIT of app (PID 812)\n";
const QUESTION: &str = "Close 3 sockets of app (PID 812)? [y/N] ";

#[trial]
fn it_had_already_closed() {
    let machine = leaking().after_looks(1, Vec::clear);
    let gone = format!("{LEAK}3 sockets of app (PID 812) had already closed\n");
    machine.asked("close -s CLOSE_WAIT", "y\n").is(0, &gone, QUESTION);
    assert_eq!(machine.closed(), [""; 0]);
}

/// One is gone, one is closed, and one has become something else.
#[trial]
fn some_of_them_went() {
    let machine = leaking().after_looks(1, |sockets| {
        sockets.remove(0);
        sockets[0].socket.state = Some(TcpState::LastAck);
    });
    let closed = format!(
        "{LEAK}closed 1 of 3 sockets, 1 had already closed; app (PID 812) keeps its descriptor \
         until it calls close()\n"
    );
    let changed = "portwho: 1 CLOSE_WAIT of app (PID 812): not closed: changed since it was \
                   listed\n";
    let asked = format!("{QUESTION}{changed}");
    machine.asked("close -s CLOSE_WAIT", "y\n").is(1, &closed, &asked);
    assert_eq!(machine.closed(), ["10.0.0.1:8082"]);
}

#[trial]
fn an_old_kernel() {
    let machine = leaking().closing(Closing::NoDestroy).privileged();
    let why = "portwho: 3 CLOSE_WAIT of app (PID 812): not closed: this kernel cannot close sockets: \
               it lacks INET_DIAG_DESTROY; terminating their process closes them\n";
    machine.run("close -y -s CLOSE_WAIT").is(2, LEAK, why);
    machine.run("-q -s CLOSE_WAIT").is(0, "812\n", "");
}

#[trial]
fn an_old_kernel_and_time_wait() {
    let left = tcp("10.0.0.1:80", TcpState::TimeWait).linux(0, 0).to("10.0.0.9:50000");
    let machine = leaking().socket(left.of_kernel(KernelReason::TimeWait));
    let machine = machine.closing(Closing::NoDestroy);
    let why = "portwho: 1 TIME_WAIT of the kernel (time-wait): not closed: this kernel cannot \
               close sockets: it lacks INET_DIAG_DESTROY\n";
    machine.run("close 80").is(2, "1 TIME_WAIT of the kernel (time-wait)\n", why);
}

/// Linux before 6.11 would keep them forever. With a process they are closed.
#[trial]
fn an_old_kernel_and_orphans() {
    let orphan = |port: u16, state| {
        let socket = tcp(&format!("10.0.0.1:{port}"), state).linux(0, 0).to("10.0.0.9:50000");
        let mut owned = socket.of_kernel(KernelReason::Orphaned);
        owned.socket.cookie = Some(port.into());
        owned
    };
    let machine = || {
        leaking()
            .socket(orphan(80, TcpState::FinWait1))
            .socket(orphan(81, TcpState::Closing))
            .socket(orphan(82, TcpState::LastAck))
            .socket(orphan(83, TcpState::FinWait2))
            .socket(tcp("10.0.0.1:84", TcpState::LastAck).linux(9, 33).to("10.0.0.9:5").of(&[812]))
    };
    let why = "portwho: 1 FIN_WAIT_1, 1 CLOSING, 1 LAST_ACK of the kernel (orphaned): refused: \
               sockets without a process end on their own (tcp_orphan_retries); before Linux \
               6.11, closing one would keep it forever\n";
    let said = "1 FIN_WAIT_2 of the kernel (orphaned)\n\
                1 LAST_ACK of app (PID 812)\n\
                closed 1 connection that no process held\n\
                closed 1 socket; app (PID 812) keeps its descriptor until it calls close()\n";
    let old = machine().keeping_orphans();
    old.run("close -y 80-84").is(2, said, why);
    assert_eq!(old.closed(), ["10.0.0.1:83", "10.0.0.1:84"]);
    let new = machine();
    assert_eq!(new.run("close -y 80-84").code, Some(0));
    assert_eq!(new.closed().len(), 5);
}

/// Its process closes it while the user is asked: it is not what was asked about, and an old kernel would keep
/// it forever.
#[trial]
fn what_becomes_an_orphan() {
    let machine = || {
        leaking().after_looks(1, |sockets| {
            sockets[0].socket.state = Some(TcpState::LastAck);
            sockets[0].socket.inode = Some(0);
        })
    };
    let closed = format!(
        "{LEAK}closed 2 of 3 sockets; app (PID 812) keeps their descriptors until it calls close()\n"
    );
    let changed = format!(
        "{QUESTION}portwho: 1 CLOSE_WAIT of app (PID 812): not closed: changed since it was listed\n"
    );
    for machine in [machine(), machine().keeping_orphans()] {
        machine.asked("close 8080-8082", "y\n").is(1, &closed, &changed);
        assert_eq!(machine.closed(), ["10.0.0.1:8081", "10.0.0.1:8082"]);
    }
}

/// Each owner gets its verdict, and the worst is the exit code.
#[trial]
fn some_of_them_cannot() {
    let left = tcp("10.0.0.1:80", TcpState::TimeWait).linux(0, 0).to("10.0.0.9:50000");
    let machine = leaking().socket(left.of_kernel(KernelReason::TimeWait));
    let machine = machine.closing(Closing::OnlyOwned);
    let said = "1 TIME_WAIT of the kernel (time-wait)\n3 CLOSE_WAIT of app (PID 812)\n\
                closed 3 sockets; app (PID 812) keeps their descriptors until it calls \
                close()\n";
    let why = "portwho: 1 TIME_WAIT of the kernel (time-wait): not closed: this system cannot \
               close such sockets (Linux can close UDP sockets from 4.9 on, and TIME_WAIT and \
               FIN_WAIT_2 without a process from 6.0 on)\n";
    machine.run("close -y -s teardown").is(2, said, why);
}

#[trial]
fn many_share_it() {
    let pids: Vec<u32> = (812..820).collect();
    let processes = pids.iter().map(|&pid| process(pid, "nginx")).collect();
    let socket = close_wait("10.0.0.1:80").linux(7, 33).of(&pids);
    let machine = Machine::new(Os::Linux, processes, vec![socket]);
    let who = "nginx (PID 812), nginx (PID 813), nginx (PID 814), nginx (PID 815) and 4 more";
    let said = format!("1 CLOSE_WAIT of {who}\nwould close 1 socket of {who}\n");
    machine.run("close -n 80").is(0, &said, "");
}

#[trial]
fn an_unreadable_table() {
    let gap = Gap::TableUnreadable { table: "tcp6".to_owned(), why: "no".to_owned() };
    let machine = leaking().gap(gap);
    let line = "portwho: cannot read the table tcp6: no: its sockets are missing; run portwho \
                again, with more privileges if that does not help\n";
    let nothing = "portwho: cannot tell whether any socket matches\n";
    machine.run("close 4733").is(2, "", &format!("{line}{nothing}"));
    let cannot = "portwho: cannot tell which sockets were closed: cannot read the table tcp6: no: its sockets \
                  are missing; run portwho again, with more privileges if that does not help\n";
    machine.run("close 8080").is(2, "1 CLOSE_WAIT of app (PID 812)\n", &format!("{line}{cannot}"));
}

/// A hidden owner may be the session's, with any rights.
#[trial]
fn an_owner_that_cannot_be_seen() {
    let socket = close_wait("10.0.0.1:80").linux(7, 33);
    let hidden = |owner| Machine::new(Os::Linux, Vec::new(), vec![socket.clone().owner(owner)]);
    let start = "portwho: 1 CLOSE_WAIT of ";
    let why = "refused: the owner is hidden, and may be your own session";
    let sudo = format!("{start}a process of www-data: {why}; run: sudo portwho close 80\n");
    hidden(Owner::Hidden).user(33, "www-data").run("close 80").is(2, "", &sudo);
    let root = format!(
        "{start}a process of www-data or the kernel itself: {why}; no further privileges would reveal it\n"
    );
    let machine = hidden(Owner::Hidden).user(33, "www-data").privileged();
    machine.run("close 80").is(2, "", &root);
    // Whether more privileges reveal it is not known.
    let nobody = format!(
        "{start}an owner that was not found: refused: the owner was not found, and may be your own session; \
         run portwho again\n"
    );
    hidden(Owner::NotFound).run("close 80").is(2, "", &nobody);
}
