//! How much is read of what others control, each with its reason.
//!
//! A command line stands in the memory of its process, which may be any size at no cost to its
//! user (`PR_SET_MM_MAP` in prctl(2)), and every argument is an allocation here.

use std::time::Duration;

/// How long a command line may take to come: it is a copy from memory, unless its process keeps
/// that from being read.
pub(super) const PATIENCE: Duration = Duration::from_secs(1);

/// For at most this many users a run waits for a command line that does not come; each leaves a thread
/// behind.
pub(super) const THREADS_LEFT_BEHIND: usize = 32;

/// How long is waited for something when others have kept a thread waiting: for any number of them
/// less than twice the longest in all.
pub(super) fn patience(longest: Duration, stuck: usize) -> Duration {
    u32::try_from((stuck + 1).saturating_pow(2)).map_or(Duration::ZERO, |divisor| longest / divisor)
}

/// The most of one process's command line, in bytes: a single argument of execve(2) is no longer
/// (`MAX_ARG_STRLEN` in linux/binfmts.h).
pub(super) const COMMAND_LINE: usize = 128 * 1024;

/// The most arguments of one process that are kept separate.
pub(super) const ARGUMENTS: usize = 4096;

/// What an argument costs in addition to its bytes: its place in the list, and the allocator's own.
pub(super) const ARGUMENT_COST: usize = 64;

/// The command lines of all the processes of one user. Eight thousand ordinary ones.
pub(super) const COMMAND_LINES_OF_USER: usize = 8 * 1024 * 1024;

/// The command lines of all users but root.
pub(super) const COMMAND_LINES: usize = 16 * 1024 * 1024;

/// How much of a command line is searched for the end of argv[0]: a path is no longer (`PATH_MAX`).
pub(super) const PATH: usize = 4096;

/// The longest name of a file, and so of an image (`NAME_MAX`).
pub(super) const FILE_NAME: usize = 255;

/// What the kernel prints, and others can make longer: the files of an io_uring, the processes of
/// a group, the groups of a user, mounts. Many times what an ordinary machine has.
pub(super) const KERNEL_FILE: usize = 16 * 1024 * 1024;

/// The kernel's types: many times the 6 MB that they have.
pub(super) const KERNEL_TYPES: usize = 64 * 1024 * 1024;

/// The mount table of a process with the name and the path of a container runtime. The kernel's time
/// grows with the square of what is mounted: seconds for a megabyte, 0.04 s for this.
pub(super) const MOUNT_TABLE: usize = 128 * 1024;

/// Those of one user's mount namespaces.
pub(super) const MOUNT_TABLES_OF_USER: usize = 4 * MOUNT_TABLE;

/// Those of all users but root.
pub(super) const MOUNT_TABLES: usize = 4 * MOUNT_TABLES_OF_USER;

/// The services file: two hundred times that of a distribution, which has 12 KiB.
pub(super) const SERVICES: usize = 4 * 1024 * 1024;

/// A file of a container runtime: of containers.json, some ten thousand containers.
pub(super) const RUNTIME_FILE: usize = 4 * 1024 * 1024;

/// How many containers are read from Docker's directory, a file each.
pub(super) const DOCKER_CONTAINERS: usize = 4096;

/// What the search for cgroups keeps of those that one user made, in bytes: whoever was
/// given a group may make as many below it as it likes. Some eight thousand, a second for four users.
pub(super) const GROUPS_OF_USER: usize = 1024 * 1024;

/// The same for all users but root.
pub(super) const GROUPS: usize = 4 * 1024 * 1024;

/// What a group costs in addition to its path.
pub(super) const GROUP_COST: usize = 64;

/// How many threads are asked for their descriptors where the first one has none.
pub(super) const THREADS_COUNTED: usize = 1000;

/// How many descriptors of one user's processes are read for sockets that no table has. The same as
/// the search for owners allows (a well-behaved server with a million loses nothing): about a
/// microsecond each.
pub(super) const DESCRIPTORS_OF_USER: usize = 2_000_000;

/// How many of those that are in no table are examined, duplicates included. AF_UNIX sockets are
/// among them, of which a desktop has a few thousand; six system calls each, about 5 microseconds.
pub(super) const EXAMINED_OF_USER: usize = 131_072;

/// How many are read of each user before more are read of any: some two thousand ordinary processes.
pub(super) const DESCRIPTORS_FIRST: usize = 65_536;

/// How many of these are examined.
pub(super) const EXAMINED_FIRST: usize = 8_192;

/// How long these are read, in time on a core.
pub(super) const DESCRIPTORS_TIME_FIRST: Duration = Duration::from_millis(200);

/// How long that takes at most, in time on a core, whatever the budgets are worth on this machine.
/// Entering namespaces, this and the search for owners follow each other: together less than five
/// seconds on two cores.
pub(super) const DESCRIPTORS_TIME: Duration = Duration::from_millis(1500);

/// Descriptors in the tables of processes, and owners named from them. What a user multiplies here
/// takes kernel memory, and a well-behaved server may have a million.
pub(super) const SEARCH_DESCRIPTORS: u64 = 2_000_000;

/// Descriptors in tables that threads have for themselves. Hardly any program makes such a table,
/// and a copy of a large one costs its user little: 8 bytes for each descriptor.
pub(super) const SEARCH_THREAD_DESCRIPTORS: u64 = 131_072;

/// Threads, and descriptors of io_urings, that are compared by kcmp(2): a few microseconds each.
pub(super) const SEARCH_COMPARISONS: u64 = 65_536;

/// Bytes of the fdinfo of io_urings: some 300,000 registered files. The kernel writes all of it for
/// each ring whenever the first byte is read.
pub(super) const SEARCH_RING_BYTES: u64 = 8 * 1024 * 1024;

/// What each reading of a ring costs in addition to its bytes: opening it takes as long.
pub(super) const SEARCH_RING_READING: u64 = 512;

/// As many users' budgets may be spent in one search, not counting those of root and of the users whose
/// sockets are searched for: a user with subordinate ids (subuid(5)) is many.
pub(super) const SEARCH_USERS: u64 = 8;

/// At most this many users may come first.
pub(super) const SEARCH_FIRST_USERS: usize = 4;

/// What is read of every user before more is read of any: some five hundred ordinary processes.
pub(super) const SEARCH_SHARE: u64 = 16_384;

/// The same in time on a core.
pub(super) const SEARCH_TIME_SHARE: Duration = Duration::from_millis(100);

/// Descriptors of processes that look like root's and are not asked whose they are, which takes
/// reading a file. Whoever runs them, they are counted for no user.
pub(super) const SEARCH_UNASKED: u64 = 16_384;

/// The same in time on a core.
pub(super) const SEARCH_TIME_UNASKED: Duration = Duration::from_millis(100);

/// How long the processes of one user are read, in time on a core: what others do on the machine is
/// not one user's excess. A million ordinary descriptors.
pub(super) const SEARCH_TIME_OF_USER: Duration = Duration::from_secs(3);

/// How long those of all users but root; on two cores it is half as long.
pub(super) const SEARCH_TIME: Duration = Duration::from_secs(4);

/// How long the kernel is left to search for owners by itself, in time on a core, where it does so for all users at
/// once: fifteen million descriptors. What it has not seen then is searched within the budgets of users.
pub(super) const KERNEL_SEARCH: Duration = Duration::from_secs(2);

/// How long it may take to prove that the owners of sockets are all, in time on a core: some 100,000 descriptors. Without
/// the proof there is no word of it.
pub(super) const PROOF: Duration = Duration::from_millis(250);

/// How many network namespaces of one user are searched for a hint. Entering one and reading its
/// tables takes two milliseconds, and keeping one costs its user little: there may be
/// `user.max_net_namespaces` of them, often 100,000.
pub(super) const NAMESPACES_FOR_HINT: usize = 128;

/// How many where all were asked for.
pub(super) const NAMESPACES: usize = 256;

/// Those of all users but root are twice as many: a user with subordinate ids is many. So are
/// those of root, who may run hundreds of containers.
pub(super) const USERS_OF_NAMESPACES: usize = 2;
