//! How much is read of what others control, each with its reason.
//!
//! A command line stands in the memory of its process, which may be any size at no cost to its
//! user (`PR_SET_MM_MAP` in prctl(2)), and every argument is an allocation here.

use std::time::Duration;

/// How long a command line may take to come: it is a copy from memory, unless its process keeps
/// that from being read.
pub(super) const PATIENCE: Duration = Duration::from_millis(500);

/// How many that did not come are waited for in a run.
pub(super) const THREADS_LEFT_BEHIND: usize = 3;

/// The most of one process's command line, in bytes: a single argument of execve(2) is no longer
/// (`MAX_ARG_STRLEN` in linux/binfmts.h).
pub(super) const COMMAND_LINE: usize = 128 * 1024;

/// The most arguments of one process that are told apart.
pub(super) const ARGUMENTS: usize = 4096;

/// What an argument costs beside its bytes: its place in the list, and the allocator's own.
pub(super) const ARGUMENT_COST: usize = 64;

/// The command lines of all the processes of one user. Eight thousand ordinary ones.
pub(super) const COMMAND_LINES_OF_USER: usize = 8 * 1024 * 1024;

/// The command lines of everybody but root.
pub(super) const COMMAND_LINES: usize = 16 * 1024 * 1024;

/// How much of a command line is searched for the end of argv[0]: a path is no longer (`PATH_MAX`).
pub(super) const PATH: usize = 4096;

/// The longest name of a file, and so of an image (`NAME_MAX`).
pub(super) const FILE_NAME: usize = 255;

/// What the kernel prints, and others can make longer: the files of an io_uring, the processes of
/// a group, the groups of a user, mounts. Many times what an honest machine has.
pub(super) const KERNEL_FILE: usize = 16 * 1024 * 1024;

/// The services file: two hundred times that of a distribution, which has 12 KiB.
pub(super) const SERVICES: usize = 4 * 1024 * 1024;

/// A file of a container runtime: of containers.json, some ten thousand containers.
pub(super) const RUNTIME_FILE: usize = 4 * 1024 * 1024;

/// How many containers are read from Docker's directory, a file each.
pub(super) const DOCKER_CONTAINERS: usize = 4096;

/// What the search for control groups keeps of those that one user made, in bytes: whoever was
/// given a group may make as many below it as it likes. Some eight thousand, a second for four users.
pub(super) const GROUPS_OF_USER: usize = 1024 * 1024;

/// The same of everybody but root.
pub(super) const GROUPS: usize = 4 * 1024 * 1024;

/// What a group costs beside its path.
pub(super) const GROUP_COST: usize = 64;

/// How many threads are asked for their descriptors where the first one has none.
pub(super) const THREADS_COUNTED: usize = 1000;
