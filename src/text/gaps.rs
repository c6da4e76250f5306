//! Gaps: what is missing and why, and what to do about it. Each gap is a function.

use super::counted;
use super::escape::Escaped;
use crate::model::{Gap, LeftOut, Untrusted};

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
        Gap::OwnersHidden { count, users, as_root } => owners_hidden(*count, users, *as_root),
        Gap::OwnersNotFound { count, inside_pid_namespace } => {
            owners_not_found(*count, *inside_pid_namespace)
        }
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
        Gap::UrlsUnreadable { why } => urls_unreadable(why),
        Gap::TableUnreadable { table, why } => table_unreadable(table, why),
    }
}

fn owners_hidden(count: usize, users: &[Untrusted], as_root: bool) -> Sentence {
    let what = format!("the owners of {} are hidden{}", sockets(count), of_users(users));
    let remedy = if as_root {
        "even root may not read some processes: CAP_SYS_PTRACE is missing, or a sandbox or \
         user namespace keeps them apart"
    } else {
        "run with sudo to see the owners of other users' sockets"
    };
    Sentence { what, remedy }
}

fn owners_not_found(count: usize, inside_pid_namespace: bool) -> Sentence {
    let what = format!("the owners of {} were not found", sockets(count));
    let remedy = if inside_pid_namespace {
        "unless they are passing between processes, they are outside of this PID namespace: run \
         portwho again, or outside of it"
    } else {
        "they belong to the kernel, are passing between processes, or to another PID namespace: \
         run portwho again, or on the host"
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
    Sentence {
        what: format!("the processes that created {} have exited", sockets(count)),
        remedy: "a child that inherited them holds them: look for children of the exited process",
    }
}

fn search_bounded(user: Option<&Untrusted>, left_out: LeftOut) -> Sentence {
    let user = user.map(|user| format!("user {}", Escaped(user)));
    let user = user.unwrap_or_else(|| "other users".to_owned());
    Sentence {
        what: format!("{} of {user} were not searched", kinds(left_out)),
        remedy: "they may own some of these sockets too; end the processes that have so many, and \
                 run portwho again",
    }
}

fn rings_unread(count: usize) -> Sentence {
    Sentence {
        what: format!("what is registered in {} could not be read", counted(count, "io_uring")),
        remedy: "a program was using them just then (or Linux is too old to tell): run portwho \
                 again",
    }
}

fn commands_cut(count: usize, users: &[Untrusted]) -> Sentence {
    let processes = counted(count, "process");
    Sentence {
        what: format!("the command lines of {processes}{} were not read in full", of_users(users)),
        remedy: "portwho reads up to 128 KiB of each and 8 MiB for each user, and does not wait \
                 for a process that keeps its memory locked; the rest is in /proc/PID/cmdline",
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
        remedy: "entering a network namespace takes CAP_SYS_ADMIN and CAP_SYS_PTRACE: run portwho \
                 on the host, outside of containers and sandboxes",
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
        remedy: "portwho searches a limited number of each user's; nsenter(1) runs portwho in one \
                 of them; to list them, run: sudo lsns --type net",
    }
}

fn sockets_unexamined(count: usize, why: &str) -> Sentence {
    Sentence {
        what: format!("{} in no table {} not examined ({why})", sockets(count), was(count)),
        remedy: "they may be of a network namespace that no process is in; examining them takes \
                 CAP_SYS_PTRACE, CAP_NET_ADMIN and Linux 5.6",
    }
}

fn descriptors_unexamined(count: usize, users: &[Untrusted]) -> Sentence {
    let descriptors = counted(count, "descriptor");
    Sentence {
        what: format!("{descriptors} of {} {} not examined", list(users), was(count)),
        remedy: "portwho examines a limited number of each user's; a port may be bound by one of \
                 them",
    }
}

fn bound_not_listed() -> Sentence {
    Sentence {
        what: "this system does not list bound sockets".to_owned(),
        remedy: "Linux lists them since 6.8, Windows where netstat has -q",
    }
}

fn bound_unknown(why: &str) -> Sentence {
    Sentence {
        what: format!("cannot tell whether this system lists bound sockets ({why})"),
        remedy: "a port may be bound without listening; run portwho again",
    }
}

fn netlink_refused(why: &str) -> Sentence {
    Sentence {
        what: format!("netlink is not permitted ({why}), so /proc/net was read"),
        remedy: "bound ports, backlogs, idle times and cgroups are missing; allow AF_NETLINK \
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

fn urls_unreadable(why: &str) -> Sentence {
    Sentence {
        what: format!("the URLs that HTTP.sys serves could not be read ({why})"),
        remedy: "netsh http show servicestate lists them",
    }
}

fn table_unreadable(table: &str, why: &str) -> Sentence {
    Sentence {
        what: format!("cannot read the table {table}: {why}"),
        remedy: "its sockets are missing; run portwho again, with more rights if that does not help",
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
