//! /proc/self/mountinfo: proc_pid_mountinfo(5).

/// A mount.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Mount {
    /// Its number, as in /proc/PID/fdinfo (`mnt_id`).
    pub id: Vec<u8>,
    /// The device numbers of the file system, as `98:0`.
    pub device: Vec<u8>,
    /// What of the file system is mounted; of a namespace file its name, as `net:[4026532184]`.
    pub root: Vec<u8>,
    /// Where it is mounted.
    pub point: Vec<u8>,
    /// The type of the file system.
    pub kind: Vec<u8>,
}

/// The mounts in a file; lines that cannot be parsed are skipped.
#[must_use]
pub fn mounts(file: &[u8]) -> Vec<Mount> {
    file.split(|&byte| byte == b'\n').filter_map(mount).collect()
}

/// `36 35 98:0 /root /point rw,noatime shared:1 - ext3 /dev/root rw`: between the sixth field and
/// the lone hyphen there may be any number of tags.
fn mount(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|&byte| byte == b' ');
    let id = fields.next()?.to_vec();
    let device = fields.nth(1)?.to_vec();
    let root = unescaped(fields.next()?);
    let point = unescaped(fields.next()?);
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?.to_vec();
    Some(Mount { id, device, root, point, kind })
}

impl Mount {
    /// Which file a path leads to that this mount covers: the device, and the path within its file system. A part
    /// of it that is mounted once more at its own place, as ProtectSystem= of systemd does, has the same files.
    #[must_use]
    pub fn file_at(&self, path: &[u8]) -> Option<(&[u8], Vec<u8>)> {
        let rest = path.strip_prefix(self.point.strip_suffix(b"/").unwrap_or(&self.point))?;
        let root = self.root.strip_suffix(b"/").unwrap_or(&self.root);
        Some((&self.device, [root, rest].concat()))
    }

    fn is_on_the_way_to(&self, path: &[u8]) -> bool {
        let rest = path.strip_prefix(self.point.as_slice());
        self.point == b"/" || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }
}

/// The mount that a path leads to: the longest mount point on its way, and of several at one point
/// the last, which covers the others.
#[must_use]
pub fn covering<'a>(mounts: &'a [Mount], path: &[u8]) -> Option<&'a Mount> {
    let on_the_way = mounts.iter().filter(|mount| mount.is_on_the_way_to(path));
    on_the_way.max_by_key(|mount| mount.point.len())
}

/// Blanks, tabs, line ends and backslashes come as three octal digits after a backslash.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..3).filter(|digits| digits.iter().all(u8::is_ascii_digit));
        let octal = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let octal = octal.and_then(|digits| u8::from_str_radix(digits, 8).ok());
        let escaped = octal.filter(|_| first == b'\\');
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { behind.get(3..).unwrap_or_default() } else { behind };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_has_a_root_a_point_and_a_type() {
        let file = b"41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n\
            92 27 0:4 net:[4026532184] /run/netns/a\\040b rw shared:5 master:2 - nsfs nsfs rw\n\
            nonsense\n\n1 2 3";
        let mounts = mounts(file);
        assert_eq!(mounts.len(), 2);
        assert_eq!((&*mounts[0].kind, &*mounts[0].device), (&b"cgroup2"[..], &b"0:38"[..]));
        assert_eq!(
            (&*mounts[0].root, &*mounts[0].point),
            (&b"/"[..], &b"/sys/fs/cgroup/unified"[..])
        );
        assert_eq!(mounts[1].kind, b"nsfs");
        assert_eq!(
            (&*mounts[1].root, &*mounts[1].point),
            (&b"net:[4026532184]"[..], &b"/run/netns/a b"[..])
        );
    }

    #[test]
    fn the_longest_mount_point_covers_a_path_and_the_last_one_the_others() {
        let file = b"1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /usr rw - ext4 b rw\n\
            3 2 8:3 /evil /usr/bin rw - ext4 c rw\n4 2 8:4 / /usr/bin rw - ext4 d rw\n";
        let mounts = mounts(file);
        let device = |path: &str| covering(&mounts, path.as_bytes()).map(|it| it.device.clone());
        for (path, expected) in [
            ("/bin/sh", "8:1"),
            ("/usr/lib/x", "8:2"),
            ("/usr/bin/x", "8:4"),
            ("/usr/binary", "8:2"),
        ] {
            assert_eq!(device(path).as_deref(), Some(expected.as_bytes()), "{path}");
        }
        assert_eq!(covering(&mounts[1..], b"/bin/sh"), None);
    }

    #[test]
    fn a_part_that_is_mounted_at_its_own_place_has_the_same_files() {
        let file = b"1 0 8:1 / / rw - ext4 a rw\n2 1 8:1 /usr /usr ro - ext4 a rw\n\
            3 1 8:1 /home/evil /usr ro - ext4 a rw\n4 1 8:2 /usr /usr ro - ext4 b rw\n\
            5 0 8:1 /@ / rw - btrfs a rw\n6 1 8:1 /@/usr /usr ro - btrfs a rw\n";
        let mounts = mounts(file);
        let of = |index: usize| mounts[index].file_at(b"/usr/bin/sh").unwrap();
        assert_eq!(of(0), (&b"8:1"[..], b"/usr/bin/sh".to_vec()));
        assert_eq!(of(0), of(1));
        assert_ne!(of(0), of(2));
        assert_ne!(of(0), of(3));
        assert_eq!(of(4), of(5));
        assert_eq!(mounts[1].file_at(b"/bin/sh"), None);
    }

    #[test]
    fn an_invalid_escape_stays() {
        assert_eq!(unescaped(br"a\04"), br"a\04");
        assert_eq!(unescaped(br"\999\134"), br"\999\");
        assert_eq!(unescaped(br"\+12"), br"\+12");
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = mounts(&bytes);
        }
    }
}
