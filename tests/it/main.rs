//! The tests of the program: one binary, because linking is what tests spend their time on.
//!
//! Each test runs in a process and a network namespace of its own (see `support::harness`), so
//! that any of them may bind port 80, refuse itself system calls or drop its rights.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot set itself up should stop, and say where"
)]
#![allow(clippy::print_stdout, reason = "skips are printed, and roles speak in lines")]
#![allow(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::needless_pass_by_value,
    reason = "a test is read more often than it runs"
)]
#![allow(unreachable_pub, reason = "nothing is reachable in a test binary")]

use std::process::ExitCode;

/// `#[trial]`, in every module.
#[macro_use]
extern crate portwho_test_macros;

/// Test-writing tools: running the program, making sockets and processes, and comparing.
mod support;

/// Every way of calling it wrongly names the word at fault, and prints nothing else.
mod usage;

/// The man page, by mandoc, and completion in bash, zsh and fish on a terminal.
#[cfg(target_os = "linux")]
mod generate;

/// Recorded machines of both systems, through the whole program.
mod recorded;

/// What is fuzzed, on the corpus of each target.
mod corpus;

/// explain for programs.
#[cfg(target_os = "linux")]
mod explain_json;

/// Every way back to BOUND, and what is not one.
#[cfg(target_os = "linux")]
mod bound_again;

/// SYN_RECEIVED that a process owns, before the handshake completes.
#[cfg(target_os = "linux")]
mod unconfirmed;

/// Every TCP state, made on loopback, in the tables and in JSON.
#[cfg(target_os = "linux")]
mod states;

/// Which sockets are shown: ports, states, addresses, owners.
#[cfg(target_os = "linux")]
mod filters;

/// `ss` and netstat2 see the same sockets, with the same fields.
#[cfg(target_os = "linux")]
mod cross_checks;

/// The search for owners by the kernel: the same answers as in /proc, and its refusals.
#[cfg(target_os = "linux")]
mod owner_search;
/// All the owners of a socket, whatever becomes of them meanwhile, or why none is named.
#[cfg(target_os = "linux")]
mod owners;

/// Sockets that close, and ports that change hands, between the dump and the search for owners.
#[cfg(target_os = "linux")]
mod changing;
/// What each capability adds for a user who is not root.
#[cfg(target_os = "linux")]
mod rights;

/// Runs of the program against a port that changes hands all the time.
#[cfg(target_os = "linux")]
mod changing_races;

/// What takes time is done only where it is needed.
#[cfg(target_os = "linux")]
mod costs;

/// The number of a descriptor does not matter.
#[cfg(target_os = "linux")]
mod descriptors;

/// Sockets held by other threads, and by io_urings.
#[cfg(target_os = "linux")]
mod deep_walk;

/// Users who make the search expensive, and what it costs.
#[cfg(target_os = "linux")]
mod budgets;

/// Owners that may not be seen: their unit or container, by the cgroups of sockets.
#[cfg(target_os = "linux")]
mod cgroups;

/// Other network namespaces: listed, hinted at, or said not to be searched.
#[cfg(target_os = "linux")]
mod namespaces;

/// Containers of a real Docker engine.
#[cfg(target_os = "linux")]
mod docker;

/// Refused, missing and unusual tables: what can be shown is shown, and what is missing is said.
#[cfg(target_os = "linux")]
mod faults;

/// What is in the way of an address, compared with binds.
#[cfg(target_os = "linux")]
mod in_the_way;

/// Names that attack the reader's terminal, or pretend to be another row.
#[cfg(target_os = "linux")]
mod hostile;

/// What strangers control is read within bounds, and what was not read is reported.
#[cfg(target_os = "linux")]
mod bounded;

/// No path that a stranger chose is opened: a file system that does not answer does not stop portwho.
#[cfg(target_os = "linux")]
mod unanswered;

/// The library, called by a program that is not `portwho`.
#[cfg(target_os = "linux")]
mod library;

/// The two tables: their order, their columns, their colors.
#[cfg(target_os = "linux")]
mod tables;

/// Tables and values with the columns that were asked for.
#[cfg(target_os = "linux")]
mod columns;

/// The tables on narrow terminals: no row wraps.
#[cfg(target_os = "linux")]
mod narrow;

/// The views other than the tables: PIDs, counts, JSON.
#[cfg(target_os = "linux")]
mod views;

/// What a state means, and how many there are.
#[cfg(target_os = "linux")]
mod explain;

/// What `-v` tells of each owner.
#[cfg(target_os = "linux")]
mod verbose;

/// What the tests of doctor share.
#[cfg(target_os = "linux")]
mod doctor;

/// Machines where all is well, or hidden, and what else doctor reports.
#[cfg(target_os = "linux")]
mod doctor_report;

/// Connections that no process closes.
#[cfg(target_os = "linux")]
mod doctor_leaks;

/// Datagrams and connections that are dropped.
#[cfg(target_os = "linux")]
mod doctor_drops;

/// Sockets that were reset and never closed.
#[cfg(target_os = "linux")]
mod doctor_dead;

/// Limits that all programs share.
#[cfg(target_os = "linux")]
mod doctor_machine;

/// What runs out while nothing has failed yet.
#[cfg(target_os = "linux")]
mod doctor_limits;

/// Leaks over many hosts, and leaks that end soon.
#[cfg(target_os = "linux")]
mod doctor_close_wait;
/// Peers that are gone, do not answer or do not read, and processes that do not read.
#[cfg(target_os = "linux")]
mod doctor_peers;

/// What looks like a fault and is none.
#[cfg(target_os = "linux")]
mod doctor_near_misses;

/// What runs out, and peers that are gone.
#[cfg(target_os = "linux")]
mod doctor_pressure;

/// Metrics for Prometheus.
#[cfg(target_os = "linux")]
mod metrics;

/// The file that `--output` writes, and what is remembered beside it.
#[cfg(target_os = "linux")]
mod metrics_files;

/// Metrics of users who want to fill Prometheus.
#[cfg(target_os = "linux")]
mod metrics_hostile;

/// Metrics over HTTP.
#[cfg(all(target_os = "linux", feature = "exporter"))]
mod metrics_listen;

/// Stories of the field, end to end: seen, explained, found, ended, free.
#[cfg(target_os = "linux")]
mod stories;

/// Nothing matched: empty, said, and told apart from not having been able to look.
#[cfg(target_os = "linux")]
mod no_match;

/// Why a socket has no process: queues, handshakes, and closed connections.
#[cfg(target_os = "linux")]
mod reasons;

/// Ports that no socket holds: free, or a bind would fail, and why.
#[cfg(target_os = "linux")]
mod vacancy;

/// wait: until something listens, or until time is up.
#[cfg(target_os = "linux")]
mod wait;

/// wait --free: until a port can be bound, and what it does not wait for.
#[cfg(target_os = "linux")]
mod wait_free;

/// wait, raced against servers that start and stop.
#[cfg(target_os = "linux")]
mod wait_races;

/// wait for programs.
#[cfg(target_os = "linux")]
mod wait_json;

/// What wait may not do: bind, connect, hide what it cannot see, or leave its line on a terminal.
#[cfg(target_os = "linux")]
mod wait_manners;

/// watch for programs and for pipes: what opens, changes and closes, line by line.
#[cfg(target_os = "linux")]
mod watch_plain;

/// watch on a terminal: what it shows, and what real keys do.
#[cfg(all(target_os = "linux", feature = "watch"))]
mod watch_live;

/// Its kill and close of real sockets.
#[cfg(all(target_os = "linux", feature = "watch"))]
mod watch_acts;

/// How that view ends and stops.
#[cfg(all(target_os = "linux", feature = "watch"))]
mod watch_ends;

/// `--try-bind`, and that nothing is bound without it.
#[cfg(target_os = "linux")]
mod try_bind;

/// Readers who leave, full disks and closed streams.
#[cfg(target_os = "linux")]
mod streams;

/// What the tests of kill share: the sentences that it says, and how the world is afterwards.
#[cfg(target_os = "linux")]
mod kill;

/// Whom kill ends, and whom never: what holds the port, and not what is only connected there.
#[cfg(target_os = "linux")]
mod kill_targets;

/// Several processes on one port, and several ports at once.
#[cfg(target_os = "linux")]
mod kill_holders;

/// What is sent, and what is said of a process that does not end of it.
#[cfg(target_os = "linux")]
mod kill_signals;

/// The signals that servers understand come before SIGKILL.
#[cfg(target_os = "linux")]
mod kill_servers;

/// What kill does not do, why not, and what to type instead.
#[cfg(target_os = "linux")]
mod kill_refusals;

/// A port that is taken again as soon as it is free: by whom, and who starts them.
#[cfg(target_os = "linux")]
mod kill_restarts;

/// The process that restarts an owner is ended too, and whom that never concerns.
#[cfg(target_os = "linux")]
mod kill_parent;

/// kill at a terminal: it asks, and does what it is told and nothing else.
#[cfg(target_os = "linux")]
mod kill_terminal;

/// What happens between the look and the signal.
#[cfg(target_os = "linux")]
mod kill_races;

/// A PID that is another's by the time of the answer: the newcomer lives.
#[cfg(target_os = "linux")]
mod kill_reuse;

/// kill without pidfd: a held directory of /proc instead, or nothing is sent.
#[cfg(target_os = "linux")]
mod kill_pidfd;

/// What kill is asked and how it answers: wrong words, dry runs, hostile names, failing streams.
#[cfg(target_os = "linux")]
mod kill_output;

/// A socket that has become something else between the question and the answer.
#[cfg(target_os = "linux")]
mod kill_changes;

/// Holders of one socket that have nothing to do with each other.
#[cfg(target_os = "linux")]
mod kill_strangers;

/// Processes with a name that is refused where something proves it.
#[cfg(target_os = "linux")]
mod kill_claims;

/// What the tests of close share: the sentences that it says, and processes that hold sockets.
#[cfg(target_os = "linux")]
mod close;

/// close in every state: the connection is gone, its process lives, and the count is true.
#[cfg(target_os = "linux")]
mod close_states;

/// What close sends to the peer, and what the process notices, in each state.
#[cfg(target_os = "linux")]
mod close_segments;

/// close and what no process holds, on kernels that end it and on those that would not.
#[cfg(target_os = "linux")]
mod close_orphans;

/// close and listeners, bound ports and UDP.
#[cfg(target_os = "linux")]
mod close_listeners;

/// What close does not do, why not, and what to type instead.
#[cfg(target_os = "linux")]
mod close_refusals;

/// close at a terminal: it asks, and closes only what is still what it was.
#[cfg(target_os = "linux")]
mod close_terminal;

/// Sockets that change behind the question of close.
#[cfg(target_os = "linux")]
mod close_changes;

/// The sockets of children on a running Windows.
#[cfg(windows)]
mod windows_list;

/// Tables that a test decides.
#[cfg(windows)]
mod windows_lab;

/// What a netsh says that a test decides.
#[cfg(windows)]
mod windows_rules;

/// wait for ports of children.
#[cfg(windows)]
mod windows_wait;

/// watch in a console.
#[cfg(all(windows, feature = "watch"))]
mod windows_watch;

/// Their processes, as the system's own `tasklist` has them.
#[cfg(windows)]
mod windows_processes;

/// kill on a running Windows: the child is gone, and no other process.
#[cfg(windows)]
mod windows_kill;

/// kill and windows that are asked to close.
#[cfg(windows)]
mod windows_kill_window;

/// Ports that a service forwards.
#[cfg(windows)]
mod windows_port_proxies;

/// close on a running Windows: the child lives, and the count is true.
#[cfg(windows)]
mod windows_close;

/// The samples of README and docs are what the program prints.
#[cfg(target_os = "linux")]
mod samples;

/// Rules of the source: only `platform` distinguishes systems by name.
mod house;

/// README and docs: short, complete, and with links that resolve.
#[cfg(target_os = "linux")]
mod documentation;

/// The makers of sockets, compared with the kernel's tables.
#[cfg(target_os = "linux")]
mod fixtures;

fn main() -> ExitCode {
    support::main()
}
