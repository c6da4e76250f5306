use std::io;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use portwho::query::{Filter, SortKey, select};
use portwho::render::{Json, Pids, Style, Summary, Tables, View};

use crate::sample::{SOCKETS, snapshot};

const PLAIN: Style = Style { header: true, color: false, columns: None };

#[divan::bench]
fn tables(bencher: Bencher<'_, '_>) {
    write(bencher, &Tables(PLAIN));
}

#[divan::bench]
fn json(bencher: Bencher<'_, '_>) {
    write(bencher, &Json);
}

#[divan::bench]
fn summary(bencher: Bencher<'_, '_>) {
    write(bencher, &Summary(PLAIN));
}

#[divan::bench]
fn pids(bencher: Bencher<'_, '_>) {
    write(bencher, &Pids);
}

fn write(bencher: Bencher<'_, '_>, view: &dyn View) {
    let (snapshot, filter) = (snapshot(), Filter::everything());
    let rows = select(&snapshot, &filter, SortKey::Port);
    bencher
        .counter(ItemsCount::new(SOCKETS))
        .bench_local(|| view.write(black_box(&rows), &mut io::sink()).unwrap());
}
