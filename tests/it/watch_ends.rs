//! How the view ends and stops: the terminal is as it was, whatever happens.

use std::fs;

use rustix::process::Signal;

use crate::support::process::server;
use crate::support::{skip, wait_until};
use crate::watch_live::{View, state_of};

/// By signal, the program dies of the signal, and the terminal is restored before.
#[trial]
fn signals_restore_the_terminal() {
    let _server = server(80);
    for signal in [
        Signal::TERM,
        Signal::HUP,
        Signal::INT,
        Signal::QUIT,
        Signal::ABORT,
        Signal::ALARM,
        Signal::USR1,
        Signal::USR2,
        Signal::XCPU,
    ] {
        let mut view = View::start(&[]);
        view.shows("127.0.0.1:80");
        assert!(!view.terminal.is_canonical());
        view.terminal.signal(signal);
        assert_eq!(view.ends().code, None, "{signal:?}");
    }
}

/// Ctrl-Z, or the signal by another program, gives the terminal back and stops; when it runs on, it draws
/// again.
#[trial]
fn it_stops_and_runs_on() {
    let _server = server(80);
    let mut view = View::start(&[]);
    view.shows("127.0.0.1:80");
    let pid = view.terminal.pid();
    for is_key in [true, false] {
        if is_key {
            view.terminal.type_in("\u{1a}");
        } else {
            view.terminal.signal(Signal::TSTP);
        }
        wait_until("the view to stop", || (state_of(pid) == 'T').then_some(()));
        assert!(view.terminal.is_canonical());
        let screen = String::from_utf8_lossy(view.terminal.written()).into_owned();
        assert!(screen.ends_with("\u{1b}[?25h"), "{screen:?}");
        view.terminal.signal(Signal::CONT);
        view.shows("127.0.0.1:80");
        view.says("?", "Signs: + new");
        assert!(!view.terminal.is_canonical());
        view.says("\u{1b}", "? help  q quit");
    }
    view.terminal.type_in("\u{3}");
    assert_eq!(view.ends().code, Some(130));
}

/// SIGSTOP cannot be caught: the shell takes the terminal, and whoever continues the program gives it back as
/// it is.
#[trial]
fn it_takes_the_terminal_again_after_sigstop() {
    let _server = server(80);
    let mut view = View::start(&[]);
    view.shows("127.0.0.1:80");
    let pid = view.terminal.pid();
    view.terminal.signal(Signal::STOP);
    wait_until("the view to stop", || (state_of(pid) == 'T').then_some(()));
    view.terminal.make_canonical();
    let before = view.terminal.written().len();
    view.terminal.signal(Signal::CONT);
    wait_until("the terminal to be taken", || (!view.terminal.is_canonical()).then_some(()));
    wait_until("the screen to be drawn anew", || {
        String::from_utf8_lossy(&view.terminal.written()[before..])
            .contains("127.0.0.1:80")
            .then_some(())
    });
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
}

/// A panic of any thread: of the one that looks, of one that asks for details, of the one that parses
/// filters.
#[trial]
fn a_panic_restores_the_terminal() {
    for (fault, keys) in [("look", ""), ("details", "\r"), ("service", "/:http")] {
        let mut view = View::faulty(fault);
        if !keys.is_empty() {
            view.shows("127.0.0.1:80");
            view.terminal.type_in(keys);
        }
        let output = view.ends();
        assert_eq!(output.code, Some(2), "{fault}: {output:?}");
        let (_, told) = output.stdout.rsplit_once("\u{1b}[?25h").expect("a cursor");
        assert!(told.starts_with("portwho: internal error: "), "{fault}: {told:?}");
        assert!(told.ends_with("a fault: of two lines\n"), "{fault}: {told:?}");
    }
}

/// Keys are answered while a look does not end, and while a name is looked up.
#[trial]
fn what_stalls_does_not_hold_the_keys_up() {
    for (fault, keys) in [("stall", ""), ("stalled-service", "/:http")] {
        let mut view = View::faulty(fault);
        view.shows("127.0.0.1:80");
        if !keys.is_empty() {
            view.says(keys, "/:http");
            view.says("\u{1b}", "? help  q quit");
        }
        view.says("?", "Signs: + new");
        view.says("\u{1b}", "? help  q quit");
        view.terminal.type_in("q");
        assert_eq!(view.ends().code, Some(0), "{fault}");
        let mut view = View::faulty(fault);
        view.shows("127.0.0.1:80");
        view.terminal.signal(Signal::TERM);
        assert_eq!(view.ends().code, None, "{fault}");
    }
}

/// The system call that a process is in: its number (proc(5)).
fn call_of(pid: u32) -> Option<String> {
    let call = fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?;
    call.split(' ').next().map(str::to_owned)
}

/// A terminal that takes no output holds the drawing up, and does not hold up the end.
#[trial]
fn a_terminal_that_takes_no_output() {
    if call_of(std::process::id()).is_none() {
        return skip("/proc/PID/syscall is not there");
    }
    let servers: Vec<_> = (1000..1100).map(server).collect();
    // More than a pseudo-terminal keeps for its reader.
    let view = View::of_size(&["--color", "always"], (1000, 200));
    let (pid, write) = (view.terminal.pid(), libc_write());
    wait_until("the view to write in vain", || (call_of(pid)? == write).then_some(()));
    view.terminal.signal(Signal::TERM);
    let code = view.terminal.finish_unread(|terminal| assert!(terminal.is_canonical()));
    assert_eq!(code, None);
    drop(servers);
}

/// The number of write(2) on this machine.
fn libc_write() -> String {
    libc::SYS_write.to_string()
}
