//! Why kill refuses a process, and what to run instead.

use crate::model::{Pid, PortProxy, Shell};
use crate::text::advice::{Remedy, run, run_to};
use crate::text::forwards;
use crate::text::remedies::find_container;
use crate::text::shell::ShellCommand;

/// Why a process is refused, with all that its sentence needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// It is the kernel.
    Kernel,
    /// It is Windows' System, in whose name a driver holds this port.
    /// What it is.
    Driver(String),
    /// Windows does not run without it.
    Critical,
    /// PID 1.
    Init {
        /// Whether other processes hold the socket too.
        shares: bool,
    },
    /// It holds the socket for socket activation, and this command stops the unit.
    SocketActivation(Option<Remedy>),
    /// It is portwho itself.
    Itself,
    /// It is an ancestor of portwho.
    Ancestor,
    /// It serves this container, which the command stops.
    KnownContainer {
        /// The container as it is named.
        container: String,
        /// What stops it.
        stop: Remedy,
    },
    /// It serves some container on this port.
    Container(u16),
    /// It forwards this port of a container or of WSL.
    ContainerOrWsl(u16),
    /// It hosts several services of Windows; none where they cannot be listed.
    SharedHost(Pid, Vec<String>),
    /// It hosts several services, of which this one created the socket; the command stops it.
    ServiceInHost(Vec<String>, String, Remedy),
    /// It forwards ports by these rules; whether this user may delete one.
    PortProxy(Vec<PortProxy>, bool),
    /// This process was born after the socket.
    Younger(Pid),
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
        Refused::Kernel => format!("{name} belongs to the kernel"),
        Refused::Driver(driver) => format!("{name} is the kernel: {driver}"),
        Refused::Critical => format!("{name}: ending it crashes Windows"),
        Refused::Init { shares: false } => format!(
            "{name}; killing it stops the system; in a container, stop the container instead"
        ),
        Refused::Init { shares: true } => {
            let held = format!(
                "{name} holds the socket too; killing it stops the system; in a container, stop \
                 the container instead; for socket activation, stop the .socket unit"
            );
            run_to("to find it", &held, &list_sockets())
        }
        Refused::SocketActivation(stop) => {
            let held = format!("{name} holds the socket for socket activation");
            match stop {
                Some(stop) => run(&held, stop),
                None => {
                    run_to("to find it", &format!("{held}; stop its .socket unit"), &list_sockets())
                }
            }
        }
        Refused::Itself => format!("{name} is portwho itself"),
        Refused::Ancestor => {
            format!("{name} is an ancestor of portwho: the shell or session it runs in")
        }
        Refused::KnownContainer { container, stop } => {
            run(&format!("{name} serves {container}"), stop)
        }
        Refused::Container(port) => run_to(
            "to find it with docker or podman",
            &format!("{name} serves a container; stop the container instead"),
            &find_container(Shell::Posix, *port),
        ),
        Refused::ContainerOrWsl(port) => run_to(
            "to find the container",
            &format!("{name} forwards the port of a container or of WSL; wsl --shutdown stops WSL"),
            &find_container(Shell::Windows, *port),
        ),
        Refused::SharedHost(pid, services) => shared_host(name, *pid, services),
        Refused::ServiceInHost(services, service, stop) => {
            service_in_host(name, services, service, stop)
        }
        Refused::PortProxy(rules, privileged) => {
            let rules: Vec<&PortProxy> = rules.iter().collect();
            let what = format!(
                "{name} hosts {}, which forwards {}",
                PortProxy::SERVICE,
                forwards::ends(&rules)
            );
            forwards::with_remedy(&what, &rules, *privileged)
        }
        Refused::Younger(pid) => younger(name, *pid),
        Refused::Unidentified => format!("{name} cannot be identified"),
    }
}

/// Only who knows the process can tell which of the two it is.
fn younger(name: &str, pid: Pid) -> String {
    let what = format!(
        "{name} was started after the socket was created: either it has the PID of another \
         process that has exited, or the clock was set back"
    );
    let end =
        ShellCommand::new(Shell::Windows, "taskkill /F /PID").word(pid.to_string().as_bytes());
    run_to("to end it anyway", &what, &Remedy::from(end))
}

fn list_sockets() -> Remedy {
    ShellCommand::new(Shell::Posix, "systemctl list-sockets").into()
}

/// One service among others. A forwarded port is taken away by its rule, not with the service.
fn service_in_host(name: &str, services: &[String], service: &str, stop: &Remedy) -> String {
    let hosts = format!(
        "{name} hosts several services: {}; {service} created the socket",
        services.join(", ")
    );
    if is_port_proxy(service) {
        return run_to("for a forwarded port", &hosts, &forwards::list());
    }
    run_to("to stop that service alone", &hosts, stop)
}

/// Whether a service forwards ports.
fn is_port_proxy(service: &str) -> bool {
    service.eq_ignore_ascii_case(PortProxy::SERVICE)
}

/// The service that is meant has to be stopped by its name.
fn shared_host(name: &str, pid: Pid, services: &[String]) -> String {
    let command = |words: &str| ShellCommand::new(Shell::Windows, words);
    if services.is_empty() {
        let list = command("tasklist /svc /fi").word(format!("PID eq {pid}").as_bytes());
        let hosts = format!("{name} hosts services that cannot be listed");
        return run_to("to list them", &hosts, &Remedy::privileged(list));
    }
    let hosts = format!(
        "{name} hosts several services: {}; stop the one that is meant, by its name, with sc.exe \
         stop",
        services.join(", ")
    );
    if services.iter().any(|name| is_port_proxy(name)) {
        return run_to("for a forwarded port", &hosts, &forwards::list());
    }
    hosts
}
