//! What `watch` says.

use std::time::Duration;

use super::durations::duration;
use super::endpoints::{foreign_endpoint, local_endpoint};
use super::owners;
use crate::model::{Protocol, Snapshot, Socket};
use crate::query::{Row, same_owners};

/// The words for what became of a socket, in JSON and in lines.
pub const PRESENT: &str = "present";
/// All that is present has been told.
pub const READY: &str = "ready";
/// It was not there at the look before.
pub const OPENED: &str = "opened";
/// Its state, its ends or its owners are others.
pub const CHANGED: &str = "changed";
/// It is gone.
pub const CLOSED: &str = "closed";
/// Something could not be read.
pub const GAP: &str = "gap";

/// `was ESTABLISHED`, `was node (PID 812)`: what differs from what was seen before.
#[must_use]
pub fn was(previous: Row<'_>, before: &Snapshot, now: Row<'_>) -> String {
    let mut parts = Vec::new();
    if previous.socket.local != now.socket.local {
        parts.push(local_endpoint(&previous.socket, before));
    }
    if previous.socket.foreign != now.socket.foreign {
        parts.push(format!("connected to {}", foreign_endpoint(&previous.socket, before)));
    }
    if previous.socket.state != now.socket.state {
        parts.extend(previous.socket.state.map(|state| state.to_string()));
    }
    // Why the kernel keeps a socket is in its state.
    if parts.is_empty() && !same_owners(&previous.owner, &now.owner) {
        parts.push(format!("held by {}", owners::owner(previous, before)));
    }
    format!("was {}", parts.join(", "))
}

/// A look that failed, with the reason of the system.
#[must_use]
pub fn failed(why: &str) -> String {
    format!("{why}; the sockets of the last successful look are kept")
}

/// That looks are further apart than was asked for, as they cost so much.
#[must_use]
pub fn slowed(interval: Duration, cost: Duration) -> String {
    let (interval, cost) = (duration(interval), duration(cost));
    format!("every {interval}: a look uses {cost} of CPU time")
}

/// The same in short.
#[must_use]
pub fn slowed_short(interval: Duration) -> String {
    format!("slowed to {}", duration(interval))
}

/// A terminal is needed that there is none of, or the program was built without the view.
pub const NO_LIVE_VIEW: &str =
    "watch has no live view here; to print a line for each change, run: portwho watch --plain";

/// No row is selected.
pub const NOTHING_SELECTED: &str = "no socket is selected";
/// The selected row is of a socket that is gone.
pub const IS_GONE: &str = "this socket has closed";
/// The socket is not the one that was shown.
pub const CHANGED_SOCKET: &str = "socket changed; nothing was done";
/// The key was pressed before the selection was drawn.
pub const NOT_DRAWN: &str = "the selection was not on the screen yet; nothing was done";
/// Nobody is known who could be terminated.
#[must_use]
pub fn no_owner(socket: &Socket) -> String {
    let udp = if socket.protocol == Protocol::Udp { "/udp" } else { "" };
    let port = socket.local.port;
    format!(
        "the owner of this socket is not known, so nothing was done; run: portwho kill {port}{udp}"
    )
}
/// A connection was to be killed.
pub const KILL_TAKES_LISTENERS: &str =
    "kill terminates what listens, not what is connected; press c to close this connection";
/// What sockets have in common whose process is not known, or that have none.
pub const NO_KNOWN_PROCESS: &str = "no process is known";
/// A row went to the clipboard, as far as is known.
pub const SENT: &str = "sent to the terminal's clipboard";
/// The socket is out of reach.
pub const ELSEWHERE: &str =
    "this socket is in another network namespace; run portwho there to kill or close it";

/// A key that `--read-only` leaves out.
#[must_use]
pub fn read_only(key: char) -> String {
    format!("{key} is off: --read-only")
}

/// A file was written.
#[must_use]
pub fn written(name: &str, rows: usize) -> String {
    format!("wrote {} to {name}", super::counted(rows, "socket"))
}

/// A file could not be written.
#[must_use]
pub fn not_written(name: &str, why: &str) -> String {
    format!("{name}: cannot be written: {why}")
}

/// What confirms an action.
#[must_use]
pub fn confirm(token: &str) -> String {
    format!("Type {token} and press Enter to confirm, Esc for no: ")
}

/// The keys in lines, without those that are off where nothing is done to the machine.
pub fn keys(read_only: bool) -> impl Iterator<Item = &'static str> {
    let is_off = |line: &&str| ["x ", "c ", "w "].iter().any(|key| line.starts_with(key));
    KEYS.lines().filter(move |line| !(read_only && is_off(line)))
}

/// The keys.
const KEYS: &str = "\
Up Down j k PgUp PgDn Home End   select a socket
Enter   details: its owner, its state
Space   freeze the order of the rows, or let it go
s r     sort by the next column; reverse
g       group by process
/       filter: 80, 10.0.0.0/8, nginx, state:close_wait
        name:nginx pid:812 user:root foreign:10.0.0.5:443
        listening: exposed: tcp: udp: ipv4: ipv6:
        Enter keeps it; Esc in the table removes it
x       kill: terminate the owner of a listener
c       close the socket; its process keeps running
y       send the row to the terminal's clipboard
w       write what is shown to a new file: JSON, or NAME.csv
e       log of changes
q       quit

Signs: + new, ~ changed, - gone, for five seconds.
What opened and closed between two looks is not seen.";

/// What was typed does not confirm anything.
#[must_use]
pub fn not_the_token(token: &str) -> String {
    format!("not {token}; nothing was done yet")
}

/// `3 of 812 sockets`: how many the view's own filter leaves.
#[must_use]
pub fn sockets_shown(shown: usize, all: usize) -> String {
    format!("{shown} of {}", super::counted(all, "socket"))
}

/// A line of the log on a screen that is too narrow for it: without the date and the padding.
#[must_use]
pub fn narrow_change(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let line = words.join(" ");
    // Other lines than those of changes have no time.
    match line.split_once('T') {
        Some((date, rest)) if date.len() == DATE && rest.contains('Z') => rest.to_owned(),
        _ => line,
    }
}

/// The length of `2026-11-29`.
const DATE: usize = 10;

/// What keys can do at a moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each decides on a key of its own")]
pub struct Moment {
    /// Nothing is done to the machine.
    pub read_only: bool,
    /// A socket is selected that is there.
    pub has_socket: bool,
    /// It holds a port.
    pub holds_port: bool,
    /// It has something that can be closed.
    pub can_close: bool,
    /// The order is frozen.
    pub is_frozen: bool,
    /// The rows are grouped.
    pub is_grouped: bool,
    /// A filter is applied.
    pub is_filtered: bool,
}

/// The footer, where keys do what they do in the table: the most important first.
#[must_use]
pub fn table_keys(moment: Moment) -> Vec<&'static str> {
    let acts = moment.has_socket && !moment.read_only;
    let keys = [
        (true, "? help"),
        (true, "q quit"),
        (moment.is_filtered, "Esc show all"),
        (true, "/ filter"),
        (acts && moment.holds_port, "x kill"),
        (acts && moment.can_close, "c close"),
        (moment.has_socket, "Enter details"),
        (moment.is_frozen, "Space go on"),
        (!moment.is_frozen, "Space freeze"),
        (true, "s sort"),
        (!moment.is_grouped, "g group"),
        (moment.is_grouped, "g ungroup"),
        (true, "e log"),
        (true, "r reverse"),
        (moment.has_socket, "y copy"),
        (!moment.read_only, "w write"),
    ];
    keys.into_iter().filter(|(fits, _)| *fits).map(|(_, key)| key).collect()
}

/// The footer of a text.
pub const TEXT_KEYS: [&str; 4] = ["Esc back", "Up Down scroll", "PgUp PgDn page", "Home End"];
/// The footer of a socket's details.
#[must_use]
pub fn details_keys(moment: Moment) -> Vec<&'static str> {
    let acts = moment.has_socket && !moment.read_only;
    let own = [(acts && moment.holds_port, "x kill"), (acts && moment.can_close, "c close")];
    let own = own.into_iter().filter(|(fits, _)| *fits).map(|(_, key)| key);
    let [back, scroll, ..] = TEXT_KEYS;
    [back].into_iter().chain(own).chain([scroll]).collect()
}
/// Beside a filter that is typed.
pub const FILTER_KEYS: [&str; 2] = ["Enter keep", "Esc undo"];
/// Beside the name of a file that is typed.
pub const NAME_KEYS: [&str; 2] = ["Enter write", "Esc cancel"];
/// What is asked before a file is written.
pub const FILE_NAME: &str = "Write to a new file (NAME.json or NAME.csv): ";
/// The order of the rows is frozen.
pub const FROZEN: &str = "frozen";
/// The footer of an action that is over.
pub const DONE_KEYS: [&str; 1] = ["Esc back"];
/// The footer of an action that works.
pub const WORKING: [&str; 1] = ["working"];
/// No changes yet.
pub const NO_CHANGES: &str = "no changes yet";
/// Nothing is known yet.
pub const LOOKING: &str = "looking";
/// No rows.
pub const NO_ROWS: &str = "no socket matches";
/// That shorter lives are not seen.
pub const UNSEEN: &str = "what opens and closes between two looks is not seen";
/// The same in short.
pub const UNSEEN_SHORT: &str = "shorter lives are not seen";

/// What is said of a fault of portwho itself.
#[must_use]
pub fn internal_error(what: &str) -> String {
    format!("internal error: {}", what.replace(":\n", ": ").replace('\n', ": "))
}

/// What stands above the findings of a socket's port.
pub const FINDINGS: &str = "Findings of portwho doctor for this port and process:";

/// The title of an action: `Close a socket: TCP 10.0.0.5:80, 10.0.0.9:41000 ESTABLISHED`.
#[must_use]
pub fn deed(is_kill: bool, socket: &Socket, snapshot: &Snapshot) -> String {
    let deed = if is_kill { "Terminate the owner of a port" } else { "Close a socket" };
    let protocol = socket.protocol.word().to_uppercase();
    let local = local_endpoint(socket, snapshot);
    let foreign = socket.foreign.map(|_| format!(", {}", foreign_endpoint(socket, snapshot)));
    let state = socket.state.map(|state| format!(" {state}"));
    let (foreign, state) = (foreign.unwrap_or_default(), state.unwrap_or_default());
    format!("{deed}: {protocol} {local}{foreign}{state}")
}

/// What is said to who types an option of the command line as a filter.
pub const NO_DASHES: &str = "a filter has a colon and no dashes: state:listen";

/// `no filter sort:; there are state:, name:, ...`; or that it takes no value.
#[must_use]
pub fn unknown_filter<'a>(
    name: &str,
    is_switch: bool,
    names: impl Iterator<Item = &'a str>,
) -> String {
    if is_switch {
        return format!("{name}: takes no value");
    }
    let names: Vec<String> = names.map(|name| format!("{name}:")).collect();
    format!("no filter {name}:; there are {}", names.join(" "))
}
