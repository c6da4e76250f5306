//! Signals that end or stop a program: caught while it has the terminal (signal(7)).

use std::io;
use std::thread;

use signal_hook::consts::{
    SIGABRT, SIGALRM, SIGCONT, SIGHUP, SIGINT, SIGPROF, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1,
    SIGUSR2, SIGVTALRM, SIGXCPU, SIGXFSZ,
};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use crate::platform::SystemRequest;

/// The signals by which programs are told to end.
const ENDS: [i32; 4] = [SIGTERM, SIGHUP, SIGINT, SIGQUIT];

/// Others of which a program dies where nobody catches them, and that may be caught without unsafe code.
const DEATHS: [i32; 8] = [SIGABRT, SIGALRM, SIGUSR1, SIGUSR2, SIGVTALRM, SIGPROF, SIGXCPU, SIGXFSZ];

/// Calls `tell` for each signal, on a thread of its own.
pub(super) fn on_request(tell: Box<dyn Fn(SystemRequest) + Send>) -> io::Result<()> {
    let mut signals = Signals::new(ENDS.iter().chain(&DEATHS).chain(&[SIGTSTP, SIGCONT]))?;
    thread::Builder::new().spawn(move || {
        for signal in signals.forever() {
            tell(match signal {
                SIGTSTP => SystemRequest::Stop,
                SIGCONT => SystemRequest::Continue,
                death if DEATHS.contains(&death) => SystemRequest::Die(death),
                end => SystemRequest::End(end),
            });
        }
    })?;
    Ok(())
}

/// Does what the signal does where nobody catches it.
pub(super) fn obey(request: SystemRequest) {
    let signal = match request {
        SystemRequest::End(signal) | SystemRequest::Die(signal) => signal,
        SystemRequest::Stop => SIGTSTP,
        // It runs.
        SystemRequest::Continue => return,
    };
    // Only a signal that may not be caught is refused.
    let _ = emulate_default_handler(signal);
}
