//! What changes, printed: a line or a JSON object on stdout, flushed after each look.

use std::collections::BTreeSet;
use std::time::SystemTime;

use crate::cli::WatchRequest;
use crate::commands::Output;
use crate::model::{Gap, Snapshot};
use crate::query::{Change, Filter, SocketColumn, SortKey, select};
use crate::render::{JsonChanges, LineChanges, Looks};
use crate::text::{gaps, watch as text};

/// The columns of a line.
pub(super) const COLUMNS: [SocketColumn; 6] = [
    SocketColumn::Protocol,
    SocketColumn::Local,
    SocketColumn::Foreign,
    SocketColumn::State,
    SocketColumn::Pid,
    SocketColumn::Image,
];

/// Prints looks.
pub(super) struct Printer<'a> {
    output: &'a mut Output,
    filter: &'a Filter,
    sort: SortKey,
    columns: Vec<SocketColumn>,
    json: bool,
    /// The kinds of gaps that were told.
    told: BTreeSet<&'static str>,
    /// Whether the last look failed, which was told.
    is_failing: bool,
}

impl<'a> Printer<'a> {
    /// Prints on `output`.
    pub(super) fn new(request: &WatchRequest, filter: &'a Filter, output: &'a mut Output) -> Self {
        let columns = request.columns.clone().unwrap_or_else(|| {
            let namespace = request.all_namespaces.then_some(SocketColumn::Namespace);
            COLUMNS.into_iter().chain(namespace).collect()
        });
        let (json, sort) = (request.json, request.sort);
        let (told, is_failing) = (BTreeSet::new(), false);
        Self { output, filter, sort, columns, json, told, is_failing }
    }

    /// Where it prints.
    pub(super) const fn output(&self) -> &Output {
        self.output
    }

    /// The first look: what is there, for a program; for a person only what will change.
    pub(super) fn begin(&mut self, now: &Snapshot) -> anyhow::Result<()> {
        let looks = Looks { before: now, now, at: SystemTime::now() };
        self.tell_gaps(looks)?;
        if self.json {
            let rows = select(now, self.filter, self.sort).rows;
            return self.output.result(|out| JsonChanges(looks).write_present(&rows, out));
        }
        let columns = &self.columns;
        self.output.result(|out| LineChanges { looks, columns }.write_titles(out))
    }

    /// What has changed since the look before.
    pub(super) fn tell(
        &mut self,
        changes: &[Change],
        before: &Snapshot,
        now: &Snapshot,
    ) -> anyhow::Result<()> {
        let looks = Looks { before, now, at: SystemTime::now() };
        self.is_failing = false;
        self.tell_gaps(looks)?;
        if changes.is_empty() {
            return Ok(());
        }
        let (columns, json) = (&self.columns, self.json);
        self.output.result(|out| {
            if json {
                JsonChanges(looks).write(changes, out)
            } else {
                LineChanges { looks, columns }.write(changes, out)
            }
        })
    }

    /// A look failed: that is told once, until one succeeds again.
    pub(super) fn fail(&mut self, why: &str, before: &Snapshot) -> anyhow::Result<()> {
        if std::mem::replace(&mut self.is_failing, true) {
            return Ok(());
        }
        if self.json {
            let looks = Looks { before, now: before, at: SystemTime::now() };
            return self.output.result(|out| JsonChanges(looks).write_failure(why, out));
        }
        self.output.remark(text::failed(why));
        Ok(())
    }

    /// What could not be read, when that is new: how many sockets it concerns changes with every look.
    fn tell_gaps(&mut self, looks: Looks<'_>) -> anyhow::Result<()> {
        let kinds: BTreeSet<&str> = looks.now.gaps.iter().map(Gap::kind).collect();
        let known = std::mem::replace(&mut self.told, kinds);
        let new = looks.now.gaps.iter().filter(|gap| !known.contains(gap.kind()));
        let new: Vec<Gap> = new.cloned().collect();
        if self.json && !new.is_empty() {
            return self.output.result(|out| JsonChanges(looks).write_gaps(&new, out));
        }
        for gap in new {
            self.output.remark(gaps::line(&gap));
        }
        Ok(())
    }
}
