//! How ephemeral ports that run out are reported.

use serde_json::{Value, json};

use super::reuse::{has_timestamps, may_reuse};
use super::{CRITICAL_PERCENT, Case, EphemeralPorts, Evidence, Growth, PERCENT, Severity, reaches};
use crate::findings::facts::{endpoint, endpoint_json};
use crate::model::{Api, Endpoint, PortRange};
use crate::text::advice::Remedy;
use crate::text::api::ephemeral_range;
use crate::text::remedies;

/// Ports that are more than the default and still leave room for servers.
const WIDE: PortRange = 15_000..=60_999;
/// All that take no rights.
const WIDEST: PortRange = 1_024..=65_535;

impl Evidence for EphemeralPorts {
    fn subject(&self) -> String {
        let path = self.path.map(|(local, foreign)| format!("{local} {}", endpoint(&foreign)));
        path.unwrap_or_else(|| "every path".to_owned())
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        let reaches = |percent| reaches(count as u64, percent, self.usable);
        if self.is_doubtful {
            reaches(CRITICAL_PERCENT).then_some(Severity::Note)
        } else if reaches(CRITICAL_PERCENT) {
            Some(Severity::Critical)
        } else {
            reaches(PERCENT).then_some(Severity::Warning)
        }
    }

    fn growing(&self) -> Option<&'static str> {
        Some("ephemeral ports in use")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let (count, usable) = (case.count(), self.usable);
        let outcome = if self.is_doubtful {
            "connect() may reuse most of them, unless the peers had no TCP timestamps"
        } else if count as u64 >= usable {
            "connect() fails (EADDRNOTAVAIL)"
        } else {
            "connect() fails when they are used up"
        };
        let place = match &self.path {
            Some((local, foreign)) => format!("in use from {local} to {}", endpoint(foreign)),
            None => "blocked for all destinations".to_owned(),
        };
        format!("{count} of {usable} ephemeral ports are {place}: {outcome}")
    }

    /// What uses them, and the settings as they are.
    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let settings = case.machine.settings;
        let (start, end) = (self.range.start(), self.range.end());
        let counted = if self.is_doubtful { self.reusable } else { 0 };
        let range = format!("the range is {start} to {end}");
        let states = match self.path {
            Some(_) => format!("{} of them in TIME_WAIT; {range}", self.time_wait + counted),
            None => format!("{} of them BOUND, the others of listeners; {range}", self.bound),
        };
        let bound = (self.bound > 0 && self.path.is_some()).then(|| {
            format!("{} of them BOUND, which blocks them for all destinations", self.bound)
        });
        let number = self.reusable;
        let reusable = match (number, self.is_doubtful) {
            (0, _) => None,
            (_, true) => Some(format!("{number} of those are old enough to be reused")),
            (_, false) => {
                Some(format!("{number} more in TIME_WAIT, whose ports connect() may reuse"))
            }
        };
        let reuse = settings.time_wait_reuse.zip(settings.timestamps).map(|(reuse, timestamps)| {
            format!("tcp_tw_reuse is {reuse}, tcp_timestamps {timestamps}")
        });
        std::iter::once(states).chain(bound).chain(reusable).chain(reuse).collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let (range, privileged) = (&self.range, case.privileged());
        let (first, last) = (range.start(), range.end());
        let has = |wanted: &PortRange| first <= wanted.start() && last >= wanted.end();
        let Some(wider) = [WIDE, WIDEST].into_iter().find(|wanted| !has(wanted)) else {
            let Some((_, Endpoint { address, port })) = self.path else {
                return case.portwho(&["--state", "BOUND,LISTEN"]).words(case.pid_option()).into();
            };
            let foreign = ["--foreign", &address.to_string(), "--foreign-port", &port.to_string()];
            return case.portwho(&["--summary"]).words(foreign).into();
        };
        if case.capabilities().api == Api::Windows {
            return remedies::widen_dynamic_ports(privileged);
        }
        let (start, end) = (wider.start().min(first), wider.end().max(last));
        let setting = format!("{}={start} {end}", ephemeral_range(Api::Posix));
        remedies::sysctl(&setting, privileged)
    }

    fn fix(&self, case: &Case<'_>) -> String {
        let Some(path) = &self.path else {
            return "close sockets that are no longer used; a client needs no port of its own: bind it to \
                    an address only (IP_BIND_ADDRESS_NO_PORT), or not at all"
                .to_owned();
        };
        let keep = "keep connections open and reuse them (a pool, HTTP keep-alive), or spread them \
                    over more addresses";
        let settings = case.machine.settings;
        if self.time_wait > 0 && has_timestamps(settings) && !may_reuse(path, settings) {
            return format!(
                "{keep}; only where that is not enough, both sides have timestamps, and no NAT or \
                 load balancer is between them: tcp_tw_reuse=1 lets connect() reuse the ports of old \
                 TIME_WAIT sockets (the kernel's documentation says not to change it without the advice of \
                 technical experts); tcp_fin_timeout does not shorten TIME_WAIT"
            );
        }
        format!("{keep}; tcp_fin_timeout does not shorten TIME_WAIT")
    }

    fn json(&self, case: &Case<'_>) -> Value {
        let settings = case.machine.settings;
        let (local, foreign) = self.path.unzip();
        json!({
            "local": local,
            "foreign": foreign.map(|foreign| endpoint_json(&foreign)),
            "bound": self.bound,
            "range": [self.range.start(), self.range.end()],
            "in_use": case.count() - if self.is_doubtful { self.reusable } else { 0 },
            "of": self.usable,
            "time_wait": self.time_wait,
            "reusable": self.reusable,
            "tcp_tw_reuse": settings.time_wait_reuse,
            "tcp_timestamps": settings.timestamps,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn ports() -> EphemeralPorts {
        let local: IpAddr = [10, 0, 0, 1].into();
        let foreign = Endpoint::new([10, 0, 0, 2].into(), 443);
        let path = Some((local, foreign));
        EphemeralPorts {
            path,
            bound: 0,
            range: 1..=100,
            usable: 100,
            time_wait: 0,
            reusable: 0,
            is_doubtful: false,
        }
    }

    #[test]
    fn four_fifths_of_what_there_is_are_too_many() {
        let severity = |count| ports().severity(count, None);
        let (warning, critical) = (Some(Severity::Warning), Some(Severity::Critical));
        assert_eq!(
            [79, 80, 94, 95, 100].map(severity),
            [None, warning, warning, critical, critical]
        );
        let doubtful = EphemeralPorts { reusable: 90, is_doubtful: true, ..ports() };
        let severity = |count| doubtful.severity(count, None);
        assert_eq!([94, 95].map(severity), [None, Some(Severity::Note)]);
    }
}
