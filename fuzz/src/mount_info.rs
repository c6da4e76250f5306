//! Mounts: a line each at most, its escapes undone as the kernel made them.

use portwho::platform::decode::mount_info::mounts;

use super::input::Input;

pub fn check(data: &[u8]) {
    each_mount_is_a_line(data);
    let mut input = Input::new(data);
    let length = usize::from(input.byte());
    let (root, point) = (input.take(length), input.rest());
    a_mount_comes_back(root, point);
}

fn each_mount_is_a_line(data: &[u8]) {
    let mut lines = data.split(|&byte| byte == b'\n');
    for mount in mounts(data) {
        let is_of = |line: &[u8]| {
            let fields: Vec<&[u8]> = line.split(|&byte| byte == b' ').collect();
            let told = |place: usize, text: &[u8]| {
                fields.get(place).is_some_and(|field| unescaped(field) == text)
            };
            told(3, &mount.root) && told(4, &mount.point) && fields.contains(&mount.kind.as_slice())
        };
        assert!(lines.any(is_of), "{mount:?}");
    }
}

/// Backslashes with exactly three octal digits behind them, as `mangle_path` writes them
/// (fs/seq_file.c).
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut place = 0;
    while place < field.len() {
        let (byte, length) = match field[place..] {
            [b'\\', a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), 4)
            }
            _ => (field[place], 1),
        };
        bytes.push(byte);
        place += length;
    }
    bytes
}

fn a_mount_comes_back(root: &[u8], point: &[u8]) {
    let tags = b" rw,noatime shared:1 master:2 - ext4 /dev/root rw";
    let line =
        [b"36 35 98:0 ", escaped(root).as_slice(), b" ", &escaped(point), tags, b"\n"].concat();
    let found = mounts(&line);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].root.as_slice(), found[0].point.as_slice()), (root, point));
    assert_eq!(found[0].kind, b"ext4");
}

fn escaped(path: &[u8]) -> Vec<u8> {
    let escape = |&byte: &u8| match byte {
        b' ' | b'\t' | b'\n' | b'\\' => format!("\\{byte:03o}").into_bytes(),
        byte => vec![byte],
    };
    path.iter().flat_map(escape).collect()
}
