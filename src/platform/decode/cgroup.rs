//! /proc/PID/cgroup: cgroups(7), and systemd's names in it (systemd.unit(5)).

/// A systemd unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unit<'a> {
    /// Its name.
    pub name: &'a [u8],
    /// Whether a user's own manager runs it, below `user@1000.service`.
    pub of_user: bool,
}

/// The systemd unit a process belongs to: the innermost service or scope in its path.
///
/// Every line is read: on a machine with mixed hierarchies the line of version 2 may be `/`
/// while systemd's own hierarchy, `name=systemd`, tells.
#[must_use]
pub fn unit(file: &[u8]) -> Option<Unit<'_>> {
    let paths = |wanted: fn(&[u8]) -> bool| {
        file.split(|&byte| byte == b'\n').filter_map(move |line| {
            let mut fields = line.splitn(3, |&byte| byte == b':');
            let (_, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            wanted(controllers).then_some(path)
        })
    };
    let unified = paths(<[u8]>::is_empty);
    let systemd = paths(|controllers| controllers == b"name=systemd");
    unified.chain(systemd).find_map(unit_of_path)
}

fn unit_of_path(path: &[u8]) -> Option<Unit<'_>> {
    let is_unit = |part: &&[u8]| part.ends_with(b".service") || part.ends_with(b".scope");
    let mut units = path.rsplit(|&byte| byte == b'/').filter(is_unit);
    let name = units.next()?;
    let of_user = units.any(|outer| outer.starts_with(b"user@"));
    Some(Unit { name, of_user })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_unit_is_the_processes_own() {
        let user = b"0::/user.slice/user-1000.slice/user@1000.service/app.slice/web.service\n";
        let cases: [(&[u8], Option<&[u8]>); 6] = [
            (b"0::/system.slice/nginx.service\n", Some(b"nginx.service")),
            (b"0::/user.slice/user-0.slice/session-3.scope\n", Some(b"session-3.scope")),
            (user, Some(b"web.service")),
            (b"12:cpu:/\n1:name=systemd:/system.slice/ssh.service\n0::/\n", Some(b"ssh.service")),
            (b"0::/init.scope", Some(b"init.scope")),
            (b"0::/\n\nnonsense", None),
        ];
        for (file, expected) in cases {
            let of_user = expected == Some(b"web.service");
            assert_eq!(unit(file).is_some_and(|unit| unit.of_user), of_user);
            assert_eq!(unit(file).map(|unit| unit.name), expected, "{}", file.escape_ascii());
        }
    }
}
