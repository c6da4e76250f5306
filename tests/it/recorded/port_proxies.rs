//! Ports that Windows' IP Helper forwards, by rules that are known.

use portwho::model::{Family, Os, PortProxy};
use serde_json::json;

use super::machine::Machine;
use super::parts::{listener, process, windows_text};

/// A rule that is known is told, and is what to delete: also where its service has a process of its own.
#[trial]
fn a_port_proxy_with_its_rule() {
    let rule = PortProxy {
        families: (Family::V4, Family::V4),
        listen: windows_text("0.0.0.0"),
        port: 9000,
        connect: windows_text("10.0.0.5"),
        connect_port: 80,
    };
    let other = PortProxy { port: 9001, ..rule.clone() };
    for services in [&["iphlpsvc"][..], &["iphlpsvc", "LanmanServer"]] {
        let sockets = vec![listener("0.0.0.0:9000").of(&[1312])];
        let host = process(1312, "svchost.exe").hosting(services);
        let machine = Machine {
            port_proxies: vec![rule.clone(), other.clone()],
            ..Machine::new(Os::Windows, vec![host], sockets)
        };
        let output = machine.run("kill -y -f 9000");
        let why = "portwho: port 9000: refused: svchost.exe (PID 1312) hosts iphlpsvc, which forwards \
                   0.0.0.0:9000 to 10.0.0.5:80; to delete the rule, in an elevated prompt, run: netsh \
                   interface portproxy delete v4tov4 listenport=9000 listenaddress=0.0.0.0\n";
        output.is(2, &output.stdout, why);
        machine.is_untouched();
        let output = machine.run("9000");
        let line = "portwho: port 9000 is forwarded by iphlpsvc: 0.0.0.0:9000 to 10.0.0.5:80\n";
        output.is(0, &output.stdout, line);
        let answer = machine.run("--json 9000");
        let answer = answer.json(0, &answer.stderr);
        let told = json!([{
            "kind": "v4tov4", "listen_address": "0.0.0.0", "listen_port": 9000,
            "connect_address": "10.0.0.5", "connect_port": 80, "pid": 1312,
        }]);
        assert_eq!(answer["port_proxies"], told);
    }
}

/// Another program holds the port of a rule, so nothing is forwarded.
#[trial]
fn a_port_proxy_without_its_port() {
    let rule = PortProxy {
        families: (Family::V4, Family::V4),
        listen: windows_text("*"),
        port: 9000,
        connect: windows_text("10.0.0.5"),
        connect_port: 80,
    };
    let sockets = vec![listener("0.0.0.0:9000").of(&[5100])];
    let machine = Machine {
        port_proxies: vec![rule],
        ..Machine::new(Os::Windows, vec![process(5100, "browser.exe")], sockets)
    };
    let output = machine.run("9000");
    output.is(0, &output.stdout, "");
    assert_eq!(machine.run("kill -y 9000").code, Some(0));
}
