//! The man page and the completions: mandoc reads the one, real shells on a terminal use the others.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, Process};
use crate::support::terminal::Terminal;
use crate::support::{Scratch, portwho, skip};

#[track_caller]
fn generated(what: &str) -> String {
    let output = portwho(["generate", what]).run();
    output.is(0, &output.stdout, "");
    output.stdout
}

/// Whether a program is there; a skip where it is not.
fn has(program: &str) -> bool {
    let answer = Command::new("sh").args(["-c", "command -v \"$0\"", program]).output();
    let has = answer.expect("sh").status.success();
    if !has {
        skip(&format!("{program} is not installed"));
    }
    has
}

#[trial]
fn the_man_page_has_no_warnings() {
    if !has("mandoc") {
        return;
    }
    let scratch = Scratch::new();
    let page = scratch.path().join("portwho.1");
    fs::write(&page, generated("man")).expect("write the page");
    let lint = Command::new("mandoc").arg("-Tlint").arg(&page).output().expect("mandoc");
    assert_eq!(String::from_utf8_lossy(&lint.stdout), "");
    let shown = Command::new("mandoc").args(["-Tutf8", "-Owidth=80"]).arg(&page).output();
    let shown = String::from_utf8(shown.expect("mandoc").stdout).expect("UTF-8");
    assert!(shown.lines().count() > 100, "{shown}");
}

#[trial]
fn the_man_page_has_every_option() {
    let page = generated("man").replace("\\-", "-");
    let verbs = ["kill", "close", "wait", "watch", "doctor", "metrics", "explain", "generate"];
    for command in std::iter::once(&[][..]).chain(verbs.iter().map(std::slice::from_ref)) {
        let help = portwho(command.iter().chain(&["--help"])).run().stdout;
        for word in help.split([' ', ',', '\n']).filter(|word| word.starts_with("--")) {
            assert!(page.contains(word), "{word} of {command:?}");
        }
    }
    for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "FILTERS", "\"PORTWHO KILL\"", "EXAMPLES"] {
        assert!(page.contains(&format!("\n.SH {section}\n")), "{section}");
    }
}

#[trial]
fn powershell_has_a_script() {
    assert!(generated("powershell").contains("Register-ArgumentCompleter"));
    assert_eq!(generated("pwsh"), generated("powershell"));
}

/// A request that no script makes is answered without a message on the line that is typed.
#[trial]
fn requests_that_no_script_makes() {
    let asked = |shell: &str, words: &[&str]| portwho(words).env("PORTWHO_COMPLETE", shell).run();
    asked("bash", &["--"]).is(0, "", "");
    asked("fish", &[]).is(0, "", "");
    asked("zsh", &["--", "portwho", "--nope", "x"]).is(0, "", "");
    let line = "portwho: shell 'tcsh': unknown; shells are bash, zsh, fish, powershell\n";
    asked("tcsh", &["--", "portwho", ""]).is(2, "", line);
    portwho(["--version"]).env("PORTWHO_COMPLETE", "").run().is(
        0,
        &format!("portwho {}\n", env!("CARGO_PKG_VERSION")),
        "",
    );
}

/// A shell on a terminal, with two servers to complete, whose ports have no common beginning: it
/// would be inserted first, and listed only then.
struct Shell {
    terminal: Terminal,
    _servers: [Process; 2],
    _home: Scratch,
}

impl Shell {
    /// Starts it, and types `setup`, which ends when it has printed 42.
    fn start(program: &str, options: &[&str], setup: &str) -> Self {
        let servers = [("web", 18080), ("store", 28443)].map(|(name, port)| {
            Owner::named(name).holding(makers::listening(Loopback::V4.port(port)).socket)
        });
        let home = Scratch::new();
        let program_directory =
            Path::new(env!("CARGO_BIN_EXE_portwho")).parent().expect("a parent");
        let path = std::env::var("PATH").expect("PATH");
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", program]).args(options).env_clear();
        command.env("PATH", format!("{}:{path}", program_directory.display()));
        command.env("HOME", home.path()).env("XDG_CONFIG_HOME", home.path());
        command.env("XDG_DATA_HOME", home.path()).env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
        command.current_dir(home.path());
        let mut terminal = Terminal::of(command, program);
        terminal.type_in(&format!("{setup}\n"));
        terminal.await_text("ready-42");
        Self { terminal, _servers: servers, _home: home }
    }

    /// Types this, which completes a word, and waits for this text.
    #[track_caller]
    fn says(&mut self, typed: &str, text: &str) {
        self.terminal.type_in(typed);
        self.terminal.await_text(text);
    }

    /// What every shell does. A line that was not completed has another answer.
    #[track_caller]
    fn completes(mut self) {
        self.says("portwho kill -n 1808\t\n", "would send SIGTERM to web");
        self.says("portwho -q -s close_w\t\n", "no socket matches");
        self.says("portwho --no-header --name we\t\n", "LISTENING");
        self.says("portwho --vers\t\n", &format!("portwho {}", env!("CARGO_PKG_VERSION")));
        self.says("portwho 28443,1808\t -q; echo lis\"\"ted\n", "listed");
        self.terminal.type_in("exit\n");
        let output = self.terminal.finish();
        assert!(!output.stdout.contains("unknown"), "{output:?}");
    }
}

/// Ctrl-U. An interrupt would discard what is typed right behind it.
const CLEAR: &str = "\u{15}";

#[trial]
fn in_bash() {
    if !has("bash") {
        return;
    }
    // Where the system has no /dev/fd, a shell cannot read from a command as from a file.
    let setup = "if [ -e /dev/fd ]; then source <(portwho generate bash); else portwho generate \
                 bash > script; source ./script; fi; echo ready-$((40 + 2))";
    let mut bash = Shell::start("bash", &["--norc", "--noprofile", "-i"], setup);
    bash.says("portwho kill \t\t", "18080");
    bash.says("", "28443");
    bash.terminal.type_in(CLEAR);
    bash.completes();
}

#[trial]
fn in_zsh() {
    if !has("zsh") {
        return;
    }
    let setup = "autoload -U compinit && compinit -u -D; source <(portwho generate zsh); \
                 echo ready-$((40 + 2))";
    let mut zsh = Shell::start("zsh", &["-f", "-i"], setup);
    zsh.says("portwho kill \t", "web (PID");
    zsh.terminal.type_in(CLEAR);
    zsh.completes();
}

/// The other way to install it: a file in `$fpath`, whose first completion is one too.
#[trial]
fn in_zsh_from_a_file() {
    if !has("zsh") {
        return;
    }
    let setup = "portwho generate zsh > _portwho; fpath=($PWD $fpath); autoload -U compinit && \
                 compinit -u -D; echo ready-$((40 + 2))";
    Shell::start("zsh", &["-f", "-i"], setup).completes();
}

#[trial]
fn in_fish() {
    if !has("fish") {
        return;
    }
    let setup = "portwho generate fish | source; echo ready-(math 40 + 2)";
    let mut fish = Shell::start("fish", &["--no-config", "-i"], setup);
    fish.says("portwho kill \t", "web (PID");
    fish.terminal.type_in(CLEAR);
    fish.completes();
}
