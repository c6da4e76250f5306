//! What could not be seen. Each gap says what is missing and what to do about it.

use super::Untrusted;

/// Something the answer lacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Gap {
    /// Sockets whose owner this user may not look at.
    OwnersHidden {
        /// How many sockets.
        count: usize,
        /// The users they belong to, where the kernel tells.
        users: Vec<Untrusted>,
        /// Whether the one who looks is root already, who is stopped by something else.
        as_root: bool,
    },
    /// Sockets whose owner was looked for everywhere and found nowhere.
    OwnersNotFound {
        /// How many sockets.
        count: usize,
        /// Whether this is a PID namespace below the machine's own.
        inside_pid_namespace: bool,
    },
    /// Sockets whose creator has exited and left them to processes that cannot be named.
    OwnersExited {
        /// How many sockets.
        count: usize,
    },
    /// Threads whose descriptors were not searched, because that would take too long.
    ThreadsUnsearched {
        /// How many threads.
        count: usize,
    },
    /// io_urings of which the kernel did not tell what is registered there.
    RingsUnread {
        /// How many.
        count: usize,
    },
    /// Other network namespaces were not looked at.
    NamespacesUnseen {
        /// The system's reason; none where this user may not look for them at all.
        why: Option<String>,
    },
    /// The list of processes could not be read.
    ProcessesUnreadable {
        /// The system's reason.
        why: String,
    },
    /// Network namespaces of users who have more of them than are searched.
    NamespacesUnsearched {
        /// How many.
        count: usize,
        /// Those users.
        users: Vec<Untrusted>,
    },
    /// Sockets that are in no table of a known network namespace, and that could not be examined.
    SocketsUnexamined {
        /// How many.
        count: usize,
        /// The system's reason.
        why: String,
    },
    /// Descriptors of sockets in no table, of users who have more of them than are examined.
    DescriptorsUnexamined {
        /// How many, at least.
        count: usize,
        /// Those users.
        users: Vec<Untrusted>,
    },
    /// The kernel does not list sockets that are bound and neither listen nor are connected.
    BoundNotListed,
    /// Whether the kernel lists such sockets could not be tried.
    BoundUnknown {
        /// The system's reason.
        why: String,
    },
    /// sock_diag was refused, so the sockets come from /proc/net.
    NetlinkRefused {
        /// The system's reason.
        why: String,
    },
    /// The kernel has no sock_diag handler for a protocol, so it comes from /proc/net.
    NoHandler {
        /// `TCP` or `UDP`.
        protocol: &'static str,
    },
    /// A table could not be read at all.
    TableUnreadable {
        /// What was to be read.
        table: String,
        /// The system's reason.
        why: String,
    },
}

impl Gap {
    /// The fixed word for it in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::OwnersHidden { .. } => "owners-hidden",
            Self::OwnersNotFound { .. } => "owners-not-found",
            Self::OwnersExited { .. } => "owners-exited",
            Self::ThreadsUnsearched { .. } => "threads-unsearched",
            Self::RingsUnread { .. } => "rings-unread",
            Self::NamespacesUnseen { .. } => "namespaces-unseen",
            Self::ProcessesUnreadable { .. } => "processes-unreadable",
            Self::NamespacesUnsearched { .. } => "namespaces-unsearched",
            Self::SocketsUnexamined { .. } => "sockets-unexamined",
            Self::DescriptorsUnexamined { .. } => "descriptors-unexamined",
            Self::BoundNotListed => "bound-not-listed",
            Self::BoundUnknown { .. } => "bound-unknown",
            Self::NetlinkRefused { .. } => "netlink-refused",
            Self::NoHandler { .. } => "no-handler",
            Self::TableUnreadable { .. } => "table-unreadable",
        }
    }

    /// How many sockets it concerns, where that can be counted.
    #[must_use]
    pub const fn count(&self) -> Option<usize> {
        match self {
            Self::OwnersHidden { count, .. }
            | Self::OwnersNotFound { count, .. }
            | Self::OwnersExited { count }
            | Self::ThreadsUnsearched { count }
            | Self::RingsUnread { count }
            | Self::NamespacesUnsearched { count, .. }
            | Self::SocketsUnexamined { count, .. }
            | Self::DescriptorsUnexamined { count, .. } => Some(*count),
            _ => None,
        }
    }

    /// What to do about it.
    #[must_use]
    pub const fn remedy(&self) -> &'static str {
        match self {
            Self::OwnersHidden { as_root: true, .. } => {
                "even root may not look into some processes: CAP_SYS_PTRACE is missing, or a \
                 sandbox or user namespace keeps them apart"
            }
            Self::OwnersHidden { .. } => "run with sudo to see the owners of other users' sockets",
            Self::OwnersNotFound { inside_pid_namespace: true, .. } => {
                "unless they are passing between processes, they are outside of this PID \
                 namespace: look again, or from there"
            }
            Self::OwnersNotFound { .. } => {
                "they belong to the kernel, are passing between processes, or to another PID \
                 namespace: look again, or from the host"
            }
            Self::OwnersExited { .. } => {
                "a child that inherited them holds them: look for children of the exited process"
            }
            Self::ThreadsUnsearched { .. } => {
                "one with descriptors of its own (unshare(2), CLONE_FILES) may hold what was found in \
                 no process"
            }
            Self::RingsUnread { .. } => {
                "a program was using them just then (or Linux is too old to tell): look again"
            }
            Self::NamespacesUnseen { why: None } => {
                "run with sudo and --all-netns to see the sockets of containers and other network \
                 namespaces"
            }
            Self::NamespacesUnseen { why: Some(_) } => {
                "entering a network namespace takes CAP_SYS_ADMIN and CAP_SYS_PTRACE: run portwho \
                 on the host, outside of containers and sandboxes"
            }
            Self::ProcessesUnreadable { .. } => {
                "make the list of processes readable (on Linux: mount /proc), and run again"
            }
            Self::NamespacesUnsearched { .. } => {
                "portwho searches a limited number of each user's; to search one of them, run: \
                 sudo nsenter -n -t PID portwho"
            }
            Self::SocketsUnexamined { .. } => {
                "they may be of a network namespace that no process is in; examining them takes \
                 CAP_SYS_PTRACE, CAP_NET_ADMIN and Linux 5.6"
            }
            Self::DescriptorsUnexamined { .. } => {
                "portwho examines a limited number of each user's; a port may be bound by one of them"
            }
            Self::BoundNotListed => "Linux lists them since 6.8, Windows where netstat has -q",
            Self::BoundUnknown { .. } => "a port may be bound without listening; run again",
            Self::NetlinkRefused { .. } => {
                "bound ports, backlogs, idle times and cgroups are missing; allow AF_NETLINK \
                 sockets (NETLINK_SOCK_DIAG)"
            }
            Self::NoHandler { .. } => {
                "backlogs, idle times and cgroups are missing; load the kernel modules tcp_diag \
                 and udp_diag"
            }
            Self::TableUnreadable { .. } => "run with more rights, or outside of the sandbox",
        }
    }

    /// Whether sockets may be missing that are bound without listening.
    #[must_use]
    pub const fn is_about_bound(&self) -> bool {
        matches!(self, Self::BoundNotListed | Self::BoundUnknown { .. })
    }

    /// Whether the sockets of some network namespace may be missing.
    #[must_use]
    pub const fn is_about_namespaces(&self) -> bool {
        matches!(self, Self::NamespacesUnseen { .. } | Self::NamespacesUnsearched { .. })
    }

    /// Whether it is about who holds sockets that were seen.
    #[must_use]
    pub const fn is_about_owners(&self) -> bool {
        matches!(
            self,
            Self::OwnersHidden { .. } | Self::OwnersNotFound { .. } | Self::OwnersExited { .. }
        )
    }

    /// Whether rows that were asked for may be missing because they could not be read. An
    /// empty answer is then a failure. (A gap that the kernel leaves by design is none.)
    #[must_use]
    pub const fn may_hide_rows(&self) -> bool {
        matches!(self, Self::TableUnreadable { .. })
    }
}
