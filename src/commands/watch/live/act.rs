//! What is done to the selected socket: the commands kill and close, off the drawing thread. They say
//! and ask through events.

use std::ffi::OsString;
use std::io::{self, Write};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use anyhow::anyhow;

use super::event::{Deed, Event};
use crate::cli::{CloseRequest, FilterRequest, KillRequest, Selection};
use crate::commands::{Outcome, Output, Terminals, close, kill};
use crate::model::{Endpoint, Families, OwnedSocket, Protocol, Scope, Socket, StateSet, UdpScope};
use crate::platform::System;
use crate::query::{PortTerm, Protocols};
use crate::text::watch as text;

/// How long kill waits for an exit.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Does it, as long as the socket is what was shown.
pub(super) fn act(
    deed: Deed,
    shown: &OwnedSocket,
    system: &impl System,
    events: &Sender<Event>,
    answers: Receiver<bool>,
) {
    let say = |line: String| drop(events.send(Event::Said(line)));
    if let Some(why) = refusal(&shown.socket, system) {
        say(why);
    } else {
        let voice = || Voice { events: events.clone(), said: Vec::new() };
        let asked = events.clone();
        // Where nobody answers any more, that is no.
        let ask = move |question: &str, token: &str| {
            let (question, token) = (question.to_owned(), token.to_owned());
            asked.send(Event::Asked { question, token }).is_ok() && answers.recv().unwrap_or(false)
        };
        let mut output =
            Output::new(voice(), voice(), io::empty(), Terminals::default()).asking(ask);
        if let Err(error) = run(deed, shown, system, &mut output) {
            say(format!("{error:#}"));
        }
    }
    let _ = events.send(Event::Done);
}

/// The command itself, on that socket and no other.
fn run(
    deed: Deed,
    shown: &OwnedSocket,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let ports = terms(&shown.socket).map_err(|why| anyhow!(why))?;
    let sockets = vec![shown.socket.clone()];
    match deed {
        Deed::Kill => kill::run_on(&to_kill(shown, ports), sockets, system, output),
        Deed::Close => close::run_on(&to_close(shown, ports), sockets, system, output),
    }
}

/// Why nothing is done: the socket is out of reach, or not what was shown any more.
fn refusal(shown: &Socket, system: &impl System) -> Option<String> {
    if shown.netns.is_some() {
        return Some(text::ELSEWHERE.to_owned());
    }
    let port = shown.local.port..=shown.local.port;
    let scope = Scope {
        tcp: StateSet::ALL,
        udp: UdpScope::All,
        local_ports: Some(vec![port]),
        ..Scope::everything()
    };
    match system.sockets(&scope) {
        Ok(table) if table.sockets.iter().any(|now| shown.is_still(now)) => None,
        Ok(_) => Some(text::CHANGED_SOCKET.to_owned()),
        Err(error) => Some(error.to_string()),
    }
}

/// The local end, as it can be typed.
fn terms(socket: &Socket) -> Result<Vec<PortTerm>, String> {
    let zone = socket.interface.map(|index| format!("%{index}")).unwrap_or_default();
    PortTerm::parse_list(&typed(socket.local, &zone)).map_err(|error| error.to_string())
}

/// `127.0.0.1:80`, `[fe80::1%2]:80`.
fn typed(end: Endpoint, zone: &str) -> String {
    let Endpoint { address, port } = end;
    if address.is_ipv6() {
        format!("[{address}{zone}]:{port}")
    } else {
        format!("{address}:{port}")
    }
}

fn selection(shown: &OwnedSocket, ports: Vec<PortTerm>) -> Selection {
    let protocol = shown.socket.protocol;
    let tcp = protocol == Protocol::Tcp;
    Selection {
        ports,
        protocols: Some(Protocols { tcp, udp: !tcp }),
        families: Families::BOTH,
        pids: shown.owner.pids().collect(),
        names: Vec::new(),
        users: Vec::new(),
        owners: None,
    }
}

/// The words that narrow a command as this view does, for a command that is printed.
fn options(shown: &OwnedSocket) -> Vec<OsString> {
    let pids: Vec<String> = shown.owner.pids().map(|pid| pid.to_string()).collect();
    if pids.is_empty() {
        return Vec::new();
    }
    vec!["--pid".into(), pids.join(",").into()]
}

fn to_kill(shown: &OwnedSocket, ports: Vec<PortTerm>) -> KillRequest {
    KillRequest {
        selection: selection(shown, ports),
        yes: false,
        dry_run: false,
        signal: None,
        force: false,
        parent: false,
        timeout: TIMEOUT,
        options: options(shown),
    }
}

fn to_close(shown: &OwnedSocket, ports: Vec<PortTerm>) -> CloseRequest {
    let terms = ports.iter().map(|term| term.to_string().into());
    let listening = shown.socket.is_listening();
    let narrowing = if listening {
        vec!["-l".into()]
    } else {
        let foreign = shown.socket.foreign.map(|end| typed(end, ""));
        foreign.into_iter().flat_map(|end| ["--foreign".into(), end.into()]).collect()
    };
    let words = narrowing.into_iter().chain(options(shown)).chain(terms).collect();
    let filters = FilterRequest { listening, ..filters(shown, ports) };
    CloseRequest { filters, yes: false, dry_run: false, words }
}

/// What doctor is asked about: the port and its process.
///
/// # Errors
/// When the port cannot be typed.
pub(super) fn to_inspect(shown: &OwnedSocket) -> Result<FilterRequest, String> {
    Ok(filters(shown, terms(&shown.socket)?))
}

fn filters(shown: &OwnedSocket, ports: Vec<PortTerm>) -> FilterRequest {
    FilterRequest {
        selection: selection(shown, ports),
        states: StateSet::ALL,
        by_state: false,
        listening: false,
        exposed: false,
        foreign_ports: Vec::new(),
        local_networks: Vec::new(),
        foreign: Vec::new(),
    }
}

/// What is written, line by line.
struct Voice {
    events: Sender<Event>,
    said: Vec<u8>,
}

impl Write for Voice {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.said.extend(bytes);
        while let Some(end) = self.said.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.said.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            let line = line.trim_end();
            let line = line.strip_prefix("portwho: ").unwrap_or(line);
            if !line.is_empty() {
                let _ = self.events.send(Event::Said(line.to_owned()));
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
