//! Commands to type, on each system: to end, stop, restart and resume what holds a port, and to
//! change settings.

use std::collections::BTreeSet;

use super::advice::{Remedy, run_to};
use super::escape::Escaped;
use super::shell::ShellCommand;
use crate::model::{
    Container, Pid, Process, Runtime, ServedUrl, ServiceManager, Shell, Signal, Stopped, Untrusted,
};

/// `portwho -l 80`: the list, with these words.
#[must_use]
pub fn list<T: AsRef<[u8]>>(shell: Shell, words: impl IntoIterator<Item = T>) -> ShellCommand {
    ShellCommand::new(shell, "portwho").words(words)
}

/// `portwho kill -u 53 5353`.
#[must_use]
pub fn kill_ports(shell: Shell, options: &[&str], ports: &BTreeSet<u16>) -> ShellCommand {
    let ports = ports.iter().map(ToString::to_string);
    ShellCommand::new(shell, "portwho kill").words(options).words(ports)
}

/// A command that acts where this process lives, which takes root: `nsenter -t 21 -n portwho kill 80`.
#[must_use]
pub fn in_namespace_of(pid: Pid, command: ShellCommand, privileged: bool) -> Remedy {
    Remedy::with_rights(command.in_network_namespace(pid), privileged)
}

/// How to end a process by hand, immediately.
#[must_use]
pub fn end_by_hand(shell: Shell, pid: Pid) -> ShellCommand {
    match shell {
        Shell::Posix => ShellCommand::new(shell, format_args!("kill -9 {pid}")),
        Shell::Windows => ShellCommand::new(shell, format_args!("taskkill /F /PID {pid}")),
    }
}

/// How to stop the service that a process belongs to; none where it belongs to none, or to
/// several: `systemctl stop nginx.service`.
#[must_use]
pub fn stop_service(manager: ServiceManager, process: &Process) -> Option<ShellCommand> {
    of_service(manager, process, "stop", "sc.exe stop")
}

/// How to restart it: `systemctl restart nginx.service`.
#[must_use]
pub fn restart_service(manager: ServiceManager, process: &Process) -> Option<ShellCommand> {
    of_service(manager, process, "restart", "Restart-Service")
}

/// A verb of systemctl(1), or a command of Windows, for the only service of a process.
fn of_service(
    manager: ServiceManager,
    process: &Process,
    verb: &str,
    windows: &str,
) -> Option<ShellCommand> {
    let [service] = process.services.as_slice() else { return None };
    let name = service.name.as_bytes();
    let command = match manager {
        ServiceManager::Systemd if !name.ends_with(b".service") => return None,
        ServiceManager::Systemd => ShellCommand::systemctl(service.of_user, verb),
        ServiceManager::Windows => ShellCommand::new(Shell::Windows, windows),
    };
    command.operand(name).typable()
}

/// How to stop the socket unit that holds a socket for the service of a process.
#[must_use]
pub fn stop_socket_unit(process: &Process) -> Option<ShellCommand> {
    let service = process.services.first()?;
    let name = service.name.as_bytes().strip_suffix(b".service")?;
    let unit = [name, b".socket"].concat();
    ShellCommand::systemctl(service.of_user, "stop").operand(&unit).typable()
}

/// How to stop a container: `docker stop web`. Its name is foreign text, and this is typed by root.
#[must_use]
pub fn stop_container(container: &Container) -> Remedy {
    let handle = container.handle();
    let command = |words: &str| ShellCommand::new(Shell::Posix, words);
    let of_operand = |words: &str| command(words).operand(handle.as_bytes());
    let stop: Remedy = match container.runtime {
        Runtime::Docker => of_operand("docker stop").into(),
        Runtime::Podman => of_operand("podman stop").into(),
        Runtime::Nerdctl => of_operand("nerdctl stop").into(),
        Runtime::Nspawn => of_operand("machinectl terminate").into(),
        Runtime::Kubernetes | Runtime::Containerd | Runtime::CriO => {
            let restarts = "Kubernetes restarts it unless its pod is deleted".to_owned();
            Remedy::from(of_operand("crictl stop")).after(restarts)
        }
        // Its name is the argument of an option.
        Runtime::Lxc => {
            let stop = command("lxc-stop -n").word(handle.as_bytes());
            let in_lxd = of_operand("lxc stop");
            Remedy::from(stop)
                .after(format!("in LXD, {} stops it", in_lxd.text().unwrap_or_default()))
        }
    };
    if container.of_user { stop.typed("as the user who runs it") } else { stop }
}

/// How to find the container, of docker or podman, that a port is published for.
#[must_use]
pub fn find_container(shell: Shell, port: u16) -> Remedy {
    ShellCommand::new(shell, format_args!("docker ps --filter publish={port}")).into()
}

/// How to let a process run again that is stopped: `kill -CONT 812`. None where its tracer decides.
#[must_use]
pub fn resume(
    pid: Pid,
    container: Option<&Container>,
    stopped: &Stopped,
    privileged: bool,
) -> Option<ShellCommand> {
    match stopped {
        Stopped::BySignal => Some(send(Signal::Cont, pid)),
        Stopped::ByTracer => None,
        Stopped::Frozen { thaw, file, .. } => {
            container.and_then(unpause).or_else(|| write(thaw, file.as_bytes(), privileged))
        }
    }
}

/// The kill(1) command that sends a signal: `kill 812`, `kill -CONT 812`.
#[must_use]
pub fn send(signal: Signal, pid: Pid) -> ShellCommand {
    match signal {
        Signal::Term => ShellCommand::new(Shell::Posix, format_args!("kill {pid}")),
        other => ShellCommand::new(Shell::Posix, format_args!("kill -{} {pid}", other.name())),
    }
}

/// Docker and podman freeze the group of a container that is paused.
fn unpause(container: &Container) -> Option<ShellCommand> {
    let command = match container.runtime {
        Runtime::Docker => "docker unpause",
        Runtime::Podman => "podman unpause",
        _ => return None,
    };
    ShellCommand::new(Shell::Posix, command).operand(container.handle().as_bytes()).typable()
}

fn write(text: &str, file: &[u8], privileged: bool) -> Option<ShellCommand> {
    let start =
        if privileged { format!("echo {text} >") } else { format!("echo {text} | sudo tee") };
    ShellCommand::new(Shell::Posix, start).word(file).typable()
}

/// How to see where each thread of a process is.
#[must_use]
pub fn backtraces(shell: Shell, pid: Pid) -> ShellCommand {
    let gdb = ShellCommand::new(shell, format_args!("gdb -p {pid} -batch -ex"));
    gdb.word(b"thread apply all bt")
}

/// How to see what each descriptor of a process is.
#[must_use]
pub fn descriptors(shell: Shell, pid: Pid) -> ShellCommand {
    ShellCommand::new(shell, format_args!("ls -l /proc/{pid}/fd"))
}

/// How to change a setting of the kernel, which takes root: `sudo sysctl -w
/// net.ipv4.tcp_syncookies=1`.
#[must_use]
pub fn sysctl(setting: &str, privileged: bool) -> Remedy {
    let set = ShellCommand::new(Shell::Posix, "sysctl -w").word(setting.as_bytes());
    Remedy::with_rights(set, privileged)
}

/// How to let Windows assign most ports automatically, which takes an elevated prompt.
#[must_use]
pub fn widen_dynamic_ports(privileged: bool) -> Remedy {
    let set = "netsh int ipv4 set dynamicport tcp start=10000 num=55535";
    Remedy::with_rights(ShellCommand::new(Shell::Windows, set), privileged)
}

/// How to let a process of the user open up to `wanted` descriptors: `prlimit --pid 812
/// --nofile=2048:`. The soft limit may be raised to the hard one; raising both takes root
/// (prlimit(2)).
#[must_use]
pub fn raise_descriptor_limit(
    pid: Pid,
    wanted: u64,
    hard_limit: Option<u64>,
    privileged: bool,
) -> Remedy {
    match hard_limit {
        Some(hard) if hard < wanted => {
            Remedy::with_rights(prlimit(pid, &format!("{wanted}:{wanted}")), privileged)
        }
        _ => prlimit(pid, &format!("{wanted}:")).into(),
    }
}

fn prlimit(pid: Pid, limits: &str) -> ShellCommand {
    ShellCommand::new(Shell::Posix, format_args!("prlimit --pid {pid} --nofile={limits}"))
}

/// Which driver holds a port in the name of Windows' System, PID 4, as far as the port shows it, and
/// what to do about it. Of HTTP.sys these URLs are known.
#[must_use]
pub fn driver(port: u16, urls: &[&ServedUrl]) -> String {
    let command = |words: &str| ShellCommand::new(Shell::Windows, words).into();
    match port {
        445 => {
            let server = "it is the file server (SMB), whose driver may keep the port after its \
                          service has stopped";
            run_to("to stop the service", server, &command("sc.exe stop LanmanServer"))
        }
        137..=139 => "it is NetBIOS over TCP/IP; turn it off in the adapter's settings".to_owned(),
        _ if !urls.is_empty() => served(urls),
        _ => {
            let driver = "a driver holds it, most often HTTP.sys";
            run_to("to see what that serves", driver, &command("netsh http show servicestate"))
        }
    }
}

/// How many URLs are named.
const URLS_NAMED: usize = 3;

/// `HTTP.sys serves HTTP://+:80/APP/ for w3wp.exe (PID 4711)`.
fn served(urls: &[&ServedUrl]) -> String {
    let named: Vec<String> = urls.iter().take(URLS_NAMED).map(|url| for_whom(url)).collect();
    let named = format!("HTTP.sys serves {}", named.join(", "));
    match urls.len().saturating_sub(URLS_NAMED) {
        0 => named,
        more => {
            let list = ShellCommand::new(Shell::Windows, "netsh http show servicestate").into();
            run_to("to see all", &format!("{named} and {more} more"), &list)
        }
    }
}

fn for_whom(served: &ServedUrl) -> String {
    let url = Escaped(&served.url);
    let process = |(pid, path): &(Pid, Untrusted)| {
        let name = path.as_bytes().rsplit(|byte| *byte == b'\\').next().unwrap_or_default();
        format!("{} (PID {pid})", Escaped(&Untrusted::new(name)))
    };
    let processes: Vec<String> = served.processes.iter().map(process).collect();
    if processes.is_empty() {
        format!("{url} for no process that runs")
    } else {
        format!("{url} for {}", processes.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::advice::run;

    #[test]
    fn a_users_container_is_stopped_by_its_user() {
        let container = Container {
            runtime: Runtime::Podman,
            id: "932a195ea739".into(),
            name: Some("we b".into()),
            of_user: true,
        };
        let stop = run("port 80 is held", &stop_container(&container));
        let expected =
            "port 80 is held; as the user who runs it, run: podman stop \"we b\"".to_owned();
        assert_eq!(stop, expected);
    }

    #[test]
    fn what_takes_root_has_sudo_for_other_users() {
        let said = |remedy: &Remedy| remedy.alone();
        let cookies = |privileged| sysctl("net.ipv4.tcp_syncookies=1", privileged);
        assert_eq!(said(&cookies(true)), "sysctl -w net.ipv4.tcp_syncookies=1");
        assert_eq!(said(&cookies(false)), "sudo sysctl -w net.ipv4.tcp_syncookies=1");
        let raise = |hard, privileged| raise_descriptor_limit(Pid(8), 128, Some(hard), privileged);
        assert_eq!(said(&raise(128, false)), "prlimit --pid 8 --nofile=128:");
        assert_eq!(said(&raise(64, false)), "sudo prlimit --pid 8 --nofile=128:128");
        assert_eq!(said(&raise(64, true)), "prlimit --pid 8 --nofile=128:128");
    }

    #[test]
    fn what_is_not_a_signal_for_the_end_is_named() {
        assert_eq!(send(Signal::Term, Pid(812)).text(), Some("kill 812"));
        assert_eq!(send(Signal::Kill, Pid(812)).text(), Some("kill -KILL 812"));
        let unit = b"/sys/fs/cgroup/a b/cgroup.freeze";
        let thaw = |privileged| write("0", unit, privileged);
        let expected = "echo 0 | sudo tee \"/sys/fs/cgroup/a b/cgroup.freeze\"";
        assert_eq!(thaw(false).and_then(|it| it.text().map(str::to_owned)).unwrap(), expected);
    }
}
