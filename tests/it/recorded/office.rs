//! A Windows machine as they stand in offices, and the web server of the specification.

use portwho::model::{KernelReason, Os, OwnedSocket, ProcessKind, TcpState};

use super::machine::Machine;
use super::parts::{Simulated, listener, process, tcp, udp};

/// The machine whose tables the specification shows.
pub fn web_server() -> Machine {
    let processes = vec![
        process(1044, "svchost.exe").hosting(&["W32Time"]).kib(12_345),
        process(1688, "inetinfo.exe").in_session("Console", 0),
    ];
    let sockets = vec![
        udp("0.0.0.0:123").of(&[1044]),
        listener("[::]:80").of(&[1688]),
        listener("0.0.0.0:80").of(&[1688]),
    ];
    Machine::new(Os::Windows, processes, sockets)
}

/// A machine with drivers, services, containers and programs.
pub fn office() -> Machine {
    let sockets = [system(), services(), forwarders(), programs()].concat();
    Machine::new(Os::Windows, processes(), sockets)
}

fn processes() -> Vec<Simulated> {
    let shell = |pid, name, parent| process(pid, name).parent(parent);
    vec![
        process(4, "System").in_session("Services", 0).kib(144).kind(ProcessKind::Kernel),
        process(700, "lsass.exe").hosting(&["KeyIso", "SamSs"]).protected(),
        process(912, "svchost.exe").hosting(&["RpcEptMapper", "RpcSs"]).kib(17_220),
        process(1020, "svchost.exe")
            .hosting(&["TermService"])
            .user("NT AUTHORITY\\NETWORK SERVICE")
            .kib(23_100),
        process(1044, "svchost.exe").hosting(&["W32Time"]).kib(12_345),
        process(1312, "svchost.exe").hosting(&["iphlpsvc", "LanmanServer"]).kib(9_876),
        process(1600, "guard.exe").in_session("Services", 0).kind(ProcessKind::Critical),
        process(1688, "inetinfo.exe").user("OFFICE\\anna").kib(1_234_567),
        process(2100, "wslrelay.exe"),
        process(2200, "com.docker.backend.exe"),
        process(3300, "notes.exe").with_window().user("OFFICE\\anna"),
        process(5100, "browser.exe"),
        shell(8800, "WindowsTerminal.exe", 5000),
        shell(8900, "pwsh.exe", 8800),
        shell(9000, "portwho.exe", 8900),
    ]
}

/// What PID 4 holds, and what PID 0 stands for.
fn system() -> Vec<OwnedSocket> {
    let time_wait = tcp("192.168.0.7:8081", TcpState::TimeWait);
    vec![
        listener("0.0.0.0:445").of(&[4]),
        listener("[::]:445").of(&[4]),
        listener("192.168.0.7:139").of(&[4]),
        listener("0.0.0.0:80").of(&[4]),
        listener("[::]:80").of(&[4]),
        time_wait.to("192.168.0.9:50231").of_kernel(KernelReason::TimeWait),
    ]
}

fn services() -> Vec<OwnedSocket> {
    vec![
        listener("0.0.0.0:49664").of(&[700]),
        listener("0.0.0.0:135").of(&[912]),
        listener("0.0.0.0:3389").of(&[1020]),
        listener("0.0.0.0:9000").of(&[1312]),
        listener("0.0.0.0:5000").of(&[1600]),
        udp("0.0.0.0:123").of(&[1044]),
        udp("[::]:123").of(&[1044]),
    ]
}

fn forwarders() -> Vec<OwnedSocket> {
    vec![
        listener("[::1]:3000").of(&[2100]),
        listener("0.0.0.0:8080").of(&[2200]),
        listener("[::]:8080").of(&[2200]),
    ]
}

fn programs() -> Vec<OwnedSocket> {
    let connected = |local: &str, foreign: &str| tcp(local, TcpState::Established).to(foreign);
    vec![
        listener("0.0.0.0:8081").of(&[1688]),
        listener("[::]:8081").of(&[1688]),
        listener("127.0.0.1:8082").of(&[1688]),
        connected("127.0.0.1:8081", "127.0.0.1:50001").of(&[1688]),
        connected("127.0.0.1:50001", "127.0.0.1:8081").of(&[5100]),
        tcp("[::1]:8081", TcpState::CloseWait).to("[::1]:50002").of(&[1688]),
        tcp("[::1]:50002", TcpState::FinWait2).to("[::1]:8081").of(&[5100]),
        connected("[fe80::7]:50003", "[fe80::9]:443").interface(12).of(&[5100]),
        listener("127.0.0.1:3301").of(&[3300]),
        // The shell that portwho runs in, and its terminal.
        listener("127.0.0.1:8900").of(&[8900]),
        listener("127.0.0.1:9001").of(&[9000]),
    ]
}
