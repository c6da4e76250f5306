//! Other programs, run where no file or call has the answer: always with a deadline.

use std::io::Read;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// The most that is read of what a command prints: no listing comes near.
const LONGEST_OUTPUT: u64 = 4 * 1024 * 1024;

/// What a command prints, if it does so within `time`, and to its end. It does not live longer
/// than that.
pub(super) fn output_within(mut command: Command, time: Duration) -> Option<Vec<u8>> {
    let streams = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = streams.spawn().ok()?;
    let mut stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    let reader = thread::Builder::new().spawn(move || {
        // It is not received if it came too late.
        let _ = sender.send(read_within(&mut stdout, LONGEST_OUTPUT));
    });
    let output = reader.ok().and_then(|_| receiver.recv_timeout(time).ok().flatten());
    // It has said what it had to say, or is too late; that it has ended by itself is as good.
    let _ = child.kill();
    let _ = child.wait();
    output
}

/// What there is to read, if it ends within `limit` bytes.
fn read_within(stream: impl Read, limit: u64) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let length = stream.take(limit + 1).read_to_end(&mut bytes).ok()?;
    u64::try_from(length).is_ok_and(|length| length <= limit).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_end_is_not_kept() {
        assert_eq!(read_within(&b"1234"[..], 4).as_deref(), Some(&b"1234"[..]));
        assert_eq!(read_within(&b"12345"[..], 4), None);
        assert_eq!(read_within(std::io::repeat(b'y'), 4), None);
    }

    #[cfg(unix)]
    #[test]
    fn a_command_that_prints_without_end_is_ended() {
        let patience = Duration::from_mins(1);
        assert_eq!(output_within(Command::new("yes"), patience), None);
        let mut quick = Command::new("echo");
        quick.arg("here");
        assert_eq!(output_within(quick, patience).as_deref(), Some(&b"here\n"[..]));
    }
}
