use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike};
use rustix::param::clock_ticks_per_second;

/// What is measured on.
pub fn words() -> String {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = release.split('.').take(2).collect::<Vec<_>>().join(".");
    let user = if is_first_namespace() { "root" } else { "root of a user namespace" };
    let cores = if cores == 1 { "1 core".to_owned() } else { format!("{cores} cores") };
    format!("{cores}, Linux {kernel}, as {user}")
}

/// Whether all users are mapped to themselves, as in the machine's own user namespace.
pub fn is_first_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().last() == Some("4294967295")
}

/// Watches what else the machine does.
pub struct Witness {
    start: Instant,
    busy: Busy,
    own: Duration,
}

impl Witness {
    /// Watches from now on.
    ///
    /// # Errors
    /// When the machine does not tell.
    pub fn start() -> anyhow::Result<Self> {
        Ok(Self { start: Instant::now(), busy: Busy::now()?, own: own_time()? })
    }

    /// How much of a core was not spent on the comparison since.
    ///
    /// # Errors
    /// When the machine does not tell.
    pub fn words(&self) -> anyhow::Result<String> {
        let now = Busy::now()?;
        let own = own_time()?.saturating_sub(self.own);
        let others = now.here.saturating_sub(self.busy.here).saturating_sub(own);
        let stolen = now.stolen.saturating_sub(self.busy.stolen);
        let share = |time: Duration| time.as_secs_f64() / self.start.elapsed().as_secs_f64();
        Ok(format!(
            "Meanwhile other work took {:.2} of a core, and other virtual machines {:.2}.",
            share(others),
            share(stolen)
        ))
    }
}

/// Time of all cores since the machine was started, by the first line of proc_stat(5).
struct Busy {
    /// Not idle, and not waiting for a disk.
    here: Duration,
    /// The host ran something else.
    stolen: Duration,
}

impl Busy {
    fn now() -> anyhow::Result<Self> {
        let text = fs::read_to_string("/proc/stat")?;
        let numbers = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
        let ticks: Vec<u64> = numbers.map_while(|number| number.parse().ok()).collect();
        let [user, nice, system, _idle, _wait, irq, softirq, stolen, ..] = ticks[..] else {
            anyhow::bail!("cannot understand /proc/stat");
        };
        let time = |ticks: u64| Duration::from_millis(ticks * 1000 / clock_ticks_per_second());
        Ok(Self { here: time(user + nice + system + irq + softirq), stolen: time(stolen) })
    }
}

/// What this process and those that it has waited for have taken on all cores.
fn own_time() -> anyhow::Result<Duration> {
    let of = |who| -> anyhow::Result<Duration> {
        let usage = getrusage(who).context("cannot read the time taken")?;
        Ok(duration(usage.user_time()) + duration(usage.system_time()))
    };
    Ok(of(UsageWho::RUSAGE_SELF)? + of(UsageWho::RUSAGE_CHILDREN)?)
}

fn duration(time: TimeVal) -> Duration {
    Duration::from_micros(time.num_microseconds().unsigned_abs())
}
