//! Values out of the fuzzer's bytes, and what several invariants compare.

/// The bytes that are left.
pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    /// All of them.
    pub const fn new(data: &'a [u8]) -> Self {
        Self(data)
    }

    /// The next byte, or 0.
    pub fn byte(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or_default()
    }

    /// The next four bytes as a number.
    pub fn number(&mut self) -> u32 {
        let mut bytes = [0; 4];
        bytes.iter_mut().zip(self.take(4)).for_each(|(to, from)| *to = *from);
        u32::from_le_bytes(bytes)
    }

    /// As many bytes, or what is left.
    pub fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// Everything else.
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// Units of UTF-16; a byte that is left over is none.
pub fn wide(bytes: &[u8]) -> Vec<u16> {
    bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Whether `part` is a piece of `whole` itself, and no copy.
pub fn lies_within(part: &[u8], whole: &[u8]) -> bool {
    let (part_range, whole_range) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || (whole_range.start <= part_range.start && part_range.end <= whole_range.end)
}

/// Whether these bytes stand anywhere in `whole`.
pub fn contains(whole: &[u8], part: &[u8]) -> bool {
    part.is_empty() || whole.windows(part.len()).any(|window| window == part)
}

/// The number that digits stand for, and nothing but digits.
pub fn strict(digits: &str, radix: u32) -> Option<u64> {
    let all = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    all.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}
