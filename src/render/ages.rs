//! When the sockets of an owner were created, where the system tells.

use std::collections::BTreeMap;

use super::details::started;
use crate::model::Pid;
use crate::query::Rows;
use crate::text::counted;
use crate::text::endpoints::local_endpoint;
use crate::text::escape::Escaped;

/// How many sockets of a process are listed.
const LISTED: usize = 10;

/// The sockets of each owner that hold a port.
pub(super) struct Ages(BTreeMap<Pid, Vec<String>>);

impl Ages {
    pub(super) fn of(rows: &Rows<'_>) -> Self {
        let mut ages: BTreeMap<Pid, Vec<String>> = BTreeMap::new();
        for row in rows.rows.iter().filter(|row| row.socket.holds_port()) {
            let Some(created) = row.socket.created().and_then(started) else { continue };
            let end = local_endpoint(&row.socket, rows.snapshot);
            let service = row.socket.service.as_ref();
            let service = service.map(|name| format!(" of {}", Escaped(name))).unwrap_or_default();
            for pid in row.owner.pids() {
                let protocol = row.socket.protocol.word().to_uppercase();
                let line = format!("{protocol} {end}{service}, created {created}");
                ages.entry(pid).or_default().push(line);
            }
        }
        Self(ages)
    }

    /// `TCP 0.0.0.0:80, created 2026-11-20T04:19:00Z, 2h 12m ago`; of many how many others.
    pub(super) fn lines(&self, pid: Pid) -> impl Iterator<Item = String> {
        let all = self.0.get(&pid).map(Vec::as_slice).unwrap_or_default();
        let more = all.len().saturating_sub(LISTED);
        let more = (more > 0).then(|| counted(more, "other"));
        all.iter().take(LISTED).cloned().chain(more)
    }
}
