//! BTF, the kernel's own description of its types (Documentation/bpf/btf.rst, linux/btf.h): where a
//! field stands in its structure, and the number of a function.

use super::DecodeError;
use super::bytes::{u16_at, u32_at};

/// `BTF_MAGIC`.
const MAGIC: u16 = 0xEB9F;

/// The fixed part of `struct btf_type`.
const TYPE: usize = 12;

/// `struct btf_member`.
const MEMBER: usize = 12;

/// More types than any kernel has (130,000 in 2026): each costs four bytes here.
const MOST_TYPES: usize = 4_000_000;

/// How many modifiers and anonymous structures may lie around each other.
const DEEPEST: usize = 16;

/// How many members are looked at for one field: many times those of a task.
const MOST_MEMBERS: usize = 100_000;

const INT: u32 = 1;
const PTR: u32 = 2;
const ARRAY: u32 = 3;
const STRUCT: u32 = 4;
const UNION: u32 = 5;
const ENUM: u32 = 6;
const FWD: u32 = 7;
const TYPEDEF: u32 = 8;
const VOLATILE: u32 = 9;
const CONST: u32 = 10;
const RESTRICT: u32 = 11;
const FUNC: u32 = 12;
const FUNC_PROTO: u32 = 13;
const VAR: u32 = 14;
const DATASEC: u32 = 15;
const FLOAT: u32 = 16;
const DECL_TAG: u32 = 17;
const TYPE_TAG: u32 = 18;
const ENUM64: u32 = 19;

/// A field of a structure.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Field {
    /// Where it begins, in bytes from the beginning of the structure.
    pub offset: u32,
    /// How many bytes a number, an enumeration, a structure or a pointer takes; none for others.
    pub size: Option<u32>,
}

/// The types of a kernel.
#[derive(Debug)]
pub struct Types<'a> {
    described: &'a [u8],
    strings: &'a [u8],
    /// Where each type begins, from type 1 on.
    starts: Vec<u32>,
    /// The structures that were asked for, by their places in `names`.
    structures: Vec<(&'a [u8], u32)>,
    functions: Vec<(&'a [u8], u32)>,
}

/// One type.
#[derive(Clone, Copy)]
struct Type {
    start: usize,
    name: u32,
    kind: u32,
    /// How many members.
    count: usize,
    /// Whether offsets of members have the size of a bit field in their upper byte.
    has_bit_fields: bool,
    /// Its size, or the type that it refers to.
    size_or_reference: u32,
}

impl<'a> Types<'a> {
    /// Reads all types, and keeps in mind the `structures` and `functions` of these names.
    ///
    /// # Errors
    /// Where the bytes end too early, a length does not fit, or a kind of type is unknown: what
    /// follows it could not be read.
    pub fn read(
        bytes: &'a [u8],
        structures: &[&str],
        functions: &[&str],
    ) -> Result<Self, DecodeError> {
        let (described, strings) = sections(bytes)?;
        let mut read = Self {
            described,
            strings,
            starts: Vec::new(),
            structures: Vec::new(),
            functions: Vec::new(),
        };
        let mut start = 0;
        while start < described.len() {
            if read.starts.len() == MOST_TYPES {
                return Err(DecodeError::BadLength);
            }
            let one = read.type_at(start)?;
            let id = u32::try_from(read.starts.len() + 1).map_err(|_| DecodeError::BadLength)?;
            match one.kind {
                STRUCT => read.structures.extend(read.named(one.name, structures).zip(Some(id))),
                FUNC => read.functions.extend(read.named(one.name, functions).zip(Some(id))),
                _ => {}
            }
            read.starts.push(u32::try_from(start).map_err(|_| DecodeError::BadLength)?);
            start = start.checked_add(length(&one)?).ok_or(DecodeError::BadLength)?;
        }
        if start == described.len() { Ok(read) } else { Err(DecodeError::Truncated) }
    }

    /// The number of a function that was asked for.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<u32> {
        self.functions.iter().find(|(known, _)| *known == name.as_bytes()).map(|(_, id)| *id)
    }

    /// A field of a structure that was asked for: a member, a member of that, and so on. Members of
    /// anonymous structures and unions are those of what they stand in, as in C.
    #[must_use]
    pub fn field(&self, structure: &str, path: &[&str]) -> Option<Field> {
        let of_name = self.structures.iter().filter(|(known, _)| *known == structure.as_bytes());
        of_name.into_iter().find_map(|(_, id)| self.field_of(*id, path))
    }

    fn field_of(&self, structure: u32, path: &[&str]) -> Option<Field> {
        let (mut of, mut bits, mut steps) = (structure, 0_u32, MOST_MEMBERS);
        for name in path {
            let (type_id, offset) = self.member(of, name, DEEPEST, &mut steps)?;
            bits = bits.checked_add(offset)?;
            of = type_id;
        }
        let is_whole = bits.is_multiple_of(8) && !path.is_empty();
        is_whole.then(|| Field { offset: bits / 8, size: self.size(of) })
    }

    /// The type and the offset, in bits, of a member; a bit field is none. Within `steps` members,
    /// anonymous ones may lie in any number of others.
    fn member(&self, of: u32, name: &str, deepest: usize, steps: &mut usize) -> Option<(u32, u32)> {
        let of = self.resolved(of).filter(|of| matches!(of.kind, STRUCT | UNION))?;
        let mut anonymous = Vec::new();
        for place in 0..of.count {
            *steps = steps.checked_sub(1)?;
            let start = of.start + TYPE + place * MEMBER;
            let number = |at| u32_at(self.described, start + at).ok();
            let (member_name, type_id, mut offset) = (number(0)?, number(4)?, number(8)?);
            if of.has_bit_fields {
                if offset >> 24 != 0 {
                    continue;
                }
                offset &= 0x00FF_FFFF;
            }
            if self.is_named(member_name, name).is_some() {
                return Some((type_id, offset));
            }
            if self.is_named(member_name, "").is_some() {
                anonymous.push((type_id, offset));
            }
        }
        let deeper = deepest.checked_sub(1)?;
        anonymous.into_iter().find_map(|(inner, outer)| {
            let (type_id, offset) = self.member(inner, name, deeper, steps)?;
            Some((type_id, outer.checked_add(offset)?))
        })
    }

    fn size(&self, type_id: u32) -> Option<u32> {
        let one = self.resolved(type_id)?;
        match one.kind {
            INT | STRUCT | UNION | ENUM | ENUM64 => Some(one.size_or_reference),
            PTR => u32::try_from(size_of::<usize>()).ok(),
            _ => None,
        }
    }

    /// A type without its names and modifiers.
    fn resolved(&self, type_id: u32) -> Option<Type> {
        let mut id = type_id;
        for _ in 0..DEEPEST {
            let place = usize::try_from(id).ok()?.checked_sub(1)?;
            let start = usize::try_from(*self.starts.get(place)?).ok()?;
            let one = self.type_at(start).ok()?;
            if !matches!(one.kind, TYPEDEF | VOLATILE | CONST | RESTRICT | TYPE_TAG) {
                return Some(one);
            }
            id = one.size_or_reference;
        }
        None
    }

    fn type_at(&self, start: usize) -> Result<Type, DecodeError> {
        let number = |at| u32_at(self.described, start + at);
        let info = number(4)?;
        Ok(Type {
            start,
            name: number(0)?,
            kind: info >> 24 & 0x1F,
            count: usize::try_from(info & 0xFFFF).map_err(|_| DecodeError::BadLength)?,
            has_bit_fields: info >> 31 == 1,
            size_or_reference: number(8)?,
        })
    }

    /// The name at `offset`, if it is one of `names`.
    fn named(&self, offset: u32, names: &[&str]) -> Option<&'a [u8]> {
        names.iter().find_map(|name| self.is_named(offset, name))
    }

    /// The name at `offset`, if it is this one.
    fn is_named(&self, offset: u32, name: &str) -> Option<&'a [u8]> {
        let rest = self.strings.get(usize::try_from(offset).ok()?..)?;
        let found = rest.get(..name.len())?;
        let ends = rest.get(name.len()) == Some(&0);
        (ends && found == name.as_bytes()).then_some(found)
    }
}

/// The types and the strings.
fn sections(bytes: &[u8]) -> Result<(&[u8], &[u8]), DecodeError> {
    if u16_at(bytes, 0)? != MAGIC {
        return Err(DecodeError::Malformed);
    }
    let number = |at| usize::try_from(u32_at(bytes, at)?).map_err(|_| DecodeError::BadLength);
    let header = number(4)?;
    let section = |offset: usize, length: usize| {
        let start = header.checked_add(offset).ok_or(DecodeError::BadLength)?;
        let end = start.checked_add(length).ok_or(DecodeError::BadLength)?;
        bytes.get(start..end).ok_or(DecodeError::Truncated)
    };
    Ok((section(number(8)?, number(12)?)?, section(number(16)?, number(20)?)?))
}

/// How many bytes a type takes, with what follows it.
fn length(one: &Type) -> Result<usize, DecodeError> {
    let each = match one.kind {
        STRUCT | UNION | DATASEC | ENUM64 => one.count * 12,
        ENUM | FUNC_PROTO => one.count * 8,
        INT | VAR | DECL_TAG => 4,
        ARRAY => 12,
        PTR | FWD | TYPEDEF | VOLATILE | CONST | RESTRICT | FUNC | FLOAT | TYPE_TAG => 0,
        _ => return Err(DecodeError::Malformed),
    };
    Ok(TYPE + each)
}

#[cfg(test)]
mod tests;
