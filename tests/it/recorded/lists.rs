//! What is listed of a recorded Windows.

use serde_json::{Value, json};

use super::machine::Machine;
use super::office::{office, web_server};
use super::parts::listener;
use crate::support::json::{process, sockets};

trials![
    the_tables_of_the_specification,
    a_long_address_widens_its_column,
    everything_in_netstats_order,
    a_kernels_port_is_shown_with_its_name,
    json_as_the_specification_has_it,
    a_kernels_port_in_json,
    a_protected_process,
    services_are_joined_as_tasklist_does,
    bare_pids_are_never_the_kernels,
    only_the_kernel_has_no_pid_to_print,
    counts,
    owners_by_name_and_user,
    connections_of_others_are_hinted_at,
    a_wildcard_holds_an_address,
];

const TITLES: &str = "\nActive Connections\n
  Proto  Local Address          Foreign Address        State           PID\n";
const TASKS: &str = "
Image Name                     PID Session Name        Session#    Mem Usage
========================= ======== ================ =========== ============\n";

#[track_caller]
fn shows(machine: &Machine, words: &str, sockets: &str, processes: &str) {
    let processes =
        if processes.is_empty() { String::new() } else { format!("{TASKS}{processes}") };
    machine.run(words).is(0, &format!("{TITLES}{sockets}{processes}"), "");
}

fn the_tables_of_the_specification() {
    let expected = "
Active Connections

  Proto  Local Address          Foreign Address        State           PID
  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       1688
  TCP    [::]:80                [::]:0                 LISTENING       1688
  UDP    0.0.0.0:123            *:*                                    1044

Image Name                     PID Session Name        Session#    Mem Usage
========================= ======== ================ =========== ============
svchost.exe                   1044 Services                   0     12,345 K
inetinfo.exe                  1688 Console                    0      2,800 K
";
    for words in ["", "-aon", "80 123", "http,123"] {
        web_server().run(words).is(0, expected, "");
    }
}

fn a_long_address_widens_its_column() {
    let long = listener("[fe80::aaaa:bbbb:cccc:dddd]:8081").interface(12).of(&[1688]);
    let expected = "
Active Connections

  Proto  Local Address                       Foreign Address        State           PID
  TCP    127.0.0.1:8082                      0.0.0.0:0              LISTENING       1688
  TCP    [fe80::aaaa:bbbb:cccc:dddd%12]:8081 [::]:0                 LISTENING       1688
";
    let machine = office().socket(long);
    let output = machine.run("-l --pid 1688 127.0.0.1:8082 [fe80::aaaa:bbbb:cccc:dddd%12]:8081");
    let tasks = format!(
        "{TASKS}inetinfo.exe                  1688 Console                    1  1,234,567 K\n"
    );
    output.is(0, &(expected.to_owned() + &tasks), "");
}

fn everything_in_netstats_order() {
    let output = office().run("--no-header");
    let (rows, processes) = output.stdout.split_once("\n\n").expect("two tables");
    assert_eq!(rows, EVERYTHING.trim_end_matches('\n'));
    assert_eq!(processes, EVERYBODY);
    output.is(0, &output.stdout, "");
}

const EVERYTHING: &str = "";
const EVERYBODY: &str = "";

fn a_kernels_port_is_shown_with_its_name() {
    shows(
        &office(),
        "445",
        "  TCP    0.0.0.0:445            0.0.0.0:0              LISTENING       4
  TCP    [::]:445               [::]:0                 LISTENING       4\n",
        "System                           4 Services                   0        144 K\n",
    );
}

/// Without what the parsing of JSON would hide: the document, byte for byte.
fn json_as_the_specification_has_it() {
    web_server().run("--json 80 -4").is(0, "", "");
}

fn a_kernels_port_in_json() {
    let answer = office().run("--json 445 -4").json(0, "");
    assert_eq!(answer["os"], "windows");
    let [socket] = sockets(&answer) else { panic!("not one socket: {answer:#}") };
    assert_eq!(socket["owner"], json!({"kind": "kernel", "reason": "kernel"}));
    assert_eq!(process(&answer, 4)["name"], "System");
    let answer = office().run("--json -s TIME_WAIT").json(0, "");
    let [socket] = sockets(&answer) else { panic!("not one socket: {answer:#}") };
    assert_eq!(socket["owner"], json!({"kind": "kernel", "reason": "time-wait"}));
    assert_eq!(answer["processes"], json!([]));
}

fn a_protected_process() {
    shows(
        &office(),
        "49664",
        "  TCP    0.0.0.0:49664          0.0.0.0:0              LISTENING       700\n",
        "lsass.exe                      700 Services                   0          N/A\n",
    );
    let answer = office().run("--json 49664").json(0, "");
    let lsass = process(&answer, 700);
    for field in ["memory_bytes", "started", "user", "executable"] {
        assert_eq!(lsass[field], Value::Null, "{field}");
    }
    assert_eq!(lsass["session_id"], 0);
}

fn services_are_joined_as_tasklist_does() {
    let answer = office().run("--json 135,3389").json(0, "");
    assert_eq!(process(&answer, 912)["service"], "RpcEptMapper, RpcSs");
    assert_eq!(process(&answer, 1020)["service"], "TermService");
    assert_eq!(process(&answer, 1020)["user"], "NT AUTHORITY\\NETWORK SERVICE");
}

fn bare_pids_are_never_the_kernels() {
    let all = "700\n912\n1020\n1044\n1312\n1600\n1688\n2100\n2200\n3300\n5100\n8900\n9000\n";
    office().run("-q").is(0, all, "");
    // TIME_WAIT has PID 0.
    office().run("-q 8081").is(0, "1688\n", "");
}

fn only_the_kernel_has_no_pid_to_print() {
    let why = "portwho: no process can be named that holds these sockets\n";
    office().run("-q 445,139,80").is(1, "", why);
    office().run("-q -s TIME_WAIT").is(1, "", why);
}

fn counts() {
    office().run("--summary 8081,445,123").is(0, "", "");
}

fn owners_by_name_and_user() {
    let row = "  TCP    127.0.0.1:3301         0.0.0.0:0              LISTENING       3300\n";
    let task = "notes.exe                     3300 Console                    1      2,800 K\n";
    shows(&office(), "--name NOTES.EXE", row, task);
    shows(&office(), "--name note*", row, task);
    shows(&office(), "--user OFFICE\\anna 3301", row, task);
    office().run("--user SYSTEM 3301").is(1, "", "portwho: port 3301: no socket matches\n");
}

fn connections_of_others_are_hinted_at() {
    let hint = "portwho: port 443: no socket matches\n\
                portwho: 1 connection goes to foreign port 443: --foreign-port 443\n";
    office().run("443").is(1, "", hint);
    shows(
        &office(),
        "--foreign-port 443",
        "  TCP    [fe80::7%12]:50003     [fe80::9%12]:443       ESTABLISHED     5100\n",
        "browser.exe                   5100 Console                    1      2,800 K\n",
    );
}

fn a_wildcard_holds_an_address() {
    let hint = "portwho: 127.0.0.1:445: no socket matches\n\
                portwho: 0.0.0.0:445 holds that port at every address: System (PID 4)\n";
    office().run("127.0.0.1:445").is(1, "", hint);
}
