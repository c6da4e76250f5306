//! Units as labels: without what tells one instance from another.

use super::LabelValue;
use crate::model::{Service, ServiceManager, Untrusted};

impl LabelValue {
    /// Everything below the slice of a user, who names units at will.
    pub(super) const USERS: Self = Self::word("user.slice");
}

/// The unit of a process. `is_of_user` says that it runs below a user's slice, and `is_delegated` that the name
/// may be a user's choice. Of a process that hosts several services none is the one.
pub(super) fn unit_of(
    services: &[Service],
    is_of_user: bool,
    is_delegated: bool,
    manager: ServiceManager,
) -> LabelValue {
    if is_of_user || services.iter().any(is_users) {
        return LabelValue::USERS;
    }
    match (services, manager) {
        _ if is_delegated => LabelValue::NONE,
        ([], _) => LabelValue::NONE,
        ([one], ServiceManager::Systemd) => systemd(&one.name),
        ([one], ServiceManager::Windows) => windows(&one.name),
        (_, _) => LabelValue::OTHER,
    }
}

/// Whether it is a unit of a user's own manager, or is there for a user.
fn is_users(service: &Service) -> bool {
    let name = service.name.as_bytes();
    let is_slice = name.starts_with(b"user-") && name.ends_with(b".slice");
    let is_session = name.starts_with(b"session-") && name.ends_with(b".scope");
    service.of_user || is_slice || is_session || name.starts_with(b"user@")
}

/// `sshd@.service` of `sshd@4.service`; `run.service` of what systemd-run started; `scope` of a scope, which
/// has the number of what it is for.
fn systemd(name: &Untrusted) -> LabelValue {
    let bytes = name.as_bytes();
    let Some(dot) = bytes.iter().rposition(|byte| *byte == b'.') else {
        return LabelValue::of(name);
    };
    let (prefix, kind) = bytes.split_at(dot);
    if kind == b".scope" {
        return LabelValue::word("scope");
    }
    let reduced = match prefix.iter().position(|byte| *byte == b'@') {
        _ if prefix.starts_with(b"run-") => [b"run", kind].concat(),
        Some(at) => [prefix.get(..=at).unwrap_or(prefix), kind].concat(),
        None => return LabelValue::of(name),
    };
    LabelValue::of(&Untrusted::new(reduced))
}

/// `CDPUserSvc` of `CDPUserSvc_3f2a1`: a service of each session has its number behind its name.
fn windows(name: &Untrusted) -> LabelValue {
    let text = name.to_lossy();
    let is_number = |end: &str| end.len() >= 4 && end.bytes().all(|byte| byte.is_ascii_hexdigit());
    let name_alone = text.rsplit_once('_').filter(|(_, end)| is_number(end)).map(|(name, _)| name);
    match name_alone {
        Some(name) => {
            LabelValue::of(&Untrusted::from_wide(&name.encode_utf16().collect::<Vec<_>>()))
        }
        None => LabelValue::of(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(name: &str, manager: ServiceManager) -> String {
        let service = Service { name: name.into(), of_user: false };
        unit_of(&[service], false, false, manager).as_str().to_owned()
    }

    #[test]
    fn instances_scopes_and_transient_units_are_reduced() {
        for (name, expected) in [
            ("nginx.service", "nginx.service"),
            ("sshd@4-10.0.0.1:22-10.0.0.2:5.service", "sshd@.service"),
            ("dbus@.socket", "dbus@.socket"),
            ("a@b@c.service", "a@.service"),
            ("run-r8d52.service", "run.service"),
            ("run-u5@x.socket", "run.socket"),
            ("run-4711.scope", "scope"),
            ("init.scope", "scope"),
            ("docker-932a195ea739d3a1f0c8b1cf5d9f7f2a.scope", "scope"),
            ("session-3.scope", "user.slice"),
            ("user@1000.service", "user.slice"),
            ("user-1000.slice", "user.slice"),
            ("system.slice", "system.slice"),
            ("a\nb.service", "a\\nb.service"),
        ] {
            assert_eq!(unit(name, ServiceManager::Systemd), expected, "{name}");
        }
    }

    #[test]
    fn what_is_below_a_users_slice_is_one() {
        let own = Service { name: "web.service".into(), of_user: true };
        let of = |services: &[Service], is_of_user, is_delegated| {
            unit_of(services, is_of_user, is_delegated, ServiceManager::Systemd)
        };
        assert_eq!(of(&[own], false, true), LabelValue::USERS);
        assert_eq!(of(&[], true, true), LabelValue::USERS);
        assert_eq!(of(&[], false, false), LabelValue::NONE);
        let evil = Service { name: "evil.service".into(), of_user: false };
        assert_eq!(of(&[evil], false, true), LabelValue::NONE);
    }

    #[test]
    fn services_of_windows_have_no_sessions() {
        for (name, expected) in
            [("Dhcp", "Dhcp"), ("CDPUserSvc_3f2a1", "CDPUserSvc"), ("my_web", "my_web")]
        {
            assert_eq!(unit(name, ServiceManager::Windows), expected);
        }
        let service = |name: &str| Service { name: name.into(), of_user: false };
        let two = [service("Dhcp"), service("EventLog")];
        assert_eq!(unit_of(&two, false, false, ServiceManager::Windows), LabelValue::OTHER);
    }
}
