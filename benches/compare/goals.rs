//! What portwho is to reach, and whether it did.

use std::time::Duration;

use crate::report::Report;
use crate::rounds::Contestant;
use crate::table::{mebibytes, milliseconds, ratio, titled};
use crate::workloads::{IDLE_LAPTOP, MANY_SOCKETS, MILLION, S};

/// A bound on one command of portwho in one workload.
struct Goal {
    workload: &'static str,
    own: &'static str,
    bound: Bound,
}

enum Bound {
    /// At most this share of what another command takes.
    Time(f64, &'static str),
    /// Less than this many MiB at the peak.
    Memory(u64),
}

const fn time(workload: &'static str, own: &'static str, share: f64, of: &'static str) -> Goal {
    Goal { workload, own, bound: Bound::Time(share, of) }
}

/// Medians, on two cores, as root.
const GOALS: [Goal; 13] = [
    time(MILLION, "portwho -l 127.1.0.1:9000", 0.06, "ss -tlnp 'src 127.1.0.1 sport = :9000'"),
    time(S, "portwho -l 9000", 0.20, "ss -tlnp 'sport = :9000'"),
    time(S, "portwho -l 9000", 0.18, "lsof -nP -iTCP:9000 -sTCP:LISTEN"),
    time(S, "portwho -l 9000", 0.05, "fuser 9000/tcp"),
    time(S, "portwho -l 127.1.0.1:9000", 0.10, "ss -tlnp 'src 127.1.0.1 sport = :9000'"),
    time(S, "portwho -l 127.1.0.1:9000", 1.0 / 7.0, "lsof -nP -iTCP@127.1.0.1:9000 -sTCP:LISTEN"),
    time(S, "portwho", 0.30, "ss -tanp"),
    time(S, "portwho 4", 0.05, "ss -tanp"),
    time(MANY_SOCKETS, "portwho", 0.5, "ss -tanp"),
    Goal { workload: MANY_SOCKETS, own: "portwho", bound: Bound::Memory(100) },
    time(MANY_SOCKETS, "portwho --state LISTEN", 0.1, "ss -tanp"),
    time(MANY_SOCKETS, "portwho 4", 0.1, "ss -tanp"),
    time(IDLE_LAPTOP, "portwho -tl", 2.0, "ss -tlnp"),
];

/// The goals of those workloads that were run as a whole; none if there are no such.
pub fn section(reports: &[Report]) -> Option<String> {
    let mut table = titled(["workload", "goal", "measured", "ratio", ""]);
    for goal in &GOALS {
        let is_meant = |report: &&Report| report.workload.name == goal.workload;
        let whole = reports.iter().find(is_meant).filter(|report| report.reduced.is_empty());
        if let Some(report) = whole {
            table.add_row(goal.row(report));
        }
    }
    (!table.is_empty()).then(|| format!("### Goals\n\n{table}"))
}

impl Goal {
    fn row(&self, report: &Report) -> [String; 5] {
        let own = find(report, self.own);
        let verdict = match self.bound {
            Bound::Time(share, of) => own.and_then(|own| {
                let (own, other) = (own.wall()?, find(report, of)?.wall()?);
                Some(Verdict::of_time(own, other, share))
            }),
            Bound::Memory(mib) => {
                own.and_then(Contestant::peak_kib).map(|peak| Verdict::of_memory(peak, mib))
            }
        };
        let Verdict { measured, ratio, met } = verdict.unwrap_or_else(Verdict::unknown);
        [self.workload.to_owned(), self.words(), measured, ratio, met.to_owned()]
    }

    fn words(&self) -> String {
        match self.bound {
            Bound::Time(share, of) => format!("`{}` at most {share:.2} of `{of}`", self.own),
            Bound::Memory(mib) => format!("`{}` in less than {mib} MiB", self.own),
        }
    }
}

fn find<'a>(report: &'a Report, line: &str) -> Option<&'a Contestant> {
    let contestants = report.answers.iter().flat_map(|answer| &answer.contestants);
    contestants.into_iter().find(|contestant| contestant.line.0 == line)
}

struct Verdict {
    measured: String,
    ratio: String,
    met: &'static str,
}

impl Verdict {
    fn of_time(own: Duration, other: Duration, share: f64) -> Self {
        let ratio = ratio(own, other);
        Self {
            measured: format!("{} of {}", milliseconds(own), milliseconds(other)),
            ratio: format!("{ratio:.3}"),
            met: met(ratio <= share),
        }
    }

    fn of_memory(peak_kib: u64, mib: u64) -> Self {
        Self {
            measured: mebibytes(peak_kib),
            ratio: String::new(),
            met: met(peak_kib < mib * 1024),
        }
    }

    fn unknown() -> Self {
        Self { measured: "not measured".to_owned(), ratio: String::new(), met: "" }
    }
}

const fn met(is: bool) -> &'static str {
    if is { "met" } else { "missed" }
}
