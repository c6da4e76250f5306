//! /proc/PID/limits: proc_pid_limits(5).

/// The soft and the hard limit of open files; none where there is no limit, or no such line.
#[must_use]
pub fn open_files(file: &[u8]) -> (Option<u64>, Option<u64>) {
    let text = String::from_utf8_lossy(file);
    let values = text.lines().find_map(|line| line.strip_prefix("Max open files"));
    let mut values = values.unwrap_or_default().split_whitespace().map(|word| word.parse().ok());
    (values.next().flatten(), values.next().flatten())
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
        assert_eq!(open_files(file), (Some(1024), Some(1_048_576)));
        let unlimited = b"Max open files            unlimited  unlimited  files";
        assert_eq!(open_files(unlimited), (None, None));
        assert_eq!(open_files(b"\xff"), (None, None));
    }
}
