//! Requests to sock_diag for internet sockets: sock_diag(7), `linux/inet_diag.h`.

use std::net::IpAddr;

use super::DecodeError;
use super::inet_diag::{AF_INET, AF_INET6, BOUND_BIT, INFO, MEMORY, socket};
use super::port_program::{LONGEST_PROGRAM, port_program};
use crate::model::{Family, PortRange, Protocol, Socket};

/// `SOCK_DIAG_BY_FAMILY`.
pub const BY_FAMILY: u16 = 20;

/// `TCPDIAG_GETSOCK`, the older type: a dump of TCP sockets of every family.
const OF_TCP: u16 = 18;

/// A request for the one socket that `socket` was, by its ends and its cookie: the same
/// structure as a dump's, with its `struct inet_diag_sockid` filled in. A socket without a far
/// end has zeros there. None where its cookie is not known.
#[must_use]
pub fn encode_exact(socket: &Socket) -> Option<Vec<u8>> {
    let as_v6 = socket.mapped || socket.family() == Family::V6;
    let mut bytes = header(
        if as_v6 { Family::V6 } else { Family::V4 },
        socket.protocol,
        u32::MAX,
        Wanted { info: socket.idle_ms.is_some(), memory: socket.drops.is_some() },
    );
    bytes.extend(socket.local.port.to_be_bytes());
    bytes.extend(socket.foreign.map_or(0, |foreign| foreign.port).to_be_bytes());
    bytes.extend(address_field(socket.local.address, as_v6));
    bytes.extend(socket.foreign.map_or([0; 16], |end| address_field(end.address, as_v6)));
    bytes.extend(socket.interface.unwrap_or_default().to_ne_bytes());
    let cookie = socket.cookie?;
    bytes.extend(low_half(cookie).to_ne_bytes());
    bytes.extend(low_half(cookie >> 32).to_ne_bytes());
    Some(bytes)
}

fn address_field(address: IpAddr, as_v6: bool) -> [u8; 16] {
    match address {
        IpAddr::V4(address) if as_v6 => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
        IpAddr::V4(address) => {
            let mut field = [0; 16];
            field.iter_mut().zip(address.octets()).for_each(|(to, from)| *to = from);
            field
        }
    }
}

const fn low_half(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// What is wanted beyond what every answer has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// `tcp_info`.
    pub info: bool,
    /// The use of memory, with the drops.
    pub memory: bool,
}

impl Wanted {
    /// Nothing.
    pub const NOTHING: Self = Self { info: false, memory: false };

    /// As `idiag_ext` has it: a bit for each attribute, the first for attribute 1.
    fn extensions(self) -> u8 {
        let bit = |is_wanted, attribute: u16| if is_wanted { 1 << (attribute - 1) } else { 0 };
        bit(self.info, INFO) | bit(self.memory, MEMORY)
    }
}

/// The fields of `struct inet_diag_req_v2` before its `id`.
fn header(family: Family, protocol: Protocol, states: u32, wanted: Wanted) -> Vec<u8> {
    let family = match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    };
    let protocol = match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
    };
    let mut bytes = vec![family, protocol, wanted.extensions(), 0];
    bytes.extend(states.to_ne_bytes());
    bytes
}

/// `struct inet_diag_req`, whose family the kernel takes for none in a dump (`inet_diag_dump_compat`).
fn every_family(states: u32, wanted: Wanted, id: [u8; 48]) -> Vec<u8> {
    let start = [0, 0, 0, wanted.extensions()];
    // idiag_dbs, of which nothing is known any more.
    [&start[..], &id, &states.to_ne_bytes(), &[0; 4]].concat()
}

/// A dump request: `struct inet_diag_req_v2`, or for every family `struct inet_diag_req`, and the port
/// filter, without the netlink header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request<'a> {
    /// The family of the sockets, as they were created; none for every one, which only TCP has a request
    /// for.
    pub family: Option<Family>,
    /// The protocol.
    pub protocol: Protocol,
    /// The states, as in [`state_mask`].
    pub states: u32,
    /// What is wanted beyond what every answer has.
    pub wanted: Wanted,
    /// Only these local ports.
    pub local_ports: Option<&'a [PortRange]>,
    /// Only these foreign ports.
    pub foreign_ports: Option<&'a [PortRange]>,
}

impl Request<'_> {
    /// Decodes an answer to this request.
    ///
    /// # Errors
    /// As [`socket`].
    pub fn decode(&self, payload: &[u8]) -> Result<Socket, DecodeError> {
        socket(payload, self.protocol, self.states & BOUND_BIT != 0)
    }

    /// The request's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // struct inet_diag_sockid: its port fields are not applied to bound sockets, so it
        // stays empty and the bytecode filters.
        let id = [0; 48];
        let mut bytes = match self.family {
            Some(family) => {
                [&header(family, self.protocol, self.states, self.wanted)[..], &id].concat()
            }
            None => every_family(self.states, self.wanted, id),
        };
        bytes.extend(self.filter_attribute());
        bytes
    }

    /// The type of its netlink message, and of those of the answer.
    #[must_use]
    pub const fn kind(&self) -> u16 {
        match self.family {
            Some(_) => BY_FAMILY,
            None => OF_TCP,
        }
    }

    /// `INET_DIAG_REQ_BYTECODE`, attribute 1; nothing when nothing is to be filtered or the
    /// program would be too long for its 16-bit jumps.
    fn filter_attribute(&self) -> Vec<u8> {
        let program = port_program(
            self.local_ports.unwrap_or_default(),
            self.foreign_ports.unwrap_or_default(),
        );
        let Ok(length) = u16::try_from(4 + program.len()) else {
            return Vec::new();
        };
        if program.is_empty() || length > LONGEST_PROGRAM {
            return Vec::new();
        }
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(1_u16.to_ne_bytes());
        bytes.extend(program);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::super::inet_diag::tests::answer;
    use super::*;

    #[test]
    fn a_request_for_one_socket_repeats_what_the_kernel_said_of_it() {
        let mut bytes = answer(AF_INET6, 1);
        bytes[18..20].copy_from_slice(&[0xff, 0xff]);
        bytes[20..24].copy_from_slice(&[10, 0, 0, 5]);
        bytes[34..36].copy_from_slice(&[0xff, 0xff]);
        bytes[40..44].copy_from_slice(&3_u32.to_ne_bytes());
        let found = socket(&bytes, Protocol::Tcp, false).unwrap();
        let request = encode_exact(&found).unwrap();
        assert_eq!(request[..2], [AF_INET6, 6]);
        assert_eq!(request[8..], bytes[4..52]);
    }

    #[test]
    fn a_listener_has_zeros_for_a_far_end() {
        let mut bytes = answer(AF_INET, 10);
        bytes[6..8].fill(0);
        bytes[24..40].fill(0);
        let found = socket(&bytes, Protocol::Tcp, false).unwrap();
        assert_eq!(found.foreign, None);
        assert_eq!(encode_exact(&found).unwrap()[8..], bytes[4..52]);
        assert_eq!(encode_exact(&Socket { cookie: None, ..found }), None);
    }

    #[test]
    fn each_attribute_has_its_bit() {
        let extensions = |info, memory| Wanted { info, memory }.extensions();
        assert_eq!([extensions(true, false), extensions(false, true)], [0b10, 0b100_0000]);
        assert_eq!([extensions(false, false), extensions(true, true)], [0, 0b100_0010]);
    }

    #[test]
    fn every_family_is_asked_for_with_the_older_structure() {
        let request = |family| Request {
            family,
            protocol: Protocol::Tcp,
            states: 0x2402,
            wanted: Wanted { info: true, memory: false },
            local_ports: Some(&[80..=80]),
            foreign_ports: None,
        };
        let (one, every) = (request(Some(Family::V6)), request(None));
        assert_eq!((one.kind(), every.kind()), (20, 18));
        let (one, every) = (one.encode(), every.encode());
        assert_eq!(one[..8], [&[AF_INET6, 6, 2, 0][..], &0x2402_u32.to_ne_bytes()].concat());
        assert_eq!(every[..4], [0, 0, 0, 2]);
        assert_eq!(every[4..52], [0; 48]);
        assert_eq!(every[52..60], [&0x2402_u32.to_ne_bytes()[..], &[0; 4]].concat());
        // The same filter.
        assert_eq!(every[60..], one[56..]);
    }

    #[test]
    fn a_filter_too_long_for_the_kernel_is_not_sent() {
        let ranges: Vec<PortRange> = (0..5000).map(|n| n * 2 + 1..=n * 2 + 1).collect();
        let request = Request {
            family: Some(Family::V4),
            protocol: Protocol::Tcp,
            states: 1,
            wanted: Wanted::NOTHING,
            local_ports: Some(&ranges),
            foreign_ports: None,
        };
        assert_eq!(request.encode().len(), 56);
    }
}
