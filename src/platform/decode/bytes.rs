//! Reading numbers out of bytes, with the bounds checked.

use super::DecodeError;

/// The `N` bytes at `offset`.
///
/// # Errors
/// [`DecodeError::Truncated`] when there are fewer.
pub fn array_at<const N: usize>(bytes: &[u8], offset: usize) -> Result<[u8; N], DecodeError> {
    let tail = bytes.get(offset..).ok_or(DecodeError::Truncated)?;
    tail.first_chunk().copied().ok_or(DecodeError::Truncated)
}

/// The byte at `offset`.
///
/// # Errors
/// [`DecodeError::Truncated`] when there is none.
pub fn u8_at(bytes: &[u8], offset: usize) -> Result<u8, DecodeError> {
    bytes.get(offset).copied().ok_or(DecodeError::Truncated)
}

/// The 16-bit number at `offset`, in the machine's byte order.
///
/// # Errors
/// [`DecodeError::Truncated`] when there are fewer bytes.
pub fn u16_at(bytes: &[u8], offset: usize) -> Result<u16, DecodeError> {
    array_at(bytes, offset).map(u16::from_ne_bytes)
}

/// The 16-bit number at `offset`, in the network's byte order.
///
/// # Errors
/// [`DecodeError::Truncated`] when there are fewer bytes.
pub fn be16_at(bytes: &[u8], offset: usize) -> Result<u16, DecodeError> {
    array_at(bytes, offset).map(u16::from_be_bytes)
}

/// The 32-bit number at `offset`, in the machine's byte order.
///
/// # Errors
/// [`DecodeError::Truncated`] when there are fewer bytes.
pub fn u32_at(bytes: &[u8], offset: usize) -> Result<u32, DecodeError> {
    array_at(bytes, offset).map(u32::from_ne_bytes)
}

/// The 64-bit number at `offset`, in the machine's byte order.
///
/// # Errors
/// [`DecodeError::Truncated`] when there are fewer bytes.
pub fn u64_at(bytes: &[u8], offset: usize) -> Result<u64, DecodeError> {
    array_at(bytes, offset).map(u64::from_ne_bytes)
}
