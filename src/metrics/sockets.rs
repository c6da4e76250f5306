//! The sockets of each owner, and the oldest that it does not close.

use rustc_hash::FxHashMap;

use super::family::count;
use super::owners::Owners;
use super::{Family, LabelSet, LabelValue, Look};
use crate::findings::close_wait_age_ms;
use crate::model::{Protocol, TcpState};
use crate::text::metrics as text;

/// How many sockets there are of each protocol, state and owner.
pub(super) fn counts(look: &Look<'_>, owners: &Owners<'_>) -> Family {
    let mut family = Family::gauge(text::SOCKETS);
    // Most of thousands of sockets are alike.
    let mut alike: FxHashMap<(Protocol, Option<TcpState>, LabelSet), u64> = FxHashMap::default();
    for (machine, row) in look.rows() {
        let mut owner = LabelSet::new();
        owners.extend(&mut owner, &owners.of_row(machine, row));
        *alike.entry((row.socket.protocol, row.socket.state, owner)).or_default() += 1;
    }
    for ((protocol, state, owner), number) in alike {
        let mut labels =
            vec![("protocol", LabelValue::word(protocol.word())), ("state", word(state))];
        labels.extend(owner);
        family.add(labels, count(number));
    }
    family
}

/// The name of a state; one that portwho does not know by its number.
fn word(state: Option<TcpState>) -> LabelValue {
    state.map_or(LabelValue::NONE, |state| LabelValue::of(&state.to_string().into()))
}

/// The age of the oldest CLOSE_WAIT of each owner, where the system tells ages.
pub(super) fn oldest_close_wait(look: &Look<'_>, owners: &Owners<'_>) -> Family {
    let mut family = Family::gauge(text::CLOSE_WAIT_OLDEST);
    for (machine, row) in look.rows() {
        if row.socket.state != Some(TcpState::CloseWait) {
            continue;
        }
        let Some(age) = close_wait_age_ms(row) else { continue };
        let mut labels = LabelSet::new();
        owners.extend(&mut labels, &owners.of_row(machine, row));
        family.raise(labels, f64::from(age) / 1000.0);
    }
    family
}
