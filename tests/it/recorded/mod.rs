//! Recorded machines, run through the whole program on every system: the command line, the
//! command, the query, the views and the kill plan see a Windows here and a Linux there,
//! whatever they run on.

mod machine;
mod parts;
mod system;
mod world;

/// A Windows machine with everything that the specification has a sentence for.
mod office;

/// What is listed: both tables to the column, JSON, PIDs, counts, hints.
mod lists;

/// Counts by foreign address.
mod summaries;

/// Names that are no text, and paths.
mod names;

/// What a state means, with what a Windows machine has of it.
mod explanations;

/// What doctor finds on machines that no test can make.
mod diagnoses;

/// From when on doctor finds something.
mod thresholds;

/// What doctor says of one service, or of some connections.
mod narrowed;

/// What doctor finds where many processes, or all, are concerned.
mod limits;

/// Whom kill refuses on Windows, why, and what to type instead.
mod refusals;

/// What proves that a process is what its name says, on both systems.
mod claims;

/// Who is related to whom, on both systems.
mod relations;

/// How kill ends processes on Windows, and what it says of it.
mod kills;

/// What close says where the system refuses, pretends or has changed meanwhile.
mod closes;
mod crowds;

/// The owner that was seen is not the one that is there.
mod dead_owners;

/// A Linux machine.
mod linux;

/// Ports that no socket holds, and binds that are tried.
mod vacancies;

/// Old leaks, peers that are gone, and Windows, by what lasts.
mod leaks;

/// Metrics.
mod metrics;

/// How many snapshots doctor takes, and of what.
mod snapshots;

/// Ports that a service forwards.
mod port_proxies;

/// What wait says on machines that no test can make.
mod waits;
mod watches;

/// Units, containers, and what `-v` tells.
mod places;
