//! Every view of a machine whose names are all chosen by a hostile user: nothing that a terminal
//! obeys, no line more than for an innocent name, and JSON that tells the name again.

use std::collections::BTreeMap;

use portwho::model::{
    Capabilities, Container, Endpoint, Namespace, Os, OwnedSocket, Owner, Particulars, Pid,
    Process, Protocol, Runtime, Service, Session, Snapshot, Socket, TcpState, Uid, Untrusted,
};
use portwho::query::{Filter, SocketColumn, SortKey, select};
use portwho::render::{
    Columns, Csv, Json, Lsof, Pids, Style, Summary, SummaryJson, Tables, Verbose, View, Wide,
};
use serde_json::Value;

use super::escape::is_safe;
use super::input::Input;

const PID: Pid = Pid(812);

pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let os = if input.byte().is_multiple_of(2) { Os::Linux } else { Os::Windows };
    let length = usize::from(input.byte());
    let name = text(os, input.take(length));
    let other = text(os, input.rest());
    let machine = machine(os, &name, &other);
    let innocent = self::machine(os, &"innocent".into(), &"innocent".into());
    for view in views() {
        let shown = shown(&*view, &machine);
        assert!(shown.chars().all(|c| c == '\n' || is_safe(c)), "{shown:?}");
    }
    for view in views() {
        let lines = |snapshot| shown(&*view, snapshot).lines().count();
        assert_eq!(lines(&machine), lines(&innocent));
    }
    json_tells_the_name(&machine, &name);
}

fn text(os: Os, bytes: &[u8]) -> Untrusted {
    match os {
        Os::Linux => Untrusted::new(bytes),
        Os::Windows => {
            let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
            Untrusted::from_wide(&units.collect::<Vec<_>>())
        }
    }
}

const PLAIN: Style = Style { header: true, color: false, columns: None };

fn views() -> [Box<dyn View>; 11] {
    let all = || SocketColumn::ALL.to_vec();
    let narrow = Style { columns: Some(50), ..PLAIN };
    [
        Box::new(Tables(PLAIN)),
        Box::new(Tables(narrow)),
        Box::new(Verbose(PLAIN)),
        Box::new(Wide { style: narrow, verbose: true }),
        Box::new(Columns { style: PLAIN, columns: all() }),
        Box::new(Lsof { style: PLAIN, by_process: true }),
        Box::new(Csv { header: true, columns: all() }),
        Box::new(Json),
        Box::new(Pids),
        Box::new(Summary(PLAIN)),
        Box::new(SummaryJson),
    ]
}

fn shown(view: &dyn View, snapshot: &Snapshot) -> String {
    let filter = Filter::everything();
    let mut out = Vec::new();
    view.write(&select(snapshot, &filter, SortKey::default()), &mut out).expect("a vector");
    String::from_utf8(out).expect("UTF-8")
}

fn json_tells_the_name(snapshot: &Snapshot, name: &Untrusted) {
    let answer: Value = serde_json::from_str(&shown(&Json, snapshot)).expect("JSON");
    let process = &answer["processes"][0];
    assert_eq!(process["name"], name.to_lossy());
    let raw: String = name.as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = if name.is_utf8() { Value::Null } else { raw.into() };
    assert_eq!(process.get("name_raw").unwrap_or(&Value::Null), &expected);
}

/// A listener with an owner, and one without, everything with these names.
fn machine(os: Os, name: &Untrusted, other: &Untrusted) -> Snapshot {
    let socket = |port| Socket {
        state: Some(TcpState::Listening),
        uid: Some(Uid(33)),
        interface: Some(2),
        netns: Some(7),
        ..Socket::at(Protocol::Tcp, Endpoint::new("fe80::1".parse().expect("an address"), port))
    };
    let owned = |port, owner| OwnedSocket { socket: socket(port), owner };
    Snapshot {
        sockets: vec![owned(80, Owner::of_process(PID)), owned(81, Owner::Hidden)],
        processes: BTreeMap::from([(PID, process(name, other))]),
        users: BTreeMap::from([(Uid(33), other.clone())]),
        interfaces: BTreeMap::from([(2, other.clone())]),
        namespaces: BTreeMap::from([(7, Namespace { name: Some(other.clone()), resident: None })]),
        particulars: BTreeMap::from([(PID, particulars(other))]),
        ..Snapshot::empty(match os {
            Os::Linux => Capabilities::LINUX,
            Os::Windows => Capabilities::WINDOWS,
        })
    }
}

fn process(name: &Untrusted, other: &Untrusted) -> Process {
    Process {
        command: vec![other.clone(), name.clone()],
        executable: Some(other.clone()),
        user: Some(other.clone()),
        session: Session { name: Some(other.clone()), id: Some(1) },
        services: vec![Service { name: other.clone(), of_user: false }],
        container: Some(Container {
            runtime: Runtime::Docker,
            id: other.clone(),
            name: Some(name.clone()),
            of_user: false,
        }),
        ..Process::named(PID, name.clone())
    }
}

fn particulars(other: &Untrusted) -> Particulars {
    Particulars { working_directory: Some(other.clone()), ..Particulars::default() }
}
