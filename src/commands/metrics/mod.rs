//! `portwho metrics`: one look as text for Prometheus, to stdout, to a file, or served.

#[cfg(feature = "exporter")]
mod listen;
mod look;
mod memory;

use std::path::Path;
use std::time::Duration;

use anyhow::{anyhow, bail};

use super::shared::{filter, in_the_way};
use super::{Outcome, Output};
use crate::cli::MetricsRequest;
use crate::model::Untrusted;
use crate::platform::{Readers, System, reason, replace_file};
use crate::query::Ways;
use crate::text::escape::Escaped;
use crate::text::{errors, gaps, metrics as text};
use look::{Seen, Wanted, exposition, look};

/// Looks, and writes the metrics.
pub(super) fn run(
    request: &MetricsRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    if request.listen.is_some() {
        bail!(text::CANNOT_SERVE);
    }
    let wanted = wanted(request, system)?;
    let (seen, earlier) = looks(request.interval, &wanted, system)?;
    let earlier =
        earlier.as_ref().map(|earlier| (earlier, earlier.age().saturating_sub(seen.age())));
    let mut memory = request.output.as_deref().map(memory::read).unwrap_or_default();
    let text = exposition(&seen, earlier, &wanted, None, &mut memory.values);
    match &request.output {
        None => {
            output.result(|out| out.write_all(&text))?;
            tell_gaps(&seen, output);
        }
        Some(file) => {
            write(file, &text, system)?;
            memory::write(file, &memory, system, output);
        }
    }
    Ok(Outcome::Success)
}

/// Replaces FILE.
fn write(file: &Path, metrics: &[u8], system: &impl System) -> anyhow::Result<()> {
    replace_file(file, metrics, Readers::Everybody, &|pid| system.is_absent(pid))
        .map_err(|error| anyhow!(text::not_written(&shown(file), &reason(&error))))
}

/// The name of a file as it is printed.
fn shown(file: &Path) -> String {
    Escaped(&Untrusted::new(file.as_os_str().as_encoded_bytes())).to_string()
}

/// Serves metrics where that was asked for; otherwise as [`run`].
pub(super) fn start<S: System + Sync>(
    request: &MetricsRequest,
    system: &'static S,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    #[cfg(feature = "exporter")]
    if let Some(address) = request.listen {
        return listen::run(request, address, system, output);
    }
    run(request, system, output)
}

fn wanted(request: &MetricsRequest, system: &impl System) -> anyhow::Result<Wanted> {
    if request.all_namespaces && !system.capabilities().network_namespaces {
        bail!(errors::NO_NAMESPACES);
    }
    let filter = request.filters.as_ref().map(|asked| filter::of_request(asked, system));
    let filter = filter.transpose()?;
    Ok(Wanted {
        filter: filter.map(|filter| in_the_way::widened(filter, Ways::Covering, system)),
        all_namespaces: request.all_namespaces,
        named_ports: filter::plain_ports(&request.named_ports, system)?,
    })
}

/// The look, and the one before it where an interval is given.
fn looks(
    interval: Option<Duration>,
    wanted: &Wanted,
    system: &impl System,
) -> anyhow::Result<(Seen, Option<Seen>)> {
    let first = look(wanted, system)?;
    let Some(interval) = interval else { return Ok((first, None)) };
    system.pause(interval.saturating_sub(first.age()));
    Ok((look(wanted, system)?, Some(first)))
}

/// What could not be seen is in the metrics too: nothing is said of it where a timer writes a file.
fn tell_gaps(seen: &Seen, output: &mut Output) {
    for gap in seen.gaps() {
        output.remark(gaps::line(gap));
    }
}
