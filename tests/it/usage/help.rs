//! The screens of help.

use crate::support::portwho;

/// What `words` print on stdout, with nothing on stderr.
#[track_caller]
fn help(words: &[&str]) -> String {
    let output = portwho(words).run();
    output.is(0, &output.stdout, "");
    output.stdout
}

#[trial]
fn short_help_fits_a_screen() {
    let text = help(&["-h"]);
    assert!(text.lines().count() <= 25, "{text}");
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    for part in ["portwho kill 8080 ", "portwho --help ", "  explain ", "--state", "--json"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("--no-header"), "{text}");
}

#[trial]
fn long_help_is_grouped_and_whole() {
    let text = help(&["--help"]);
    assert_eq!(help(&["help"]), text);
    let headings = ["Arguments:", "Filters:", "Scope:", "Output:", "Compatibility:"];
    let found: Vec<&str> = text.lines().filter(|line| headings.contains(line)).collect();
    assert_eq!(found, headings, "{text}");
    for option in ["--not-state", "--all-netns", "--no-header", "-a ", "--version", "Exit codes:"] {
        assert!(text.contains(option), "{option}: {text}");
    }
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
}

#[trial]
fn help_of_a_command() {
    for command in ["kill", "close", "wait", "watch", "explain", "doctor", "metrics", "generate"] {
        let text = help(&[command, "--help"]);
        assert!(text.contains(&format!("Usage: portwho {command} ")), "{text}");
        assert_eq!(help(&["help", command]), text);
        assert_eq!(help(&[command, "-h"]), text);
    }
    let unasked = "If standard input is not a terminal, it";
    for command in ["kill", "close"] {
        assert!(help(&[command, "-h"]).replace('\n', " ").contains(unasked), "{command}");
    }
}
