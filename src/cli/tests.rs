//! Command lines and what they ask for.

use super::*;
use crate::model::{Shell, Signal};

fn parsed(line: &str) -> Result<Request, CliError> {
    parse(line.split(' ').map(OsString::from))
}

fn error(line: &str) -> String {
    parsed(line).unwrap_err().to_string()
}

#[test]
fn clap_is_set_up_without_contradictions() {
    Cli::command().debug_assert();
}

#[test]
fn habits_of_netstat_are_understood() {
    for line in [
        "portwho -aon",
        "portwho -tulpn",
        "portwho -anlp 80",
        "portwho -ano -4 80",
        "portwho -anob",
    ] {
        assert!(matches!(parsed(line), Ok(Request::List(_))), "{line}");
    }
}

#[test]
fn a_protocol_of_windows_netstat_is_an_option() {
    for (line, tcp, udp, v4) in [
        ("portwho -ano -p tcp", true, false, true),
        ("portwho -anop UDP 53", false, true, true),
        ("portwho -p tcpv6", true, false, false),
    ] {
        let Ok(Request::List(request)) = parsed(line) else { panic!("{line}") };
        let selection = request.filters.selection;
        assert_eq!(selection.protocols, Some(Protocols { tcp, udp }), "{line}");
        assert_eq!(selection.families, Families { v4, v6: true }, "{line}");
    }
}

#[test]
fn a_command_out_of_place_is_refused() {
    let expected = "'kill' is a command and must come first; run: portwho kill 80";
    assert_eq!(error("portwho 80 kill"), expected);
    for line in ["portwho -n kill 80", "portwho -s LISTEN kill 80", "portwho -9 kill 80"] {
        assert_eq!(error(line), expected, "{line}");
    }
    assert_eq!(
        error("portwho -t kill"),
        "'kill' is a command and must come first; run: portwho kill --help"
    );
}

#[test]
fn a_state_in_a_ports_place_asks_for_quotes() {
    let expected = "'FIN_WAIT_2' is a state, not a port; PowerShell splits lists that are not \
                    quoted; run: portwho --state \"FIN_WAIT_2\"";
    assert_eq!(error("portwho --state CLOSE_WAIT FIN_WAIT_2"), expected);
}

#[test]
fn a_state_alone_is_an_option() {
    let expected = "'listen' is a state, not a port; run: portwho --state listen";
    assert_eq!(error("portwho listen"), expected);
}

#[test]
fn there_is_help_for_commands_alone() {
    let expected = "'nothing' is not a command; commands are kill, close, wait, watch, explain, \
                    doctor, metrics, generate; run: portwho --help";
    assert_eq!(error("portwho help nothing"), expected);
    for line in ["portwho help", "portwho help kill", "portwho help -h"] {
        assert!(matches!(parsed(line), Err(CliError::Help(_))), "{line}");
    }
}

#[test]
fn force_has_three_spellings() {
    for line in ["portwho kill -f 80", "portwho kill -9 80", "portwho kill -KILL 80"] {
        let Ok(Request::Kill(request)) = parsed(line) else { panic!("{line}") };
        assert_eq!(request.signal(), Signal::Kill, "{line}");
    }
    for line in ["portwho kill -HUP -4 80", "portwho kill -hup 80"] {
        let Ok(Request::Kill(request)) = parsed(line) else { panic!("{line}") };
        assert_eq!(request.signal(), Signal::Hup, "{line}");
    }
}

#[test]
fn a_state_implies_tcp_and_contradicts_udp() {
    assert!(error("portwho -u --state LISTEN").contains("--udp"));
    let Ok(Request::List(request)) = parsed("portwho -s stuck --not-state LAST_ACK") else {
        panic!("a valid line")
    };
    assert!(request.filters.by_state);
    assert_eq!(request.filters.states, StateSet::STUCK.without("LAST_ACK".parse().unwrap()));
}

#[test]
fn close_takes_any_one_filter_and_wants_one() {
    for filter in [
        "80",
        "-s CLOSE_WAIT",
        "--not-state LISTEN",
        "-l",
        "--exposed",
        "-t",
        "-u",
        "-4",
        "-6",
        "--foreign-port 443",
        "--local 10.0.0.0/8",
        "--foreign 10.0.0.5",
        "--pid 812",
        "--name web",
        "--user root",
    ] {
        let line = format!("portwho close -n {filter}");
        let Ok(Request::Close(request)) = parsed(&line) else { panic!("{line}") };
        assert!(request.dry_run);
        let again = request.command(Shell::Posix, &["-l"]);
        assert_eq!(again.text(), Some(format!("portwho close -l -n {filter}").as_str()));
        let acting = request.acting_command(Shell::Posix, &["-l"]);
        assert_eq!(acting.text(), Some(format!("portwho close -l {filter}").as_str()));
    }
    for line in ["portwho close", "portwho close -y", "portwho close -n --yes"] {
        assert!(error(line).starts_with("close needs a PORT or a filter"), "{line}");
    }
}

#[test]
fn a_state_called_close_is_not_a_command() {
    assert_eq!(
        error("portwho 80 close"),
        "'close' is a command and must come first; run: portwho close 80"
    );
    assert!(matches!(parsed("portwho -s close"), Ok(Request::List(_))));
    for line in ["portwho -s close --frobnicate", "portwho --frobnicate --state close"] {
        assert!(error(line).starts_with("--frobnicate: unknown option"), "{line}");
    }
}

#[test]
fn a_remedy_repeats_what_narrowed_the_command() {
    let line = "portwho kill -9 --pid 80 --name no* 80 81 -4";
    let Ok(Request::Kill(request)) = parsed(line) else { panic!("a valid line") };
    let ports = ["80".to_owned(), "[::1]:80".to_owned()];
    let expected = "portwho kill -u -9 --pid 80 --name \"no*\" -4 80 \"[::1]:80\"";
    assert_eq!(request.command(Shell::Posix, &["-u"], &ports).text(), Some(expected));
    let expected = "portwho kill -u -9 --pid 80 --name \"no*\" -4 80 \"[::1]:80\"";
    assert_eq!(request.command(Shell::Windows, &["-u"], &ports).text(), Some(expected));
}

proptest::proptest! {
    #[test]
    fn no_words_make_the_parser_panic(words: Vec<String>) {
        let _ = parse(std::iter::once("portwho".to_owned()).chain(words).map(OsString::from));
    }
}
