//! What the running kernel can do, found out by trying. A version number proves nothing: some
//! distributions carry changes back, or leave them out.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::OnceLock;

use io_uring::IoUring;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink};
use serde_json::Value;

use super::json::gaps;
use super::makers::{self, Loopback};
use super::{Output, skip};

/// Whether sock_diag(7) returns a socket that is bound and no more. Where it does not, what needs
/// that is skipped, and this says so.
pub fn lists_bound() -> bool {
    static LISTS_BOUND: OnceLock<bool> = OnceLock::new();
    *LISTS_BOUND.get_or_init(|| {
        let _bound = makers::bound(Loopback::V4.port(0));
        let bound = Request {
            kind: SOCK_DIAG_BY_FAMILY,
            flags: DUMP,
            states: 1 << 13,
            ..Request::default()
        };
        let lists = bound.first_kind().expect("an answer of sock_diag") == SOCK_DIAG_BY_FAMILY;
        if !lists {
            skip("the kernel does not list BOUND sockets: Linux 6.8 does");
        }
        lists
    })
}

/// Whether the kernel tells which sockets are registered in an io_uring(7), by their inodes. Where it
/// does not, or has none, this says so.
pub fn names_registered_sockets() -> bool {
    static NAMES: OnceLock<bool> = OnceLock::new();
    *NAMES.get_or_init(|| {
        match registered_socket() {
            Err(error) => skip(&format!("no io_uring: {error}")),
            Ok((name, told)) if told.contains(&name) => return true,
            Ok(_) => skip("the kernel tells no inodes of sockets in an io_uring: Linux 6.15 does"),
        }
        false
    })
}

/// What names a socket, and what is told of a ring that it is registered in.
fn registered_socket() -> io::Result<(String, String)> {
    let held = makers::bound(Loopback::V4.port(0));
    let ring = IoUring::new(8)?;
    ring.submitter().register_files(&[held.socket.as_raw_fd()])?;
    let name = fs::read_link(format!("/proc/self/fd/{}", held.socket.as_raw_fd()))?;
    let told = fs::read_to_string(format!("/proc/self/fdinfo/{}", ring.as_raw_fd()))?;
    Ok((name.to_string_lossy().into_owned(), told))
}

/// Whether SOCK_DESTROY of sock_diag(7) ends a socket that is over and that the kernel keeps: in
/// TIME_WAIT, or in FIN_WAIT_2 without a process. Where it does not, this says so.
pub fn destroys_what_is_over() -> bool {
    static DESTROYS: OnceLock<bool> = OnceLock::new();
    *DESTROYS.get_or_init(|| {
        let destroys = destroys_time_wait();
        if !destroys {
            skip("the kernel closes nothing that is in TIME_WAIT: Linux 6.0 does");
        }
        destroys
    })
}

/// Whether SOCK_DESTROY ends an orphan that retransmits: by the version, since one that it does not end
/// would stay forever.
pub fn ends_orphans() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").expect("osrelease");
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map_while(|word| word.parse().ok());
    let version: (u32, u32) = (numbers.next().expect("a number"), numbers.next().unwrap_or(0));
    let ends = version >= (6, 11);
    if !ends {
        skip("the kernel does not end orphans: Linux 6.11 does");
    }
    ends
}

fn destroys_time_wait() -> bool {
    const NOT_SUPPORTED: i32 = 95;
    let over = makers::time_wait(Loopback::V4);
    let order = Request {
        kind: SOCK_DESTROY,
        flags: ACKNOWLEDGE,
        ends: [over.client_address, over.server_address].map(Some),
        ..Request::default()
    };
    match order.error_number().expect("an answer of sock_diag") {
        0 => true,
        NOT_SUPPORTED => false,
        other => panic!("SOCK_DESTROY of TIME_WAIT: error {other}"),
    }
}

/// The lines that say that BOUND sockets are not listed, where they are not, and where not every
/// descriptor could be examined in their place: others change theirs meanwhile, or it takes an
/// emulated processor too long.
pub fn remark_on_bound(output: &Output) -> String {
    if lists_bound() {
        return String::new();
    }
    let is_it =
        |line: &&str| line.contains("does not list bound sockets") || line.contains("not examined");
    output.stderr.lines().filter(is_it).map(|line| format!("{line}\n")).collect()
}

/// The JSON has no gap but those that this kernel leaves: BOUND sockets that it does not list, and
/// descriptors that could not be examined in their place.
#[track_caller]
pub fn assert_no_gap(answer: &Value) {
    let mut told = gaps(answer);
    let of_kernel = ["bound-not-listed", "descriptors-unexamined"];
    told.retain(|(kind, _)| !of_kernel.contains(kind) || lists_bound());
    assert_eq!(told, [], "{answer:#}");
}

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const SOCK_DESTROY: u16 = 21;
/// `NLM_F_REQUEST | NLM_F_DUMP`.
const DUMP: u16 = 0x301;
/// `NLM_F_REQUEST | NLM_F_ACK`.
const ACKNOWLEDGE: u16 = 0x5;

/// An nlmsghdr and an inet_diag_req_v2 about TCP over IPv4.
#[derive(Default)]
struct Request {
    kind: u16,
    flags: u16,
    states: u32,
    ends: [Option<SocketAddr>; 2],
}

impl Request {
    /// The type of the first message of the answer: a socket, or the end of an empty dump.
    fn first_kind(&self) -> io::Result<u16> {
        let answer = self.answer()?;
        Ok(u16::from_ne_bytes([answer[4], answer[5]]))
    }

    /// What an acknowledgement says: 0 is success.
    fn error_number(&self) -> io::Result<i32> {
        let answer = self.answer()?;
        let negated = answer[16..20].try_into().map(i32::from_ne_bytes);
        Ok(-negated.expect("four bytes"))
    }

    /// The first datagram of the answer.
    fn answer(&self) -> io::Result<[u8; 8192]> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        let protocol = Some(netlink::SOCK_DIAG);
        let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
        rustix::net::send(&socket, &self.bytes(), SendFlags::empty())?;
        let mut answer = [0; 8192];
        rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
        Ok(answer)
    }

    fn bytes(&self) -> Vec<u8> {
        const AF_INET: u8 = 2;
        const IPPROTO_TCP: u8 = 6;
        const NO_COOKIE: [u8; 8] = [0xff; 8];
        let mut message = Vec::new();
        message.extend(72_u32.to_ne_bytes());
        message.extend(self.kind.to_ne_bytes());
        message.extend(self.flags.to_ne_bytes());
        message.extend([0; 8]);
        message.extend([AF_INET, IPPROTO_TCP, 0, 0]);
        message.extend(self.states.to_ne_bytes());
        let port = |end: Option<SocketAddr>| end.map_or(0, |end| end.port()).to_be_bytes();
        message.extend(self.ends.map(port).concat());
        message.extend(self.ends.map(address).concat());
        message.extend([0; 4]);
        message.extend(NO_COOKIE);
        message
    }
}

/// An address of IPv4 in the sixteen bytes of a request.
fn address(end: Option<SocketAddr>) -> [u8; 16] {
    let mut bytes = [0; 16];
    if let Some(SocketAddr::V4(end)) = end {
        bytes[..4].copy_from_slice(&end.ip().octets());
    }
    bytes
}

/// Whether the kernel searches for owners when it is asked to. Where it does not, this says why.
pub fn searches_by_kernel() -> bool {
    static SEARCHES: OnceLock<bool> = OnceLock::new();
    *SEARCHES.get_or_init(|| {
        let output = super::portwho(["-q", "--owners", "bpf"]).run();
        if output.code == Some(2) {
            skip(output.stderr.trim_end());
        }
        output.code != Some(2)
    })
}
