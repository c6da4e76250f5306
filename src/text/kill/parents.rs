//! What `kill --parent` says of the process that restarts an owner.

use crate::text::advice::{Remedy, run};

/// `--parent` was asked for where the children of a process cannot be listed.
pub const NO_PARENTS: &str = "--parent: cannot list a process's children on this system";

/// Why the process that restarts an owner is not terminated, or is not known.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoParent {
    /// None can be seen.
    Unseen,
    /// The owners have several: each as it is named.
    Several(String),
    /// It is refused.
    Refused {
        /// The process as it is named.
        parent: String,
        /// Why.
        why: WhyNot,
    },
}

/// Why a parent is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WhyNot {
    /// PID 1, or the kernel.
    First,
    /// systemd, or what holds services elsewhere.
    Manager,
    /// portwho itself or one of its ancestors.
    Ancestor,
    /// An interactive shell.
    Shell,
    /// It runs containers.
    Container,
    /// Other sessions depend on it.
    Session,
    /// The system does.
    System,
}

/// `--parent refused: bash (PID 3), the parent, is an interactive shell`.
#[must_use]
pub fn no_parent(why: &NoParent) -> String {
    let (parent, why) = match why {
        NoParent::Unseen => return "--parent: its parent cannot be seen".to_owned(),
        NoParent::Several(parents) => {
            return format!(
                "--parent: its processes have several parents: {parents}; choose with --pid"
            );
        }
        NoParent::Refused { parent, why } => (parent, why),
    };
    let why = match why {
        WhyNot::First => "terminating it stops the system; nothing else restarts the owner",
        WhyNot::Manager => "it runs other services; stop the unit instead",
        WhyNot::Ancestor => "it is an ancestor of portwho: the shell or session it runs in",
        WhyNot::Shell => "it is an interactive shell, which restarts nothing",
        WhyNot::Container => "it runs containers; stop the container instead",
        WhyNot::Session => "it runs sessions or jobs of users",
        WhyNot::System => "the system depends on it",
    };
    format!("--parent refused: the parent is {parent}: {why}")
}

/// `without a terminal, --parent requires --yes; run: portwho kill -y --parent 3000`.
#[must_use]
pub fn requires_yes(kill: &Remedy) -> String {
    run("not confirmed; nothing was sent: without a terminal, --parent requires --yes", kill)
}

/// `bash (PID 3), its parent`: who is ended before the owner, and how many others it has started. Above a
/// shell that waits for one command it is the parent's parent.
#[must_use]
pub fn named(name: &str, is_parent: bool, others: usize) -> String {
    let relation = if is_parent { "its parent" } else { "its ancestor" };
    match others {
        0 => format!("{name}, {relation}"),
        others => {
            let noun = if others == 1 { "child" } else { "children" };
            format!("{name}, {relation}, which has {others} other {noun}")
        }
    }
}

/// It was not ended, because the processes between have changed.
pub const CHANGED: &str = "it is no longer the parent";

/// What was not done to it.
pub const NOTHING_SENT: &str = "nothing was sent";
