//! What could not be seen. How a gap reads is in `text`.

use super::Untrusted;

/// What a search for owners did not read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct LeftOut {
    /// Descriptors of processes.
    pub descriptors: usize,
    /// Threads that have, or may have, descriptors of their own.
    pub threads: usize,
    /// io_urings, where files may be registered.
    pub rings: usize,
}

impl LeftOut {
    /// How many of all kinds.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.descriptors.saturating_add(self.threads).saturating_add(self.rings)
    }

    /// Adds what else was not searched.
    pub const fn add(&mut self, other: Self) {
        self.descriptors = self.descriptors.saturating_add(other.descriptors);
        self.threads = self.threads.saturating_add(other.threads);
        self.rings = self.rings.saturating_add(other.rings);
    }
}

/// Why an owner may not be seen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hiding {
    /// Only root may.
    Rights,
    /// Root may not either: something else stops it.
    EvenFromRoot,
    /// Not every process was searched that may be read, which another gap tells.
    Unsearched,
}

/// Where an owner may be that no process is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Whereabouts {
    /// The kernel, or another PID namespace.
    Anywhere,
    /// Outside of this PID namespace, which is below the machine's own.
    OutsidePidNamespace,
    /// In no process of the machine, all of which were searched: in the kernel, or on its way from one
    /// process to another.
    NoProcess,
    /// A process that was not searched, which another gap tells.
    Unsearched,
}

/// Something the answer lacks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Gap {
    /// Sockets whose owner this user may not see.
    OwnersHidden {
        /// How many sockets.
        count: usize,
        /// The users they belong to, where the kernel reports them.
        users: Vec<Untrusted>,
        /// What stands between.
        why: Hiding,
    },
    /// Sockets whose owner was not found in any process.
    OwnersNotFound {
        /// How many sockets.
        count: usize,
        /// Where they may be.
        place: Whereabouts,
    },
    /// Sockets that were closed and opened again faster than their owner could be found.
    ChangingHands {
        /// How many sockets.
        count: usize,
    },
    /// Sockets whose creator has exited and left them to processes that cannot be named.
    OwnersExited {
        /// How many sockets.
        count: usize,
    },
    /// What one user's processes have beyond what is searched for each user.
    SearchBounded {
        /// The user; none where it is several.
        user: Option<Untrusted>,
        /// What was not searched.
        left_out: LeftOut,
    },
    /// io_urings whose registered files the kernel did not report.
    RingsUnread {
        /// How many.
        count: usize,
    },
    /// Command lines that were not read to their end.
    CommandsCut {
        /// Of how many processes.
        count: usize,
        /// The users of these.
        users: Vec<Untrusted>,
    },
    /// Other network namespaces were not searched.
    NamespacesUnseen {
        /// The system's reason; none where this user may not search them at all.
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
    /// What the system keeps of the owners of sockets: users, programs or command lines.
    DetailsWithheld {
        /// Of how many processes.
        count: usize,
    },
    /// Which services the processes host.
    ServicesUnreadable,
    /// Rules for ports that could not be read.
    PortRulesUnreadable {
        /// The system's reason.
        why: String,
    },
    /// The rules by which ports are forwarded, or some of them.
    PortProxiesUnreadable {
        /// The system's reason, or what was found instead.
        why: String,
    },
    /// What the system's own web server serves.
    UrlsUnreadable {
        /// The system's reason.
        why: String,
    },
    /// Sockets that were not seen for so long that they are no longer kept, in tables that could not be
    /// read.
    SocketsForgotten {
        /// How many.
        count: usize,
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
    /// The words of all kinds, sorted.
    pub const KINDS: [&str; 23] = [
        "bound-not-listed",
        "bound-unknown",
        "changing-hands",
        "commands-cut",
        "descriptors-unexamined",
        "details-withheld",
        "namespaces-unsearched",
        "namespaces-unseen",
        "netlink-refused",
        "no-handler",
        "no-process",
        "owners-exited",
        "owners-hidden",
        "owners-not-found",
        "port-proxies-unreadable",
        "port-rules-unreadable",
        "processes-unreadable",
        "rings-unread",
        "search-bounded",
        "services-unreadable",
        "sockets-unexamined",
        "table-unreadable",
        "urls-unreadable",
    ];

    /// The fixed word for it in JSON.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::OwnersHidden { .. } => "owners-hidden",
            // Nothing is unseen then: who holds it is no process.
            Self::OwnersNotFound { place: Whereabouts::NoProcess, .. } => "no-process",
            Self::OwnersNotFound { .. } => "owners-not-found",
            Self::ChangingHands { .. } => "changing-hands",
            Self::OwnersExited { .. } => "owners-exited",
            Self::SearchBounded { .. } => "search-bounded",
            Self::RingsUnread { .. } => "rings-unread",
            Self::CommandsCut { .. } => "commands-cut",
            Self::NamespacesUnseen { .. } => "namespaces-unseen",
            Self::ProcessesUnreadable { .. } => "processes-unreadable",
            Self::NamespacesUnsearched { .. } => "namespaces-unsearched",
            Self::SocketsUnexamined { .. } => "sockets-unexamined",
            Self::DescriptorsUnexamined { .. } => "descriptors-unexamined",
            Self::BoundNotListed => "bound-not-listed",
            Self::BoundUnknown { .. } => "bound-unknown",
            Self::NetlinkRefused { .. } => "netlink-refused",
            Self::NoHandler { .. } => "no-handler",
            Self::DetailsWithheld { .. } => "details-withheld",
            Self::ServicesUnreadable => "services-unreadable",
            Self::PortRulesUnreadable { .. } => "port-rules-unreadable",
            Self::PortProxiesUnreadable { .. } => "port-proxies-unreadable",
            Self::UrlsUnreadable { .. } => "urls-unreadable",
            Self::SocketsForgotten { .. } => "sockets-forgotten",
            Self::TableUnreadable { .. } => "table-unreadable",
        }
    }

    /// How many sockets it concerns, where that can be counted.
    #[must_use]
    pub const fn count(&self) -> Option<usize> {
        match self {
            Self::OwnersHidden { count, .. }
            | Self::OwnersNotFound { count, .. }
            | Self::ChangingHands { count }
            | Self::OwnersExited { count }
            | Self::RingsUnread { count }
            | Self::CommandsCut { count, .. }
            | Self::DetailsWithheld { count }
            | Self::NamespacesUnsearched { count, .. }
            | Self::SocketsUnexamined { count, .. }
            | Self::SocketsForgotten { count }
            | Self::DescriptorsUnexamined { count, .. } => Some(*count),
            Self::SearchBounded { left_out, .. } => Some(left_out.count()),
            _ => None,
        }
    }

    /// Whether it is about sockets that are bound without listening, and nothing else.
    #[must_use]
    pub const fn is_about_bound(&self) -> bool {
        matches!(self, Self::BoundNotListed | Self::BoundUnknown { .. })
    }

    /// Whether sockets may be missing that are bound without listening.
    #[must_use]
    pub const fn may_hide_bound(&self) -> bool {
        self.is_about_bound()
            || matches!(self, Self::NetlinkRefused { .. } | Self::DescriptorsUnexamined { .. })
    }

    /// Whether the sockets of some network namespace may be missing.
    #[must_use]
    pub const fn is_about_namespaces(&self) -> bool {
        matches!(self, Self::NamespacesUnseen { .. } | Self::NamespacesUnsearched { .. })
    }

    /// Whether a rule may be missing by which a bind fails.
    #[must_use]
    pub const fn is_about_rules(&self) -> bool {
        matches!(self, Self::PortRulesUnreadable { .. })
    }

    /// Whether it is about who holds sockets that were seen.
    #[must_use]
    pub const fn is_about_owners(&self) -> bool {
        matches!(
            self,
            Self::OwnersHidden { .. }
                | Self::OwnersNotFound { .. }
                | Self::ChangingHands { .. }
                | Self::OwnersExited { .. }
        )
    }

    /// Whether rows that were asked for may be missing because they could not be read. An
    /// empty answer is then a failure. (A gap that the kernel leaves by design is none.)
    #[must_use]
    pub const fn may_hide_rows(&self) -> bool {
        matches!(self, Self::TableUnreadable { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_listed() {
        let (count, users, why) = (1, Vec::new(), String::new());
        let place = Whereabouts::Anywhere;
        let (named, reason) = (|| users.clone(), || why.clone());
        let gaps = [
            Gap::BoundNotListed,
            Gap::BoundUnknown { why: reason() },
            Gap::ChangingHands { count },
            Gap::CommandsCut { count, users: named() },
            Gap::DescriptorsUnexamined { count, users: named() },
            Gap::DetailsWithheld { count },
            Gap::NamespacesUnsearched { count, users: named() },
            Gap::NamespacesUnseen { why: None },
            Gap::NetlinkRefused { why: reason() },
            Gap::NoHandler { protocol: "TCP" },
            Gap::OwnersNotFound { count, place: Whereabouts::NoProcess },
            Gap::OwnersExited { count },
            Gap::OwnersHidden { count, users: named(), why: Hiding::Rights },
            Gap::OwnersNotFound { count, place },
            Gap::PortProxiesUnreadable { why: reason() },
            Gap::PortRulesUnreadable { why: reason() },
            Gap::ProcessesUnreadable { why: reason() },
            Gap::RingsUnread { count },
            Gap::SearchBounded { user: None, left_out: LeftOut::default() },
            Gap::ServicesUnreadable,
            Gap::SocketsUnexamined { count, why: reason() },
            Gap::TableUnreadable { table: reason(), why: reason() },
            Gap::UrlsUnreadable { why: reason() },
        ];
        assert_eq!(gaps.each_ref().map(Gap::kind), Gap::KINDS);
    }
}
