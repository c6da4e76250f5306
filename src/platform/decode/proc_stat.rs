//! /proc/PID/stat: proc_pid_stat(5).

use super::DecodeError;
use crate::model::{Pid, ProcessKind};

/// `PF_KTHREAD` of the kernel's `include/linux/sched.h`.
const KERNEL_THREAD: u64 = 0x0020_0000;
/// `PF_EXITING` there.
const EXITING: u64 = 0x4;

/// What portwho reads of /proc/PID/stat.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stat {
    /// The state of the first thread, `R`, `S`, `Z` and so on.
    pub state: u8,
    /// Whether the thread is about to exit.
    pub exiting: bool,
    /// The parent; none for the first process of a namespace.
    pub parent: Option<Pid>,
    /// The session id.
    pub session: u32,
    /// The controlling terminal's device number, 0 for none.
    pub terminal: u32,
    /// Whether it is a kernel thread.
    pub kind: ProcessKind,
    /// How many threads there are.
    pub threads: u64,
    /// When the process started, in clock ticks after the boot.
    pub start_ticks: u64,
}

impl Stat {
    /// Whether the whole process has exited and only waits to be reaped. A zombie first thread
    /// alone does not say so: others may still run.
    #[must_use]
    pub const fn has_exited(&self) -> bool {
        matches!(self.state, b'Z' | b'X') && self.threads <= 1
    }

    /// Whether the thread whose file it is has exited or is about to: the first one, in a
    /// process' own directory.
    #[must_use]
    pub const fn thread_has_ended(&self) -> bool {
        self.exiting || matches!(self.state, b'Z' | b'X')
    }
}

/// The name of the process: what stands between the first and the last parenthesis.
#[must_use]
pub fn name(bytes: &[u8]) -> Option<&[u8]> {
    let start = bytes.iter().position(|&byte| byte == b'(')? + 1;
    let end = bytes.iter().rposition(|&byte| byte == b')')?;
    bytes.get(start..end)
}

/// Decodes the file. The name in parentheses may hold anything, parentheses included, so the
/// fields are counted from the last one.
///
/// # Errors
/// [`DecodeError::Malformed`], never a panic.
pub fn stat(bytes: &[u8]) -> Result<Stat, DecodeError> {
    let end = bytes.iter().rposition(|&byte| byte == b')').ok_or(DecodeError::Malformed)?;
    let tail = bytes.get(end + 1..).ok_or(DecodeError::Malformed)?;
    let text = std::str::from_utf8(tail).map_err(|_| DecodeError::Malformed)?;
    let fields: Vec<&str> = text.split_ascii_whitespace().collect();
    let flags = number(&fields, 6)?;
    let is_kernel = flags & KERNEL_THREAD != 0;
    let kind = if is_kernel { ProcessKind::Kernel } else { ProcessKind::Ordinary };
    Ok(Stat {
        state: fields
            .first()
            .and_then(|state| state.bytes().next())
            .ok_or(DecodeError::Malformed)?,
        exiting: flags & EXITING != 0,
        parent: Some(Pid(narrow(&fields, 1)?)).filter(|&pid| pid != Pid(0)),
        session: narrow(&fields, 3)?,
        terminal: narrow(&fields, 4)?,
        kind,
        threads: number(&fields, 17)?,
        start_ticks: number(&fields, 19)?,
    })
}

fn number(fields: &[&str], place: usize) -> Result<u64, DecodeError> {
    let field = fields.get(place).ok_or(DecodeError::Truncated)?;
    // The terminal is printed signed.
    let signed: i128 = field.parse().map_err(|_| DecodeError::Malformed)?;
    u64::try_from(signed & i128::from(u64::MAX)).map_err(|_| DecodeError::Malformed)
}

/// The low 32 bits of a number.
fn narrow(fields: &[&str], place: usize) -> Result<u32, DecodeError> {
    u32::try_from(number(fields, place)? & 0xffff_ffff).map_err(|_| DecodeError::Malformed)
}

/// The resident set in pages, by /proc/PID/statm (proc_pid_statm(5)): the same figure in
/// /proc/PID/stat lags behind.
#[must_use]
pub fn resident_pages(statm: &[u8]) -> Option<u64> {
    let field = statm.split(|&byte| byte == b' ').nth(1)?;
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// The name of a pseudo-terminal, `pts/0`, by its device number (`tty_nr` in
/// proc_pid_stat(5)): majors 136 to 143 are the slaves.
#[must_use]
pub fn pseudo_terminal(device: u32) -> Option<String> {
    let (major, minor) = device_numbers(device);
    (136..=143).contains(&major).then(|| format!("pts/{}", (major - 136) * 256 + minor))
}

/// Major and minor of a device number as `tty_nr` packs them.
#[must_use]
pub const fn device_numbers(device: u32) -> (u32, u32) {
    let major = device >> 8 & 0xfff;
    let minor = device & 0xff | device >> 12 & 0x000f_ff00;
    (major, minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "812 (a) b (c)) S 700 812 799 34817 812 4194304 1 0 0 0 5 6 0 0 20 0 3 0 \
                        123456 1000 200 18446744073709551615 1 1 0 0 0";

    #[test]
    fn fields_are_counted_after_the_last_parenthesis() {
        let found = stat(LINE.as_bytes()).unwrap();
        assert_eq!((found.state, found.parent, found.session), (b'S', Some(Pid(700)), 799));
        assert_eq!((found.threads, found.start_ticks), (3, 123_456));
        assert_eq!(found.kind, ProcessKind::Ordinary);
        assert_eq!(pseudo_terminal(found.terminal).as_deref(), Some("pts/1"));
    }

    #[test]
    fn a_zombie_first_thread_is_not_an_exited_process() {
        let with = |state, threads: u32| {
            let line = LINE
                .replace(" S ", &format!(" {state} "))
                .replace(" 20 0 3 ", &format!(" 20 0 {threads} "));
            stat(line.as_bytes()).unwrap().has_exited()
        };
        assert!(with("Z", 1));
        assert!(!with("Z", 2));
        assert!(!with("S", 1));
    }

    #[test]
    fn a_first_thread_ends_before_it_is_a_zombie() {
        let with = |from: &str, to: &str| stat(LINE.replace(from, to).as_bytes()).unwrap();
        assert!(!with("", "").thread_has_ended());
        assert!(with(" S ", " Z ").thread_has_ended());
        assert!(with(" 4194304 ", " 4194308 ").thread_has_ended());
        let kernels = with(" 4194304 ", " 2097216 ");
        assert_eq!((kernels.kind, kernels.exiting), (ProcessKind::Kernel, false));
    }

    #[test]
    fn a_first_process_has_no_parent_and_a_cut_line_is_an_error() {
        assert_eq!(stat(LINE.replace(" 700 ", " 0 ").as_bytes()).unwrap().parent, None);
        assert_eq!(stat(b"812 (a) S 1"), Err(DecodeError::Truncated));
        assert_eq!(stat(b""), Err(DecodeError::Malformed));
    }

    #[test]
    fn terminals_beyond_the_first_256_have_their_number() {
        assert_eq!(pseudo_terminal(137 << 8).as_deref(), Some("pts/256"));
        assert_eq!(pseudo_terminal(4 << 8 | 1), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            let _ = stat(&bytes);
            let _ = stat(&[b") ", bytes.as_slice()].concat());
        }
    }
}
