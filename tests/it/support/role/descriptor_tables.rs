//! Programs whose sockets are not among the plain descriptors of their process.

use std::io;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};
use std::thread;

use io_uring::IoUring;
use nix::sched::CloneFlags;

use super::super::limits::allow_descriptors;
use super::{end_first_thread, say};

/// `own-table ADDRESS`: a thread other than the first listens there, with a table of descriptors
/// of its own; prints the address when it does.
pub(super) fn own_table(words: &[String]) {
    let _ = listen_with_own_table(words[0].clone()).join();
}

/// `own-table-alone ADDRESS`: the same, and then the first thread ends.
pub(super) fn own_table_alone(words: &[String]) {
    let _other = listen_with_own_table(words[0].clone());
    end_first_thread();
}

fn listen_with_own_table(address: String) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        nix::sched::unshare(CloneFlags::CLONE_FILES).expect("a table of its own");
        let listener = TcpListener::bind(address).expect("bind");
        say(&listener.local_addr().expect("local address").to_string());
        loop {
            thread::park();
        }
    })
}

/// `ring ADDRESS`: listens there, registers the listener in an io_uring and closes its
/// descriptor; prints the address, or why that is refused.
pub(super) fn ring(words: &[String]) {
    let listener = TcpListener::bind(&words[0]).expect("bind");
    let address = listener.local_addr().expect("local address");
    let made = IoUring::new(8).and_then(|ring| {
        ring.submitter().register_files(&[listener.as_raw_fd()])?;
        Ok(ring)
    });
    drop(listener);
    match &made {
        Ok(_) => say(&address.to_string()),
        Err(error) => say(&format!("refused: {error}")),
    }
    io::copy(&mut io::stdin().lock(), &mut io::sink()).expect("read");
}

/// `scattered LIMIT PLAIN ADDRESS@DESCRIPTOR...`: listens on each with that descriptor or the next
/// one that is free, opens that many plain files, closes the first three again, prints `ready`, or
/// why it may not have the limit, and waits for the end of its input.
pub(super) fn scattered(words: &[String]) {
    let number = |place: usize| words[place].parse::<u16>().expect("a number");
    if let Err(error) = allow_descriptors(number(0).into()) {
        return say(&format!("refused: {error}"));
    }
    let _listeners: Vec<OwnedFd> = words[2..].iter().map(|word| listen_with(word)).collect();
    let open = |_| std::fs::File::open("/dev/null").expect("open");
    let mut plain: Vec<_> = (0..number(1)).map(open).collect();
    plain.drain(..plain.len().min(3));
    say("ready");
    io::copy(&mut io::stdin().lock(), &mut io::sink()).expect("read");
}

/// A listener at the address with the descriptor that `ADDRESS@DESCRIPTOR` names.
fn listen_with(word: &str) -> OwnedFd {
    let (address, number) = word.split_once('@').expect("an address and a number");
    let number = number.parse().expect("a number");
    let listener = OwnedFd::from(TcpListener::bind(address).expect("bind"));
    if listener.as_raw_fd() >= number {
        return listener;
    }
    rustix::io::fcntl_dupfd_cloexec(&listener, number).expect("dup")
}
