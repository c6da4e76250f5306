//! /proc/PID/limits: proc_pid_limits(5).

/// The soft limit of open files; none where there is no limit, or no such line.
#[must_use]
pub fn open_files(file: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(file);
    let values = text.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    values.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_comes_first() {
        let file =
            b"Limit                     Soft Limit           Hard Limit           Units     \n\
            Max processes             95917                95917                processes \n\
            Max open files            1024                 1048576              files     \n";
        assert_eq!(open_files(file), Some(1024));
        assert_eq!(open_files(b"Max open files            unlimited  unlimited  files"), None);
        assert_eq!(open_files(b"\xff"), None);
    }
}
