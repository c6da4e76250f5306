//! The release of a Linux kernel, as uname(2) has it: `6.1.0-18-amd64`.

/// Its first two numbers; none where it does not begin with two.
#[must_use]
pub fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.splitn(3, '.');
    let major = numbers.next()?.parse().ok()?;
    let minor = numbers.next()?;
    let digits = minor.split(|c: char| !c.is_ascii_digit()).next()?;
    Some((major, digits.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_numbers_count() {
        let cases = [
            ("6.18.44-fc-v657", Some((6, 18))),
            ("6.1.0-18-amd64", Some((6, 1))),
            ("5.14.0-427.13.1.el9_4.x86_64", Some((5, 14))),
            ("6.11-rc5", Some((6, 11))),
            ("6.11", Some((6, 11))),
            ("2.6.78", Some((2, 6))),
            ("6", None),
            ("6.", None),
            ("six.one", None),
            ("99999999999.1", None),
            ("", None),
        ];
        for (release, expected) in cases {
            assert_eq!(version(release), expected, "{release}");
        }
    }
}
