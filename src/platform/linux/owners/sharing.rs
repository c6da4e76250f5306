//! What several tasks share: tables of descriptors, and files, told apart by kcmp(2).
//!
//! kcmp puts what it compares in an order that lasts until the next boot, so that one more is
//! settled with few calls.

use std::cmp::Ordering;
use std::io;

use super::super::ffi;
use super::findings::Ring;

/// What kcmp(2) can compare.
pub(super) trait Compared {
    /// Their order; equal when they are the same.
    ///
    /// # Errors
    /// Where the kernel or a sandbox refuses it, or one of them is gone.
    fn compare(&self, other: &Self) -> io::Result<Ordering>;
}

/// The table of descriptors of a thread, by its id.
impl Compared for u32 {
    fn compare(&self, other: &Self) -> io::Result<Ordering> {
        ffi::compare_tables(*self, *other)
    }
}

impl Compared for Ring {
    fn compare(&self, other: &Self) -> io::Result<Ordering> {
        ffi::compare_files((self.thread, self.descriptor), (other.thread, other.descriptor))
    }
}

/// Different ones, in order.
#[derive(Debug)]
pub(super) struct Known<T> {
    all: Vec<T>,
    /// Places in `all`, in the order of the kernel.
    order: Vec<usize>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { all: Vec::new(), order: Vec::new() }
    }
}

/// What was found out about one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Settled {
    /// It is the one at this place.
    Same(usize),
    /// It is another one, and has this place now.
    New(usize),
    /// Unknown.
    Unknown,
}

impl<T: Compared> Known<T> {
    /// Compares one with those that are known. What cannot be compared is not added.
    pub(super) fn settle(&mut self, one: T) -> Settled {
        let mut failed = false;
        let found = self.order.binary_search_by(|place| {
            let order = self.all.get(*place).map(|known| known.compare(&one));
            // One that is gone stands where it stood; the comparison goes on around it.
            order.and_then(Result::ok).unwrap_or_else(|| {
                failed = true;
                Ordering::Less
            })
        });
        match found {
            Ok(place) => Settled::Same(self.order.get(place).copied().unwrap_or_default()),
            Err(_) if failed => Settled::Unknown,
            Err(place) => {
                self.order.insert(place, self.all.len());
                self.all.push(one);
                Settled::New(self.all.len() - 1)
            }
        }
    }

    /// The one at this place.
    pub(super) fn get(&self, place: usize) -> Option<&T> {
        self.all.get(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug)]
    struct Number(Option<u8>);

    impl Compared for Number {
        fn compare(&self, other: &Self) -> io::Result<Ordering> {
            match (self.0, other.0) {
                (Some(one), Some(other)) => Ok(one.cmp(&other)),
                _ => Err(io::Error::from(io::ErrorKind::NotFound)),
            }
        }
    }

    #[test]
    fn shared_tables_are_recognized() {
        let mut known = Known::default();
        let settled = [5, 3, 5, 9, 3, 9].map(|number| known.settle(Number(Some(number))));
        let expected = [
            Settled::New(0),
            Settled::New(1),
            Settled::Same(0),
            Settled::New(2),
            Settled::Same(1),
            Settled::Same(2),
        ];
        assert_eq!(settled, expected);
    }

    #[test]
    fn what_cannot_be_compared_is_not_the_same_as_anything() {
        let mut known = Known::default();
        assert_eq!(known.settle(Number(Some(5))), Settled::New(0));
        assert_eq!(known.settle(Number(None)), Settled::Unknown);
        assert_eq!(known.settle(Number(Some(5))), Settled::Same(0));
    }
}
