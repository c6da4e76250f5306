//! Ports that IP Helper forwards, by real values of the registry and a service of that name. On a real
//! Windows nothing of the machine's own is changed.

use std::collections::BTreeSet;
use std::process::{Command, Stdio};

use portwho::model::{About, PortProxy, Service};
use portwho::platform::{Processes, ThisSystem};
use serde_json::{Value, json};

use crate::support::json::gaps;
use crate::support::lab::{LISTEN, Lab, tcp};
use crate::support::{skip_stand_in, wait_until, wine};

const RULES: &str = r"HKLM\SYSTEM\CurrentControlSet\Services\PortProxy";

/// A program of Wine that is a service under whatever name it is started.
const PROGRAM: &str = r"C:\windows\system32\spoolsv.exe";

/// The service, and rules, until they are dropped.
struct IpHelper;

impl IpHelper {
    fn start() -> Self {
        // What a test that was killed has left behind.
        drop(Self);
        assert!(sc(&["create", PortProxy::SERVICE, "binPath=", PROGRAM]), "create the service");
        let service = Self;
        assert!(sc(&["start", PortProxy::SERVICE]), "start the service");
        service
    }
}

/// The process that hosts the service.
fn host() -> u32 {
    wait_until("the service to run", || {
        let all: BTreeSet<_> = ThisSystem::default().all_processes().expect("processes");
        let all = ThisSystem::default().processes(&all, About::Table);
        let hosts = |services: &[Service]| services.iter().any(|one| PortProxy::is_by(&one.name));
        all.into_values().find(|process| hosts(&process.services)).map(|host| host.pid.0)
    })
}

/// As netsh sets it.
fn set_rule(kind: &str, name: &str, data: &str) {
    wine::set(&format!(r"{RULES}\{kind}\tcp"), name, data);
}

impl Drop for IpHelper {
    fn drop(&mut self) {
        sc(&["stop", PortProxy::SERVICE]);
        sc(&["delete", PortProxy::SERVICE]);
        let mut command = Command::new("reg");
        command.args(["delete", RULES, "/f"]).stdout(Stdio::null()).stderr(Stdio::null());
        // There may be none.
        let _ = command.status();
    }
}

fn sc(words: &[&str]) -> bool {
    let mut command = Command::new("sc");
    let command = command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).status().expect("run sc").success()
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

#[trial]
fn forwarded_ports() {
    if !wine::is_wine() {
        skip_stand_in("the machine's own port proxies and services stay as they are");
        return;
    }
    let _running = IpHelper::start();
    let pid = host();
    let rows =
        [("0.0.0.0:9000", pid), ("[::]:9000", pid), ("0.0.0.0:9001", pid), ("0.0.0.0:9002", 4)];
    let lab = || Lab::with(&rows.map(|(end, pid)| tcp(end, LISTEN, pid))).bound(&[]);

    // Without a rule nothing is said, and the service alone is ended like any other.
    lab().portwho("9001").run().is(0, &lab().portwho("9001").run().stdout, "");

    set_rule("v4tov4", "0.0.0.0/9000", "10.0.0.5/80");
    set_rule("v4tov6", "*/9001", "fd00::5/443");
    set_rule("v6tov4", "*/9000", "web.example/8080");
    set_rule("v4tov4", "0.0.0.0/9002", "10.0.0.5/80");
    set_rule("v4tov4", "192.0.2.7/9000", "10.0.0.6/80");
    let output = lab().portwho("9000").run();
    let line = "portwho: port 9000 is forwarded by iphlpsvc: 0.0.0.0:9000 to 10.0.0.5:80, *:9000 to \
                web.example:8080\n";
    output.is(0, &output.stdout, line);
    let answer = parsed(&lab().portwho("--json 9001").run().stdout);
    let told = json!([{
        "kind": "v4tov6", "listen_address": "*", "listen_port": 9001,
        "connect_address": "fd00::5", "connect_port": 443, "pid": pid,
    }]);
    assert_eq!(answer["port_proxies"], told);
    assert_eq!(gaps(&answer), []);

    for words in ["kill -y -f 9001", "kill -n 9001"] {
        let output = lab().portwho(words).run();
        let end = "hosts iphlpsvc, which forwards *:9001 to [fd00::5]:443; to delete the rule, ";
        assert_eq!(output.code, Some(2), "{output:?}");
        assert!(output.stderr.contains(end), "{output:?}");
        let command =
            "run: netsh interface portproxy delete v4tov6 listenport=9001 listenaddress=*\n";
        assert!(output.stderr.ends_with(command), "{output:?}");
    }
    assert_eq!(host(), pid, "it still runs");
    // The rule of a port that another holds forwards nothing.
    assert!(!lab().portwho("9002").run().stderr.contains("forwarded"));

    // What is no rule is missing, and that is said once.
    set_rule("v4tov4", "0.0.0.0/http", "10.0.0.5/80");
    wine::reg(&[
        "add",
        &format!(r"{RULES}\v4tov4\tcp"),
        "/v",
        "x",
        "/t",
        "REG_DWORD",
        "/d",
        "7",
        "/f",
    ]);
    set_rule("v4tov4", &"n".repeat(300), &"d".repeat(3000));
    let output = lab().portwho("9000").run();
    let gap = "portwho: some rules for forwarded ports could not be read (unknown values in the registry \
               key v4tov4\\tcp: 3): netsh interface portproxy show all lists them\n";
    output.is(0, &output.stdout, &format!("{gap}{line}"));
    let answer = parsed(&lab().portwho("--json 9000").run().stdout);
    assert_eq!(gaps(&answer), [("port-proxies-unreadable", None)]);
}
