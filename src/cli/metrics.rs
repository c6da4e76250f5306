//! `portwho metrics`: its arguments, and the request that they make.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::args::FilterArgs;
use super::values::some_time;
use super::{FilterRequest, UsageError, filter_request, ports};
use crate::model::OwnerSearch;
use crate::query::PortTerm;

/// Whether the program was built with what `--listen` requires.
#[cfg(feature = "exporter")]
const EXPORTS: bool = true;
#[cfg(not(feature = "exporter"))]
const EXPORTS: bool = false;

/// Shown below the options.
pub(super) const DETAILS: &str = "\
One look at the machine in the text format of Prometheus (0.0.4), findings of doctor included. \
node_exporter and windows_exporter read such files: portwho metrics --output DIR/portwho.prom, run \
regularly.\n\
Labels are few: a program that is not in a directory of the system is \"other\", an ephemeral port \
\"ephemeral\", an address one of any, loopback, link_local, private and global.\n\
A table that could not be read has no samples, and portwho_look_success says so.\n\
Exit codes: 0 metrics were written, 2 usage error, or nothing could be read or written.";

/// Metrics.
#[derive(Args, Debug)]
pub(super) struct MetricsArgs {
    #[command(flatten)]
    filters: FilterArgs,
    /// Sockets of every network namespace (Linux, as root)
    #[arg(long, help_heading = "Scope")]
    all_netns: bool,
    /// Write to FILE, which ends in .prom, and replace it at once
    #[arg(short, long, value_name = "FILE", value_parser = file, help_heading = "Options")]
    output: Option<PathBuf>,
    /// Look twice, TIME apart (1s, 500ms), for the checks of doctor that require it
    #[arg(long, value_name = "TIME", value_parser = some_time, help_heading = "Options")]
    interval: Option<Duration>,
    /// Ephemeral ports that are services and keep their number, a list: 50051,33060
    #[arg(long = "ports", value_name = "LIST", help_heading = "Options")]
    named_ports: Vec<String>,
    /// Serve GET /metrics there, with a look for each scrape (127.0.0.1 without ADDR)
    #[arg(long, value_name = "[ADDR:]PORT", value_parser = address,
          conflicts_with_all = ["output", "interval"], help_heading = "Options")]
    listen: Option<SocketAddr>,
}

/// A request for metrics.
#[derive(Debug)]
pub struct MetricsRequest {
    /// Which sockets; none for the whole machine.
    pub filters: Option<FilterRequest>,
    /// Whether every network namespace is looked at.
    pub all_namespaces: bool,
    /// Where they are written; none for stdout.
    pub output: Option<PathBuf>,
    /// How far apart the looks are; none for one look.
    pub interval: Option<Duration>,
    /// Ports that keep their number.
    pub named_ports: Vec<PortTerm>,
    /// Where they are served.
    pub listen: Option<SocketAddr>,
    /// By which way owners are searched; none where that was not said.
    pub owners: Option<OwnerSearch>,
}

/// The request.
pub(super) fn request(args: MetricsArgs) -> Result<MetricsRequest, UsageError> {
    let narrows = args.filters.narrows();
    let filters = filter_request(args.filters)?;
    if args.listen.is_some() && !EXPORTS {
        return Err(UsageError::WithoutFeature { option: "--listen", feature: "exporter" });
    }
    Ok(MetricsRequest {
        owners: filters.selection.owners,
        filters: narrows.then_some(filters),
        all_namespaces: args.all_netns,
        output: args.output,
        interval: args.interval,
        named_ports: ports::plain(&args.named_ports)?,
        listen: args.listen,
    })
}

/// A file that the collectors of textfiles read.
fn file(word: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(word);
    let is_read = path.extension().is_some_and(|extension| extension == "prom");
    if is_read { Ok(path) } else { Err("FILE must end in .prom".to_owned()) }
}

/// An address and a port, or a port on the loopback address.
fn address(word: &str) -> Result<SocketAddr, String> {
    let port = word.strip_prefix(':').unwrap_or(word).parse().ok();
    let on_loopback = port.map(|port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port));
    let address = on_loopback.or_else(|| word.parse().ok());
    address.ok_or_else(|| {
        "not an address and a port; examples: 9467, 10.0.0.5:9467, [::1]:9467".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_loopback() {
        for (word, expected) in [
            ("9467", "127.0.0.1:9467"),
            (":9467", "127.0.0.1:9467"),
            ("0.0.0.0:9467", "0.0.0.0:9467"),
            ("[::1]:0", "[::1]:0"),
        ] {
            assert_eq!(address(word).unwrap().to_string(), expected);
        }
        for word in ["", "localhost:80", "10.0.0.5", "70000", "::1:80x"] {
            assert!(address(word).is_err(), "{word}");
        }
    }

    #[test]
    fn only_files_that_are_collected_are_written() {
        for word in ["/var/lib/node_exporter/portwho.prom", "a.b.prom"] {
            assert!(file(word).is_ok(), "{word}");
        }
        for word in ["portwho", "portwho.txt", "portwho.prom.tmp", ".prom", ""] {
            assert!(file(word).is_err(), "{word}");
        }
    }
}
