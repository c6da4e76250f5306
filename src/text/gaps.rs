//! Gaps, as a line for a person.

use crate::model::{Gap, LeftOut, Untrusted};

use super::counted;
use super::escape::Escaped;

/// What is missing, why, and what to do about it: `WHAT: WHY`.
#[must_use]
pub fn line(gap: &Gap) -> String {
    format!("{}: {}", what(gap), gap.remedy())
}

fn what(gap: &Gap) -> String {
    match gap {
        Gap::OwnersHidden { count, users, .. } => {
            let of = if users.is_empty() { String::new() } else { format!(" ({})", list(users)) };
            format!("the owners of {} are hidden{of}", counted(*count, "socket"))
        }
        Gap::OwnersNotFound { count, .. } => {
            format!("the owners of {} were found in no process", counted(*count, "socket"))
        }
        Gap::ChangingHands { count } => {
            format!("the owners of {} changed too fast to be found", counted(*count, "socket"))
        }
        Gap::OwnersExited { count } => {
            format!("the processes that created {} have exited", counted(*count, "socket"))
        }
        Gap::SearchBounded { user, left_out } => {
            let user = user.as_ref().map(|user| format!("user {}", Escaped(user)));
            let user = user.unwrap_or_else(|| "other users".to_owned());
            format!("{} of {user} were not searched", kinds(left_out))
        }
        Gap::RingsUnread { count } => {
            format!("what is registered in {} could not be read", counted(*count, "io_uring"))
        }
        Gap::CommandsCut { count, users } => {
            let users =
                if users.is_empty() { String::new() } else { format!(" ({})", list(users)) };
            format!("not all was read of the command lines of {}{users}", processes(*count))
        }
        Gap::NamespacesUnseen { why: None } => {
            "other network namespaces are out of sight".to_owned()
        }
        Gap::NamespacesUnseen { why: Some(why) } => {
            format!("some network namespaces may be missing ({why})")
        }
        Gap::ProcessesUnreadable { why } => format!("cannot list processes: {why}"),
        Gap::NamespacesUnsearched { count, users } => {
            let namespaces = counted(*count, "network namespace");
            format!("{namespaces} of {} {} not searched", list(users), was(*count))
        }
        Gap::SocketsUnexamined { count, why } => {
            let sockets = counted(*count, "socket");
            format!("{sockets} in no table {} not examined ({why})", was(*count))
        }
        Gap::DescriptorsUnexamined { count, users } => {
            let descriptors = counted(*count, "descriptor");
            format!("{descriptors} of {} {} not examined", list(users), was(*count))
        }
        Gap::BoundUnknown { why } => {
            format!("cannot tell whether this system lists bound sockets ({why})")
        }
        Gap::BoundNotListed => "this system does not list bound sockets".to_owned(),
        Gap::NetlinkRefused { why } => format!("netlink refused, read /proc/net instead: {why}"),
        Gap::NoHandler { protocol } => {
            format!("the kernel has no sock_diag for {protocol}, read /proc/net instead")
        }
        Gap::TableUnreadable { table, why } => format!("cannot read the table {table}: {why}"),
    }
}

fn processes(count: usize) -> String {
    if count == 1 { "1 process".to_owned() } else { format!("{count} processes") }
}

const fn was(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

fn list(names: &[Untrusted]) -> String {
    let shown: Vec<String> = names.iter().map(|name| Escaped(name).to_string()).collect();
    shown.join(", ")
}

/// `2 descriptors, 1 thread and 3 io_urings`.
fn kinds(left_out: &LeftOut) -> String {
    let LeftOut { descriptors, threads, rings } = *left_out;
    let kinds = [(descriptors, "descriptor"), (threads, "thread"), (rings, "io_uring")];
    let kinds = kinds.iter().filter(|(count, _)| *count > 0);
    let kinds: Vec<String> = kinds.map(|(count, kind)| counted(*count, kind)).collect();
    match kinds.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => kinds.concat(),
    }
}
