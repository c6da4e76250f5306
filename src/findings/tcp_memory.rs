//! Memory for TCP's data, which is scarce.

use serde_json::{Value, json};

use super::check::{never, warning};
use super::limits::{need, read};
use super::{Case, Check, Culprit, Evidence, Growth, Looks, Measurement, Severity, Subject};
use crate::model::TcpMemory;
use crate::text::advice::Remedy;

pub(super) const CHECK: Check = Check {
    kind: "tcp-memory",
    threshold: || "the kernel says so (press in /proc/net/protocols)".to_owned(),
    reason: "above the second value of tcp_mem the kernel keeps the buffers of all sockets small; \
             above the third it drops data",
    subject: Subject::Machine,
    needs: |machine| need(&machine.limits.tcp_memory),
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct Scarce(TcpMemory);

fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let memory = read(&looks.machine.limits.tcp_memory).copied();
    let measured = |memory: TcpMemory| {
        let pages = memory.pages.and_then(|pages| usize::try_from(pages).ok());
        Measurement::new(Culprit::Machine, pages.unwrap_or_default(), Scarce(memory))
    };
    memory.map(measured).into_iter().collect()
}

impl Evidence for Scarce {
    fn severity(&self, _count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        // The kernel takes the mark away only when a socket next needs memory.
        let is_old = self.0.pages.zip(self.0.bounds).is_some_and(|(used, [low, ..])| used < low);
        warning(self.0.is_scarce && !is_old)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("pages of TCP")
    }

    fn what(&self, _case: &Case<'_>) -> String {
        "TCP memory is scarce: the kernel keeps the buffers of all sockets small, and \
         connections are slow"
            .to_owned()
    }

    fn details(&self, _case: &Case<'_>) -> Vec<String> {
        let pages = self.0.pages.map(|pages| format!("{pages} pages are used"));
        let bounds = self.0.bounds.map(|[low, pressure, high]| {
            format!(
                "tcp_mem is {low} {pressure} {high}: it stays scarce until fewer than {low} \
                     pages are used"
            )
        });
        pages.into_iter().chain(bounds).collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        case.portwho(&["--columns", "local,foreign,state,recv-q,send-q,idle,pid,image"]).into()
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "find what does not read (large receive queues) and whose peers do not (large send \
         queues); if all of it is needed, raise net.ipv4.tcp_mem"
            .to_owned()
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        json!({"pages": self.0.pages, "tcp_mem": self.0.bounds})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_decides() {
        let severity = |is_scarce, pages, bounds| {
            Scarce(TcpMemory { is_scarce, pages, bounds }).severity(0, None)
        };
        let scarce = Some(Severity::Warning);
        assert_eq!([severity(false, None, None), severity(true, None, None)], [None, scarce]);
        // A mark that is left from before.
        let bounds = Some([100, 200, 300]);
        assert_eq!([99, 100].map(|pages| severity(true, Some(pages), bounds)), [None, scarce]);
    }
}
