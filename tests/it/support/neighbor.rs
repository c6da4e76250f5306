//! Another machine on the same link: a network namespace behind a veth pair.

use std::any::Any;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use super::netns::in_netns;
use super::programs::find_in_path;
use super::skip;

/// The address of this side.
pub const HERE: &str = "10.77.0.1";
/// The address of the neighbor. It may take any other of 10.77.0.0/16.
pub const THERE: &str = "10.77.0.2";

type Answer = Box<dyn Any + Send>;
type Order = Box<dyn FnOnce() -> Answer + Send>;

/// Another machine on the same link, whose one thread does what it is told.
pub struct Neighbor {
    orders: Option<Sender<Order>>,
    answers: Receiver<Answer>,
    thread: Option<JoinHandle<()>>,
}

impl Neighbor {
    /// None, with a skip, where no such link can be made.
    pub fn new() -> Option<Self> {
        if find_in_path("ip").is_none() {
            skip("no ip in the PATH");
            return None;
        }
        let (orders, jobs) = channel::<Order>();
        let (answer, answers) = channel();
        let thread = thread::spawn(move || {
            in_netns(|| jobs.into_iter().for_each(|job| answer.send(job()).expect("answer")));
        });
        let neighbor = Self { orders: Some(orders), answers, thread: Some(thread) };
        let own = std::process::id();
        let link = format!("link add v1 type veth peer name v0 netns {own}");
        if !neighbor.run(move || tried(&link)) {
            skip("no veth on this machine");
            return None;
        }
        neighbor.run(|| {
            ip(&format!("addr add {THERE}/16 dev v1"));
            ip("link set v1 up");
        });
        ip(&format!("addr add {HERE}/16 dev v0"));
        ip("link set v0 up");
        Some(neighbor)
    }

    /// Does this on the neighbor.
    pub fn run<T: Send + 'static>(&self, job: impl FnOnce() -> T + Send + 'static) -> T {
        let orders = self.orders.as_ref().expect("a thread");
        orders.send(Box::new(move || Box::new(job()))).expect("send");
        *self.answers.recv().expect("an answer").downcast().expect("its type")
    }
}

impl Drop for Neighbor {
    fn drop(&mut self) {
        drop(self.orders.take());
        // A panic of its thread has been seen by whoever waited for the answer.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// Runs `ip WORDS` in this thread's namespace.
#[track_caller]
pub fn ip(words: &str) {
    assert!(tried(words), "ip {words}");
}

fn tried(words: &str) -> bool {
    let output = Command::new("ip").args(words.split(' ')).output().expect("ip");
    output.status.success()
}
