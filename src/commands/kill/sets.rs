//! Disjoint sets of places: which of them belong together.

use super::holdings::Place;

/// Sets that are united step by step.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// A member of the same set that is nearer to its first one.
    parent: Vec<Place>,
    size: Vec<usize>,
}

impl Sets {
    /// Each of `count` places by itself.
    pub(super) fn of(count: usize) -> Self {
        Self { parent: (0..count).collect(), size: vec![1; count] }
    }

    /// The member that stands for the set of a place.
    pub(super) fn find(&self, place: Place) -> Place {
        let mut at = place;
        while let Some(&parent) = self.parent.get(at).filter(|parent| **parent != at) {
            at = parent;
        }
        at
    }

    /// Makes one set of two. Returns the members that stood for them, the one that stands for both
    /// from now on first; none where they are one already.
    pub(super) fn unite(&mut self, one: Place, other: Place) -> Option<(Place, Place)> {
        let (one, other) = (self.find(one), self.find(other));
        if one == other {
            return None;
        }
        // The smaller one joins the larger one, so that every way to the first member is short.
        let size = |place: Place| self.size.get(place).copied().unwrap_or_default();
        let (kept, joined) = if size(one) >= size(other) { (one, other) } else { (other, one) };
        let sum = size(one) + size(other);
        if let Some(size) = self.size.get_mut(kept) {
            *size = sum;
        }
        if let Some(parent) = self.parent.get_mut(joined) {
            *parent = kept;
        }
        Some((kept, joined))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_united_has_one_member_that_stands_for_it() {
        let mut sets = Sets::of(5);
        assert!(sets.unite(0, 1).is_some() && sets.unite(2, 3).is_some());
        assert_ne!(sets.find(1), sets.find(3));
        assert!(sets.unite(1, 3).is_some() && sets.unite(0, 2).is_none());
        let found = [0, 1, 2, 3].map(|place| sets.find(place));
        assert!(found.iter().all(|first| *first == found[0]), "{found:?}");
        assert_eq!(sets.find(4), 4);
    }
}
