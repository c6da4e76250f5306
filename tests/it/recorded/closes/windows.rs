//! close on Windows, which closes TCP over IPv4 alone.

use portwho::model::{Os, OwnedSocket, TableOwner, TcpState};

use super::close_wait;
use crate::recorded::machine::Machine;
use crate::recorded::office::office;
use crate::recorded::parts::{Part, listener, process, tcp, udp};
use crate::recorded::world::Closing;

fn established(local: &str) -> Part {
    tcp(local, TcpState::Established).to("10.0.0.9:50000")
}

/// A Windows with one process and these sockets of its own.
fn windows(sockets: Vec<OwnedSocket>) -> Machine {
    Machine::new(Os::Windows, vec![process(812, "web.exe")], sockets)
}

#[trial]
fn a_connection_on_windows() {
    let machine = office();
    let words = "close --pid 1688 --state ESTAB";
    let what = "1 ESTABLISHED of inetinfo.exe (PID 1688, user OFFICE\\anna)\n";
    let would = "would close 1 socket of inetinfo.exe (PID 1688)\n";
    machine.run(&format!("{words} -n")).is(0, &format!("{what}{would}"), "");
    let question = "Close 1 socket of inetinfo.exe (PID 1688)? [y/N] ";
    let not = "portwho: 1 ESTABLISHED of inetinfo.exe (PID 1688): not confirmed; nothing was \
               closed\n";
    machine.asked(words, "n\n").is(2, what, &format!("{question}{not}"));
    assert_eq!(machine.closed(), [""; 0]);
    let closed = "closed 1 socket; inetinfo.exe (PID 1688) keeps its handle until it calls \
                  closesocket()\n";
    machine.asked(words, "y\n").is(0, &format!("{what}{closed}"), question);
    assert_eq!(machine.closed(), ["127.0.0.1:8081"]);
    assert!(machine.is_alive(1688));
    machine.is_untouched();
    machine.run(words).is(1, "", "portwho: no socket matches\n");
}

/// Said before any question; the rest is closed.
#[trial]
fn ipv6_and_udp_on_windows() {
    let datagrams = udp("127.0.0.1:5000").to("127.0.0.1:53");
    let machine = windows(vec![
        established("[::1]:80").of(&[812]),
        established("10.0.0.1:80").of(&[812]),
        datagrams.of(&[812]),
        listener("0.0.0.0:80").of(&[812]),
    ]);
    let refused = "portwho: 1 listener not closed; to close it, run: portwho close -l --pid 812\n\
                   portwho: 1 ESTABLISHED of web.exe (PID 812): refused: Windows closes TCP \
                   connections over IPv4 only; it has no call for IPv6\n\
                   portwho: 1 UDP of web.exe (PID 812): refused: Windows closes TCP connections \
                   only; it has no call for UDP\n";
    let closed = "1 ESTABLISHED of web.exe (PID 812)\n\
                  closed 1 socket; web.exe (PID 812) keeps its handle until it calls \
                  closesocket()\n";
    machine.run("close --pid 812").is(2, closed, refused);
    assert_eq!(machine.closed(), ["10.0.0.1:80"]);
}

const ONE: &str = "1 ESTABLISHED of web.exe (PID 812)\n";

fn one() -> Machine {
    windows(vec![established("10.0.0.1:80").of(&[812])])
}

#[trial]
fn not_elevated() {
    let machine = one().closing(Closing::Denied);
    let why = "portwho: 1 ESTABLISHED of web.exe (PID 812): not closed: permission denied; in an \
               elevated prompt, run: portwho close --name \"web*\" 80\n";
    machine.run("close --name web* 80").is(2, ONE, why);
}

#[trial]
fn not_even_elevated() {
    let machine = one().closing(Closing::Denied).privileged();
    let why = "portwho: 1 ESTABLISHED of web.exe (PID 812): not closed: permission denied, even \
               elevated\n";
    machine.run("close 80").is(2, ONE, why);
}

/// As Wine does: only the look afterwards is believed.
#[trial]
fn a_system_that_pretends() {
    let machine = one().closing(Closing::Pretends);
    let why = "portwho: 1 ESTABLISHED of web.exe (PID 812): not closed: still there, although the \
               system accepted the request\n";
    machine.run("close 80").is(2, ONE, why);
    assert_eq!(machine.closed(), ["10.0.0.1:80"]);
}

#[trial]
fn the_session_on_windows() {
    let machine = office().socket(established("10.0.0.1:22").of(&[8800]));
    let why = "portwho: 1 ESTABLISHED of WindowsTerminal.exe (PID 8800): refused: an ancestor of \
               portwho holds it: the shell or session it runs in\n";
    machine.run("close -4 22").is(2, "", why);
    assert_eq!(machine.closed(), [""; 0]);
}

#[trial]
fn time_wait_on_windows() {
    let machine = office();
    let closed = "1 TIME_WAIT of the kernel (time-wait)\n\
                  closed 1 connection in TIME_WAIT\n";
    machine.run("close -y --state TIME_WAIT").is(0, closed, "");
}

/// Its process has exited, and a child that cannot be named holds it: no other process would end it.
#[trial]
fn an_inherited_socket() {
    let machine = windows(vec![close_wait("10.0.0.1:80").by_table(700, Some(5))]);
    let closed = "1 CLOSE_WAIT of PID 700, which has exited\n\
                  closed 1 socket of PID 700, which has exited\n";
    let gap = "portwho: the process that created 1 socket has exited: the processes that \
               inherited them hold them: look for children of the exited process\n";
    let output = machine.run("close 80");
    output.is(0, closed, "");
    assert!(!output.stderr.contains(gap));
}

/// SetTcpEntry knows a connection by its ends alone: whoever has them by now is not touched.
#[trial]
fn another_process_has_the_ends() {
    let machine = windows(vec![established("10.0.0.1:80").by_table(812, None)])
        .process(process(813, "other.exe"))
        .after_looks(1, |sockets| {
            let owner = TableOwner { pid: portwho::model::Pid(813), created: None };
            sockets[0].socket.table_owner = Some(owner);
        });
    let gone = "1 ESTABLISHED of web.exe (PID 812)\n\
                1 socket of web.exe (PID 812) had already closed\n";
    machine.asked("close 80", "y\n").is(0, gone, "Close 1 socket of web.exe (PID 812)? [y/N] ");
    assert_eq!(machine.closed(), [""; 0]);
}
