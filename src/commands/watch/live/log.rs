//! The log of changes: the last of them, as lines.

use std::collections::VecDeque;
use std::time::SystemTime;

use super::super::print::COLUMNS;
use super::super::seen::Look;
use crate::query::Change;
use crate::render::{LineChanges, Looks};

/// How many lines are kept.
const KEPT: usize = 1000;

/// The log.
#[derive(Debug, Default)]
pub(super) struct Log(VecDeque<String>);

impl Log {
    /// Adds what has changed.
    pub(super) fn add(&mut self, changes: &[Change], before: &Look, now: &Look, at: SystemTime) {
        let looks = Looks { before: &before.snapshot, now: &now.snapshot, at };
        let last = changes.get(changes.len().saturating_sub(KEPT)..).unwrap_or_default();
        let mut lines = Vec::new();
        // Writing into memory does not fail.
        let _ = LineChanges { looks, columns: &COLUMNS }.write(last, &mut lines);
        self.0.extend(String::from_utf8_lossy(&lines).lines().map(str::to_owned));
        let excess = self.0.len().saturating_sub(KEPT);
        self.0.drain(..excess);
    }

    /// Adds a line of another kind.
    pub(super) fn say(&mut self, line: String) {
        self.0.push_back(line);
        let excess = self.0.len().saturating_sub(KEPT);
        self.0.drain(..excess);
    }

    /// The lines, the newest first.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.0.iter().rev().map(String::as_str)
    }
}
