//! The CLOSE_WAIT at the ports of servers, of processes that may be of one program.

use std::collections::{BTreeMap, BTreeSet};

use super::leak::Leak;
use super::program::{Family, Member, families};
use super::{Culprit, Group, Machine, Measurement};
use crate::model::Pid;

/// The processes that have CLOSE_WAIT at each port.
#[derive(Default)]
pub(super) struct Ports<'a> {
    members: BTreeMap<u16, Vec<Member<'a>>>,
    /// Those that have enough of their own, and the leak of each.
    found: BTreeMap<u16, Vec<(Member<'a>, Measurement)>>,
}

impl<'a> Ports<'a> {
    /// Adds a process that has too few of its own.
    pub(super) fn add(&mut self, port: u16, member: Member<'a>) {
        self.members.entry(port).or_default().push(member);
    }

    /// Adds one that has enough.
    pub(super) fn find(&mut self, port: u16, member: Member<'a>, leak: Measurement) {
        self.found.entry(port).or_default().push((member, leak));
    }

    /// Adds the measurements of programs, and of processes with enough of their own. Returns what is part
    /// of none that is found.
    pub(super) fn measure(
        mut self,
        machine: &Machine<'a>,
        measured: &mut Vec<Measurement>,
    ) -> Vec<(Culprit, u16, Group<'a>)> {
        let mut left = Vec::new();
        for (port, members) in self.members {
            let mut of_port = self.found.remove(&port).unwrap_or_default();
            let mut found: BTreeSet<Culprit> = BTreeSet::new();
            for mut family in families(port, &members, of_port.is_empty(), machine) {
                if is_found(&family, machine) {
                    found.extend(family.members.iter().copied());
                    let is_shared = |((_, group), _): &mut (Member<'a>, Measurement)| {
                        holds_any(group, &family.members)
                    };
                    let shared: Vec<_> = of_port.extract_if(.., is_shared).collect();
                    for (member, _) in shared {
                        family.join(member);
                    }
                    family.program.is_alone = of_port.is_empty() && family.is_whole;
                }
                let leak = Leak::of_program(family.program, &family.group, machine);
                let own = Measurement::new(family.culprit, leak.counted(), leak);
                measured.push(own.of_group(family.group.rows(), machine));
            }
            measured.extend(of_port.into_iter().map(|(_, leak)| leak));
            let others = members.into_iter().filter(|(culprit, _)| !found.contains(culprit));
            left.extend(others.map(|(culprit, group)| (culprit, port, group)));
        }
        measured.extend(self.found.into_values().flatten().map(|(_, leak)| leak));
        left
    }
}

fn is_found(family: &Family<'_>, machine: &Machine<'_>) -> bool {
    let leak = Leak::of_program(family.program, &family.group, machine);
    leak.severity_of(leak.counted()).is_some()
}

/// Whether one of these processes holds any of the sockets: then what they leak is one leak.
fn holds_any(group: &Group<'_>, members: &[Culprit]) -> bool {
    let pids: BTreeSet<Pid> = members.iter().filter_map(|culprit| culprit.pid()).collect();
    group.rows().any(|row| row.owner.pids().any(|pid| pids.contains(&pid)))
}
