//! Taking things away from this test's thread, and from the children that it starts from now on.

use std::env;

use nix::libc;
use rustix::thread::{CapabilitySet, remove_capability_from_bounding_set};
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, apply_filter,
};

/// `socket(AF_NETLINK, ...)` fails with this error number.
pub fn netlink(errno: i32) {
    let family = u64::try_from(libc::AF_NETLINK).expect("a family");
    system_call(libc::SYS_socket, vec![first_argument(family)], errno);
}

/// A system call fails with this error number; always, or where a rule fits.
pub fn system_call(number: i64, rules: Vec<SeccompRule>, errno: i32) {
    let rules = [(number, rules)].into_iter().collect();
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    let arch = env::consts::ARCH.try_into().expect("an architecture that seccomp knows");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch).expect("filter");
    let program: BpfProgram = filter.try_into().expect("program");
    apply_filter(&program).expect("seccomp");
}

/// The rule that fits where the first argument is this one.
pub fn first_argument(value: u64) -> SeccompRule {
    let condition =
        SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value).expect("rule");
    SeccompRule::new(vec![condition]).expect("rule")
}

/// kcmp(2) is refused, as by the seccomp profile of Docker.
pub fn kcmp() {
    system_call(libc::SYS_kcmp, Vec::new(), libc::EPERM);
}

/// Programs started from now on are root, if this is, and lack CAP_NET_ADMIN.
pub fn net_admin() {
    remove_capability_from_bounding_set(CapabilitySet::NET_ADMIN).expect("drop CAP_NET_ADMIN");
}

/// No process may enter another namespace.
pub fn entering_namespaces() {
    system_call(libc::SYS_setns, Vec::new(), libc::EPERM);
}

/// No process enters another namespace, and each believes to have done so: what matches nothing here is not
/// found in those of the tests that run beside this one.
pub fn other_namespaces() {
    system_call(libc::SYS_setns, Vec::new(), 0);
}

/// Programs started from now on are root, if this is, and lack CAP_SYS_PTRACE.
pub fn ptrace() {
    remove_capability_from_bounding_set(CapabilitySet::SYS_PTRACE).expect("drop CAP_SYS_PTRACE");
}
