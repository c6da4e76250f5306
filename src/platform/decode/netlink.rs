//! Netlink messages and attributes: netlink(7), `linux/netlink.h`.

use super::DecodeError;
use super::bytes::{u16_at, u32_at};

/// The length of a message's header (`struct nlmsghdr`).
pub const HEADER: usize = 16;
/// `NLMSG_NOOP`.
pub const NOOP: u16 = 1;
/// `NLMSG_ERROR`.
pub const ERROR: u16 = 2;
/// `NLMSG_DONE`.
pub const DONE: u16 = 3;
/// `NLM_F_DUMP_INTR`: the table changed in a way that makes the dump inconsistent.
pub const DUMP_INTERRUPTED: u16 = 0x10;

/// The length of an attribute's header (`struct nlattr`).
const ATTRIBUTE_HEADER: usize = 4;
/// Attribute types carry two flags in their upper bits (`NLA_TYPE_MASK`).
const ATTRIBUTE_TYPE: u16 = 0x3fff;

/// A message, its payload still undecoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// What the payload is.
    pub kind: u16,
    /// Flags, such as [`DUMP_INTERRUPTED`].
    pub flags: u16,
    /// The number of the request that it answers.
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

/// The messages in one datagram. After an error there are no more.
#[must_use]
pub fn messages(datagram: &[u8]) -> Messages<'_> {
    Messages { rest: datagram }
}

/// See [`messages`].
#[derive(Clone, Debug)]
pub struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Messages<'a> {
    fn split_first(&mut self) -> Result<Message<'a>, DecodeError> {
        let bytes = self.rest;
        let length = usize::try_from(u32_at(bytes, 0)?).map_err(|_| DecodeError::BadLength)?;
        if length < HEADER {
            return Err(DecodeError::BadLength);
        }
        let payload = bytes.get(HEADER..length).ok_or(DecodeError::Truncated)?;
        let message = Message {
            kind: u16_at(bytes, 4)?,
            flags: u16_at(bytes, 6)?,
            sequence: u32_at(bytes, 8)?,
            payload,
        };
        self.rest = bytes.get(align(length)..).unwrap_or_default();
        Ok(message)
    }
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let message = self.split_first();
        if message.is_err() {
            self.rest = &[];
        }
        Some(message)
    }
}

/// The error number in an ERROR or DONE message, positive; 0 for none. A DONE without a number
/// is an ordinary end.
///
/// # Errors
/// [`DecodeError::Truncated`] for an ERROR without a number.
pub fn error_number(message: &Message<'_>) -> Result<i32, DecodeError> {
    if message.kind == DONE && message.payload.is_empty() {
        return Ok(0);
    }
    let number = u32_at(message.payload, 0)?.cast_signed();
    Ok(number.checked_neg().unwrap_or(i32::MAX))
}

/// The attributes in `bytes`: type and value. Ends at the first malformed one.
pub fn attributes(bytes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let length = usize::from(u16_at(rest, 0).ok()?);
        let kind = u16_at(rest, 2).ok()? & ATTRIBUTE_TYPE;
        let value = rest.get(ATTRIBUTE_HEADER..length)?;
        rest = rest.get(align(length)..).unwrap_or_default();
        Some((kind, value))
    })
}

/// Netlink aligns everything to four bytes.
const fn align(length: usize) -> usize {
    (length + 3) & !3
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u16, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(HEADER + payload.len()).unwrap();
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0, 0]);
        bytes.extend(7_u32.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn several_messages_in_a_datagram_are_separated() {
        let mut datagram = message(20, &[1, 2, 3, 4]);
        datagram.extend(message(DONE, &0_i32.to_ne_bytes()));
        let found: Vec<_> = messages(&datagram).map(Result::unwrap).collect();
        assert_eq!(found.iter().map(|m| m.kind).collect::<Vec<_>>(), [20, DONE]);
        assert_eq!(found[0].payload, [1, 2, 3, 4]);
        assert_eq!(found[0].sequence, 7);
    }

    #[test]
    fn a_short_message_is_an_error_and_the_end() {
        let whole = message(20, &[1, 2, 3, 4]);
        for end in 1..whole.len() {
            let found: Vec<_> = messages(&whole[..end]).collect();
            assert_eq!(found, [Err(DecodeError::Truncated)], "{end} bytes");
        }
        let mut wrong = whole;
        wrong[0] = 15;
        assert_eq!(messages(&wrong).next(), Some(Err(DecodeError::BadLength)));
    }

    #[test]
    fn errors_are_read_from_error_and_done() {
        let number = |bytes: &[u8]| error_number(&messages(bytes).next().unwrap().unwrap());
        assert_eq!(number(&message(ERROR, &(-22_i32).to_ne_bytes())), Ok(22));
        assert_eq!(number(&message(DONE, &(-2_i32).to_ne_bytes())), Ok(2));
        assert_eq!(number(&message(DONE, &[])), Ok(0));
        assert_eq!(number(&message(ERROR, &[])), Err(DecodeError::Truncated));
        assert_eq!(number(&message(ERROR, &i32::MIN.to_ne_bytes())), Ok(i32::MAX));
    }

    #[test]
    fn attributes_end_at_nonsense() {
        let mut bytes = vec![5, 0, 8, 0, 1, 0, 0, 0];
        bytes.extend([8, 0, 21, 0x40, 1, 2, 3, 4]);
        bytes.extend([200, 0, 1, 0]);
        let found: Vec<_> = attributes(&bytes).collect();
        assert_eq!(found, [(8, &[1][..]), (21, &[1, 2, 3, 4][..])]);
        assert_eq!(attributes(&[0, 0, 0, 0]).count(), 0);
    }
}
