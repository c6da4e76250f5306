//! A socket's table names a PID, and PIDs are reused: the owner that was seen may be gone.

use portwho::model::{Os, OwnedSocket, Owner, Pid};
use serde_json::json;

use super::machine::Machine;
use super::parts::{Fate, listener, process, udp};
use crate::support::json::{gaps, only_socket};

/// In the 100 ns that Windows counts in.
const SECOND: u64 = 10_000_000;
const BIRTH: u64 = 134_000_000_000_000_000;

/// Port 80 was opened by the PID that a process has now which was born later.
fn inherited() -> Machine {
    let newcomer = process(2208, "newcomer.exe").with(|process| process.birth = Some(BIRTH));
    let sockets = vec![listener("0.0.0.0:80").by_table(2208, Some(BIRTH - SECOND))];
    Machine::new(Os::Windows, vec![newcomer], sockets)
}

const GAP: &str = "portwho: the process that created 1 socket has exited: the processes that \
                   inherited them hold them: look for children of the exited process\n";

#[trial]
fn the_tables_name_no_process() {
    let row = "  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       ?        (PID 2208 \
               exited)\n";
    inherited().run("80 --no-header").is(0, row, GAP);
}

#[trial]
fn json_has_the_pid_that_exited() {
    let answer = inherited().run("--json 80").json(0, GAP);
    let owner = json!({"kind": "not-found", "service": null, "container": null, "candidates": [],
        "exited_pid": 2208});
    assert_eq!(only_socket(&answer)["owner"], owner);
    assert_eq!(answer["processes"], json!([]));
    assert_eq!(gaps(&answer), [("owners-exited", Some(1))]);
}

#[trial]
fn no_pid_is_printed() {
    let nobody = "portwho: cannot tell which process holds these sockets\n";
    inherited().run("-q 80").is(1, "", &format!("{GAP}{nobody}"));
}

#[trial]
fn counts_say_exited() {
    let expected = "LISTENING              1\n\nLISTENING              1        ? (exited)\n";
    inherited().run("--summary --no-header 80").is(0, expected, GAP);
}

/// The newcomer's name and PID are not the socket's.
#[trial]
fn a_name_does_not_find_it() {
    for words in ["--name newcomer.exe", "--pid 2208"] {
        inherited().run(words).is(1, "", &format!("{GAP}portwho: no socket matches\n"));
    }
}

const HELD_BY_HEIRS: &str = "portwho: port 80: held by children of PID 2208 (which has exited) that \
                             inherited it; terminate the child of PID 2208 that inherited the socket, \
                             by the child's PID\n";

#[trial]
fn kill_does_not_touch_the_newcomer() {
    for options in ["-y", "-y -f", "-n", "-y --pid 2208"] {
        let machine = inherited();
        let output = machine.run(&format!("kill {options} 80"));
        assert!(!output.stderr.contains("newcomer"), "{output:?}");
        assert!(output.stderr.contains("PID 2208 (which has exited)"), "{output:?}");
        output.is(2, "", &output.stderr);
        machine.is_untouched();
        assert!(machine.is_alive(2208));
    }
    inherited().run("kill -y 80").is(2, "", HELD_BY_HEIRS);
}

#[trial]
fn kill_ends_the_living_beside_the_dead() {
    let machine = inherited()
        .process(process(812, "web.exe"))
        .socket(listener("[::]:80").of(&[812]))
        .socket(udp("[::]:80").of(&[812]));
    let output = machine.run("kill -y 80");
    assert_eq!(machine.opened(), [812]);
    assert!(!machine.is_alive(812));
    let told = format!(
        "{HELD_BY_HEIRS}portwho: PID 812 exited after 0ms, but port 80 is still held by children \
         of PID 2208 (which has exited) that inherited it\n"
    );
    output.is(2, "[::]:80 is held by web.exe (PID 812)\n", &told);
}

/// A time that is not known proves nothing, nor does one that fits: the table's word stands.
#[trial]
fn only_a_later_start_is_proof() {
    for (created, birth) in [
        (None, Some(BIRTH)),
        (Some(BIRTH), Some(BIRTH)),
        (Some(BIRTH + SECOND), Some(BIRTH)),
        (Some(BIRTH - SECOND), None),
    ] {
        let web = process(812, "web.exe").with(|process| process.birth = birth);
        let sockets = vec![listener("0.0.0.0:80").by_table(812, created)];
        let machine = Machine::new(Os::Windows, vec![web], sockets);
        machine.run("-q 80").is(0, "812\n", "");
    }
}

/// The PID may be another's by now, and a grandchild hold the socket: only the times hint at it. It is
/// shown, and not ended.
#[trial]
fn a_process_younger_than_its_socket_is_not_ended() {
    let web = process(812, "web.exe").with(|process| process.birth = Some(BIRTH + SECOND));
    let by_table = listener("0.0.0.0:80").by_table(812, Some(BIRTH));
    let sockets = vec![OwnedSocket { owner: Owner::of_process(Pid(812)), ..by_table }];
    let machine = Machine::new(Os::Windows, vec![web], sockets);
    let told = "portwho: port 80: refused: web.exe (PID 812) was started after the socket was \
                created: either it has the PID of another process that has exited, or the clock was \
                set back; to end it anyway, run: taskkill /F /PID 812\n";
    machine.run("kill -y 80").is(2, "0.0.0.0:80 is held by web.exe (PID 812)\n", told);
    machine.is_untouched();
}

/// The table names a PID that no process has.
#[trial]
fn an_owner_that_is_not_found() {
    let sockets = vec![listener("0.0.0.0:80").by_table(812, None)];
    let machine = Machine::new(Os::Windows, Vec::new(), sockets);
    let row = "  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       ?        (PID 812 \
               exited)\n";
    machine.run("80 --no-header").is(0, row, GAP);
}

/// Seen, and then exited; before it is opened another process has its PID and even its port.
#[trial]
fn a_new_process_with_the_pid_is_not_signaled() {
    let sockets = vec![listener("0.0.0.0:80").of(&[812])];
    let one = process(812, "web.exe").fate(Fate::Replaced);
    let machine = Machine::new(Os::Windows, vec![one], sockets);
    let output = machine.run("kill -y -f 80");
    assert_eq!(machine.ended(), []);
    assert!(machine.is_alive(812), "the newcomer lives");
    let told = "portwho: PID 812 had already exited, but port 80 was taken again by stranger.exe \
                (PID 812)\n";
    output.is(2, "0.0.0.0:80 is held by web.exe (PID 812)\n", told);
}
