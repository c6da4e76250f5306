//! What is listed of a recorded Windows.

use serde_json::{Value, json};

use super::machine::Machine;
use super::office::{office, web_server};
use super::parts::listener;
use crate::support::json::{process, sockets};

const TITLES: &str = "\nActive Connections\n
  Proto  Local Address          Foreign Address        State           PID      Image Name\n";
const TASKS: &str = "
Image Name                     PID Session Name        Session#    Mem Usage
========================= ======== ================ =========== ============\n";

/// What is said about a port that a driver holds.
const FILE_SERVER: &str = "portwho: port 445 is held by the kernel (PID 4): it is the file server \
                           (SMB), whose driver may keep the port after its service has stopped; to \
                           stop the service, run: sc.exe stop LanmanServer\n";
const OTHER_DRIVERS: &str = "\
portwho: port 80 is held by the kernel (PID 4): a driver holds it, most often HTTP.sys; to see what \
that serves, run: netsh http show servicestate
portwho: port 139 is held by the kernel (PID 4): it is NetBIOS over TCP/IP; turn it off in the \
adapter's settings\n";

#[track_caller]
fn shows(machine: &Machine, words: &str, sockets: &str, processes: &str) {
    let processes =
        if processes.is_empty() { String::new() } else { format!("{TASKS}{processes}") };
    machine.run(words).is(0, &format!("{TITLES}{sockets}{processes}"), "");
}

#[trial]
fn the_tables_of_the_specification() {
    let expected = "
Active Connections

  Proto  Local Address          Foreign Address        State           PID      Image Name
  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       1688     inetinfo.exe
  TCP    [::]:80                [::]:0                 LISTENING       1688     inetinfo.exe
  UDP    0.0.0.0:123            *:*                                    1044     svchost.exe

Image Name                     PID Session Name        Session#    Mem Usage
========================= ======== ================ =========== ============
svchost.exe                   1044 Services                   0     12,345 K
inetinfo.exe                  1688 Console                    0      2,800 K
";
    for words in ["", "-aon", "80 123", "http,123"] {
        web_server().run(words).is(0, expected, "");
    }
}

#[trial]
fn a_long_address_widens_its_column() {
    let long = listener("[fe80::aaaa:bbbb:cccc:dddd]:8081").interface(12).of(&[1688]);
    let expected = "
Active Connections

  Proto  Local Address                       Foreign Address        State           PID      Image Name
  TCP    127.0.0.1:8082                      0.0.0.0:0              LISTENING       1688     inetinfo.exe
  TCP    [fe80::aaaa:bbbb:cccc:dddd%12]:8081 [::]:0                 LISTENING       1688     inetinfo.exe
";
    let machine = office().socket(long);
    let output = machine.run("-l --pid 1688 127.0.0.1:8082 [fe80::aaaa:bbbb:cccc:dddd%12]:8081");
    let tasks = format!(
        "{TASKS}inetinfo.exe                  1688 Console                    1  1,234,567 K\n"
    );
    output.is(0, &(expected.to_owned() + &tasks), "");
}

#[trial]
fn everything_in_netstats_order() {
    let output = office().run("--no-header");
    let (rows, processes) = output.stdout.split_once("\n\n").expect("two tables");
    assert_eq!(rows, EVERYTHING);
    assert_eq!(processes, EVERYBODY);
    output.is(0, &output.stdout, "");
}

const EVERYTHING: &str = "  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       4        System
  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       912      svchost.exe
  TCP    192.168.0.7:139        0.0.0.0:0              LISTENING       4        System
  TCP    0.0.0.0:445            0.0.0.0:0              LISTENING       4        System
  TCP    127.0.0.1:3301         0.0.0.0:0              LISTENING       3300     notes.exe
  TCP    0.0.0.0:3389           0.0.0.0:0              LISTENING       1020     svchost.exe
  TCP    0.0.0.0:5000           0.0.0.0:0              LISTENING       1600     guard.exe
  TCP    0.0.0.0:8080           0.0.0.0:0              LISTENING       2200     com.docker.backend.exe
  TCP    0.0.0.0:8081           0.0.0.0:0              LISTENING       1688     inetinfo.exe
  TCP    127.0.0.1:8081         127.0.0.1:50001        ESTABLISHED     1688     inetinfo.exe
  TCP    192.168.0.7:8081       192.168.0.9:50231      TIME_WAIT       0        (time-wait)
  TCP    127.0.0.1:8082         0.0.0.0:0              LISTENING       1688     inetinfo.exe
  TCP    127.0.0.1:8900         0.0.0.0:0              LISTENING       8900     pwsh.exe
  TCP    0.0.0.0:9000           0.0.0.0:0              LISTENING       1312     svchost.exe
  TCP    127.0.0.1:9001         0.0.0.0:0              LISTENING       9000     portwho.exe
  TCP    0.0.0.0:49664          0.0.0.0:0              LISTENING       700      lsass.exe
  TCP    127.0.0.1:50001        127.0.0.1:8081         ESTABLISHED     5100     browser.exe
  TCP    [::]:80                [::]:0                 LISTENING       4        System
  TCP    [::]:445               [::]:0                 LISTENING       4        System
  TCP    [::1]:3000             [::]:0                 LISTENING       2100     wslrelay.exe
  TCP    [::]:8080              [::]:0                 LISTENING       2200     com.docker.backend.exe
  TCP    [::]:8081              [::]:0                 LISTENING       1688     inetinfo.exe
  TCP    [::1]:8081             [::1]:50002            CLOSE_WAIT      1688     inetinfo.exe
  TCP    [::1]:50002            [::1]:8081             FIN_WAIT_2      5100     browser.exe
  TCP    [fe80::7%12]:50003     [fe80::9%12]:443       ESTABLISHED     5100     browser.exe
  UDP    0.0.0.0:123            *:*                                    1044     svchost.exe
  UDP    [::]:123               *:*                                    1044     svchost.exe";
const EVERYBODY: &str = "\
System                           4 Services                   0        144 K
lsass.exe                      700 Services                   0          N/A
svchost.exe                    912 Services                   0     17,220 K
svchost.exe                   1020 Services                   0     23,100 K
svchost.exe                   1044 Services                   0     12,345 K
svchost.exe                   1312 Services                   0      9,876 K
guard.exe                     1600 Services                   0      2,800 K
inetinfo.exe                  1688 Console                    1  1,234,567 K
wslrelay.exe                  2100 Console                    1      2,800 K
com.docker.backend.exe        2200 Console                    1      2,800 K
notes.exe                     3300 Console                    1      2,800 K
browser.exe                   5100 Console                    1      2,800 K
pwsh.exe                      8900 Console                    1      2,800 K
portwho.exe                   9000 Console                    1      2,800 K
";

#[trial]
fn a_kernels_port_is_shown_with_its_name() {
    let expected = format!(
        "{TITLES}  TCP    0.0.0.0:445            0.0.0.0:0              LISTENING       4        System
  TCP    [::]:445               [::]:0                 LISTENING       4        System
{TASKS}System                           4 Services                   0        144 K\n"
    );
    office().run("445").is(0, &expected, FILE_SERVER);
}

/// Without what the parsing of JSON would hide: the document, byte for byte.
#[trial]
fn json_as_the_specification_has_it() {
    web_server().run("--json 80 -4").is(0, &(JSON.replace('\n', "") + "\n"), "");
}

const JSON: &str = r#"{"schema":1,"os":"windows",
"sockets":[{"protocol":"tcp","family":"ipv4","local":{"address":"0.0.0.0","port":80,"interface":null},"foreign":null,
"state":"LISTENING","owner":{"kind":"processes","pids":[1688]},
"user":null,"uid":null,"inode":null,"recv_queue":null,"send_queue":null,
"timer":null,"idle_ms":null,"netns":null,"v6only":null,"note":null}],
"processes":[{"pid":1688,"name":"inetinfo.exe","command":[],
"executable":null,"user":null,"parent":null,
"session_name":"Console","session_id":0,"memory_bytes":2867200,
"started":"2026-11-20T04:19:00Z","service":null,"container":null}],
"ports":[{"port":80,"address":null,"protocol":"tcp","verdict":"held",
"blockers":[{"kind":"holder","local":{"address":"0.0.0.0","port":80,"interface":null},"state":"LISTENING",
"way":"same","unless":null,"owner":{"kind":"processes","pids":[1688]}}],
"notes":[{"kind":"other-address","local":{"address":"::","port":80,"interface":null},"state":"LISTENING",
"v6only":true}],"try_bind":null},
{"port":80,"address":null,"protocol":"udp","verdict":"free","blockers":[],"notes":[],"try_bind":null}],
"free_count":1,"free_ranges":[],"gaps":[]}"#;

#[trial]
fn a_kernels_port_in_json() {
    let answer = office().run("--json 445 -4").json(0, FILE_SERVER);
    assert_eq!(answer["os"], "windows");
    let [socket] = sockets(&answer) else { panic!("not one socket: {answer:#}") };
    assert_eq!(socket["owner"], json!({"kind": "kernel", "reason": "kernel"}));
    assert_eq!(process(&answer, 4)["name"], "System");
    let answer = office().run("--json -s TIME_WAIT").json(0, "");
    let [socket] = sockets(&answer) else { panic!("not one socket: {answer:#}") };
    assert_eq!(socket["owner"], json!({"kind": "kernel", "reason": "time-wait"}));
    assert_eq!(answer["processes"], json!([]));
}

#[trial]
fn a_protected_process() {
    shows(
        &office(),
        "49664",
        "  TCP    0.0.0.0:49664          0.0.0.0:0              LISTENING       700      lsass.exe\n",
        "lsass.exe                      700 Services                   0          N/A\n",
    );
    let answer = office().run("--json 49664").json(0, "");
    let lsass = process(&answer, 700);
    for field in ["memory_bytes", "started", "user", "executable"] {
        assert_eq!(lsass[field], Value::Null, "{field}");
    }
    assert_eq!(lsass["session_id"], 0);
}

#[trial]
fn services_are_joined_as_tasklist_does() {
    let answer = office().run("--json 135,3389").json(0, "");
    assert_eq!(process(&answer, 912)["service"], "RpcEptMapper, RpcSs");
    assert_eq!(process(&answer, 1020)["service"], "TermService");
    assert_eq!(process(&answer, 1020)["user"], "NT AUTHORITY\\NETWORK SERVICE");
}

#[trial]
fn bare_pids_are_never_the_kernels() {
    let all = "700\n912\n1020\n1044\n1312\n1600\n1688\n2100\n2200\n3300\n5100\n8900\n9000\n";
    office().run("-q").is(0, all, "");
    // TIME_WAIT has PID 0.
    office().run("-q 8081").is(0, "1688\n", "");
}

#[trial]
fn only_the_kernel_has_no_pid_to_print() {
    let why = "portwho: cannot tell which process holds these sockets\n";
    let drivers = format!("{why}{OTHER_DRIVERS}{FILE_SERVER}");
    office().run("-q 445,139,80").is(1, "", &drivers);
    let kept = "portwho: no process holds these sockets: the kernel keeps them\n";
    office().run("-q -s TIME_WAIT").is(1, "", kept);
}

#[trial]
fn counts() {
    let expected = "
State              Count
=============== ========
LISTENING              4
UDP                    2
ESTABLISHED            1
CLOSE_WAIT             1
TIME_WAIT              1

State              Count      PID Image Name
=============== ======== ======== ============
LISTENING              2        4 System
LISTENING              2     1688 inetinfo.exe
UDP                    2     1044 svchost.exe
ESTABLISHED            1     1688 inetinfo.exe
CLOSE_WAIT             1     1688 inetinfo.exe
TIME_WAIT              1        0 (time-wait)

State              Count Foreign Address
=============== ======== ===============
ESTABLISHED            1 127.0.0.1
CLOSE_WAIT             1 ::1
TIME_WAIT              1 192.168.0.9
";
    office().run("--summary 8081,445,123").is(0, expected, FILE_SERVER);
}

#[trial]
fn owners_by_name_and_user() {
    let row = "  TCP    127.0.0.1:3301         0.0.0.0:0              LISTENING       3300     notes.exe\n";
    let task = "notes.exe                     3300 Console                    1      2,800 K\n";
    shows(&office(), "--name NOTES.EXE", row, task);
    shows(&office(), "--name note*", row, task);
    for user in ["OFFICE\\anna", "office\\ANNA", "Anna"] {
        shows(&office(), &format!("--user {user} 3301"), row, task);
    }
    let left_out = "portwho: 1 socket on port 3301 does not match the other filters; to see it, \
                    run: portwho 3301\n";
    office().run("--user SYSTEM 3301").is(1, "", left_out);
}

#[trial]
fn connections_of_others_are_hinted_at() {
    let hint = "portwho: port 443 is free\n\
                portwho: 1 connection goes to foreign port 443; to see it, run: portwho \
                --foreign-port 443\n";
    office().run("443").is(1, "", hint);
    shows(
        &office(),
        "--foreign-port 443",
        "  TCP    [fe80::7%12]:50003     [fe80::9%12]:443       ESTABLISHED     5100     browser.exe\n",
        "browser.exe                   5100 Console                    1      2,800 K\n",
    );
}

#[trial]
fn a_wildcard_holds_an_address() {
    let lines = "portwho: 127.0.0.1:445: no socket is bound to exactly this address; 0.0.0.0:445 answers there, \
                 and a bind to it succeeds unless one of both sets SO_EXCLUSIVEADDRUSE\n";
    let output = office().run("127.0.0.1:445");
    output.is(0, &output.stdout, &(lines.to_owned() + FILE_SERVER));
}
