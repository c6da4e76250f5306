//! By which way the owners are searched everywhere: in /proc, or by the kernel's own iterators.

use std::sync::OnceLock;

use super::super::bpf::{Kernel, Refusal};
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
            OwnerSearch::Auto => rustix::process::geteuid().is_root().then_some(PATIENCE),
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
