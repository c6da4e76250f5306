//! Which holders are signaled together.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::roots;
use crate::model::{Pid, Process};

/// How many waves of signals there are at most. A server has two or three generations of holders; a
/// chain of thousands, which a user made, is terminated as a whole in the last wave.
const WAVES: usize = 16;

/// The next to signal of those that hold the sockets: those whose parent does not, in the waves before
/// the last. Waves are numbered from 1.
pub(super) fn wave(
    number: usize,
    holding: BTreeSet<Pid>,
    processes: &BTreeMap<Pid, Process>,
) -> BTreeSet<Pid> {
    if number < WAVES { roots(&holding, processes) } else { holding }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_first_and_the_last_wave_is_all_that_is_left() {
        let process = |pid: u32| {
            let parent = Some(Pid(pid - 1));
            (Pid(pid), Process { parent, ..Process::named(Pid(pid), "web".into()) })
        };
        let processes: BTreeMap<Pid, Process> = (100..140).map(process).collect();
        let mut holding: BTreeSet<Pid> = processes.keys().copied().collect();
        for number in 1..WAVES {
            let first = BTreeSet::from([*holding.first().expect("a holder")]);
            assert_eq!(wave(number, holding.clone(), &processes), first);
            holding.pop_first();
        }
        assert_eq!(wave(WAVES, holding.clone(), &processes), holding);
    }
}
