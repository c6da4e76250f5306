//! `portwho wait`: its arguments, and the request that they make.

use std::time::Duration;

use clap::Args;

use super::args::SelectArgs;
use super::values::seconds;
use super::{Selection, UsageError, command_names, ports, selection};

/// Shown below the options.
pub(super) const DETAILS: &str = "\
By default wait returns when a TCP socket listens on every PORT (with -u or /udp: when an \
unconnected UDP socket is bound to it), at the address or covering it. With several PORTs and ranges \
all of them have to be open at the same moment. An owner that does not exist yet is waited for. \
Listening is not ready: a server may still be starting, and docker-proxy listens before the server \
in the container does.\n\
With --free it returns when every PORT can be bound, at both addresses of localhost. Connections in \
TIME_WAIT are reported and not waited for.\n\
No PORT is bound, and nothing is connected to.\n\
Exit codes: 0 reached, 1 time is up, 2 usage error or failure, 130 Ctrl-C.";

/// Waiting.
#[derive(Args, Debug)]
pub(super) struct WaitArgs {
    /// Local port, or a list: 80, 80,443, 8000-8010, http, 53/udp, localhost:80, [::1]:80
    #[arg(value_name = "PORT", required = true)]
    ports: Vec<String>,
    /// Wait until nothing holds a PORT any longer; TIME_WAIT and connections are reported
    #[arg(long, conflicts_with_all = ["pid", "name", "user"])]
    free: bool,
    /// Longest wait: seconds, 500ms, 2m, or none for no limit; 0 checks once
    #[arg(long, value_name = "TIME", value_parser = timeout, default_value = "60")]
    timeout: Timeout,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    select: SelectArgs,
}

/// A request to wait.
#[derive(Debug)]
pub struct WaitRequest {
    /// Ports and owners.
    pub selection: Selection,
    /// What the ports have to be.
    pub condition: Condition,
    /// How long it waits at most.
    pub timeout: Timeout,
    /// As JSON.
    pub json: bool,
}

/// What is waited for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Condition {
    /// Something listens on every port.
    Open,
    /// Every port can be bound.
    Free,
}

impl Condition {
    /// Its name in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Free => "free",
        }
    }
}

/// How long a command waits at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timeout {
    /// So long; zero for a single check.
    After(Duration),
    /// Without a limit.
    Never,
}

/// The request.
pub(super) fn request(args: WaitArgs) -> Result<WaitRequest, UsageError> {
    let ports = ports::local(&args.ports, &command_names(), false)?;
    Ok(WaitRequest {
        selection: selection(ports, args.select)?,
        condition: if args.free { Condition::Free } else { Condition::Open },
        timeout: args.timeout,
        json: args.json,
    })
}

/// A day; a longer wait is taken for a typing error.
const LONGEST: Duration = Duration::from_hours(24);

/// Seconds, a number with units, or `none`.
fn timeout(word: &str) -> Result<Timeout, String> {
    if word.eq_ignore_ascii_case("none") {
        return Ok(Timeout::Never);
    }
    let with_units = || humantime::parse_duration(word).ok().filter(|time| *time <= LONGEST);
    let time = seconds(word).ok().or_else(with_units).map(Timeout::After);
    time.ok_or_else(|| "not a time of a day at most; examples: 30, 0.5, 500ms, 2m, none".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_seconds_or_has_units() {
        let ms = |ms| Ok(Timeout::After(Duration::from_millis(ms)));
        for (word, expected) in [
            ("0", ms(0)),
            ("2", ms(2000)),
            ("0.5", ms(500)),
            ("500ms", ms(500)),
            ("1.5s", ms(1500)),
            ("2m", ms(120_000)),
            ("1h 30m", ms(5_400_000)),
            ("24h", ms(86_400_000)),
            ("none", Ok(Timeout::Never)),
        ] {
            assert_eq!(timeout(word), expected, "{word}");
        }
        for word in ["", "-1", "ms", "2 parsecs", "25h", "86401", "inf", "NaN", "never"] {
            assert!(timeout(word).is_err(), "{word}");
        }
    }
}
