//! Commands: out of place, misspelt, and without what they need.

use super::says;
use crate::support::portwho;

#[trial]
fn a_command_after_an_option() {
    let line = "'kill' is a command and must come first; run: portwho kill 80";
    says(&["-n", "kill", "80"], line);
    says(&["-s", "LISTEN", "kill", "80"], line);
    says(&["--state=LISTEN", "kill", "80"], line);
    says(&["-4t", "kill", "80"], line);
    says(&["--json", "kill", "80"], line);
}

#[trial]
fn a_command_after_a_port() {
    let line = "'kill' is a command and must come first; run: portwho kill 80";
    says(&["80", "kill"], line);
    says(&["--", "80", "kill"], line);
}

/// A process may be called as it likes.
#[trial]
fn a_value_is_not_a_command() {
    let output = portwho(["--name", "kill", "4733"]).run();
    output.is(1, "", &output.stderr);
    assert!(output.stderr.contains("portwho: port 4733 is "), "{output:?}");
}

#[trial]
fn a_misspelt_command() {
    let line = "port 'kil': unknown service; for the command kill, run: portwho kill --help";
    says(&["kil", "80"], line);
    says(&["80", "kil"], line);
    let line = "port 'clsoe': unknown service; for the command close, run: portwho close --help";
    says(&["clsoe", "80"], line);
}

#[trial]
fn kill_without_a_port() {
    says(&["kill"], "kill needs a PORT; to see all options, run: portwho kill --help");
    says(
        &["close"],
        "close needs a PORT or a filter; to see the filters, run: portwho close --help",
    );
}

#[trial]
fn explain_of_several_states() {
    let line = "'stuck': several states; explain takes one of them: FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, \
                CLOSING, LAST_ACK";
    says(&["explain", "stuck"], line);
    let line = "'LISTEN,LAST_ACK': several states; explain takes one of them: LISTENING, LAST_ACK";
    says(&["explain", "LISTEN,LAST_ACK"], line);
    let line = "'CLOSEWAITT': unknown state; did you mean CLOSE_WAIT?";
    says(&["explain", "CLOSEWAITT"], line);
    for (word, meant) in
        [("FIN_WAIT", "FIN_WAIT_1 or FIN_WAIT_2"), ("syn", "SYN_SENT or SYN_RECEIVED")]
    {
        says(&["explain", word], &format!("'{word}': unknown state; did you mean {meant}?"));
    }
    let line = "--state 'FIN_WAIT': unknown state; did you mean FIN_WAIT_1 or FIN_WAIT_2?";
    says(&["--state", "FIN_WAIT"], line);
    let line = "'LAST_ACK': unexpected argument; explain takes one state";
    says(&["explain", "LISTEN", "LAST_ACK"], line);
    says(
        &["80", "explain"],
        "'explain' is a command and must come first; run: portwho explain --help",
    );
    says(
        &["-t", "explain"],
        "'explain' is a command and must come first; run: portwho explain --help",
    );
    let line =
        "port 'explian': unknown service; for the command explain, run: portwho explain --help";
    says(&["explian"], line);
}

#[trial]
fn generate_without_what() {
    says(&["generate"], "generate: say what to print: man, bash, zsh, fish or powershell");
}
