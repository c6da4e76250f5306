//! Help and usage errors. An error names the word at fault in one line on stderr, prints nothing
//! else, and exits with 2 before the system is asked for anything.

mod commands;
mod habits;
mod help;

use crate::support::portwho;

#[track_caller]
fn says(words: &[&str], line: &str) {
    portwho(words).run().is(2, "", &format!("portwho: {line}\n"));
}

#[trial]
fn a_port_out_of_range() {
    for word in ["0", "65536", "0-80", "70000-80000", "127.0.0.1:0", "[::1]:65536", ":0"] {
        says(&[word], &format!("port '{word}': ports are 1 to 65535"));
    }
    says(&["80,65536,443"], "port '65536': ports are 1 to 65535");
    says(&["--foreign-port", "0"], "port '0': ports are 1 to 65535");
    says(&["99999999999999999999"], "port '99999999999999999999': ports are 1 to 65535");
}

#[trial]
fn a_pid_after_p() {
    let line = "port '70000': ports are 1 to 65535, and -p has no effect; for a PID, run: \
                portwho --pid 70000";
    says(&["-p", "70000"], line);
    says(&["-anp", "70000"], "port '70000': ports are 1 to 65535");
}

#[trial]
fn a_range_upside_down() {
    says(&["90-80"], "port '90-80': range ends before it begins; did you mean 80-90?");
    says(&["8080:80"], "port '8080:80': range ends before it begins; did you mean 80-8080?");
}

#[trial]
fn a_protocol_against_an_option() {
    says(&["-t", "53/udp"], "port '53/udp': cannot be used with --tcp");
    says(&["-u", "80,3000/tcp"], "port '3000/tcp': cannot be used with --udp");
    says(&["kill", "-u", "localhost:80/TCP"], "port 'localhost:80/tcp': cannot be used with --udp");
    says(&["-s", "LISTEN", "53/udp"], "port '53/udp': cannot be used with --state");
    says(&["close", "-t", "53/udp"], "port '53/udp': cannot be used with --tcp");
}

#[trial]
fn a_host_that_is_not_an_address() {
    let line = "'example.com' is not an address or localhost";
    for word in ["example.com:80", "http://example.com/", "https://me@example.com:80/x,y"] {
        says(&[word], &format!("port '{word}': {line}"));
        says(&["kill", word], &format!("port '{word}': {line}"));
    }
    says(&["http://"], "port 'http://': not a URL; example: http://localhost:3000/");
    let line = "port 'nosuch': unknown service or command; use a number from 1 to 65535; to find \
                processes by name, run: portwho --name nosuch";
    says(&["nosuch://localhost/"], line);
}

#[trial]
fn an_invalid_foreign_address() {
    let line = "--foreign '443': not an address; for a port at any address, use --foreign-port";
    says(&["--foreign", "443"], line);
    let line = "--foreign '10.0.0.1:0': port '10.0.0.1:0': ports are 1 to 65535";
    says(&["--foreign", "10.0.0.1:0"], line);
}

#[trial]
fn an_unknown_protocol() {
    for (word, named) in
        [("80/sctp", "80/sctp"), ("127.0.0.1:80/sctp", "80/sctp"), ("http/icmp", "http/icmp")]
    {
        let line = format!("port '{named}': unknown protocol; use /tcp or /udp");
        says(&[word], &line);
        says(&["kill", word], &line);
    }
}

#[trial]
fn an_unknown_service() {
    for (word, unknown) in [
        ("nope", "service or command"),
        ("80x", "service"),
        ("0x50", "service"),
        ("no-such", "service"),
    ] {
        let by_name = format!("; to find processes by name, run: portwho --name {word}");
        let by_name = if word.starts_with('n') { by_name.as_str() } else { "" };
        let line =
            format!("port '{word}': unknown {unknown}; use a number from 1 to 65535{by_name}");
        says(&[word], &line);
        says(&["80", &format!("443,{word}")], &line);
    }
}

#[trial]
fn an_invalid_port() {
    for word in ["", "8 0", "+80", "80-", "80.5", "8\u{1b}0", "8\n0", "/tcp"] {
        let line = "not a port; examples: 80, 80,443, 8000-8010, http, 53/udp, localhost:80, \
                    [::1]:80";
        let shown = word.escape_debug();
        says(&[word], &format!("port '{shown}': {line}"));
    }
}

#[trial]
fn an_ipv6_address_without_brackets() {
    for word in ["::1:80", "fe80::1:2"] {
        let line = format!("port '{word}': write an IPv6 address in brackets, as in [::1]:80");
        says(&[word], &line);
    }
}

/// PowerShell hands `-s LISTEN,CLOSE_WAIT` over as two words.
#[trial]
fn a_state_in_the_place_of_a_port() {
    let line = "'CLOSE_WAIT' is a state, not a port; run: portwho --state CLOSE_WAIT";
    says(&["CLOSE_WAIT"], line);
    says(&["80", "CLOSE_WAIT"], line);
    let line = "'expain' is not a command; for the command explain, run: portwho explain TIME_WAIT";
    says(&["expain", "TIME_WAIT"], line);
    let line = "'CLOSE_WAIT' is a state, not a port; PowerShell splits lists that are not \
                quoted; run: portwho --state \"CLOSE_WAIT\"";
    says(&["--state", "LISTEN", "CLOSE_WAIT"], line);
}

#[trial]
fn states_of_udp() {
    let line = "--udp: cannot be used with --state";
    says(&["-u", "--state", "LISTEN"], line);
    says(&["-us", "LISTEN"], line);
}

#[trial]
fn an_unknown_state() {
    for (word, meant) in [
        ("CLOSEWAITT", "CLOSE_WAIT"),
        ("LISTENN", "LISTENING"),
        ("time_wiat", "TIME_WAIT"),
        ("stcuk", "stuck"),
    ] {
        let line = format!("--state '{word}': unknown state; did you mean {meant}?");
        says(&["--state", word], &line);
        says(&["--state", &format!("LISTEN,{word}")], &line);
    }
    let line = "--not-state 'xyzzy': unknown state; states are LISTENING, SYN_SENT, SYN_RECEIVED, \
                ESTABLISHED, FIN_WAIT_1, FIN_WAIT_2, CLOSE_WAIT, CLOSING, LAST_ACK, TIME_WAIT, \
                CLOSED, BOUND, connected, synchronized, teardown, stuck";
    says(&["--not-state", "xyzzy"], line);
}

#[trial]
fn an_unknown_option() {
    for word in ["--frobnicate", "--frobnicate-all", "-W", "-Z"] {
        says(&[word], &format!("{word}: unknown option; to see all options, run: portwho --help"));
    }
    let line = "--jason: unknown option; did you mean --json?";
    says(&["--jason"], line);
    says(&["doctor", "--jason"], line);
    let line = "--sginal: unknown option; did you mean --signal?";
    says(&["kill", "--sginal", "TERM", "80"], line);
    let line = "--all-netns: unknown option; to see all options, run: portwho kill --help";
    says(&["kill", "--all-netns", "80"], line);
    // It is similar to --foreign, and means another thing.
    let line = "--force: unknown option; to see all options, run: portwho close --help";
    says(&["close", "8080", "--force"], line);
}

/// `--sort` is similar, and nothing that was meant.
#[trial]
fn a_port_as_an_option() {
    let line = "--port: unknown option; type the PORT without it; to see all options, run: portwho \
                kill --help";
    says(&["kill", "--port", "80"], line);
    says(&["--ports=80"], &line.replace("--port:", "--ports:").replace(" kill", ""));
}

#[trial]
fn an_address_for_a_foreign_port() {
    let line = "foreign port '10.0.0.1:443': an address belongs to --foreign; run: portwho \
                --foreign 10.0.0.1:443";
    says(&["--foreign-port", "10.0.0.1:443"], line);
    says(&["--foreign-port", "80,10.0.0.1:443/tcp"], line);
    let line = "foreign port '443/tcp': a protocol belongs to a PORT, or to --tcp";
    says(&["--foreign-port", "443/tcp"], line);
}

#[trial]
fn an_invalid_network() {
    let local = "not an address or network; examples: 10.0.0.0/8, ::1";
    let foreign = "not an address or network; examples: 10.0.0.0/8, ::1, 10.0.0.5:443, [::1]:443";
    for (option, why) in [("--local", local), ("--foreign", foreign)] {
        for word in ["10.0.0.0/33", "nowhere", "10.0.0/8", "::1/129", "", "a\nb"] {
            says(&[option, word], &format!("{option} '{}': {why}", word.escape_debug()));
        }
    }
}

#[trial]
fn a_word_from_a_list() {
    let line = "--color 'sometimes': unknown value; values are auto, always, never";
    says(&["--color", "sometimes"], line);
    let line = "'csh': unknown value; values are man, bash, zsh, fish, powershell";
    says(&["generate", "csh"], line);
    let line = "--sort 'color': unknown value; values are port, local, foreign, state, pid, image, \
                user, recv-q, send-q, age";
    says(&["--sort", "color"], line);
    says(&["--sort", "-port"], &line.replace("color", "-port"));
    says(&["--sort=-port"], &line.replace("color", "-port"));
}

#[trial]
fn a_value_that_is_missing() {
    let line = "--pid: a value is missing; to see all options, run: portwho --help";
    says(&["--pid"], line);
    let line = "--signal: a value is missing; to see all options, run: portwho kill --help";
    says(&["kill", "80", "-s"], line);
}

#[trial]
fn a_value_of_an_option_that_takes_none() {
    let line = "--exposed: takes no value; to see all options, run: portwho --help";
    says(&["--exposed=1"], line);
    let line = "--json: takes no value; to see all options, run: portwho doctor --help";
    says(&["doctor", "--json=yes"], line);
}

#[trial]
fn an_invalid_count() {
    for word in ["x", "", "-1", "1.5"] {
        let line = format!("--count '{word}': not a whole number, 0 or more");
        says(&["doctor", &format!("--count={word}")], &line);
    }
}

#[trial]
fn two_views_at_once() {
    says(&["--json", "-q"], "--json: cannot be used with --pids");
    says(&["--json", "--json"], "--json: given more than once");
}
