//! By which way the owners are searched everywhere: in /proc, or by the kernel's own iterators.

use std::sync::OnceLock;

use rustix::thread::{CapabilitySet, capabilities};

use super::super::bpf::{Kernel, Refusal};
use super::super::proc_dir::is_first_pid_namespace;
use crate::model::OwnerSearch;

/// After so many descriptors in /proc it pays to let the kernel search, where it does.
///
/// Measured on two cores with Linux 6.18: loading the programs takes 3 ms, and as much again where the
/// kernel's types cannot be mapped and are read; a link in /proc takes 1.3 µs on each core, and in the
/// kernel 0.13 µs. What was read before is read for nothing: a table whose size is shown (Linux 6.2) is
/// counted before its first link is read.
const PATIENCE: u64 = 8192;

/// The way to search, and the kernel's programs, loaded when they are first needed.
#[derive(Debug, Default)]
pub(in crate::platform::linux) struct Way {
    asked: OwnerSearch,
    kernel: OnceLock<Result<Kernel, Refusal>>,
}

impl Way {
    /// The way that was asked for.
    ///
    /// # Errors
    /// Why the kernel does not search, where it was asked to.
    pub(in crate::platform::linux) fn new(asked: OwnerSearch) -> Result<Self, Refusal> {
        let kernel = OnceLock::new();
        if asked == OwnerSearch::Bpf {
            let _ = kernel.set(Ok(Kernel::open()?));
        }
        Ok(Self { asked, kernel })
    }

    /// After how many descriptors in /proc the kernel is to search; none where it is not to be asked.
    pub(super) fn patience(&self) -> Option<u64> {
        let is_loaded = self.kernel.get().map(Result::is_ok);
        match self.asked {
            OwnerSearch::Proc => None,
            OwnerSearch::Bpf => Some(0),
            // What is loaded costs nothing more.
            OwnerSearch::Auto if is_loaded == Some(true) => Some(0),
            OwnerSearch::Auto if is_loaded == Some(false) => None,
            // Others than root are refused, and their own processes are few.
            OwnerSearch::Auto if !rustix::process::geteuid().is_root() => None,
            OwnerSearch::Auto => may_load(effective()).then_some(PATIENCE),
        }
    }

    /// Whether the kernel was asked for, so that its error is the answer.
    pub(super) fn is_by_kernel_alone(&self) -> bool {
        self.asked == OwnerSearch::Bpf
    }

    /// The kernel's programs, where it takes them.
    pub(super) fn kernel(&self) -> Option<&Kernel> {
        self.kernel.get_or_init(Kernel::open).as_ref().ok()
    }
}

/// The capabilities of this thread.
fn effective() -> CapabilitySet {
    capabilities(None).map_or(CapabilitySet::empty(), |sets| sets.effective)
}

/// Whether programs that trace may be loaded with these (CAP_BPF in capabilities(7)). Root in a container or in a
/// unit that is confined may not: what was read in /proc before it is refused would be read twice.
fn may_load(effective: CapabilitySet) -> bool {
    let own = CapabilitySet::BPF | CapabilitySet::PERFMON;
    let is_first = is_first_pid_namespace() == Some(true);
    is_first && (effective.contains(own) || effective.contains(CapabilitySet::SYS_ADMIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rights_of_a_unit_do_not_suffice() {
        let unit = CapabilitySet::SYS_PTRACE | CapabilitySet::DAC_READ_SEARCH;
        assert!(!may_load(unit) && !may_load(unit | CapabilitySet::BPF));
        let is_first = is_first_pid_namespace() == Some(true);
        assert_eq!(may_load(unit | CapabilitySet::BPF | CapabilitySet::PERFMON), is_first);
        assert_eq!(may_load(CapabilitySet::SYS_ADMIN), is_first);
    }
}
