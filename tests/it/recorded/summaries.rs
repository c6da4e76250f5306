//! `--summary`: the table of foreign addresses, and the same in JSON.

use portwho::model::{Os, OwnedSocket, TcpState};
use serde_json::{Value, json};

use super::machine::Machine;
use super::parts::{listener, process, tcp, udp};

fn closing(address: &str, count: u16) -> Vec<OwnedSocket> {
    let socket = |port: u16| {
        let socket = tcp(&format!("10.0.0.1:{}", 40_000 + port), TcpState::CloseWait);
        socket.to(&format!("{address}:443")).of(&[812])
    };
    (0..count).map(socket).collect()
}

fn machine(sockets: Vec<OwnedSocket>) -> Machine {
    Machine::new(Os::Linux, vec![process(812, "app")], sockets)
}

/// The table of foreign addresses alone.
fn addresses(machine: &Machine, words: &str) -> String {
    let output = machine.run(words);
    output.is(0, &output.stdout, "");
    let tables: Vec<&str> = output.stdout.split("\nState ").collect();
    assert_eq!(tables.len(), 4, "{output:?}");
    format!("State {}", tables[3])
}

#[trial]
fn the_largest_addresses_come_first() {
    let mut sockets =
        [closing("10.0.0.2", 2), closing("10.0.0.9", 11), closing("10.0.0.10", 2)].concat();
    sockets.push(tcp("10.0.0.1:50", TcpState::Established).to("10.0.0.9:80").of(&[812]));
    sockets.push(udp("10.0.0.1:50").to("8.8.8.8:53").of(&[812]));
    sockets.push(listener("0.0.0.0:80").of(&[812]));
    let expected = "\
State              Count Foreign Address
=============== ======== ===============
CLOSE_WAIT            11 10.0.0.9
CLOSE_WAIT             2 10.0.0.2
CLOSE_WAIT             2 10.0.0.10
ESTABLISHED            1 10.0.0.9
UDP                    1 8.8.8.8
";
    assert_eq!(addresses(&machine(sockets), "--summary"), expected);
}

/// One to a different number of connections each.
fn many() -> Machine {
    machine((1..14).flat_map(|n| closing(&format!("10.0.0.{n}"), n)).collect())
}

const MANY: &str = "\
CLOSE_WAIT            13 10.0.0.13
CLOSE_WAIT            12 10.0.0.12
CLOSE_WAIT            11 10.0.0.11
CLOSE_WAIT            10 10.0.0.10
CLOSE_WAIT             9 10.0.0.9
CLOSE_WAIT             8 10.0.0.8
CLOSE_WAIT             7 10.0.0.7
CLOSE_WAIT             6 10.0.0.6
CLOSE_WAIT             5 10.0.0.5
CLOSE_WAIT             4 10.0.0.4
                       6 (3 more)
";

#[trial]
fn at_most_ten_addresses() {
    let titles = "State              Count Foreign Address\n\
                  =============== ======== ===============\n";
    assert_eq!(addresses(&many(), "--summary"), format!("{titles}{MANY}"));
    let ten = machine((1..11).flat_map(|n| closing(&format!("10.0.0.{n}"), n)).collect());
    assert!(!addresses(&ten, "--summary").contains("more"));
}

#[trial]
fn without_titles() {
    let before = "CLOSE_WAIT            91\n\nCLOSE_WAIT            91      812 app\n\n";
    many().run("--summary --no-header").is(0, &format!("{before}{MANY}"), "");
}

#[trial]
fn json_has_them_all() {
    let answer = many().run("--summary --json").json(0, "");
    let row = |n: u16| {
        let address = format!("10.0.0.{n}");
        json!({"protocol": "tcp", "state": "CLOSE_WAIT", "address": address, "count": n})
    };
    assert_eq!(answer["foreign"], (1..14).rev().map(row).collect::<Value>());
    let datagrams = machine(vec![udp("10.0.0.1:50").to("[2001:db8::1]:53").of(&[812])]);
    let answer = datagrams.run("--summary --json").json(0, "");
    let row = json!([{"protocol": "udp", "state": null, "address": "2001:db8::1", "count": 1}]);
    assert_eq!(answer["foreign"], row);
}

/// A link-local address is another one on each interface.
#[trial]
fn addresses_of_an_interface() {
    let socket = |port: u16, interface| {
        let socket = tcp(&format!("[fe80::1]:{port}"), TcpState::Established);
        socket.to("[fe80::9]:443").interface(interface).of(&[812])
    };
    let sockets = vec![socket(1, 2), socket(2, 2), socket(3, 3)];
    let machine = machine(sockets).interface(2, "eth\u{1b}0");
    let expected = "\
State              Count Foreign Address
=============== ======== ================
ESTABLISHED            2 fe80::9%eth\\x1b0
ESTABLISHED            1 fe80::9%3
";
    assert_eq!(addresses(&machine, "--summary"), expected);
    let answer = machine.run("--summary --json").json(0, "");
    let interfaces = answer["foreign"].as_array().expect("a list").iter();
    let interfaces: Vec<&Value> = interfaces.map(|row| &row["interface"]).collect();
    assert_eq!(interfaces, [&json!("eth\u{1b}0"), &json!("3")]);
}

#[trial]
fn nothing_is_connected() {
    let machine = machine(vec![listener("0.0.0.0:80").of(&[812])]);
    let expected = "
State              Count
=============== ========
LISTENING              1

State              Count      PID Image Name
=============== ======== ======== ==========
LISTENING              1      812 app
";
    machine.run("--summary").is(0, expected, "");
    assert_eq!(machine.run("--summary --json").json(0, "")["foreign"], json!([]));
}
