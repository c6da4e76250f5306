//! The widths of columns on a terminal that is too narrow for them: what gives way first, and how
//! far.

/// When a column gives way, the earliest first. Padding gives way before all of them, and long titles
/// before any cell that would lose more than the middle of an IPv6 address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum GiveWay {
    /// A list of numbers, of which the first and how many others there are always stay.
    Counted,
    /// What is long as a rule, and of use with its first words alone.
    First,
    /// Addresses, which are cut in their middle.
    Addresses,
    /// What is of use in part.
    Late,
    /// What a row is read for.
    Last,
    /// Nothing of it can be left out.
    Never,
}

/// The widths that a column may have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Room {
    /// With padding, where there is room for it.
    pub(super) padded: usize,
    /// Of its title.
    pub(super) title: usize,
    /// Of its widest cell.
    pub(super) cells: usize,
    /// Of its widest cell that says what no other column says.
    pub(super) own: usize,
    /// Of its widest cell, each as short as it can be.
    pub(super) least: usize,
    /// When it gives way.
    pub(super) gives_way: GiveWay,
}

/// How much of a column that gives way first stays until all others have given way.
const FIRST_WORDS: usize = 12;
/// The longest address of IPv4 with its port, `255.255.255.255:65535`: what is longer is cut first.
const OF_IPV4: usize = 21;
/// `127.0.0.1:65535`, which stays whole longer than what is cut anyway.
const LOOPBACK: usize = 15;
/// `127…:65535`: what is told apart from an address that other machines reach.
const RECOGNIZED: usize = 10;
/// How much stays of a name, and of a cell that other columns repeat.
const NAME: usize = 8;
/// The longest title that stays whole while there is room for it: `Proto`, `State`, `PID`.
const SHORT_TITLE: usize = 5;
/// Which columns give way, once there is no padding left, and how much of them stays.
const STEPS: [(GiveWay, usize); 8] = [
    (GiveWay::First, FIRST_WORDS),
    (GiveWay::Addresses, LOOPBACK),
    (GiveWay::First, 0),
    (GiveWay::Late, 0),
    (GiveWay::Addresses, RECOGNIZED),
    (GiveWay::Last, NAME),
    (GiveWay::Addresses, 0),
    (GiveWay::Last, 0),
];

impl Room {
    /// The width of a title that is short; nothing for a long one, which is known by its beginning.
    const fn short_title(&self) -> usize {
        if self.title <= SHORT_TITLE { self.title } else { 0 }
    }

    /// The width of its cells, of which those of IPv4 are whole.
    fn ipv4(&self) -> usize {
        self.cells.min(OF_IPV4).max(self.least)
    }

    /// How narrow it can be where addresses are not to be cut.
    pub(super) fn least_beside_addresses(&self) -> usize {
        let kept = match self.gives_way {
            GiveWay::Counted => self.short_title(),
            GiveWay::First => self.cells.min(FIRST_WORDS),
            GiveWay::Addresses => self.ipv4(),
            GiveWay::Late | GiveWay::Last => self.own.min(NAME),
            GiveWay::Never => self.cells.max(self.short_title()),
        };
        kept.max(self.least)
    }

    /// The same column, whose addresses are not cut as far as those of IPv4 go.
    pub(super) fn with_whole_address(self) -> Self {
        match self.gives_way {
            GiveWay::Addresses => Self { least: self.ipv4(), ..self },
            _ => self,
        }
    }

    /// Once its numbers are counted, where they can be.
    fn counted(self) -> Self {
        let least = self.least;
        match self.gives_way {
            GiveWay::Counted => {
                Self { padded: least.max(self.title), cells: least, own: least, ..self }
            }
            _ => self,
        }
    }
}

/// The indent and the widths of columns, as narrow as a line of `columns` columns wants them, with a
/// space between two of them. Where they do not fit at all, as narrow as they can be.
pub(super) fn fit(indent: usize, rooms: &[Room], columns: usize) -> (usize, Vec<usize>) {
    let mut line = Line::of(indent, rooms, columns);
    line.give_padding();
    if line.excess == 0 {
        return (line.indent, line.widths);
    }
    // A count is shorter at once, not by and by, and may leave room for what has given way.
    let counted: Vec<Room> = rooms.iter().copied().map(Room::counted).collect();
    let mut line = Line::of(indent, &counted, columns);
    line.give_padding();
    line.give_cells();
    (line.indent, line.widths)
}

/// A line that becomes narrower.
struct Line<'a> {
    rooms: &'a [Room],
    indent: usize,
    widths: Vec<usize>,
    /// How many columns it is too long.
    excess: usize,
}

impl<'a> Line<'a> {
    fn of(indent: usize, rooms: &'a [Room], columns: usize) -> Self {
        let widths: Vec<usize> = rooms.iter().map(|room| room.padded).collect();
        let between = rooms.len().saturating_sub(1);
        let whole = indent + between + widths.iter().sum::<usize>();
        Self { rooms, indent, widths, excess: whole.saturating_sub(columns) }
    }

    /// What costs nothing that is read: padding, long titles, the middle of IPv6 addresses, and what
    /// other columns repeat.
    fn give_padding(&mut self) {
        self.narrow(|room| room.cells.max(room.title));
        let taken = self.excess.min(self.indent);
        self.indent -= taken;
        self.excess -= taken;
        self.narrow(|room| match room.gives_way {
            GiveWay::Addresses => room.ipv4().max(room.title),
            _ => usize::MAX,
        });
        self.narrow(|room| match room.gives_way {
            GiveWay::Addresses => room.ipv4(),
            _ => room.cells.max(room.short_title()),
        });
        self.narrow(|room| match room.gives_way {
            GiveWay::Last => room.own.max(NAME).max(room.least),
            _ => usize::MAX,
        });
    }

    fn give_cells(&mut self) {
        for (gives_way, kept) in STEPS {
            self.narrow(|room| {
                let title = if gives_way == GiveWay::Late { 0 } else { room.short_title() };
                let floor = room.least.max(kept).max(title);
                if room.gives_way == gives_way { floor } else { usize::MAX }
            });
        }
        self.narrow(|room| room.least);
    }

    /// Takes the excess from the columns, one at a time from the widest of those that are wider than
    /// their `floor`.
    fn narrow(&mut self, floor: impl Fn(&Room) -> usize) {
        while self.excess > 0 {
            let columns = self.widths.iter_mut().zip(self.rooms);
            let wider = columns.filter(|(width, room)| **width > floor(room));
            let Some((widest, _)) = wider.max_by_key(|(width, _)| **width) else { break };
            *widest -= 1;
            self.excess -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn room(
        padded: usize,
        title: usize,
        cells: usize,
        least: usize,
        gives_way: GiveWay,
    ) -> Room {
        Room { padded, title, cells, own: cells, least, gives_way }
    }

    /// The netstat table with cells of these widths.
    fn netstat(address: usize, pid: usize, image: usize) -> [Room; 6] {
        let end = room(address.max(22), 15, address, 8, GiveWay::Addresses);
        [
            room(6, 5, 3, 3, GiveWay::Never),
            end,
            end,
            room(15, 5, 11, 11, GiveWay::Never),
            room(pid.max(8), 3, pid, pid.min(7), GiveWay::Counted),
            room(image.max(10), 10, image, 1, GiveWay::Last),
        ]
    }

    #[test]
    fn what_fits_stays_as_it_is() {
        assert_eq!(fit(2, &netstat(14, 5, 6), 90), (2, vec![6, 22, 22, 15, 8, 10]));
    }

    #[test]
    fn padding_goes_first_then_titles_then_addresses_and_names_last() {
        let widths = |columns| fit(2, &netstat(21, 7, 12), columns);
        assert_eq!(widths(92), (2, vec![6, 22, 22, 15, 8, 12]));
        assert_eq!(widths(88), (2, vec![6, 21, 21, 13, 8, 12]));
        assert_eq!(widths(84), (2, vec![5, 21, 21, 11, 7, 12]));
        assert_eq!(widths(82), (0, vec![5, 21, 21, 11, 7, 12]));
        assert_eq!(widths(80), (0, vec![5, 20, 20, 11, 7, 12]));
        assert_eq!(widths(60), (0, vec![5, 10, 10, 11, 7, 12]));
        assert_eq!(widths(50), (0, vec![5, 8, 8, 11, 7, 6]));
        assert_eq!(widths(36), (0, vec![3, 8, 8, 11, 7, 1]));
    }

    #[test]
    fn a_long_address_gives_way_before_a_title_and_a_long_title_before_a_short_address() {
        let widths = |columns| fit(2, &netstat(47, 5, 7), columns);
        assert_eq!(widths(90), (0, vec![5, 27, 27, 11, 5, 10]));
        assert_eq!(widths(78), (0, vec![5, 21, 21, 11, 5, 10]));
        assert_eq!(widths(75), (0, vec![5, 21, 21, 11, 5, 7]));
        assert_eq!(widths(60), (0, vec![5, 14, 13, 11, 5, 7]));
        assert_eq!(widths(50), (0, vec![5, 9, 8, 11, 5, 7]));
        let short = |columns| fit(2, &netstat(14, 1, 7), columns);
        assert_eq!(short(60), (0, vec![5, 14, 14, 11, 3, 8]));
    }

    #[test]
    fn a_reason_that_the_state_repeats_gives_way_before_a_short_address() {
        let mut rooms = netstat(15, 3, 14);
        assert_eq!(fit(2, &rooms, 60), (0, vec![5, 11, 11, 11, 3, 14]));
        rooms[5].own = 7;
        assert_eq!(fit(2, &rooms, 60), (0, vec![5, 14, 14, 11, 3, 8]));
        assert_eq!(fit(2, &rooms, 65), (0, vec![5, 15, 15, 11, 3, 11]));
    }

    #[test]
    fn a_long_column_takes_what_is_left() {
        let rooms = [room(14, 5, 14, 8, GiveWay::Addresses), room(300, 7, 300, 1, GiveWay::First)];
        assert_eq!(fit(0, &rooms, 80).1, [14, 65]);
        assert_eq!(fit(0, &rooms, 24).1, [14, 9]);
        assert_eq!(fit(0, &rooms, 15).1, [13, 1]);
        assert_eq!(fit(0, &rooms, 1).1, [8, 1]);
    }

    proptest! {
        #[test]
        fn a_line_is_never_longer_than_it_has_to_be(
            address in 1_usize..60,
            pid in 1_usize..40,
            image in 1_usize..300,
            columns in 50_usize..250,
        ) {
            let rooms = netstat(address, pid, image);
            let (indent, widths) = fit(2, &rooms, columns);
            prop_assert!(indent + widths.iter().sum::<usize>() + 5 <= columns);
            for (room, width) in rooms.iter().zip(&widths) {
                prop_assert!(*width >= room.least.min(room.cells) && *width <= room.padded);
            }
        }
    }
}
