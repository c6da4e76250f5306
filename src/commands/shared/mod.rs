//! What several verbs share.

pub(super) mod absent;
pub(super) mod claim;
pub(super) mod color;
pub(super) mod elsewhere;
pub(super) mod filter;
pub(super) mod forwarded;
pub(super) mod images;
pub(super) mod in_the_way;
pub(super) mod inspect;
pub(super) mod installed;
pub(super) mod measured;
pub(super) mod near_misses;
pub(super) mod output;
pub(super) mod report;
pub(super) mod served;
pub(super) mod survey;
