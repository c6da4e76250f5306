//! A socket's table names a PID, and PIDs are reused: the owner that was seen may be gone.

use portwho::model::Os;
use serde_json::json;

use super::machine::Machine;
use super::parts::{Fate, listener, process, udp};
use crate::support::json::only_socket;

trials![
    the_tables_name_nobody,
    json_has_the_pid_that_exited,
    no_pid_is_printed,
    counts_say_exited,
    a_name_does_not_find_it,
    kill_does_not_touch_the_newcomer,
    kill_ends_the_living_beside_the_dead,
    a_newcomer_with_the_pid_is_left_alone,
];

/// Port 80 was inherited from a PID that a newcomer has now.
fn inherited() -> Machine {
    let sockets = vec![listener("0.0.0.0:80").of_dead(2208)];
    Machine::new(Os::Windows, vec![process(2208, "newcomer.exe")], sockets)
}

const GAP: &str = "portwho: the processes that created 1 socket have exited: a child that \
                   inherited them holds them: look for children of the exited process\n";

fn the_tables_name_nobody() {
    let row = "  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       ?\n";
    inherited().run("80 --no-header").is(0, row, GAP);
}

fn json_has_the_pid_that_exited() {
    let answer = inherited().run("--json 80").json(0, GAP);
    let owner = json!({"kind": "not-found", "exited_pid": 2208});
    assert_eq!(only_socket(&answer)["owner"], owner);
    assert_eq!(answer["processes"], json!([]));
    assert_eq!(answer["gaps"][0]["kind"], "owners-exited");
    assert_eq!(answer["gaps"][0]["count"], 1);
}

fn no_pid_is_printed() {
    let nobody = "portwho: no process can be named that holds these sockets\n";
    inherited().run("-q 80").is(1, "", &format!("{GAP}{nobody}"));
}

fn counts_say_exited() {
    inherited().run("--summary --no-header 80").is(0, "", GAP);
}

/// The newcomer's name and PID are not the socket's.
fn a_name_does_not_find_it() {
    for words in ["--name newcomer.exe", "--pid 2208"] {
        inherited().run(words).is(1, "", &format!("{GAP}portwho: no socket matches\n"));
    }
}

fn kill_does_not_touch_the_newcomer() {
    for options in ["-y", "-y -f", "-n", "-y --pid 2208"] {
        let machine = inherited();
        let output = machine.run(&format!("kill {options} 80"));
        assert!(!output.stderr.contains("newcomer"), "{output:?}");
        assert!(output.stderr.contains("PID 2208, which has exited"), "{output:?}");
        output.is(2, "", &output.stderr);
        assert_eq!(machine.opened(), [], "{options}");
        assert!(machine.is_alive(2208));
    }
    let told = format!(
        "{GAP}portwho: port 80: held by PID 2208, which has exited, and now by its heirs: see \
         portwho 80\n"
    );
    inherited().run("kill -y 80").is(2, "", &told);
}

fn kill_ends_the_living_beside_the_dead() {
    let machine = inherited()
        .process(process(812, "web.exe"))
        .socket(listener("[::]:80").of(&[812]))
        .socket(udp("[::]:80").of(&[812]));
    let output = machine.run("kill -y 80");
    assert_eq!(machine.opened(), [812]);
    assert!(!machine.is_alive(812));
    output.is(2, "", "");
}

/// Seen, and then exited; before it is opened another process has its PID and even its port.
fn a_newcomer_with_the_pid_is_left_alone() {
    let sockets = vec![listener("0.0.0.0:80").of(&[812])];
    let one = process(812, "web.exe").fate(Fate::Replaced);
    let machine = Machine::new(Os::Windows, vec![one], sockets);
    let output = machine.run("kill -y -f 80");
    assert_eq!(machine.sent(), []);
    assert!(machine.is_alive(812), "the newcomer lives");
    output.is(2, "", "");
}
