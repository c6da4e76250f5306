//! The closing itself, between two readings of the tables: one whether the sockets are still as
//! they were asked for, one whether they have gone. Only the second counts.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::model::{
    Detail, Endpoint, Gap, OwnedSocket, Owner, Protocol, Scope, Socket, StateSet, TcpState,
    UdpScope,
};
use crate::platform::{CloseError, PlatformError, System};
use crate::query::{Filter, PortSet, Row};
use crate::text::gaps;

/// How long sockets that the system accepted may take to go.
const WAIT: Duration = Duration::from_secs(1);
/// How often the tables are read meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// What became of a socket.
#[derive(Debug)]
pub(super) enum CloseResult {
    /// It was closed.
    Closed {
        /// Whether its port stays bound, because the process had bound it by number.
        port_stays: bool,
    },
    /// It had already closed.
    AlreadyClosed,
    /// It is there, and no longer what was asked for.
    Changed,
    /// It is there, for this reason.
    Refused(CloseError),
    /// It is there, although the system accepted the request.
    Survived,
}

/// Closes the sockets of `rows`, and reports what became of each, in their order.
///
/// # Errors
/// When the tables cannot be read.
pub(super) fn close(
    rows: &[Row<'_>],
    filter: &Filter,
    system: &impl System,
) -> anyhow::Result<Vec<CloseResult>> {
    let as_asked = as_asked(rows, filter, system)?;
    let sockets = rows.iter().map(|row| &row.socket).zip(&as_asked);
    let targets: Vec<&Socket> =
        sockets.filter(|(_, as_asked)| **as_asked).map(|(socket, _)| socket).collect();
    let mut answered = system.close_sockets(&targets).into_iter();
    let replies: Vec<Reply> = as_asked
        .into_iter()
        .map(|as_asked| if as_asked { answered.next() } else { None })
        .collect();
    let after = await_closed(rows, &replies, system)?;
    let sockets = rows.iter().map(|row| &row.socket);
    Ok(sockets.zip(replies).map(|(socket, reply)| result(socket, reply, &after)).collect())
}

/// Whether each socket is what was confirmed, and is held by one of those who held it: the verdict says what
/// they keep.
fn as_asked(rows: &[Row<'_>], filter: &Filter, system: &impl System) -> anyhow::Result<Vec<bool>> {
    let of_processes = |row: &&Row<'_>| matches!(row.owner, Owner::Processes(_));
    let held = rows.iter().filter(of_processes);
    let holders = Holders::read(held.map(|row| row.socket.clone()).collect(), system)?;
    // The states last: what a process closes meanwhile is the kernel's, which may have to be left alone.
    let now = SocketIndex::read(&filter.scope(Detail::Brief), system)?;
    let is_as_asked = |row: &Row<'_>| {
        now.unchanged(&row.socket, filter).is_some()
            && (!of_processes(&row) || holders.has_one_of(row))
    };
    Ok(rows.iter().map(is_as_asked).collect())
}

/// Who holds sockets now.
struct Holders(BTreeMap<SocketKey, Vec<OwnedSocket>>);

impl Holders {
    /// Nothing is searched where there is no socket.
    fn read(sockets: Vec<Socket>, system: &impl System) -> Result<Self, PlatformError> {
        let mut holders: BTreeMap<SocketKey, Vec<OwnedSocket>> = BTreeMap::new();
        let owned = if sockets.is_empty() { Vec::new() } else { system.owners(sockets)?.sockets };
        for row in owned {
            holders.entry(key(&row.socket)).or_default().push(row);
        }
        Ok(Self(holders))
    }

    /// Whether a process that held the socket of `row` holds it still.
    fn has_one_of(&self, row: &OwnedSocket) -> bool {
        let alike = self.0.get(&key(&row.socket)).into_iter().flatten();
        let same = alike.filter(|held| row.socket.is_same(&held.socket));
        let mut pids = same.flat_map(|held| held.owner.pids());
        let before = row.owner.holders();
        pids.any(|pid| before.binary_search_by_key(&pid, |holder| holder.pid).is_ok())
    }
}

/// What the system answered; none where it was not asked.
type Reply = Option<Result<(), CloseError>>;

fn result(socket: &Socket, reply: Reply, after: &SocketIndex) -> CloseResult {
    match (reply, after.leftover_of(socket)) {
        (Some(Ok(())), Leftover::Nothing) => CloseResult::Closed { port_stays: false },
        (Some(Ok(())), Leftover::Port) => CloseResult::Closed { port_stays: true },
        (_, Leftover::Nothing | Leftover::Port) => CloseResult::AlreadyClosed,
        (None, Leftover::Socket) => CloseResult::Changed,
        (Some(Err(error)), Leftover::Socket) => CloseResult::Refused(error),
        (Some(Ok(())), Leftover::Socket) => CloseResult::Survived,
    }
}

/// Reads the tables until all that the system accepted has gone, a second at most.
fn await_closed(
    rows: &[Row<'_>],
    replies: &[Reply],
    system: &impl System,
) -> anyhow::Result<SocketIndex> {
    let deadline = Instant::now() + WAIT;
    let scope = scope(rows);
    loop {
        let after = SocketIndex::read(&scope, system)?;
        if let Some(gap) = after.hiding {
            bail!("{}", gaps::line(&gap));
        }
        let mut awaited =
            rows.iter().zip(replies).filter(|(_, reply)| matches!(reply, Some(Ok(()))));
        let is_there = |socket| matches!(after.leftover_of(socket), Leftover::Socket);
        if !awaited.any(|(row, _)| is_there(&row.socket)) || Instant::now() >= deadline {
            return Ok(after);
        }
        thread::sleep(POLL_INTERVAL);
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

/// What is left of a socket that was to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Leftover {
    Nothing,
    /// The connection is gone, but not the port that the process bound explicitly.
    Port,
    Socket,
}

/// The sockets of one reading, by what identifies them.
struct SocketIndex {
    sockets: BTreeMap<SocketKey, Vec<Socket>>,
    /// What may have hidden some of them.
    hiding: Option<Gap>,
}

/// What identifies a socket: its cookie, or else its addresses.
type SocketKey = (Protocol, Result<u64, (Endpoint, Option<Endpoint>)>);

fn key(socket: &Socket) -> SocketKey {
    (socket.protocol, socket.cookie.ok_or((socket.local, socket.foreign)))
}

impl SocketIndex {
    fn read(scope: &Scope, system: &impl System) -> Result<Self, PlatformError> {
        let table = system.sockets(scope)?;
        let mut sockets: BTreeMap<SocketKey, Vec<Socket>> = BTreeMap::new();
        for socket in table.sockets {
            sockets.entry(key(&socket)).or_default().push(socket);
        }
        Ok(Self { sockets, hiding: table.gaps.into_iter().find(Gap::may_hide_rows) })
    }

    /// The socket, if it is as it was confirmed: one that was connected and listens by now, or has
    /// another peer, was not; nor was one that a process has closed or accepted since.
    fn unchanged(&self, socket: &Socket, filter: &Filter) -> Option<&Socket> {
        let now = self.find(socket).filter(|now| socket.is_still(now))?;
        let is_kept_alike = now.kernel_reason() == socket.kernel_reason();
        (is_kept_alike && filter.admits_socket(now)).then_some(now)
    }

    /// The same socket as it is now.
    fn find(&self, socket: &Socket) -> Option<&Socket> {
        self.sockets.get(&key(socket))?.iter().find(|now| socket.became(now))
    }

    fn leftover_of(&self, socket: &Socket) -> Leftover {
        match self.find(socket) {
            None => Leftover::Nothing,
            // Only the kernel has what is left, and no connection.
            Some(now) if is_over(now) && !is_over(socket) => Leftover::Nothing,
            Some(now) if matches!(now.state, Some(TcpState::Bound | TcpState::Closed)) => {
                Leftover::Port
            }
            Some(now) if socket.foreign.is_some() && now.foreign.is_none() => Leftover::Port,
            Some(_) => Leftover::Socket,
        }
    }
}

fn is_over(socket: &Socket) -> bool {
    socket.state == Some(TcpState::TimeWait)
}
