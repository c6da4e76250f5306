//! `--try-bind`: the system's own answer.

use anyhow::bail;

use crate::model::{Families, Protocol};
use crate::platform::{System, reason};
use crate::query::{AskedPort, BindAttempt, BindRefusal, Filter, Protocols};
use crate::text::ports::bind as text;

/// Binds every port of `filter`, for a moment, with `protocols` where it names none itself.
///
/// # Errors
/// When no port was named, or too many.
pub(super) fn all(
    filter: &Filter,
    protocols: Protocols,
    system: &impl System,
) -> anyhow::Result<Vec<BindAttempt>> {
    let Some(local) = &filter.local else { bail!(text::NO_PORT) };
    let Some(ports) = AskedPort::each(local) else { bail!(text::too_many(AskedPort::MOST)) };
    let attempts = Protocols::BOTH.each().flat_map(|protocol| {
        let asked = ports.iter().filter(move |port| port.protocols(protocols).contains(protocol));
        asked.map(move |&port| attempt(port, protocol, filter.families, system))
    });
    Ok(attempts.collect())
}

fn attempt(
    asked: AskedPort,
    protocol: Protocol,
    families: Families,
    system: &impl System,
) -> BindAttempt {
    let ends = asked.customary_ends(families).into_iter();
    let answers = ends.map(|end| {
        let answer = system.try_bind(protocol, end, asked.interface);
        (end.address, answer.map_err(|error| refusal(&error)))
    });
    BindAttempt { asked, protocol, answers: answers.collect() }
}

fn refusal(error: &std::io::Error) -> BindRefusal {
    BindRefusal { kind: error.kind(), reason: reason(error) }
}
