//! What a process claims to be, and nothing proves.

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
        "  warning: {process} has the name of {role}; neither its user nor its executable proves \
         that it is one"
    )
}

/// Its control group, which its own user names, is that of a container.
#[must_use]
pub fn by_cgroup(process: &str, container: &str) -> String {
    format!("  warning: only a cgroup below a user's own says that {process} runs in {container}")
}

/// So many more warnings of these kinds.
#[must_use]
pub fn more(count: usize) -> String {
    format!("  and {count} more such warnings")
}
