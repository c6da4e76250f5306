//! `--try-bind`: the system's own answer.

use std::io::{self, ErrorKind};
use std::net::IpAddr;

use anyhow::bail;

use super::vacancy::{PORTS_TOLD, Spot};
use crate::model::{Families, Protocol};
use crate::platform::{System, reason};
use crate::query::{Filter, Protocols};
use crate::text::ports::bind as text;

/// What the system answered for a port.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The port.
    pub(super) spot: Spot,
    /// Why it said no somewhere, in its own words.
    pub(super) refusal: Option<String>,
    /// Its answers in words.
    pub(super) words: String,
}

/// Binds every port of `filter`, for a moment, with `protocols` where it names none itself.
///
/// # Errors
/// When no port was named, or too many.
pub(super) fn all(
    filter: &Filter,
    protocols: Protocols,
    system: &impl System,
) -> anyhow::Result<Vec<Attempt>> {
    let Some(local) = &filter.local else { bail!(text::NO_PORT) };
    let (spots, count) = Spot::all(local);
    if count > PORTS_TOLD {
        bail!(text::too_many(PORTS_TOLD));
    }
    let families = filter.families;
    let each = |protocol| {
        let asked = spots.iter().filter(move |spot| spot.protocols(protocols).contains(protocol));
        asked.map(move |&spot| attempt(spot, protocol, families, system))
    };
    Ok([Protocol::Tcp, Protocol::Udp].into_iter().flat_map(each).collect())
}

/// `port 80: a TCP bind succeeds at 127.0.0.1; it fails at 0.0.0.0: address in use`.
fn attempt(spot: Spot, protocol: Protocol, families: Families, system: &impl System) -> Attempt {
    let (mut bound, mut refused, mut refusal, mut denied) = (Vec::new(), Vec::new(), None, false);
    for end in spot.ends(families) {
        let name = match end.address {
            IpAddr::V6(address) => format!("[{address}]"),
            IpAddr::V4(address) => address.to_string(),
        };
        match system.try_bind(protocol, end, spot.interface()) {
            Ok(()) => bound.push(name),
            Err(error) => {
                if spot.is_at_address() || is_about_port(&error) {
                    refusal.get_or_insert(reason(&error));
                }
                denied |= error.kind() == ErrorKind::PermissionDenied;
                refused.push(format!("{name}: {}", reason(&error)));
            }
        }
    }
    let answers = text::Answers {
        spot: spot.words(),
        protocol,
        reuse: system.capabilities().reuses_address(protocol),
        bound,
        refused,
        may_be_excluded: denied && system.capabilities().unlisted_reservations,
    };
    Attempt { spot, refusal, words: text::answers(&answers) }
}

/// Whether a refusal concerns the port: without IPv6 its addresses cannot be bound at all.
fn is_about_port(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
}
