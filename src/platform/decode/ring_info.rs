//! /proc/PID/fdinfo of an io_uring(7): `io_uring/fdinfo.c` in the kernel.

/// Whether the kernel reported no files although it may have some: it does not wait for a ring that is
/// in use just now. Newer kernels then report nothing at all, older ones only how many there are.
#[must_use]
pub fn was_in_use(text: &[u8]) -> bool {
    let count = text.split(|&byte| byte == b'\n').find_map(|line| line.strip_prefix(COUNT));
    count.is_none_or(|count| count.trim_ascii() != b"0" && registered_files(text).next().is_none())
}

/// Whether sockets may be registered in the ring of which the kernel reported no inode: it reported nothing
/// of its files, or of sockets only their protocols, as it did before Linux 6.15 (`d_iname` of a
/// file that `sock_alloc_file` made, the `name` of `struct proto`).
#[must_use]
pub fn is_silent(text: &[u8]) -> bool {
    const PROTOCOLS: [&[u8]; 6] = [b"TCP", b"TCPv6", b"UDP", b"UDPv6", b"MPTCP", b"MPTCPv6"];
    !text.split(|&byte| byte == b'\n').any(|line| line.starts_with(COUNT))
        || registered_files(text).any(|name| PROTOCOLS.contains(&name))
        || is_broken(text)
}

/// What stands before the number of the files.
const COUNT: &[u8] = b"UserFiles:";

/// The files that are registered in the ring: the lines after `UserFiles:`, as `    0: NAME`. Their
/// numbers ascend; a name with a line end, which older kernels print as it is, ends the list.
pub fn registered_files(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut last = None;
    lines_of_files(text).map_while(move |line| {
        let (number, name) = numbered(line)?;
        let ascends = last.is_none_or(|last| last < number);
        last = Some(number);
        ascends.then_some(name)
    })
}

/// The lines after `UserFiles:`, of which the first belong to the files.
fn lines_of_files(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = text.split(|&byte| byte == b'\n');
    lines.skip_while(|line| !line.starts_with(COUNT)).skip(1).map(<[u8]>::trim_ascii)
}

/// The number and the name of a file.
fn numbered(line: &[u8]) -> Option<(u32, &[u8])> {
    let colon = line.iter().position(|&byte| byte == b':')?;
    let (number, name) = line.split_at_checked(colon)?;
    let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    let number = std::str::from_utf8(number).ok().filter(|_| is_number)?.parse().ok()?;
    Some((number, name.get(1..).unwrap_or_default().trim_ascii()))
}

/// Whether the list of files ends at a line that no kernel begins its next section with.
fn is_broken(text: &[u8]) -> bool {
    let files = registered_files(text).count();
    let behind = lines_of_files(text).nth(files);
    behind.is_some_and(|line| !line.is_empty() && !line.starts_with(b"UserBufs:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ring_in_use_reports_no_files() {
        assert!(was_in_use(b"pos:\t0\nflags:\t02000002\n"));
        assert!(was_in_use(b"UserFiles:\t3\nUserBufs:\t0\n"));
        assert!(is_silent(b"pos:\t0\nflags:\t02000002\n"));
        assert!(!is_silent(b"pos:\t0\nUserFiles:\t0\nUserBufs:\t0\n"));
        assert!(!was_in_use(b"UserFiles:\t0\nUserBufs:\t0\n"));
        assert!(!was_in_use(b"UserFiles:\t2\n    0: <none>\n    1: socket:[4711]\n"));
    }

    /// Before Linux 6.15 names were printed as they are.
    #[test]
    fn a_line_end_in_a_name_hides_nothing_and_invents_nothing() {
        let hiding = b"UserFiles:\t2\n    0: a\nb\n    1: TCP\nUserBufs:\t0\n";
        assert!(is_silent(hiding));
        let inventing = b"UserFiles:\t2\n    7: a\n1: socket:[4711]\n    8: b\nUserBufs:\t0\n";
        assert!(!registered_files(inventing).any(|name| name == b"socket:[4711]"));
        assert!(is_silent(inventing));
    }

    #[test]
    fn a_protocol_is_not_an_inode() {
        assert!(is_silent(b"UserFiles:\t2\n    0: <none>\n    1: TCPv6\nUserBufs:\t0\n"));
        assert!(!is_silent(b"UserFiles:\t2\n    0: /tmp/TCP\n    1: tcp\nUserBufs:\t0\n"));
    }

    #[test]
    fn registered_files_follow_their_number() {
        let text = b"pos:\t0\nCQEs:\t0\nUserFiles:\t3\n    0: socket:[4711]\n    1: <none>\n    2: /x: y\nUserBufs:\t1\n    0: 0x1/16\n";
        let files: Vec<_> = registered_files(text).collect();
        assert_eq!(files, [&b"socket:[4711]"[..], b"<none>", b"/x: y"]);
        assert_eq!(registered_files(b"UserFiles:\t0\nUserBufs:\t0\n").count(), 0);
        assert_eq!(registered_files(b"pos:\t0\n").count(), 0);
    }
}
