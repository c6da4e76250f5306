//! Why kill refuses a process, and what to run instead.

use crate::text::advice::{run, run_if_any};

/// Why a process is refused, with all that its sentence needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It is the kernel; on Windows with what is known of the driver that holds the port.
    Kernel(Option<&'static str>),
    /// Windows does not run without it.
    Critical,
    /// PID 1.
    Init {
        /// Whether other processes hold the socket too.
        shares: bool,
    },
    /// It holds the socket for socket activation, and this command stops the unit.
    SocketActivation(Option<String>),
    /// It is portwho itself.
    Itself,
    /// It is an ancestor of portwho.
    Ancestor,
    /// It serves this container, which the command stops.
    KnownContainer {
        /// The container as it is named.
        container: String,
        /// What stops it.
        stop: String,
    },
    /// It serves some container on this port.
    Container(u16),
    /// It forwards this port of a container or of WSL.
    ContainerOrWsl(u16),
    /// It hosts several services of Windows.
    SharedHost(Vec<String>),
    /// Nothing is known of this process.
    Unidentified,
}

/// Why `name` is refused.
#[must_use]
pub fn refused(name: &str, why: &Refused) -> String {
    format!("refused: {}", reason(name, why))
}

fn reason(name: &str, why: &Refused) -> String {
    match why {
        Refused::Kernel(Some(driver)) => format!("{name} is the kernel: {driver}"),
        Refused::Kernel(None) => format!("{name} belongs to the kernel"),
        Refused::Critical => format!("{name}: ending it crashes Windows"),
        Refused::Init { shares: false } => format!(
            "{name}; killing it stops the system; in a container, stop the container instead"
        ),
        Refused::Init { shares: true } => format!(
            "{name} holds the socket too; killing it stops the system; in a container, stop the \
             container instead; for socket activation, run: systemctl stop X.socket"
        ),
        Refused::SocketActivation(stop) => {
            let held = format!("{name} holds the socket for socket activation");
            match stop {
                Some(command) => run_if_any(&held, Some(command)),
                None => format!(
                    "{held}; stop its .socket unit; to find it, run: systemctl list-sockets"
                ),
            }
        }
        Refused::Itself => format!("{name} is portwho itself"),
        Refused::Ancestor => {
            format!("{name} is an ancestor of portwho: the shell or session it runs in")
        }
        Refused::KnownContainer { container, stop } => {
            run(&format!("{name} serves {container}"), stop)
        }
        Refused::Container(port) => format!(
            "{name} serves a container; stop the container instead; to find it with docker or \
             podman, run: docker ps --filter publish={port}"
        ),
        Refused::ContainerOrWsl(port) => format!(
            "{name} forwards the port of a container or of WSL; to stop WSL, run: wsl --shutdown; \
             to find the container, run: docker ps --filter publish={port}"
        ),
        Refused::SharedHost(services) => format!("{name} {}", shared_host(services)),
        Refused::Unidentified => format!("{name} cannot be identified"),
    }
}

/// The service that is meant has to be stopped by its name.
fn shared_host(services: &[String]) -> String {
    if services.is_empty() {
        return "hosts services that cannot be listed; to stop one, run: sc.exe stop NAME"
            .to_owned();
    }
    let hosts = format!("hosts several services: {}", services.join(", "));
    if services.iter().any(|name| name.eq_ignore_ascii_case("iphlpsvc")) {
        return format!(
            "{hosts}; sc.exe stop NAME stops one of them; for a forwarded port, run: netsh \
             interface portproxy show all"
        );
    }
    format!("{hosts}; to stop one, run: sc.exe stop NAME")
}
