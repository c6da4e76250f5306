//! Descriptors that no process holds for the moment.

use std::os::fd::{AsFd, OwnedFd};

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};

/// A descriptor on its way between two processes: open, and in no /proc/PID/fd.
pub struct Flight([OwnedFd; 2]);

impl Flight {
    pub fn of(passenger: &OwnedFd) -> Self {
        let (from, to) = pair();
        send(&from, passenger);
        Self([from, to])
    }

    pub fn land(self) -> OwnedFd {
        receive(&self.0[1])
    }
}

/// Two sockets of AF_UNIX that are connected to each other.
pub fn pair() -> (OwnedFd, OwnedFd) {
    socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None)
        .expect("socketpair")
}

/// Sends a descriptor through a socket of AF_UNIX (SCM_RIGHTS in unix(7)).
pub fn send(through: impl AsFd, passenger: &OwnedFd) {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = SendAncillaryBuffer::new(&mut space);
    let fds = [passenger.as_fd()];
    assert!(message.push(SendAncillaryMessage::ScmRights(&fds)));
    let data = [std::io::IoSlice::new(b"x")];
    sendmsg(through, &data, &mut message, SendFlags::empty()).expect("sendmsg");
}

/// Receives one.
pub fn receive(through: impl AsFd) -> OwnedFd {
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut message = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let mut data = [std::io::IoSliceMut::new(&mut byte)];
    recvmsg(through, &mut data, &mut message, RecvFlags::CMSG_CLOEXEC).expect("recvmsg");
    let mut landed = message.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut fds) => fds.next(),
        _ => None,
    });
    landed.next().expect("the descriptor")
}
