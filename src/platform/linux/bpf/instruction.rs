//! Instructions of BPF (Documentation/bpf/standardization/instruction-set.rst), and putting them one
//! behind the other.

use super::Refusal;
use crate::platform::decode::btf::Field;

/// A register.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Register {
    /// What a function returned, and what the program returns.
    R0,
    /// The first argument of a function, and the context when the program begins.
    R1,
    R2,
    R3,
    R4,
    /// R6 to R9 outlast a call.
    R6,
    R7,
    R8,
    R9,
    /// The end of the stack, which grows down.
    R10,
}

impl Register {
    const fn number(self) -> u8 {
        match self {
            Self::R0 => 0,
            Self::R1 => 1,
            Self::R2 => 2,
            Self::R3 => 3,
            Self::R4 => 4,
            Self::R6 => 6,
            Self::R7 => 7,
            Self::R8 => 8,
            Self::R9 => 9,
            Self::R10 => 10,
        }
    }
}

/// One instruction: `struct bpf_insn`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Instruction {
    pub(super) code: u8,
    pub(super) destination: u8,
    pub(super) source: u8,
    pub(super) offset: i16,
    pub(super) immediate: i32,
}

impl Instruction {
    /// As the kernel takes it.
    fn encoded(self) -> u64 {
        // Two bit fields of a byte, of which the first is the lower one only on little-endian machines.
        let registers = if cfg!(target_endian = "big") {
            self.destination << 4 | self.source
        } else {
            self.source << 4 | self.destination
        };
        let (offset, number) = (self.offset.to_ne_bytes(), self.immediate.to_ne_bytes());
        let [first, second, third, fourth] = number;
        let start = [self.code, registers, offset[0], offset[1]];
        u64::from_ne_bytes([start[0], start[1], start[2], start[3], first, second, third, fourth])
    }
}

/// A place to jump to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Label(usize);

/// What is compared for a jump.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Than {
    Number(i32),
    Register(Register),
}

/// A program that is being written.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    code: Vec<Instruction>,
    /// Where each label stands.
    places: Vec<Option<usize>>,
    /// The jumps, and where they lead.
    jumps: Vec<(usize, Label)>,
}

impl Assembler {
    fn push(
        &mut self,
        code: u8,
        to: Option<Register>,
        from: Option<Register>,
        offset: i16,
        immediate: i32,
    ) {
        let number = |register: Option<Register>| register.map_or(0, Register::number);
        let (destination, source) = (number(to), number(from));
        self.code.push(Instruction { code, destination, source, offset, immediate });
    }

    /// A label that stands nowhere yet.
    pub(super) fn label(&mut self) -> Label {
        self.places.push(None);
        Label(self.places.len() - 1)
    }

    /// Puts a label here.
    pub(super) fn place(&mut self, label: Label) {
        let here = self.code.len();
        if let Some(place) = self.places.get_mut(label.0) {
            *place = Some(here);
        }
    }

    /// `to = from`.
    pub(super) fn copy(&mut self, to: Register, from: Register) {
        self.push(0xBF, Some(to), Some(from), 0, 0);
    }

    /// `to = number`.
    pub(super) fn set(&mut self, to: Register, number: i32) {
        self.push(0xB7, Some(to), None, 0, number);
    }

    /// `to = number`, of 64 bits.
    pub(super) fn set_wide(&mut self, to: Register, number: u64) {
        self.wide(to, 0, low(number), high(number));
    }

    /// `to` = the address of the value of an array (`BPF_PSEUDO_MAP_VALUE`).
    pub(super) fn set_value_of_array(&mut self, to: Register, array: i32) {
        self.wide(to, 2, array, 0);
    }

    fn wide(&mut self, to: Register, kind: u8, first: i32, second: i32) {
        let destination = to.number();
        let one =
            Instruction { code: 0x18, destination, source: kind, offset: 0, immediate: first };
        self.code.push(one);
        self.push(0, None, None, 0, second);
    }

    /// `to += from`.
    pub(super) fn add(&mut self, to: Register, from: Register) {
        self.push(0x0F, Some(to), Some(from), 0, 0);
    }

    /// `to += number`.
    pub(super) fn add_number(&mut self, to: Register, number: i32) {
        self.push(0x07, Some(to), None, 0, number);
    }

    /// `to &= number`.
    pub(super) fn and(&mut self, to: Register, number: i32) {
        self.push(0x57, Some(to), None, 0, number);
    }

    /// `to >>= number`.
    pub(super) fn shift_right(&mut self, to: Register, number: i32) {
        self.push(0x77, Some(to), None, 0, number);
    }

    /// `to >>= from`.
    pub(super) fn shift_right_by(&mut self, to: Register, from: Register) {
        self.push(0x7F, Some(to), Some(from), 0, 0);
    }

    /// `to` = the eight bytes at `from + offset`.
    pub(super) fn load(&mut self, to: Register, from: Register, offset: i16) {
        self.push(0x79, Some(to), Some(from), offset, 0);
    }

    /// `to` = the four bytes at `from + offset`.
    pub(super) fn load_word(&mut self, to: Register, from: Register, offset: i16) {
        self.push(0x61, Some(to), Some(from), offset, 0);
    }

    /// `to` = a field of what `from` points to.
    ///
    /// # Errors
    /// Where the field is too far off, or no number or pointer.
    pub(super) fn load_field(
        &mut self,
        to: Register,
        from: Register,
        field: Field,
    ) -> Result<(), Refusal> {
        let code = match field.size {
            Some(2) => 0x69,
            Some(4) => 0x61,
            Some(8) => 0x79,
            _ => return Err(Refusal::OddLayout),
        };
        self.push(code, Some(to), Some(from), near(field)?, 0);
        Ok(())
    }

    /// `to` = the first eight bytes of a field of what `from` points to.
    ///
    /// # Errors
    /// Where the field is too far off.
    pub(super) fn load_beginning(
        &mut self,
        to: Register,
        from: Register,
        field: Field,
    ) -> Result<(), Refusal> {
        self.push(0x79, Some(to), Some(from), near(field)?, 0);
        Ok(())
    }

    /// The eight bytes on the stack at `offset` = `from`.
    pub(super) fn store(&mut self, offset: i16, from: Register) {
        self.push(0x7B, Some(Register::R10), Some(from), offset, 0);
    }

    /// The four bytes on the stack at `offset` = `from`.
    pub(super) fn store_word(&mut self, offset: i16, from: Register) {
        self.push(0x63, Some(Register::R10), Some(from), offset, 0);
    }

    /// Jumps if the two are equal.
    pub(super) fn jump_if_equal(&mut self, left: Register, right: Than, to: Label) {
        self.jump([0x15, 0x1D], left, right, to);
    }

    /// Jumps if the two are not equal.
    pub(super) fn jump_if_not(&mut self, left: Register, right: Than, to: Label) {
        self.jump([0x55, 0x5D], left, right, to);
    }

    fn jump(&mut self, [number, register]: [u8; 2], left: Register, right: Than, to: Label) {
        self.jumps.push((self.code.len(), to));
        match right {
            Than::Number(right) => self.push(number, Some(left), None, 0, right),
            Than::Register(right) => self.push(register, Some(left), Some(right), 0, 0),
        }
    }

    /// Jumps.
    pub(super) fn go_to(&mut self, to: Label) {
        self.jumps.push((self.code.len(), to));
        self.push(0x05, None, None, 0, 0);
    }

    /// Calls a function of the kernel by its number (`BPF_FUNC_...` of linux/bpf.h).
    pub(super) fn call(&mut self, function: i32) {
        self.push(0x85, None, None, 0, function);
    }

    /// Ends the program.
    pub(super) fn exit(&mut self) {
        self.push(0x95, None, None, 0, 0);
    }

    /// The program, as the kernel takes it.
    ///
    /// # Errors
    /// Where a jump leads nowhere.
    pub(super) fn finish(mut self) -> Result<Vec<u64>, Refusal> {
        for (from, label) in self.jumps {
            let to = self.places.get(label.0).copied().flatten().ok_or(Refusal::OddLayout)?;
            let distance =
                to.checked_sub(from + 1).and_then(|distance| i16::try_from(distance).ok());
            let jump = self.code.get_mut(from).zip(distance).ok_or(Refusal::OddLayout)?;
            jump.0.offset = jump.1;
        }
        Ok(self.code.into_iter().map(Instruction::encoded).collect())
    }
}

fn near(field: Field) -> Result<i16, Refusal> {
    i16::try_from(field.offset).map_err(|_| Refusal::OddLayout)
}

const fn low(number: u64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}

const fn high(number: u64) -> i32 {
    low(number >> 32)
}
