//! Hints below a list: where else to look, and which containers the ports belong to.

use std::collections::BTreeSet;

use super::advice::{Remedy, listed, run_to};
use super::{counted, forwards, ports, remedies};
use crate::model::{PortProxy, ServedUrl, Shell};
use crate::query::{LocalSet, PortSet};

/// No row, and no port was asked for.
pub const NO_SOCKET_MATCHES: &str = "no socket matches";

/// No row has an owner whose PID could be printed.
pub const NO_PID: &str = "cannot tell which process holds these sockets";

/// PIDs were asked for, and the kernel alone keeps the sockets.
pub const NO_PROCESS: &str = "no process holds these sockets: the kernel keeps them";

/// `port 80: no socket matches`.
#[must_use]
pub fn no_socket_on(local: &LocalSet) -> String {
    format!("{}: {NO_SOCKET_MATCHES}", ports::asked(local))
}

/// `4 sockets on port 80 do not match the other filters; to see them, run: portwho 80`.
#[must_use]
pub fn unmatched(count: usize, local: &LocalSet, shell: Shell) -> String {
    let (does, purpose) = if count == 1 { ("does", "to see it") } else { ("do", "to see them") };
    let on = if local.anywhere().next().is_none() { "at" } else { "on" };
    let (sockets, asked) = (counted(count, "socket"), ports::asked(local));
    let text = format!("{sockets} {on} {asked} {does} not match the other filters");
    run_to(purpose, &text, &remedies::list(shell, ports::typed(local)).into())
}

/// `port 80 is held at [::] for IPv6 only (v6only)`.
#[must_use]
pub fn only_ipv6(held: &BTreeSet<u16>) -> String {
    let verb = if held.len() == 1 { "is" } else { "are" };
    format!("{} {verb} held at [::] for IPv6 only (v6only)", ports::named(held))
}

/// `10.0.0.5:80 is held; to see the owner, run: portwho 80`.
#[must_use]
pub fn held_beside(ends: &[String], list: &Remedy) -> String {
    let verb = if ends.len() == 1 { "is" } else { "are" };
    run_to("to see the owner", &format!("{} {verb} held", listed(ends)), list)
}

/// `port 445 is held by the kernel (PID 4): it is the file server (SMB); ...`.
#[must_use]
pub fn held_by_driver(port: u16, urls: &[&ServedUrl]) -> String {
    format!("port {port} is held by the kernel (PID 4): {}", remedies::driver(port, urls))
}

/// `port 9000 is forwarded by iphlpsvc: 0.0.0.0:9000 to 10.0.0.5:80`.
#[must_use]
pub fn forwarded(port: u16, rules: &[&PortProxy]) -> String {
    format!("port {port} is forwarded by {}: {}", PortProxy::SERVICE, forwards::ends(rules))
}

/// `-p has no effect, and 812 is read as a port; for the process with PID 812, run: portwho ...`.
#[must_use]
pub fn read_as_port(number: u16, shell: Shell) -> String {
    let text = format!("-p has no effect, and {number} is read as a port");
    let command = remedies::list(shell, ["--pid", &number.to_string()]);
    run_to(&format!("for the process with PID {number}"), &text, &command.into())
}

/// `3 connections go to foreign port 443; to see them, run: portwho --foreign-port 443`.
#[must_use]
pub fn foreign_connections(count: usize, to: &PortSet, shell: Shell) -> String {
    let noun = if to.is_single() { "port" } else { "ports" };
    let words = ports::ranges(to.ranges());
    let (verb, purpose) = if count == 1 { ("goes", "to see it") } else { ("go", "to see them") };
    let text = format!("{} {verb} to foreign {noun} {words}", counted(count, "connection"));
    run_to(purpose, &text, &remedies::list(shell, ["--foreign-port", &words]).into())
}

/// `2 sockets are in the network namespace web, owned by nginx (PID 812); to see them, run: portwho
/// --all-netns 80`. `owners` are empty where the namespace is named after the only one.
#[must_use]
pub fn sockets_elsewhere(
    count: usize,
    namespace: &str,
    owners: &[String],
    list: &Remedy,
) -> String {
    let (verb, purpose) = if count == 1 { ("is", "to see it") } else { ("are", "to see them") };
    let sockets = counted(count, "socket");
    let owned =
        if owners.is_empty() { String::new() } else { format!(", owned by {}", listed(owners)) };
    let text = format!("{sockets} {verb} in {namespace}{owned}");
    run_to(purpose, &text, list)
}

/// `0.0.0.0:80 is held in the network namespace web by nginx (PID 812)`.
#[must_use]
pub fn held_in_namespace(sockets: &[String], namespace: &str, owners: &[String]) -> String {
    let verb = if sockets.len() == 1 { "is" } else { "are" };
    let by = if owners.is_empty() { String::new() } else { format!(" by {}", listed(owners)) };
    format!("{} {verb} held in {namespace}{by}", listed(sockets))
}

/// How many more namespaces have such sockets.
#[must_use]
pub fn more_namespaces(count: usize, list: &Remedy) -> String {
    run_to("to see them", &matching_in(count), list)
}

/// `port 80 belongs to the Docker container web; to stop it, run: docker stop web`.
#[must_use]
pub fn of_container(held: &BTreeSet<u16>, container: &str, stop: &Remedy) -> String {
    let verb = if held.len() == 1 { "belongs" } else { "belong" };
    run_to("to stop it", &format!("{} {verb} to {container}", ports::named(held)), stop)
}

/// How many more containers hold ports.
#[must_use]
pub fn more_containers(count: usize, local: Option<&LocalSet>, shell: Shell) -> String {
    let more = counted(count, "more container");
    let (hold, purpose) = if count == 1 { ("holds", "to see it") } else { ("hold", "to see them") };
    let typed = local.map(ports::typed).unwrap_or_default();
    let words = ["-v".to_owned()].into_iter().chain(typed);
    run_to(purpose, &format!("{more} {hold} ports"), &remedies::list(shell, words).into())
}

fn matching_in(namespaces: usize) -> String {
    format!("there are matching sockets in {}", counted(namespaces, "more network namespace"))
}
