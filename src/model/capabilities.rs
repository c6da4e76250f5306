//! What a system can do, as far as portwho decides by it.

use super::{Os, Pid, Protocol};

/// The shells that commands are typed into, with the tools that are run from them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Shell {
    /// sh and its kin, with sudo, kill(1) and sysctl(8).
    Posix,
    /// cmd.exe and PowerShell, with taskkill and netsh.
    Windows,
}

/// The interface of the system that programs call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Api {
    /// Descriptors, signals and capabilities(7).
    Posix,
    /// Handles, Winsock and TerminateProcess.
    Windows,
}

/// What starts and stops services.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServiceManager {
    /// systemd, whose services are units. It holds sockets for services to come.
    Systemd,
    /// The Service Control Manager, several of whose services may share a host process.
    Windows,
}

/// How paths are compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Paths {
    /// Byte by byte.
    Exact,
    /// Without case, and with two separators.
    Windows,
}

/// What a system can do. Whatever differs between systems above `platform` is decided by one of
/// these, never by the name of the system.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Capabilities {
    /// The name of the system, which is printed and decides nothing.
    pub os: Os,
    /// The shells that commands are quoted for.
    pub shell: Shell,
    /// What programs call, and what their handles of sockets are called.
    pub api: Api,
    /// What starts and stops services.
    pub service_manager: ServiceManager,
    /// How paths are compared.
    pub paths: Paths,
    /// Whether sockets of network namespaces other than portwho's own can be read. Those of Windows'
    /// network compartments cannot.
    pub network_namespaces: bool,
    /// Whether a process can be sent a signal of the user's choice.
    pub signals: bool,
    /// Whether UDP sockets can be closed from outside.
    pub closes_udp: bool,
    /// Whether sockets of IPv6 can be closed from outside.
    pub closes_ipv6: bool,
    /// Whether what a process has closed, and is still being torn down, can be closed from outside.
    pub closes_orphans: bool,
    /// Whether TIME_WAIT and other teardown states block a bind without SO_REUSEADDR, so that TCP
    /// servers set it. Elsewhere it would take the port of another process.
    pub teardown_blocks_bind: bool,
    /// Whether a socket at one address blocks a bind to every address. On Windows it does not, unless
    /// SO_EXCLUSIVEADDRUSE was set ("Using SO_REUSEADDR and SO_EXCLUSIVEADDRUSE" in its
    /// documentation of Winsock).
    pub narrower_blocks_bind: bool,
    /// Whether a port may be taken where no socket is listed: by an excluded range or HTTP.sys.
    pub unlisted_reservations: bool,
    /// Whether owners are searched for, and by more than one way: elsewhere the table of sockets names
    /// them.
    pub owner_search: bool,
    /// Whether its tables show the queues, timers and ages of sockets.
    pub socket_details: bool,
    /// Whether processes have a limit of descriptors, which can be raised while they run.
    pub descriptor_limits: bool,
    /// Whether only an administrator runs processes as user 0.
    pub root_user: bool,
    /// Whether some processes are protected: their programs cannot be read, not even elevated, and
    /// the system does not live on without some of them.
    pub protected_processes: bool,
    /// Whether forwarders of ports may serve WSL.
    pub wsl: bool,
    /// The process that all others descend from, and that the system stops with.
    pub first_process: Option<Pid>,
    /// The PIDs that only stand for the kernel and hold the sockets of its drivers.
    pub kernel_pids: &'static [Pid],
}

impl Capabilities {
    /// Those of Linux. A kernel before 6.11 lacks `closes_orphans`.
    pub const LINUX: Self = Self {
        os: Os::Linux,
        shell: Shell::Posix,
        api: Api::Posix,
        service_manager: ServiceManager::Systemd,
        paths: Paths::Exact,
        network_namespaces: true,
        signals: true,
        closes_udp: true,
        closes_ipv6: true,
        closes_orphans: true,
        teardown_blocks_bind: true,
        narrower_blocks_bind: true,
        unlisted_reservations: false,
        owner_search: true,
        socket_details: true,
        descriptor_limits: true,
        root_user: true,
        protected_processes: false,
        wsl: false,
        first_process: Some(Pid(1)),
        kernel_pids: &[],
    };

    /// Those of Windows, whose SetTcpEntry closes connections of IPv4 only.
    pub const WINDOWS: Self = Self {
        os: Os::Windows,
        shell: Shell::Windows,
        api: Api::Windows,
        service_manager: ServiceManager::Windows,
        paths: Paths::Windows,
        network_namespaces: false,
        signals: false,
        closes_udp: false,
        closes_ipv6: false,
        closes_orphans: true,
        teardown_blocks_bind: false,
        narrower_blocks_bind: false,
        unlisted_reservations: true,
        owner_search: false,
        socket_details: false,
        descriptor_limits: false,
        root_user: false,
        protected_processes: true,
        wsl: true,
        first_process: None,
        // Idle and System.
        kernel_pids: &[Pid(0), Pid(4)],
    };

    /// Whether servers of `protocol` set SO_REUSEADDR before they bind. For UDP it would share a
    /// port with another socket that set it too (socket(7)).
    #[must_use]
    pub fn reuses_address(self, protocol: Protocol) -> bool {
        self.teardown_blocks_bind && protocol == Protocol::Tcp
    }

    /// Whether drivers hold sockets in the name of a process of the kernel.
    #[must_use]
    pub const fn drivers_hold_sockets(self) -> bool {
        !self.kernel_pids.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tcp_servers_set_so_reuseaddr_where_teardown_states_block_a_bind() {
        let (linux, windows) = (Capabilities::LINUX, Capabilities::WINDOWS);
        assert!(linux.reuses_address(Protocol::Tcp));
        assert!(!linux.reuses_address(Protocol::Udp));
        assert!(!windows.reuses_address(Protocol::Tcp));
        assert!(!windows.reuses_address(Protocol::Udp));
    }

    #[test]
    fn drivers_hold_sockets_where_processes_stand_for_the_kernel() {
        assert!(!Capabilities::LINUX.drivers_hold_sockets());
        assert!(Capabilities::WINDOWS.drivers_hold_sockets());
    }
}
