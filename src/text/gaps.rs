//! Gaps: what is missing and why, and what to do about it. Each gap is a function.

use super::counted;
use super::escape::Escaped;
use crate::model::{Gap, Hiding, LeftOut, Untrusted, Whereabouts};

/// How a gap reads.
struct Sentence {
    /// What is missing, and why.
    what: String,
    /// What to do about it, or what it means.
    remedy: &'static str,
}

/// A gap as a line for a person: `the owners of 3 sockets are hidden (root): run with sudo ...`.
#[must_use]
pub fn line(gap: &Gap) -> String {
    let Sentence { what, remedy } = sentence(gap);
    format!("{what}: {remedy}")
}

/// What to do about a gap, also in JSON.
#[must_use]
pub fn remedy(gap: &Gap) -> &'static str {
    sentence(gap).remedy
}

fn sentence(gap: &Gap) -> Sentence {
    match gap {
        Gap::OwnersHidden { count, users, why } => owners_hidden(*count, users, *why),
        Gap::OwnersNotFound { count, place } => owners_not_found(*count, *place),
        Gap::ChangingHands { count } => changing_hands(*count),
        Gap::OwnersExited { count } => owners_exited(*count),
        Gap::SearchBounded { user, left_out } => search_bounded(user.as_ref(), *left_out),
        Gap::RingsUnread { count } => rings_unread(*count),
        Gap::CommandsCut { count, users } => commands_cut(*count, users),
        Gap::NamespacesUnseen { why: None } => namespaces_not_searched(),
        Gap::NamespacesUnseen { why: Some(why) } => namespaces_missing(why),
        Gap::ProcessesUnreadable { why } => processes_unreadable(why),
        Gap::NamespacesUnsearched { count, users } => namespaces_bounded(*count, users),
        Gap::SocketsUnexamined { count, why } => sockets_unexamined(*count, why),
        Gap::DescriptorsUnexamined { count, users } => descriptors_unexamined(*count, users),
        Gap::BoundNotListed => bound_not_listed(),
        Gap::BoundUnknown { why } => bound_unknown(why),
        Gap::NetlinkRefused { why } => netlink_refused(why),
        Gap::NoHandler { protocol } => no_handler(protocol),
        Gap::DetailsWithheld { count } => details_withheld(*count),
        Gap::ServicesUnreadable => services_unreadable(),
        Gap::PortRulesUnreadable { why } => port_rules_unreadable(why),
        Gap::PortProxiesUnreadable { why } => port_proxies_unreadable(why),
        Gap::UrlsUnreadable { why } => urls_unreadable(why),
        Gap::SocketsForgotten { count } => sockets_forgotten(*count),
        Gap::TableUnreadable { table, why } => table_unreadable(table, why),
    }
}

fn owners_hidden(count: usize, users: &[Untrusted], why: Hiding) -> Sentence {
    let what = format!("the owners of {} are hidden{}", sockets(count), of_users(users));
    let remedy = match why {
        Hiding::Rights => "run with sudo to see the owners of other users' sockets",
        Hiding::EvenFromRoot => {
            "even root cannot read some processes: CAP_SYS_PTRACE is missing, or a sandbox or user \
             namespace isolates them"
        }
        Hiding::Unsearched => UNSEARCHED,
    };
    Sentence { what, remedy }
}

/// A gap of its own says how many descriptors of whom were not searched.
const UNSEARCHED: &str =
    "some processes were not searched in full; one of them may hold these sockets";

fn owners_not_found(count: usize, place: Whereabouts) -> Sentence {
    let what = match place {
        Whereabouts::NoProcess => format!("no process holds {}", sockets(count)),
        _ => format!("the owners of {} were not found", sockets(count)),
    };
    let remedy = match place {
        Whereabouts::NoProcess => {
            "the kernel does (for a tunnel such as VXLAN or WireGuard, or for NFS), unless they are \
             being passed between processes: run portwho again"
        }
        Whereabouts::OutsidePidNamespace => {
            "they belong to another PID namespace, or are being passed between processes: run \
             portwho again, or run it outside this PID namespace"
        }
        Whereabouts::Anywhere => {
            "they belong to the kernel or to another PID namespace, or are being passed between \
             processes: run portwho again, or on the host"
        }
        Whereabouts::Unsearched => UNSEARCHED,
    };
    Sentence { what, remedy }
}

fn changing_hands(count: usize) -> Sentence {
    Sentence {
        what: format!("the owners of {} changed too fast to be found", sockets(count)),
        remedy: "a process keeps closing its socket and opening another on the same port: run \
                 portwho again",
    }
}

fn owners_exited(count: usize) -> Sentence {
    let created = if count == 1 { "process that created" } else { "processes that created" };
    let has = if count == 1 { "has" } else { "have" };
    Sentence {
        what: format!("the {created} {} {has} exited", sockets(count)),
        remedy: "the processes that inherited them hold them: look for children of the exited process",
    }
}

fn search_bounded(user: Option<&Untrusted>, left_out: LeftOut) -> Sentence {
    let user = user.map(|user| format!("user {}", Escaped(user)));
    let user = user.unwrap_or_else(|| "other users".to_owned());
    let LeftOut { descriptors, threads, rings } = left_out;
    let were = was(descriptors.saturating_add(threads).saturating_add(rings));
    Sentence {
        what: format!("{} of {user} {were} not searched", kinds(left_out)),
        remedy: "they may own some of these sockets too; terminate the processes that hold so \
                 many, and run portwho again",
    }
}

fn rings_unread(count: usize) -> Sentence {
    Sentence {
        what: format!("what is registered in {} could not be read", counted(count, "io_uring")),
        remedy: "they were in use at that moment (or this Linux is too old to report them): run \
                 portwho again",
    }
}

fn commands_cut(count: usize, users: &[Untrusted]) -> Sentence {
    let processes = counted(count, "process");
    Sentence {
        what: format!("the command lines of {processes}{} were not read in full", of_users(users)),
        remedy: "portwho reads up to 128 KiB of each and 8 MiB for each user, and gives up if \
                 the kernel does not return one in time; the rest is in /proc/PID/cmdline",
    }
}

fn namespaces_not_searched() -> Sentence {
    Sentence {
        what: "other network namespaces were not searched".to_owned(),
        remedy: "run with sudo and --all-netns to see the sockets of containers and other network \
                 namespaces",
    }
}

fn namespaces_missing(why: &str) -> Sentence {
    Sentence {
        what: format!("some network namespaces may be missing ({why})"),
        remedy: "entering a network namespace requires CAP_SYS_ADMIN and CAP_SYS_PTRACE: run \
                 portwho on the host, outside containers and sandboxes",
    }
}

fn processes_unreadable(why: &str) -> Sentence {
    Sentence {
        what: format!("cannot list processes: {why}"),
        remedy: "make the list of processes readable (on Linux: mount /proc), and run portwho \
                 again",
    }
}

fn namespaces_bounded(count: usize, users: &[Untrusted]) -> Sentence {
    let namespaces = counted(count, "network namespace");
    Sentence {
        what: format!("{namespaces} of {} {} not searched", list(users), was(count)),
        remedy: "portwho searches at most a fixed number per user; nsenter(1) runs portwho in one \
                 of them; to list them, run: sudo lsns --type net",
    }
}

fn sockets_unexamined(count: usize, why: &str) -> Sentence {
    Sentence {
        what: format!("{} in no table {} not examined ({why})", sockets(count), was(count)),
        remedy: "they may belong to a network namespace without processes; examining them \
                 requires CAP_SYS_PTRACE, CAP_NET_ADMIN and Linux 5.6",
    }
}

fn descriptors_unexamined(count: usize, users: &[Untrusted]) -> Sentence {
    let descriptors = counted(count, "descriptor");
    Sentence {
        what: format!("{descriptors} of {} {} not examined", list(users), was(count)),
        remedy: "portwho examines at most a fixed number per user; a port may be bound by one of them",
    }
}

fn bound_not_listed() -> Sentence {
    Sentence {
        what: "this system does not list BOUND sockets".to_owned(),
        remedy: "Linux has listed them since 6.8; Windows lists them if netstat has -q",
    }
}

fn bound_unknown(why: &str) -> Sentence {
    Sentence {
        what: format!("cannot tell whether this system lists BOUND sockets ({why})"),
        remedy: "a port may be bound without listening; run portwho again",
    }
}

fn netlink_refused(why: &str) -> Sentence {
    Sentence {
        what: format!("netlink was refused ({why}), so /proc/net was read"),
        remedy: "BOUND sockets, backlogs, idle times and cgroups are missing; allow AF_NETLINK \
                 sockets (NETLINK_SOCK_DIAG)",
    }
}

fn no_handler(protocol: &str) -> Sentence {
    Sentence {
        what: format!("the kernel has no sock_diag for {protocol}, so /proc/net was read"),
        remedy: "backlogs, idle times and cgroups are missing; load the kernel modules tcp_diag \
                 and udp_diag",
    }
}

fn details_withheld(count: usize) -> Sentence {
    Sentence {
        what: format!(
            "the user, program or command line of {} {} not readable",
            counted(count, "process"),
            was(count)
        ),
        remedy: "run portwho in an elevated prompt; of some protected processes Windows tells nobody",
    }
}

fn services_unreadable() -> Sentence {
    Sentence {
        what: "the services of processes cannot be listed".to_owned(),
        remedy: "run portwho in an elevated prompt",
    }
}

fn port_rules_unreadable(why: &str) -> Sentence {
    Sentence {
        what: format!("the port ranges that Windows keeps could not be read ({why})"),
        remedy: "a bind may fail although no socket holds the port; run portwho again",
    }
}

fn port_proxies_unreadable(why: &str) -> Sentence {
    Sentence {
        what: format!("some rules for forwarded ports could not be read ({why})"),
        remedy: "netsh interface portproxy show all lists them",
    }
}

fn urls_unreadable(why: &str) -> Sentence {
    Sentence {
        what: format!("the URLs that HTTP.sys serves could not be read ({why})"),
        remedy: "netsh http show servicestate lists them",
    }
}

fn sockets_forgotten(count: usize) -> Sentence {
    Sentence {
        what: format!("{} {} not seen for a minute", sockets(count), was(count)),
        remedy: "whether they have closed is not known, as their table cannot be read; those that are \
                 still there are reported as opened when it can be",
    }
}

fn table_unreadable(table: &str, why: &str) -> Sentence {
    Sentence {
        what: format!("cannot read the table {table}: {why}"),
        remedy: "its sockets are missing; run portwho again, with more privileges if that does not help",
    }
}

fn sockets(count: usize) -> String {
    counted(count, "socket")
}

const fn was(count: usize) -> &'static str {
    if count == 1 { "was" } else { "were" }
}

/// ` (root, alice)`, or nothing.
fn of_users(users: &[Untrusted]) -> String {
    if users.is_empty() { String::new() } else { format!(" ({})", list(users)) }
}

fn list(names: &[Untrusted]) -> String {
    let shown: Vec<String> = names.iter().map(|name| Escaped(name).to_string()).collect();
    shown.join(", ")
}

/// `2 descriptors, 1 thread and 3 io_urings`.
fn kinds(left_out: LeftOut) -> String {
    let LeftOut { descriptors, threads, rings } = left_out;
    let kinds = [(descriptors, "descriptor"), (threads, "thread"), (rings, "io_uring")];
    let kinds = kinds.iter().filter(|(count, _)| *count > 0);
    let kinds: Vec<String> = kinds.map(|(count, kind)| counted(*count, kind)).collect();
    match kinds.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => kinds.concat(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_singular() {
        let bounded = |descriptors, threads| {
            line(&Gap::SearchBounded {
                user: None,
                left_out: LeftOut { descriptors, threads, rings: 0 },
            })
        };
        assert!(bounded(1, 0).starts_with("1 descriptor of other users was not searched: "));
        let both = "1 descriptor and 1 thread of other users were not searched: ";
        assert!(bounded(1, 1).starts_with(both));
        let exited = |count| line(&Gap::OwnersExited { count });
        assert!(exited(1).starts_with("the process that created 1 socket has exited: "));
        assert!(exited(2).starts_with("the processes that created 2 sockets have exited: "));
    }
}
