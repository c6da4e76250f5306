//! What listeners have dropped since this process looks: the kernel counts for each socket, and forgets
//! with it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::listeners::Place;
use crate::model::{Socket, SocketIdentity};

/// A socket that has dropped so much since it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dropping<'a> {
    pub(super) place: Place,
    pub(super) socket: &'a Socket,
    pub(super) dropped: u32,
}

/// The drops that were counted from look to look.
#[derive(Debug, Default)]
pub struct Drops {
    last: FxHashMap<SocketIdentity, u32>,
    totals: BTreeMap<Place, u64>,
}

impl Drops {
    /// Adds what was dropped since the last look. The total of a place does not fall when one of its sockets
    /// is closed; it begins anew when the last one is.
    pub(super) fn counted<'a>(
        &mut self,
        rows: impl Iterator<Item = Dropping<'a>>,
    ) -> BTreeMap<Place, u64> {
        let mut now = FxHashMap::default();
        let mut totals: BTreeMap<Place, u64> = BTreeMap::new();
        for row in rows {
            let identity = row.socket.identity();
            // The kernel's counter wraps.
            let before = self.last.get(&identity).copied().unwrap_or_default();
            let more = u64::from(row.dropped.wrapping_sub(before));
            now.insert(identity, row.dropped);
            let begun = || self.totals.get(&row.place).copied().unwrap_or_default();
            *totals.entry(row.place).or_insert_with(begun) += more;
        }
        self.last = now;
        self.totals.clone_from(&totals);
        totals
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Bind, PortLabel};
    use crate::model::{Endpoint, Protocol};

    /// The totals after a look at sockets of port 80, by their cookies and what they have dropped.
    fn look(drops: &mut Drops, sockets: &[(u64, u32)]) -> Vec<u64> {
        let port = PortLabel::Number(80);
        let place = Place { protocol: Protocol::Tcp, bind: Bind::Any, port };
        let at = Socket::at(Protocol::Tcp, Endpoint::new([0, 0, 0, 0].into(), 80));
        let of = |(cookie, dropped): &(u64, u32)| {
            (Socket { cookie: Some(*cookie), ..at.clone() }, *dropped)
        };
        let sockets: Vec<(Socket, u32)> = sockets.iter().map(of).collect();
        let rows =
            sockets.iter().map(|(socket, dropped)| Dropping { place, socket, dropped: *dropped });
        drops.counted(rows).into_values().collect()
    }

    #[test]
    fn a_total_does_not_fall_when_a_worker_exits() {
        let mut drops = Drops::default();
        assert_eq!(look(&mut drops, &[(1, 5), (2, 7)]), [12]);
        assert_eq!(look(&mut drops, &[(1, 6)]), [13]);
        assert_eq!(look(&mut drops, &[(1, 6), (3, 2)]), [15]);
    }

    #[test]
    fn a_counter_of_the_kernel_wraps() {
        let mut drops = Drops::default();
        look(&mut drops, &[(1, u32::MAX)]);
        assert_eq!(look(&mut drops, &[(1, 1)]), [u64::from(u32::MAX) + 2]);
    }

    #[test]
    fn a_total_begins_anew_with_the_first_socket() {
        let mut drops = Drops::default();
        look(&mut drops, &[(1, 5)]);
        assert_eq!(look(&mut drops, &[]), [0_u64; 0]);
        assert_eq!(look(&mut drops, &[(2, 1)]), [1]);
    }
}
