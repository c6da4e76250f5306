use proptest::prelude::*;

use super::*;

/// Types as a kernel would describe them.
#[derive(Default)]
struct Made {
    types: Vec<u8>,
    strings: Vec<u8>,
}

impl Made {
    fn new() -> Self {
        Self { types: Vec::new(), strings: vec![0] }
    }

    fn name(&mut self, name: &str) -> u32 {
        if name.is_empty() {
            return 0;
        }
        let place = u32::try_from(self.strings.len()).unwrap();
        self.strings.extend(name.bytes().chain([0]));
        place
    }

    fn add(&mut self, name: &str, kind: u32, count: u32, third: u32, rest: &[u32]) -> &mut Self {
        let name = self.name(name);
        for number in [name, kind << 24 | count, third].iter().chain(rest) {
            self.types.extend(number.to_ne_bytes());
        }
        self
    }

    /// A structure or union whose members have a name, a type and an offset in bits.
    fn of(&mut self, name: &str, kind: u32, size: u32, members: &[(&str, u32, u32)]) -> &mut Self {
        let rest: Vec<u32> = members
            .iter()
            .flat_map(|(name, type_id, offset)| [self.name(name), *type_id, *offset])
            .collect();
        let count = u32::try_from(members.len()).unwrap();
        self.add(name, kind, count, size, &rest)
    }

    fn bytes(&self) -> Vec<u8> {
        let length = |section: &[u8]| u32::try_from(section.len()).unwrap();
        let (types, strings) = (length(&self.types), length(&self.strings));
        let mut bytes = [&MAGIC.to_ne_bytes()[..], &[1, 0]].concat();
        for number in [24, 0, types, types, strings] {
            bytes.extend(u32::to_ne_bytes(number));
        }
        [bytes, self.types.clone(), self.strings.clone()].concat()
    }
}

/// `struct file { unsigned short f_mode; union { const struct path f_path; }; struct inode *f_inode; }`
fn kernel() -> Vec<u8> {
    let mut made = Made::new();
    made.add("unsigned short", INT, 0, 2, &[16])
        .add("", PTR, 0, 0, &[])
        .of("path", STRUCT, 16, &[("mnt", 2, 0), ("dentry", 2, 64)])
        .add("", CONST, 0, 3, &[])
        .of("", UNION, 16, &[("__f_path", 3, 0), ("f_path", 4, 0)])
        .of("file", STRUCT, 32, &[("f_mode", 1, 0), ("", 5, 64), ("f_inode", 2, 192)])
        .add("umode_t", TYPEDEF, 0, 1, &[])
        .add("", FUNC_PROTO, 1, 1, &[0, 1])
        .add("bpf_iter_task_file", FUNC, 0, 8, &[])
        .add("bpf_iter_task", FUNC, 0, 8, &[])
        .of("odd", STRUCT, 4, &[("bit", 1, 3), ("mode", 7, 16)]);
    made.bytes()
}

const STRUCTURES: [&str; 2] = ["file", "odd"];
const FUNCTIONS: [&str; 2] = ["bpf_iter_task", "bpf_iter_task_file"];

#[test]
fn fields_and_functions_are_found_by_their_names() {
    let bytes = kernel();
    let types = Types::read(&bytes, &STRUCTURES, &FUNCTIONS).unwrap();
    let field = |offset, size| Some(Field { offset, size: Some(size) });
    assert_eq!(types.field("file", &["f_mode"]), field(0, 2));
    assert_eq!(types.field("file", &["f_inode"]), field(24, 8));
    assert_eq!(types.field("file", &["f_path", "dentry"]), field(16, 8));
    assert_eq!(types.field("odd", &["mode"]), field(2, 2));
    assert_eq!(types.function("bpf_iter_task_file"), Some(9));
    assert_eq!(types.function("bpf_iter_task"), Some(10));
}

#[test]
fn what_is_not_there_is_not_found() {
    let bytes = kernel();
    let types = Types::read(&bytes, &STRUCTURES, &FUNCTIONS).unwrap();
    for (structure, path) in [
        ("file", &["f_ino"][..]),
        ("file", &[]),
        ("file", &["f_mode", "x"]),
        ("fil", &["f_mode"]),
        ("path", &["mnt"]),
        ("odd", &["bit"]),
    ] {
        assert_eq!(types.field(structure, path), None, "{structure} {path:?}");
    }
    assert_eq!(types.function("bpf_iter_tcp"), None);
}

#[test]
fn a_bit_field_is_no_field() {
    let mut made = Made::new();
    made.add("int", INT, 0, 4, &[32]).of("file", STRUCT, 4, &[("a", 1, 3 << 24), ("b", 1, 8)]);
    let info = 12 + 4 + 4 + 3;
    made.types[info] |= 0x80;
    let bytes = made.bytes();
    let types = Types::read(&bytes, &["file"], &[]).unwrap();
    assert_eq!(types.field("file", &["a"]), None);
    assert_eq!(types.field("file", &["b"]), Some(Field { offset: 1, size: Some(4) }));
}

#[test]
fn a_type_that_contains_itself_ends() {
    let mut made = Made::new();
    made.of("file", STRUCT, 8, &[("", 1, 0); 100]).add("loop", TYPEDEF, 0, 2, &[]);
    let bytes = made.bytes();
    let types = Types::read(&bytes, &["file"], &[]).unwrap();
    assert_eq!(types.field("file", &["f_mode"]), None);
    assert!(types.resolved(2).is_none());
}

#[test]
fn other_bytes_are_refused() {
    let bytes = kernel();
    let read = |bytes: &[u8]| Types::read(bytes, &STRUCTURES, &FUNCTIONS).map(drop);
    for length in 0..bytes.len() {
        assert!(read(&bytes[..length]).is_err(), "{length}");
    }
    let mut swapped = bytes.clone();
    swapped.swap(0, 1);
    assert_eq!(read(&swapped), Err(DecodeError::Malformed));
    let mut unknown = bytes.clone();
    unknown[24 + 7] = 31;
    assert_eq!(read(&unknown), Err(DecodeError::Malformed));
}

proptest! {
    #[test]
    fn no_change_of_the_bytes_panics(place in 0..400_usize, byte: u8) {
        let mut bytes = kernel();
        if let Some(changed) = bytes.get_mut(place) {
            *changed = byte;
        }
        if let Ok(types) = Types::read(&bytes, &STRUCTURES, &FUNCTIONS) {
            let _ = types.field("file", &["f_path", "dentry"]);
            let _ = types.field("odd", &["mode"]);
        }
    }
}
