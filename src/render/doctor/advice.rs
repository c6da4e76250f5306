//! What to type now, and what to mend for good.

use std::net::IpAddr;

use crate::model::{
    Cause, Culprit, Evidence, Finding, LeakPlace, Os, Pid, PortRange, ShellCommand, TcpSettings,
    TimeWaitLimit,
};
use crate::query::diagnosis::Look;

/// The next command.
pub(super) fn now(finding: &Finding, look: &Look<'_>) -> String {
    let suspicion = &finding.suspicion;
    let os = look.snapshot.os;
    if matches!(suspicion.culprit, Culprit::Hidden(_)) {
        return match os {
            Os::Linux => "sudo portwho doctor".to_owned(),
            Os::Windows => "portwho doctor, in an elevated prompt".to_owned(),
        };
    }
    let of = match suspicion.culprit.pid() {
        Some(pid) => format!(" --pid {pid}"),
        None => String::new(),
    };
    match &suspicion.evidence {
        // What nobody has accepted is no process' yet.
        Evidence::CloseWaitLeak(leak) if leak.not_accepted == suspicion.count => {
            format!("portwho close --state CLOSE_WAIT{}", at(leak.place))
        }
        Evidence::CloseWaitLeak(leak) => {
            format!("portwho close --state CLOSE_WAIT{of}{}", at(leak.place))
        }
        Evidence::HalfClosedPair { place, .. } => {
            format!("portwho --state CLOSE_WAIT{of}{}", at(*place))
        }
        Evidence::TimeWaitPressure { limit: TimeWaitLimit::Buckets, of } => {
            format!("sysctl -w net.ipv4.tcp_max_tw_buckets={}", of.saturating_mul(2))
        }
        Evidence::TimeWaitPressure {
            limit: TimeWaitLimit::EphemeralPorts { local, foreign, range, .. },
            ..
        } => more_ports(os, range, look.settings, *local, foreign.address),
        Evidence::SynSentFanOut { .. } => format!("portwho -v --state SYN_SENT{of}"),
        Evidence::SynFlood { port, .. } => match look.settings.syncookies {
            Some(0) => "sysctl -w net.ipv4.tcp_syncookies=1".to_owned(),
            _ => format!("portwho --state SYN_RECEIVED {port}"),
        },
        Evidence::AcceptQueueFull { local, .. } => restart(&suspicion.culprit, look)
            .unwrap_or_else(|| match suspicion.culprit.pid() {
                Some(pid) => format!("gdb -p {pid} -batch -ex 'thread apply all bt'"),
                None => format!("portwho {}", local.port),
            }),
        Evidence::UnacknowledgedClose { peers, .. } => {
            let states = "\"FIN_WAIT_1,CLOSING,LAST_ACK\"";
            match peers.keys().next().filter(|_| peers.len() == 1) {
                Some(peer) => format!("portwho close --state {states} --foreign {peer}"),
                None => format!("portwho close --state {states}"),
            }
        }
        Evidence::DescriptorsNearlyUsed { limit, .. } => match (os, suspicion.culprit.pid()) {
            (Os::Linux, Some(pid)) => more_descriptors(pid, limit.saturating_mul(2), look),
            _ => format!("portwho --summary{of}"),
        },
    }
}

/// The soft limit may grow up to the hard one; beyond that both have to, which takes root.
fn more_descriptors(pid: Pid, wanted: u64, look: &Look<'_>) -> String {
    let hard = look.particulars.get(&pid).and_then(|known| known.descriptor_hard_limit);
    match hard {
        Some(hard) if hard < wanted => {
            format!("sudo prlimit --pid {pid} --nofile={wanted}:{wanted}")
        }
        _ => format!("prlimit --pid {pid} --nofile={wanted}:"),
    }
}

/// ` 1521`, ` --foreign 10.0.0.5 --foreign-port 443`.
fn at(place: LeakPlace) -> String {
    match place {
        LeakPlace::Port(port) => format!(" {port}"),
        LeakPlace::Foreign(end) => {
            format!(" --foreign {} --foreign-port {}", end.address, end.port)
        }
    }
}

/// Whether connect() may take over a port in TIME_WAIT between these two, as the settings are: by
/// the kernel's ip-sysctl.rst, tcp_tw_reuse.
pub(super) fn reuses(settings: &TcpSettings, local: IpAddr, foreign: IpAddr) -> bool {
    let has_timestamps = settings.timestamps.is_some_and(|value| value != 0);
    let is_allowed = match settings.time_wait_reuse {
        Some(1) => true,
        Some(2) => local.is_loopback() || foreign.is_loopback() || local == foreign,
        _ => false,
    };
    has_timestamps && is_allowed
}

/// Ports that are wider than the default and still leave room for servers.
const WIDE: PortRange = 15_000..=60_999;
/// All that may be used without rights.
const WIDEST: PortRange = 1_024..=65_535;

/// What lets more connections leave for a destination.
fn more_ports(
    os: Os,
    range: &PortRange,
    settings: &TcpSettings,
    local: IpAddr,
    foreign: IpAddr,
) -> String {
    let has = |wanted: &PortRange| range.start() <= wanted.start() && range.end() >= wanted.end();
    let has_timestamps = settings.timestamps.is_some_and(|value| value != 0);
    if os == Os::Windows {
        return "netsh int ipv4 set dynamicport tcp start=10000 num=55535".to_owned();
    }
    if has_timestamps && !reuses(settings, local, foreign) {
        return "sysctl -w net.ipv4.tcp_tw_reuse=1".to_owned();
    }
    match [WIDE, WIDEST].iter().find(|wanted| !has(wanted)) {
        Some(wider) => {
            let (start, end) = (wider.start().min(range.start()), wider.end().max(range.end()));
            format!("sysctl -w net.ipv4.ip_local_port_range='{start} {end}'")
        }
        None => format!("portwho --state TIME_WAIT --foreign {foreign}"),
    }
}

/// How to restart a culprit that a service manager runs: `systemctl restart nginx.service`.
fn restart(culprit: &Culprit, look: &Look<'_>) -> Option<String> {
    let process = look.snapshot.processes.get(&culprit.pid()?)?;
    let [service] = process.services.as_slice() else { return None };
    let name = service.name.as_bytes();
    let restart = match look.snapshot.os {
        Os::Linux if !name.ends_with(b".service") => return None,
        Os::Linux => ShellCommand::systemctl(service.of_user, "restart"),
        Os::Windows => ShellCommand::new(Os::Windows, "Restart-Service"),
    };
    restart.operand(name).into_text()
}

/// What to mend.
pub(super) fn fix(finding: &Finding, look: &Look<'_>) -> String {
    let suspicion = &finding.suspicion;
    let restart = restart(&suspicion.culprit, look);
    match &suspicion.evidence {
        Evidence::CloseWaitLeak(leaked) if leaked.not_accepted == suspicion.count => {
            "find out what keeps it from calling accept(); until then, its clients wait in vain"
                .to_owned()
        }
        Evidence::CloseWaitLeak(leaked) => leak(leaked.cause(), restart, look.snapshot.os),
        Evidence::HalfClosedPair { .. } => {
            "if it lasts, the side that has not closed should call close() when read() returns 0; \
             if it still sends, nothing is wrong"
                .to_owned()
        }
        Evidence::TimeWaitPressure { limit: TimeWaitLimit::Buckets, .. } => {
            "keep connections open and use them again; above the limit TIME_WAIT is cut short, and \
             stray segments may end up in new connections"
                .to_owned()
        }
        Evidence::TimeWaitPressure { .. } => {
            "keep connections open and use them again (a pool, HTTP keep-alive), or spread them \
             over more addresses; tcp_fin_timeout does not shorten TIME_WAIT"
                .to_owned()
        }
        Evidence::SynSentFanOut { .. } => {
            "if it is meant to connect to all of these, find out who drops its SYNs (a firewall, a \
             route), and give its connect() a timeout; if not, end it and look where it came from"
                .to_owned()
        }
        Evidence::SynFlood { .. } => {
            "keep tcp_syncookies at 1, raise the backlog of the server and somaxconn, and filter \
             in front of this machine; if the clients are real, look for the way back to them"
                .to_owned()
        }
        Evidence::AcceptQueueFull { .. } => {
            "find out what keeps it from calling accept(); a larger backlog (listen() and \
             somaxconn) helps against bursts only"
                .to_owned()
        }
        Evidence::UnacknowledgedClose { .. } => {
            "they end by themselves after some minutes (tcp_orphan_retries); look for the link, \
             firewall or peer that went away"
                .to_owned()
        }
        Evidence::DescriptorsNearlyUsed { .. } => {
            let later = "raise the limit for good (LimitNOFILE= in its unit, or limits.conf), after \
                         looking whether it leaks: portwho --summary";
            match suspicion.culprit.pid() {
                Some(pid) => format!("{later} --pid {pid}"),
                None => later.to_owned(),
            }
        }
    }
}

fn leak(cause: Option<Cause>, restart: Option<String>, os: Os) -> String {
    let (close, read, descriptors) = match os {
        Os::Linux => ("close()", "read()", "descriptors"),
        Os::Windows => ("closesocket()", "recv()", "handles"),
    };
    let bug = match cause {
        Some(Cause::NotClosed) | None => {
            format!("call {close} on every way out, above all when {read} returns 0")
        }
        Some(Cause::EndNotRead) => "find the thread that should read: it is stuck, or waits for \
             something else; a socket that is put aside has to be watched for its end"
            .to_owned(),
        Some(Cause::DataUnread) => format!(
            "find out why it stopped reading: a handler that is stuck, or sockets that were \
             forgotten without {close}"
        ),
    };
    let until = format!(
        "until then, restart it before its {descriptors} are used up, which closing the \
         connections from outside does not give back"
    );
    match restart {
        Some(command) => format!("{bug}; {until}: {command}"),
        None => format!("{bug}; {until}"),
    }
}
