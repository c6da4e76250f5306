//! Programs of others that are asked when no file or call tells: with a deadline, always.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// What a command prints, if it does so within `time`. It does not live longer than that.
pub(super) fn output_within(mut command: Command, time: Duration) -> Option<Vec<u8>> {
    let streams = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = streams.spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    let read = move || {
        let mut bytes = Vec::new();
        let read = stdout.read_to_end(&mut bytes);
        // Nobody receives it if it came too late.
        let _ = sender.send(read.is_ok().then_some(bytes));
    };
    let reader = thread::Builder::new().spawn(read);
    let output = reader.ok().and_then(|_| receiver.recv_timeout(time).ok().flatten());
    // It has said what it had to say, or is too late; that it has ended by itself is as good.
    let _ = child.kill();
    let _ = child.wait();
    output
}
