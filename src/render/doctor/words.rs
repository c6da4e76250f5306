//! What was found, in sentences.

use crate::model::{
    Cause, Culprit, Endpoint, Evidence, Finding, LeakPlace, Pid, TimeWaitLimit, Untrusted,
};
use crate::query::diagnosis::Look;
use crate::render::counted;
use crate::render::escape::brief;

/// Who is behind it: `oracle (PID 22725, user oracle, oracle.service)`.
pub(super) fn who(culprit: &Culprit, look: &Look<'_>) -> String {
    match culprit {
        Culprit::Processes(pids) => {
            let mut names = pids.iter().map(|pid| process(*pid, look));
            let first = names.next().unwrap_or_default();
            match names.len() {
                0 => first,
                _ => format!("{first}; shared with {}", names.collect::<Vec<_>>().join(", ")),
            }
        }
        Culprit::Hidden(Some(uid)) => {
            format!("a process of {}", brief(&look.snapshot.user_name(*uid)))
        }
        Culprit::Hidden(None) => "a hidden process".to_owned(),
        Culprit::Unknown => "no process that can be found".to_owned(),
        Culprit::Nobody => "no process here".to_owned(),
    }
}

fn process(pid: Pid, look: &Look<'_>) -> String {
    let Some(process) = look.snapshot.processes.get(&pid) else { return format!("PID {pid}") };
    let user = process.user.as_ref().map(|user| format!("user {}", brief(user)));
    let services = process.services.iter().map(|service| brief(&service.name));
    let facts: Vec<String> =
        std::iter::once(format!("PID {pid}")).chain(user).chain(services).collect();
    format!("{} ({})", brief(&process.name), facts.join(", "))
}

/// `leaky (PID 5)`.
fn short(culprit: &Culprit, look: &Look<'_>) -> String {
    let name = |pid: &Pid| Some(&look.snapshot.processes.get(pid)?.name);
    match culprit.pid().map(|pid| (pid, name(&pid))) {
        Some((pid, Some(name))) => format!("{} (PID {pid})", brief(name)),
        Some((pid, None)) => format!("PID {pid}"),
        None => who(culprit, look),
    }
}

/// What it does, in a sentence.
pub(super) fn what(finding: &Finding, look: &Look<'_>) -> String {
    let count = finding.suspicion.count;
    match &finding.suspicion.evidence {
        Evidence::CloseWaitLeak(leak) if leak.not_accepted == count => {
            format!("{count} CLOSE_WAIT {}: it does not call accept()", at(leak.place))
        }
        Evidence::CloseWaitLeak(leak) => {
            format!("{count} CLOSE_WAIT {}: {}", at(leak.place), bug(leak.cause()))
        }
        Evidence::HalfClosedPair { place, waiting } => format!(
            "it has to call close() for {} {}, whose other end waits in FIN_WAIT_2: {}",
            counted(count, "connection"),
            at(*place),
            short(waiting, look)
        ),
        Evidence::TimeWaitPressure { limit: TimeWaitLimit::Buckets, of } => {
            format!("{count} TIME_WAIT, where {of} are kept at most (tcp_max_tw_buckets)")
        }
        Evidence::TimeWaitPressure {
            limit: TimeWaitLimit::EphemeralPorts { local, foreign, .. },
            of,
        } => format!(
            "{count} TIME_WAIT from {local} to {}, where {of} ephemeral ports are all there is",
            end(foreign)
        ),
        Evidence::SynSentFanOut { .. } => format!(
            "it waits for the first answer of {count} addresses: a scan, a worm, or a way out \
             that is blocked"
        ),
        Evidence::SynFlood { port, addresses } => format!(
            "{count} handshakes on port {port} do not come to an end, from {}: a flood, or \
             answers that do not reach the clients",
            addresses_counted(*addresses)
        ),
        Evidence::AcceptQueueFull { local, backlog } => format!(
            "{} for accept() on {}, and the backlog is {backlog}: further clients are ignored",
            waits(count),
            end(local)
        ),
        Evidence::UnacknowledgedClose { peers, .. } => format!(
            "{} closed here, and {} not acknowledge it: gone, or cut off",
            match count {
                1 => "1 connection is".to_owned(),
                _ => format!("{count} connections are"),
            },
            match peers.len() {
                1 => "the peer does".to_owned(),
                several => format!("{several} peers do"),
            }
        ),
        Evidence::DescriptorsNearlyUsed { limit, .. } => {
            format!("{count} of {limit} descriptors are open")
        }
    }
}

const fn bug(cause: Option<Cause>) -> &'static str {
    match cause {
        Some(Cause::NotClosed) => "everything was read, and close() was never called",
        Some(Cause::EndNotRead) => {
            "not even the end was read; a thread is stuck, or nobody looks at these sockets"
        }
        Some(Cause::DataUnread) => "it stopped reading, with data waiting",
        None => "the peers have closed, and it has not",
    }
}

/// `on port 1521`, `to 10.0.0.5:443`.
fn at(place: LeakPlace) -> String {
    match place {
        LeakPlace::Port(port) => format!("on port {port}"),
        LeakPlace::Foreign(foreign) => format!("to {}", end(&foreign)),
    }
}

/// `10.0.0.5:443`, `[::1]:443`.
pub(super) fn end(end: &Endpoint) -> String {
    std::net::SocketAddr::new(end.address, end.port).to_string()
}

fn addresses_counted(count: usize) -> String {
    if count == 1 { "1 address".to_owned() } else { format!("{count} addresses") }
}

fn waits(count: usize) -> String {
    if count == 1 { "1 connection waits".to_owned() } else { format!("{count} connections wait") }
}

/// The image name, where it is known.
pub(super) fn image<'a>(culprit: &Culprit, look: &Look<'a>) -> Option<&'a Untrusted> {
    Some(&look.snapshot.processes.get(&culprit.pid()?)?.name)
}
