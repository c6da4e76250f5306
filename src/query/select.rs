//! From everything that was seen to the rows that were asked for.

use std::collections::BTreeSet;

use super::{Filter, SortKey, sort_by_row};
use crate::model::{OwnedSocket, Pid, Process, Snapshot};

/// A row: a socket and who holds it.
pub type Row<'a> = &'a OwnedSocket;

/// The rows that were asked for, in order, and where they come from.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    /// The rows.
    pub rows: Vec<Row<'a>>,
    /// What they were selected from: names, processes, gaps.
    pub snapshot: &'a Snapshot,
    /// What they were selected by.
    pub filter: &'a Filter,
}

impl<'a> Rows<'a> {
    /// The rows of `snapshot` that `filter` admits, in no order.
    #[must_use]
    pub fn unsorted(snapshot: &'a Snapshot, filter: &'a Filter) -> Self {
        let admitted = snapshot.sockets.iter().filter(|row| filter.admits(row, snapshot));
        Self { rows: admitted.collect(), snapshot, filter }
    }

    /// The PIDs of the rows' owners, ascending, each once.
    #[must_use]
    pub fn owner_pids(&self) -> BTreeSet<Pid> {
        self.rows.iter().flat_map(|row| row.owner.pids()).collect()
    }

    /// The PIDs of those owners that were asked for themselves, ascending, each once; none that
    /// only stands for the kernel.
    #[must_use]
    pub fn picked_pids(&self) -> BTreeSet<Pid> {
        let pids = self.rows.iter().copied().flat_map(|row| {
            row.owner.pids().filter(move |pid| self.filter.picks(row, *pid, self.snapshot))
        });
        pids.filter(|pid| *pid != Pid(0) && !self.snapshot.is_kernel(*pid)).collect()
    }

    /// The processes that own the rows and still exist, ascending by PID.
    pub fn processes(&self) -> impl Iterator<Item = &'a Process> {
        let processes = &self.snapshot.processes;
        self.owner_pids().into_iter().filter_map(|pid| processes.get(&pid))
    }
}

/// Selects the rows of `snapshot` that `filter` admits, sorted by `key`.
#[must_use]
pub fn select<'a>(snapshot: &'a Snapshot, filter: &'a Filter, key: SortKey) -> Rows<'a> {
    let mut rows = Rows::unsorted(snapshot, filter);
    sort_by_row(&mut rows.rows, |row| *row, key, snapshot);
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{
        Capabilities, Endpoint, Holder, Owner, Protocol, Socket, StateSet, TcpState, Uid,
    };
    use crate::query::{ForeignEnd, LocalSet, NamePattern, Place, PortSet, UserTerm};

    fn socket(address: &str, port: u16, state: Option<TcpState>) -> Socket {
        Socket {
            foreign: (state == Some(TcpState::Established))
                .then(|| Endpoint::new([10, 0, 0, 5].into(), 443)),
            state,
            inode: Some(7),
            uid: Some(Uid(33)),
            ..Socket::at(
                if state.is_some() { Protocol::Tcp } else { Protocol::Udp },
                Endpoint::new(address.parse().unwrap(), port),
            )
        }
    }

    fn snapshot() -> Snapshot {
        let owned = |socket, pid| OwnedSocket {
            socket,
            owner: Owner::Processes([Holder { pid: Pid(pid), descriptor: Some(3) }].into()),
        };
        let process =
            Process { user: Some("root".into()), ..Process::named(Pid(812), "Nginx".into()) };
        Snapshot {
            sockets: vec![
                owned(socket("0.0.0.0", 53, None), 900),
                owned(socket("::", 80, Some(TcpState::Listening)), 812),
                owned(socket("10.0.0.1", 80, Some(TcpState::Established)), 812),
                owned(socket("10.0.0.2", 80, Some(TcpState::Listening)), 812),
                owned(socket("10.0.0.1", 8080, Some(TcpState::Listening)), 900),
            ],
            processes: BTreeMap::from([(Pid(812), process)]),
            users: BTreeMap::from([(Uid(33), "www-data".into())]),
            ..Snapshot::empty(Capabilities::LINUX)
        }
    }

    fn shown(filter: &Filter) -> Vec<String> {
        let snapshot = snapshot();
        let selected = select(&snapshot, filter, SortKey::Port);
        let end = |row: &Row<'_>| format!("{}/{}", row.socket.local.address, row.socket.local.port);
        selected.rows.iter().map(end).collect()
    }

    #[test]
    fn rows_come_in_netstats_order() {
        let expected = ["10.0.0.2/80", "10.0.0.1/80", "10.0.0.1/8080", "::/80", "0.0.0.0/53"];
        assert_eq!(shown(&Filter::everything()), expected);
    }

    #[test]
    fn a_port_is_matched_as_a_number_and_locally() {
        let only = |ports: PortSet| Filter {
            local: Some(LocalSet { ports, ..LocalSet::default() }),
            ..Filter::everything()
        };
        let expected = ["10.0.0.2/80", "10.0.0.1/80", "::/80"];
        assert_eq!(shown(&only(PortSet::from_iter([80..=80]))), expected);
        assert!(shown(&only(PortSet::from_iter([443..=443]))).is_empty());
        let place = Place {
            address: [10, 0, 0, 2].into(),
            interface: None,
            ports: 80..=80,
            protocol: None,
        };
        let local = Some(LocalSet { places: vec![place], ..LocalSet::default() });
        assert_eq!(shown(&Filter { local, ..Filter::everything() }), ["10.0.0.2/80"]);
    }

    #[test]
    fn different_filters_narrow_and_values_of_one_widen() {
        let two = [TcpState::Listening, TcpState::Established];
        let states = Filter { states: StateSet::of(&two), ..Filter::everything() };
        assert_eq!(shown(&states).len(), 5);
        let listening = Filter { listening: true, ..states };
        assert_eq!(shown(&listening).len(), 4);
        let names = vec![NamePattern::new("ng*"), NamePattern::new("absent")];
        let by_name = Filter { names, ..listening };
        assert_eq!(shown(&by_name), ["10.0.0.2/80", "::/80"]);
    }

    #[test]
    fn a_user_is_the_sockets_or_its_processes() {
        let users = |word| Filter { users: vec![UserTerm::new(word)], ..Filter::everything() };
        assert_eq!(shown(&users("www-data")).len(), 5);
        assert_eq!(shown(&users("33")).len(), 5);
        assert_eq!(shown(&users("root")).len(), 3);
        assert!(shown(&users("nobody")).is_empty());
    }

    #[test]
    fn networks_select_by_either_end() {
        let nets = |net: &str| vec![net.parse().unwrap()];
        let local = Filter { local_networks: nets("10.0.0.0/31"), ..Filter::everything() };
        assert_eq!(shown(&local), ["10.0.0.1/80", "10.0.0.1/8080"]);
        let end = |port| ForeignEnd {
            networks: nets("10.0.0.5/32"),
            ports: Some(PortSet::from_iter([port..=port])),
        };
        let foreign = |end| Filter { foreign_ends: vec![end], ..Filter::everything() };
        assert_eq!(shown(&foreign(ForeignEnd { ports: None, ..end(1) })), ["10.0.0.1/80"]);
        assert_eq!(shown(&foreign(end(443))), ["10.0.0.1/80"]);
        assert!(shown(&foreign(end(444))).is_empty());
    }
}
