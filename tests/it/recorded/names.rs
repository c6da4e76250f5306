//! Names as Windows allows them: any 16-bit units, backslashes in paths, letters of any script.

use portwho::model::{Os, Untrusted};

use super::machine::Machine;
use super::parts::{listener, process, windows_text};
use crate::support::json::process as described;

/// `a` and half of a pair.
fn half(surrogate: u16) -> Untrusted {
    Untrusted::from_wide(&[0x61, surrogate, 0x2e, 0x65, 0x78, 0x65])
}

fn twins() -> Machine {
    let twin = |pid, surrogate| process(pid, "").named(half(surrogate));
    let sockets = vec![listener("0.0.0.0:80").of(&[812]), listener("0.0.0.0:81").of(&[813])];
    Machine::new(Os::Windows, vec![twin(812, 0xd800), twin(813, 0xd801)], sockets)
}

#[trial]
fn names_that_differ_in_a_surrogate_stay_different() {
    let expected = "  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       812      a\\u{d800}.exe
  TCP    0.0.0.0:81             0.0.0.0:0              LISTENING       813      a\\u{d801}.exe

a\\u{d800}.exe                  812 Console                    1      2,800 K
a\\u{d801}.exe                  813 Console                    1      2,800 K
";
    twins().run("--no-header").is(0, expected, "");
}

#[trial]
fn surrogates_in_json() {
    let answer = twins().run("--json").json(0, "");
    let (first, second) = (described(&answer, 812), described(&answer, 813));
    assert_eq!(first["name"], "a\u{fffd}\u{fffd}\u{fffd}.exe");
    assert_eq!(first["name_raw"], "61eda0802e657865");
    assert_eq!(second["name_raw"], "61eda0812e657865");
}

#[trial]
fn a_surrogate_in_a_question() {
    let expected = "0.0.0.0:80 is held by a\\u{d800}.exe (PID 812)\n\
                    would terminate a\\u{d800}.exe (PID 812) immediately\n";
    twins().run("kill -n 80").is(0, expected, "");
}

#[trial]
fn controls_are_shown() {
    let name = "a\u{1b}]0;x\u{7}\n\u{202e}exe.\u{200d}";
    let sockets = vec![listener("0.0.0.0:80").of(&[812])];
    let machine = Machine::new(Os::Windows, vec![process(812, name)], sockets);
    let shown = r"a\x1b]0;x\x07\n\u{202e}exe.\u{200d}";
    let expected = format!(
        "0.0.0.0:80 is held by {shown} (PID 812)\nwould terminate {shown} (PID 812) immediately\n"
    );
    machine.run("kill -n 80").is(0, &expected, "");
    let output = machine.run("--json");
    assert!(output.stdout.contains(r#""name":"a\u001b]0;x\u0007\u000a\u202eexe.\u200d""#));
    assert_eq!(described(&output.json(0, ""), 812)["name"], name);
}

/// In the second table, to 25 columns of the screen, of which these letters take two each.
#[trial]
fn a_long_name_is_cut() {
    let processes = vec![
        process(812, "a-program-with-a-long-name.exe"),
        process(813, "日本語日本語日本語日本語日本語.exe"),
    ];
    let machine = Machine::new(Os::Windows, processes, vec![listener("[::]:80").of(&[812, 813])]);
    let expected =
        "  TCP    [::]:80                [::]:0                 LISTENING       812,813  \
                    a-program-with-a-long-name.exe,日本語日本語日本語日本語日本語.exe

a-program-with-a-long-nam      812 Console                    1      2,800 K
日本語日本語日本語日本語       813 Console                    1      2,800 K
";
    machine.run("--no-header").is(0, expected, "");
}

/// On Windows a backslash is no escape; in a name of Linux it is shown doubled.
#[trial]
fn paths_keep_their_backslashes() {
    let path = r"C:\Temp\x1b\notes.exe";
    let with_path = process(812, r"a\x1b.exe").with(|process| {
        process.executable = Some(windows_text(path));
        process.command = vec![windows_text(path), windows_text(r"\\server\share")];
    });
    let sockets = vec![listener("0.0.0.0:80").of(&[812])];
    let machine = Machine::new(Os::Windows, vec![with_path], sockets);
    let row = "  TCP    0.0.0.0:80             0.0.0.0:0              LISTENING       812      a\\x1b.exe\n";
    let task = "\na\\x1b.exe                      812 Console                    1      2,800 K\n";
    machine.run("--no-header").is(0, &format!("{row}{task}"), "");
    let answer = machine.run("--json").json(0, "");
    assert_eq!(described(&answer, 812)["executable"], path);
    assert_eq!(described(&answer, 812)["command"][1], r"\\server\share");
}
