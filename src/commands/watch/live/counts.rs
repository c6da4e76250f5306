//! How many sockets are in each state, now and at the looks before.

use std::collections::{BTreeMap, VecDeque};

use rustc_hash::FxHashSet;

use crate::model::{Pid, Snapshot, TcpState};

/// How many looks are kept.
const HISTORY: usize = 20;

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Sockets.
    pub(super) sockets: usize,
    /// Processes that own one.
    pub(super) owners: usize,
    /// What could not be seen.
    pub(super) gaps: usize,
    /// By state; none for UDP.
    states: BTreeMap<Option<TcpState>, VecDeque<usize>>,
    /// How many looks there were before, as far as they are kept.
    looks: usize,
}

impl Counts {
    /// Takes note of a look.
    pub(super) fn note(&mut self, snapshot: &Snapshot) {
        let mut counts: BTreeMap<Option<TcpState>, usize> = BTreeMap::new();
        let mut owners: FxHashSet<Pid> = FxHashSet::default();
        for row in &snapshot.sockets {
            *counts.entry(row.socket.state).or_default() += 1;
            owners.extend(row.owner.pids());
        }
        (self.sockets, self.owners) = (snapshot.sockets.len(), owners.len());
        self.gaps = snapshot.gaps.len();
        for state in counts.keys() {
            // One that is new was not there at the looks before.
            let none = || VecDeque::from(vec![0; self.looks]);
            self.states.entry(*state).or_insert_with(none);
        }
        self.looks = (self.looks + 1).min(HISTORY);
        for (state, history) in &mut self.states {
            history.push_back(counts.get(state).copied().unwrap_or_default());
            let excess = history.len().saturating_sub(HISTORY);
            history.drain(..excess);
        }
        self.states.retain(|_, history| history.iter().any(|count| *count > 0));
    }

    /// Each state with its count at each look, the last one last; UDP at the end.
    pub(super) fn states(&self) -> impl Iterator<Item = (Option<TcpState>, &VecDeque<usize>)> {
        let all = || self.states.iter().map(|(state, history)| (*state, history));
        all().filter(|(state, _)| state.is_some()).chain(all().filter(|(state, _)| state.is_none()))
    }
}

/// Bars of eight heights, for the last of the counts.
pub(super) fn spark(history: &VecDeque<usize>, last: usize) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = history.iter().copied().max().unwrap_or_default().max(1);
    let bar = |count: &usize| BARS.get(count * (BARS.len() - 1) / most).copied().unwrap_or('█');
    history.iter().skip(history.len().saturating_sub(last)).map(bar).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_is_the_highest_count() {
        assert_eq!(spark(&VecDeque::from([0, 4, 8]), 20), "▁▄█");
        assert_eq!(spark(&VecDeque::from([0, 4, 8]), 2), "▄█");
        assert_eq!(spark(&VecDeque::from([0, 0]), 20), "▁▁");
        assert_eq!(spark(&VecDeque::new(), 20), "");
    }
}
