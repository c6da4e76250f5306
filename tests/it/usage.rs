//! Usage errors: each names the word at fault on stderr, prints nothing else, and exits with 2
//! before anything is looked up.

use crate::support::portwho;

trials![
    a_command_behind_an_option,
    a_command_behind_a_port,
    a_command_as_a_value_is_none,
    a_misspelt_command,
    a_port_out_of_range,
    a_range_upside_down,
    a_word_that_is_no_service,
    a_word_that_is_no_port,
    an_ipv6_address_without_brackets,
    a_state_in_the_place_of_a_port,
    states_of_udp,
    an_unknown_state,
    an_unknown_option,
    a_network_that_is_none,
    a_word_from_a_list,
    two_views_at_once,
    kill_without_a_port,
    explain_of_several_states,
];

/// Its own errors: one line.
#[track_caller]
fn says(words: &[&str], line: &str) {
    portwho(words).run().is(2, "", &format!("portwho: {line}\n"));
}

/// clap's: the error, and then how to get help.
#[track_caller]
fn clap_says(words: &[&str], error: &str) {
    let help = "\n\nFor more information, try '--help'.\n";
    portwho(words).run().is(2, "", &format!("error: {error}{help}"));
}

fn a_command_behind_an_option() {
    let line = "'kill' is a command and comes first: portwho kill 80";
    says(&["-n", "kill", "80"], line);
    says(&["-s", "LISTEN", "kill", "80"], line);
    says(&["--state=LISTEN", "kill", "80"], line);
    says(&["-4t", "kill", "80"], line);
    says(&["--json", "kill", "80"], line);
}

fn a_command_behind_a_port() {
    let line = "'kill' is a command and comes first: portwho kill 80";
    says(&["80", "kill"], line);
    says(&["--", "80", "kill"], line);
}

/// A process may be called as it likes.
fn a_command_as_a_value_is_none() {
    let output = portwho(["--name", "kill", "4733"]).run();
    output.is(1, "", &output.stderr);
    assert!(output.stderr.contains("portwho: port 4733 is "), "{output:?}");
}

fn a_misspelt_command() {
    let line = "port 'kil': no such service; for the command: portwho kill PORT";
    says(&["kil", "80"], line);
    says(&["80", "kil"], line);
    let line = "port 'clsoe': no such service; for the command: portwho close PORT";
    says(&["clsoe", "80"], line);
}

fn a_port_out_of_range() {
    for word in ["0", "65536", "0-80", "70000-80000", "127.0.0.1:0", "[::1]:65536", ":0"] {
        says(&[word], &format!("port '{word}': ports are 1 to 65535"));
    }
    says(&["80,65536,443"], "port '65536': ports are 1 to 65535");
    says(&["--foreign-port", "0"], "port '0': ports are 1 to 65535");
    says(&["99999999999999999999"], "port '99999999999999999999': ports are 1 to 65535");
}

fn a_range_upside_down() {
    says(&["90-80"], "port '90-80': the range ends before it begins: 80-90");
}

fn a_word_that_is_no_service() {
    for word in ["nope", "80x", "0x50"] {
        let line = format!("port '{word}': no such service; give a number from 1 to 65535");
        says(&[word], &line);
        says(&["80", &format!("443,{word}")], &line);
    }
}

fn a_word_that_is_no_port() {
    for word in ["", "8 0", "+80", "80-", "80.5", "127.0.0.1", "8\u{1b}0", "8\n0"] {
        let line = "not a port; a PORT is 80, 80,443, 8000-8010, http, 127.0.0.1:80 or [::1]:80";
        let shown = word.escape_debug();
        says(&[word], &format!("port '{shown}': {line}"));
    }
}

fn an_ipv6_address_without_brackets() {
    says(&["::1"], "port '::1': put an IPv6 address in brackets: [::1]:80");
}

/// PowerShell hands `-s LISTEN,CLOSE_WAIT` over as two words.
fn a_state_in_the_place_of_a_port() {
    let line = "'CLOSE_WAIT' is a state and not a port: use --state, and quote the list \
                (PowerShell splits it): --state \"CLOSE_WAIT\"";
    says(&["CLOSE_WAIT"], line);
    says(&["--state", "LISTEN", "CLOSE_WAIT"], line);
    says(&["80", "CLOSE_WAIT"], line);
}

fn states_of_udp() {
    let error = "the argument '--udp' cannot be used with '--state <STATE>'\n\n\
                 Usage: portwho --udp [PORT]...";
    clap_says(&["-u", "--state", "LISTEN"], error);
    clap_says(&["-us", "LISTEN"], error);
}

fn an_unknown_state() {
    for (word, meant) in [
        ("CLOSEWAITT", "CLOSE_WAIT"),
        ("LISTENN", "LISTENING"),
        ("time_wiat", "TIME_WAIT"),
        ("stcuk", "stuck"),
    ] {
        let error = format!(
            "invalid value '{word}' for '--state <STATE>': no such state; did you mean {meant}?"
        );
        clap_says(&["--state", word], &error);
        clap_says(&["--state", &format!("LISTEN,{word}")], &error);
    }
    let error = "invalid value 'xyzzy' for '--not-state <STATE>': no such state; there are \
                 LISTENING, SYN_SENT, SYN_RECEIVED, ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, \
                 CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT, CLOSED, BOUND, connected, \
                 synchronized, teardown, stuck";
    clap_says(&["--not-state", "xyzzy"], error);
}

fn an_unknown_option() {
    let error = "unexpected argument '--frobnicate' found\n\n  \
                 tip: to pass '--frobnicate' as a value, use '-- --frobnicate'\n\n\
                 Usage: portwho [OPTIONS] [PORT]...\n       portwho <COMMAND>";
    clap_says(&["--frobnicate"], error);
    clap_says(
        &["--jason"],
        "unexpected argument '--jason' found\n\n  tip: a similar argument exists: '--json'\n\n\
         Usage: portwho --json [PORT]...",
    );
}

fn a_network_that_is_none() {
    let why = "not an address or network, as in 10.0.0.0/8 or ::1";
    for option in ["--local", "--foreign"] {
        for word in ["10.0.0.0/33", "nowhere", "10.0.0/8", "::1/129", ""] {
            let error = format!("invalid value '{word}' for '{option} <ADDR[/LEN]>': {why}");
            clap_says(&[option, word], &error);
        }
    }
}

fn a_word_from_a_list() {
    clap_says(
        &["--color", "sometimes"],
        "invalid value 'sometimes' for '--color <WHEN>'\n  [possible values: auto, always, never]",
    );
    let output = portwho(["--sort", "colour"]).run();
    output.is(2, "", &output.stderr);
    assert!(output.stderr.contains("'colour'"), "{output:?}");
}

fn two_views_at_once() {
    let output = portwho(["--json", "-q"]).run();
    output.is(2, "", &output.stderr);
    assert!(output.stderr.contains("'--json' cannot be used with '--pids'"), "{output:?}");
}

fn kill_without_a_port() {
    let output = portwho(["kill"]).run();
    output.is(2, "", &output.stderr);
    assert!(output.stderr.contains("<PORT>..."), "{output:?}");
}

fn explain_of_several_states() {
    let error = "invalid value 'stuck' for '[STATE]': explain takes one state, of FIN_WAIT_1, \
                 FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK";
    clap_says(&["explain", "stuck"], error);
    let error = "invalid value 'LISTEN,LAST_ACK' for '[STATE]': explain takes one state, of \
                 LISTENING, LAST_ACK";
    clap_says(&["explain", "LISTEN,LAST_ACK"], error);
    clap_says(
        &["explain", "CLOSEWAITT"],
        "invalid value 'CLOSEWAITT' for '[STATE]': no such state; did you mean CLOSE_WAIT?",
    );
    let line = "'LAST_ACK' is one too many: explain takes one state";
    says(&["explain", "LISTEN", "LAST_ACK"], line);
    says(&["80", "explain"], "'explain' is a command and comes first: portwho explain STATE");
    says(&["-t", "explain"], "'explain' is a command and comes first: portwho explain STATE");
    says(&["explian"], "port 'explian': no such service; for the command: portwho explain STATE");
}
