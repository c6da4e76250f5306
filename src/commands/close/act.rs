//! The closing itself, between two looks: one whether the sockets are still as they were asked
//! for, one whether they are gone. Only the second is believed.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::model::{Detail, Endpoint, Gap, Protocol, Scope, Socket, StateSet, TcpState, UdpScope};
use crate::platform::{CloseError, PlatformError, System};
use crate::query::{Filter, PortSet, Row};
use crate::render::gaps;

/// How long sockets that the system took on may take to be gone.
const WAIT: Duration = Duration::from_secs(1);
/// How often is looked meanwhile.
const GLANCE: Duration = Duration::from_millis(20);

/// What became of a socket.
#[derive(Debug)]
pub(super) enum Fate {
    /// It was closed.
    Closed {
        /// Whether its port stays bound, because the process had bound it by number.
        port_stays: bool,
    },
    /// It went by itself.
    GoneAlready,
    /// It lives, and is no longer what was asked for.
    Changed,
    /// It lives, because of this.
    Refused(CloseError),
    /// It lives, although the system took it on.
    Survived,
}

/// Closes the sockets of `rows`, and tells what became of each, in their order.
///
/// # Errors
/// When the sockets cannot be looked at.
pub(super) fn close(
    rows: &[Row<'_>],
    filter: &Filter,
    system: &impl System,
) -> anyhow::Result<Vec<Fate>> {
    let now = Seen::look(&filter.scope(Detail::Brief), system)?;
    let is_as_asked = |socket: &Socket| {
        // One that was connected and listens by now, or has another peer, was not confirmed.
        let is_still = |now: &&Socket| socket.is_still(now);
        now.find(socket).filter(is_still).is_some_and(|now| filter.admits_socket(now))
    };
    let as_asked: Vec<bool> = rows.iter().map(|row| is_as_asked(&row.socket)).collect();
    let sockets = rows.iter().map(|row| &row.socket).zip(&as_asked);
    let targets: Vec<&Socket> =
        sockets.filter(|(_, as_asked)| **as_asked).map(|(socket, _)| socket).collect();
    let mut answers = system.close_sockets(&targets).into_iter();
    let attempts: Vec<Attempt> =
        as_asked.into_iter().map(|as_asked| if as_asked { answers.next() } else { None }).collect();
    let after = look_after(rows, &attempts, system)?;
    let fate = |(row, attempt): (&Row<'_>, Attempt)| fate(&row.socket, attempt, &after);
    Ok(rows.iter().zip(attempts).map(fate).collect())
}

/// What the system said; none where it was not asked.
type Attempt = Option<Result<(), CloseError>>;

fn fate(socket: &Socket, attempt: Attempt, after: &Seen) -> Fate {
    match (attempt, after.remains(socket)) {
        (Some(Ok(())), Remains::Nothing) => Fate::Closed { port_stays: false },
        (Some(Ok(())), Remains::Port) => Fate::Closed { port_stays: true },
        (_, Remains::Nothing | Remains::Port) => Fate::GoneAlready,
        (None, Remains::Socket) => Fate::Changed,
        (Some(Err(error)), Remains::Socket) => Fate::Refused(error),
        (Some(Ok(())), Remains::Socket) => Fate::Survived,
    }
}

/// Looks until all that the system took on is gone, a second at most.
fn look_after(
    rows: &[Row<'_>],
    attempts: &[Attempt],
    system: &impl System,
) -> anyhow::Result<Seen> {
    let deadline = Instant::now() + WAIT;
    let scope = scope(rows);
    let is_awaited = |attempt: &Attempt| matches!(attempt, Some(Ok(())));
    loop {
        let after = Seen::look(&scope, system)?;
        if let Some(gap) = after.hiding {
            bail!("{}", gaps::line(&gap));
        }
        let mut awaited = rows.iter().zip(attempts).filter(|(_, attempt)| is_awaited(attempt));
        let is_there = |socket| matches!(after.remains(socket), Remains::Socket);
        if !awaited.any(|(row, _)| is_there(&row.socket)) || Instant::now() >= deadline {
            return Ok(after);
        }
        thread::sleep(GLANCE);
    }
}

/// Every socket at the ports of `rows`, whatever its state has become.
fn scope(rows: &[Row<'_>]) -> Scope {
    let has = |protocol| rows.iter().any(|row| row.socket.protocol == protocol);
    let ports: PortSet =
        rows.iter().map(|row| row.socket.local.port..=row.socket.local.port).collect();
    Scope {
        tcp: if has(Protocol::Tcp) { StateSet::ALL } else { StateSet::NONE },
        udp: if has(Protocol::Udp) { UdpScope::All } else { UdpScope::None },
        local_ports: Some(ports.ranges().to_vec()),
        ..Scope::everything()
    }
}

/// What is left of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Remains {
    Nothing,
    /// No connection any more, but the port that the process bound by number.
    Port,
    Socket,
}

/// The sockets of one look, found by what names them.
struct Seen {
    sockets: BTreeMap<Name, Vec<Socket>>,
    /// What may have hidden some of them.
    hiding: Option<Gap>,
}

/// What names a socket: its cookie, or else its ends.
type Name = (Protocol, Result<u64, (Endpoint, Option<Endpoint>)>);

fn name(socket: &Socket) -> Name {
    (socket.protocol, socket.cookie.ok_or((socket.local, socket.foreign)))
}

impl Seen {
    fn look(scope: &Scope, system: &impl System) -> Result<Self, PlatformError> {
        let table = system.sockets(scope)?;
        let mut sockets: BTreeMap<Name, Vec<Socket>> = BTreeMap::new();
        for socket in table.sockets {
            sockets.entry(name(&socket)).or_default().push(socket);
        }
        Ok(Self { sockets, hiding: table.gaps.into_iter().find(Gap::may_hide_rows) })
    }

    /// The same socket as it is now.
    fn find(&self, socket: &Socket) -> Option<&Socket> {
        self.sockets.get(&name(socket))?.iter().find(|now| socket.became(now))
    }

    fn remains(&self, socket: &Socket) -> Remains {
        match self.find(socket) {
            None => Remains::Nothing,
            Some(now) if matches!(now.state, Some(TcpState::Bound | TcpState::Closed)) => {
                Remains::Port
            }
            Some(now) if socket.foreign.is_some() && now.foreign.is_none() => Remains::Port,
            Some(_) => Remains::Socket,
        }
    }
}
