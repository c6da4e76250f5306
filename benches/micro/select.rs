use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use portwho::model::StateSet;
use portwho::query::{Filter, SortKey, select};

use crate::sample::{SOCKETS, snapshot};

/// Every socket, in the order of the table.
#[divan::bench]
fn everything(bencher: Bencher<'_, '_>) {
    run(bencher, &Filter::everything(), SortKey::Port);
}

/// The few that are stuck.
#[divan::bench]
fn stuck(bencher: Bencher<'_, '_>) {
    run(bencher, &Filter { states: StateSet::STUCK, ..Filter::everything() }, SortKey::Port);
}

/// In the order of the owners' names, which have to be looked up.
#[divan::bench]
fn by_image(bencher: Bencher<'_, '_>) {
    run(bencher, &Filter::everything(), SortKey::Image);
}

fn run(bencher: Bencher<'_, '_>, filter: &Filter, key: SortKey) {
    let snapshot = snapshot();
    bencher
        .counter(ItemsCount::new(SOCKETS))
        .bench_local(|| select(black_box(&snapshot), filter, key).rows.len());
}
