//! What a process claims to be, and nothing proves.

use super::counted;
use crate::model::Role;

/// Its name is that of this role.
#[must_use]
pub fn by_name(process: &str, role: Role) -> String {
    let role = match role {
        Role::Container => "a container runtime",
        Role::Manager => "systemd",
        Role::Critical => "a process that Windows needs",
        Role::ServiceHost => "a host of Windows services",
    };
    format!(
        "  warning: {process} has the name of {role}, but neither its user nor its executable \
         confirms it"
    )
}

/// Its cgroup, which its own user names, is that of a container.
#[must_use]
pub fn by_cgroup(process: &str, container: &str) -> String {
    format!(
        "  warning: the only sign that {process} runs in {container} is a cgroup that an \
             ordinary user controls"
    )
}

/// How many more such warnings there are.
#[must_use]
pub fn more(count: usize) -> String {
    format!("  and {}", counted(count, "more such warning"))
}
