//! Whom kill refuses on Windows. A refused process is not even opened.

use portwho::model::{Gap, Os, Pid, ProcessKind, ServedUrl};
use portwho::platform::Ending;

use super::machine::Machine;
use super::office::office;
use super::parts::{listener, process, udp, windows_text};
use crate::support::json::only_socket;

/// What is said, whether it is asked to do it or only to say what it would do; no process is opened.
#[track_caller]
fn refuses(port: u16, held: &str, why: &str) {
    for options in ["", "-n ", "-y ", "-f ", "-y -f "] {
        let machine = office().privileged();
        let output = machine.run(&format!("kill {options}{port}"));
        output.is(2, held, &format!("portwho: port {port}: refused: {why}\n"));
        machine.is_untouched();
        assert_eq!(machine.ended(), [], "{options}");
    }
}

#[trial]
fn the_file_server() {
    let held = "0.0.0.0:445, [::]:445 are held by System (PID 4)\n  it also holds ports 80, 139\n";
    let why = "System (PID 4) is the kernel: it is the file server (SMB), whose driver may keep the \
               port after its service has stopped; to stop the service, run: sc.exe stop \
               LanmanServer";
    refuses(445, held, why);
}

#[trial]
fn netbios() {
    let held = "192.168.0.7:139 is held by System (PID 4)\n  it also holds ports 80, 445\n";
    let why = "System (PID 4) is the kernel: it is NetBIOS over TCP/IP; turn it off in the \
               adapter's settings";
    refuses(139, held, why);
}

#[trial]
fn a_web_server_in_the_kernel() {
    let held = "0.0.0.0:80, [::]:80 are held by System (PID 4)\n  it also holds ports 139, 445\n";
    let why = "System (PID 4) is the kernel: a driver holds it, most often HTTP.sys; to see what \
               that serves, run: netsh http show servicestate";
    refuses(80, held, why);
}

/// HTTP.sys says for whom. That process is not ended: it does not hold the port.
#[trial]
fn a_web_server_in_the_kernel_and_its_program() {
    let url = |url: &str, port, processes| ServedUrl { url: windows_text(url), port, processes };
    let program = (Pid(4711), windows_text(r"C:\Windows\System32\inetsrv\w3wp.exe"));
    let served = vec![
        url("HTTP://*:80/", 80, vec![program]),
        url("HTTP://+:80/IDLE/", 80, vec![]),
        url("HTTP://+:5985/WSMAN/", 5985, vec![]),
    ];
    let machine = Machine { served_urls: Ok(served), ..office().privileged() };
    let what = "HTTP.sys serves HTTP://*:80/ for w3wp.exe (PID 4711), HTTP://+:80/IDLE/ for no \
                process that runs";
    let output = machine.run("kill -y -f 80");
    let why = format!("portwho: port 80: refused: System (PID 4) is the kernel: {what}\n");
    output.is(2, &output.stdout, &why);
    machine.is_untouched();
    let output = machine.run("80");
    output.is(
        0,
        &output.stdout,
        &format!("portwho: port 80 is held by the kernel (PID 4): {what}\n"),
    );
    let answer = machine.run("--json 80");
    let answer = answer.json(0, &answer.stderr);
    assert_eq!(answer["served_urls"][0]["processes"][0]["pid"], 4711);
    // Nothing is asked of HTTP.sys for a port of another driver.
    let gap = Gap::UrlsUnreadable { why: "netsh: no answer".to_owned() };
    let machine = Machine { served_urls: Err(gap), ..office() };
    assert!(!machine.run("445").stderr.contains("no answer"));
    let unread = "portwho: the URLs that HTTP.sys serves could not be read (netsh: no answer): netsh \
                  http show servicestate lists them\n";
    assert!(machine.run("80").stderr.starts_with(unread));
}

#[trial]
fn a_service_host_of_several() {
    let held = "0.0.0.0:135 is held by svchost.exe (PID 912, RpcEptMapper, RpcSs)\n";
    let why = "svchost.exe (PID 912) hosts several services: RpcEptMapper, RpcSs; stop the \
               one that is meant, by its name, with sc.exe stop";
    refuses(135, held, why);
}

/// Where Windows says which of them created the socket, that one is named, in the list too.
#[trial]
fn a_service_host_of_several_and_the_one_that_is_meant() {
    let host = || process(912, "svchost.exe").hosting(&["RpcEptMapper", "RpcSs"]);
    let sockets = || vec![listener("0.0.0.0:135").by_service("RpcEptMapper").of(&[912])];
    let machine = || Machine::new(Os::Windows, vec![host()], sockets());
    let held = "0.0.0.0:135 is held by svchost.exe (PID 912, RpcEptMapper, RpcSs)\n";
    let why = "svchost.exe (PID 912) hosts several services: RpcEptMapper, RpcSs; RpcEptMapper \
               created the socket; to stop that service alone, run: sc.exe stop RpcEptMapper";
    let privileged = machine().privileged();
    let output = privileged.run("kill -y 135");
    output.is(2, held, &format!("portwho: port 135: refused: {why}\n"));
    privileged.is_untouched();
    let output = machine().run("kill -n 135");
    assert!(
        output.stderr.contains("to stop that service alone, in an elevated prompt"),
        "{output:?}"
    );
    let row = "  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       912      \
               svchost.exe (RpcEptMapper)\n";
    assert!(machine().run("--no-header 135").stdout.starts_with(row));
    let answer = machine().run("--json 135").json(0, "");
    assert_eq!(only_socket(&answer)["service"], "RpcEptMapper");
    // Another socket of the group is that of another service.
    let mixed = machine().socket(listener("[::]:135").by_service("RpcSs").of(&[912]));
    let output = mixed.run("kill -n 135");
    assert!(output.stderr.contains("stop the one that is meant, by its name"), "{output:?}");
}

/// A forwarded port is given back by its rule; the service does more than that.
#[trial]
fn a_port_proxy_that_is_known() {
    let host = process(1312, "svchost.exe").hosting(&["iphlpsvc", "LanmanServer"]);
    let sockets = vec![listener("0.0.0.0:9000").by_service("iphlpsvc").of(&[1312])];
    let machine = Machine::new(Os::Windows, vec![host], sockets);
    let output = machine.run("kill -n 9000");
    let end = "iphlpsvc created the socket; for a forwarded port, run: netsh interface portproxy \
               show all\n";
    assert!(output.stderr.ends_with(end), "{output:?}");
}

#[trial]
fn a_service_host_with_a_port_proxy() {
    let held = "0.0.0.0:9000 is held by svchost.exe (PID 1312, iphlpsvc, LanmanServer)\n";
    let why = "svchost.exe (PID 1312) hosts several services: iphlpsvc, LanmanServer; stop the \
               one that is meant, by its name, with sc.exe stop; for a forwarded port, run: \
               netsh interface portproxy show \
               all";
    refuses(9000, held, why);
}

#[trial]
fn a_critical_process() {
    let held = "0.0.0.0:5000 is held by guard.exe (PID 1600)\n";
    refuses(5000, held, "guard.exe (PID 1600): ending it crashes Windows");
}

#[trial]
fn a_process_of_the_system_by_its_name() {
    let held = "0.0.0.0:49664 is held by lsass.exe (PID 700, KeyIso, SamSs)\n";
    refuses(49664, held, "lsass.exe (PID 700): ending it crashes Windows");
    for name in
        ["LSASS.EXE", "services.exe", "wininit.exe", "winlogon.exe", "csrss.exe", "Smss.exe"]
    {
        let sockets = vec![listener("0.0.0.0:81").of(&[600])];
        let machine = Machine::new(Os::Windows, vec![process(600, name)], sockets);
        let why = format!("{name} (PID 600): ending it crashes Windows");
        machine.run("kill -y -f 81").is(
            2,
            &format!("0.0.0.0:81 is held by {name} (PID 600)\n"),
            &format!("portwho: port 81: refused: {why}\n"),
        );
        assert_eq!(machine.ended(), []);
    }
}

const FORWARDS: &str = "forwards the port of a container or of WSL; wsl --shutdown stops \
                        WSL; to find the container, run: docker ps --filter publish=";

#[trial]
fn a_forwarder_into_linux() {
    let held = "[::1]:3000 is held by wslrelay.exe (PID 2100)\n";
    let stop = "3000";
    refuses(3000, held, &format!("wslrelay.exe (PID 2100) {FORWARDS}{stop}"));
}

#[trial]
fn a_forwarder_into_containers() {
    let held = "0.0.0.0:8080, [::]:8080 are held by com.docker.backend.exe (PID 2200)\n";
    let stop = "8080";
    refuses(8080, held, &format!("com.docker.backend.exe (PID 2200) {FORWARDS}{stop}"));
}

/// A list of processes that is empty describes nobody, not even those that Windows needs.
#[trial]
fn a_process_that_nothing_is_known_of() {
    for options in ["-n", "-y", "-y -f"] {
        let machine = Machine::new(Os::Windows, vec![], vec![listener("0.0.0.0:135").of(&[812])]);
        let output = machine.run(&format!("kill {options} 135"));
        let held = "0.0.0.0:135 is held by PID 812\n";
        let lines = "portwho: cannot list processes: owners of sockets are not in it: make the list of \
                     processes readable (on Linux: mount /proc), and run portwho again\n\
                     portwho: port 135: refused: PID 812 cannot be identified\n";
        output.is(2, held, lines);
        machine.is_untouched();
    }
}

#[trial]
fn itself() {
    refuses(
        9001,
        "127.0.0.1:9001 is held by portwho.exe (PID 9000)\n",
        "portwho.exe (PID 9000) is portwho itself",
    );
}

#[trial]
fn its_own_shell() {
    refuses(
        8900,
        "127.0.0.1:8900 is held by pwsh.exe (PID 8900)\n",
        "pwsh.exe (PID 8900) is an ancestor of portwho: the shell or session it runs in",
    );
}

#[trial]
fn one_refused_holder_saves_all() {
    let sockets = vec![listener("0.0.0.0:81").of(&[600, 812]), udp("0.0.0.0:81").of(&[812])];
    let guard = process(600, "guard.exe").kind(ProcessKind::Critical);
    let machine = Machine::new(Os::Windows, vec![guard, process(812, "web.exe")], sockets);
    let held = "0.0.0.0:81 is held by guard.exe (PID 600), web.exe (PID 812)\n";
    let why = "portwho: port 81: refused: guard.exe (PID 600): ending it crashes Windows\n";
    machine.run("kill -y 81").is(2, held, why);
    machine.is_untouched();
}

/// A person who says yes to everything is refused as well, and not asked.
#[trial]
fn force_and_yes_change_nothing() {
    let machine = office();
    let output = machine.asked("kill -f 445", "y\ny\n");
    assert!(!output.stderr.contains("[y/N]"), "{output:?}");
    assert_eq!(output.code, Some(2));
    machine.is_untouched();
}

#[trial]
fn a_refusal_and_a_kill() {
    let machine = office();
    let output = machine.run("kill -y 5000 8082");
    assert_eq!(machine.ended(), [(1688, Ending::Terminate)]);
    let told = "0.0.0.0:5000 is held by guard.exe (PID 1600)\n\
                127.0.0.1:8082 is held by inetinfo.exe (PID 1688, user OFFICE\\anna)\n  \
                it also holds port 8081\n\
                PID 1688 exited after 0ms; port 8082 is free\n";
    let why = "portwho: port 5000: refused: guard.exe (PID 1600): ending it crashes Windows\n";
    output.is(2, told, why);
}
