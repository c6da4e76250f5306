//! What is said of binds that were tried.

use super::vacancy::excluded_ranges;
use crate::model::{Family, Protocol};
use crate::text::advice::{listed, run_to};

/// No port was named.
pub const NO_PORT: &str = "--try-bind: name the PORT to try";

/// More ports were named than are tried.
#[must_use]
pub fn too_many(most: usize) -> String {
    format!("--try-bind: at most {most} ports: each is bound for a moment")
}

/// What the system answered for a port.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answers {
    /// The port, as [`super::spot`] names it.
    pub spot: String,
    /// The protocol.
    pub protocol: Protocol,
    /// Whether SO_REUSEADDR was set.
    pub reuse: bool,
    /// The addresses where a bind succeeded.
    pub bound: Vec<String>,
    /// The addresses where it failed, each with the reason, as [`refusal`] has it.
    pub refused: Vec<(String, String)>,
    /// Whether something may have the port that has no socket: an excluded range, or HTTP.sys.
    pub may_be_excluded: bool,
}

/// `address in use by 127.0.0.2:80`.
#[must_use]
pub fn refusal(reason: &str, holders: &[String]) -> String {
    let by = if holders.is_empty() { String::new() } else { format!(" by {}", listed(holders)) };
    format!("{reason}{by}")
}

/// `port 80: a TCP bind succeeds at 127.0.0.1; fails at 0.0.0.0, [::]: address in use`.
#[must_use]
pub fn answers(answers: &Answers) -> String {
    let bound = &answers.bound;
    let bound = (!bound.is_empty()).then(|| format!("succeeds at {}", bound.join(", ")));
    let parts: Vec<String> = bound.into_iter().chain(refusals(&answers.refused)).collect();
    let way = if answers.reuse { " with SO_REUSEADDR" } else { "" };
    let protocol = answers.protocol.word().to_uppercase();
    let text = format!("{}: a {protocol} bind{way} {}", answers.spot, parts.join("; "));
    if !answers.may_be_excluded {
        return text;
    }
    // What WSAEACCES means where no socket can be seen.
    let behind = "it is in an excluded range, or HTTP.sys holds it; netsh http show servicestate \
                  lists what HTTP.sys serves";
    let list = excluded_ranges(answers.protocol, Family::V4).into();
    run_to("to list the excluded ranges", &format!("{text}; {behind}"), &list)
}

/// `fails at 0.0.0.0, [::]: address in use`, for each reason.
fn refusals(refused: &[(String, String)]) -> impl Iterator<Item = String> {
    refused.chunk_by(|(_, one), (_, other)| one == other).filter_map(|alike| {
        let (_, reason) = alike.first()?;
        let addresses: Vec<&str> = alike.iter().map(|(address, _)| address.as_str()).collect();
        Some(format!("fails at {}: {reason}", addresses.join(", ")))
    })
}
