//! Shells among the ancestors of a process: sessions that people type into, wrappers around one
//! command, and scripts.

use crate::model::{Process, Untrusted};

/// What a shell does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ShellUse {
    /// It reads commands from a terminal or another stream; or its command line is not known.
    Interactive,
    /// It waits for the one command of its `-c`, as npm and nodemon start programs.
    Wrapper,
    /// It runs a script, or a loop after `-c`.
    Script,
}

/// The shells of /etc/shells on common systems, by their programs.
const SHELLS: [&[u8]; 15] = [
    b"sh", b"bash", b"dash", b"ash", b"zsh", b"fish", b"ksh", b"ksh93", b"mksh", b"lksh", b"csh",
    b"tcsh", b"busybox", b"rbash", b"nu",
];

/// Options that take the next word (bash(1), dash(1)); bash takes long ones with one dash too.
const WITH_VALUE: [&[u8]; 8] =
    [b"-o", b"+o", b"-O", b"+O", b"--rcfile", b"-rcfile", b"--init-file", b"-init-file"];

/// The words of a shell that start a loop; a wrapper has none.
const LOOPS: [&[u8]; 3] = [b"while", b"until", b"for"];

/// What a process does as a shell; none where it is no shell. Its command line has to be known.
pub(super) fn shell_use(process: &Process) -> Option<ShellUse> {
    if !is_shell(process) {
        return None;
    }
    let mut words = process.command.iter().map(Untrusted::as_bytes).skip(1).peekable();
    // busybox may be called by its own name, and then by that of the shell.
    words.next_if(|word| SHELLS.contains(word));
    while let Some(word) = words.next() {
        if WITH_VALUE.contains(&word) {
            words.next();
        } else if word == b"--" {
            return Some(words.next().map_or(ShellUse::Interactive, |_| ShellUse::Script));
        } else if is_command_option(word) {
            return Some(words.next().map_or(ShellUse::Interactive, of_command));
        } else if !word.starts_with(b"-") && !word.starts_with(b"+") {
            return Some(ShellUse::Script);
        }
    }
    Some(ShellUse::Interactive)
}

/// By its program, or by its name where that is unknown: a script has its own name.
fn is_shell(process: &Process) -> bool {
    let program = process.executable.as_ref().unwrap_or(&process.name).base_name();
    let program = program.strip_suffix(b" (deleted)").unwrap_or(program);
    SHELLS.contains(&program)
}

/// `-c`, also after other letters: `-lc`, but not `-norc`.
fn is_command_option(word: &[u8]) -> bool {
    let letters = word.strip_prefix(b"-").unwrap_or_default();
    letters.ends_with(b"c") && !letters.starts_with(b"-") && !letters.contains(&b'o')
}

fn of_command(command: &[u8]) -> ShellUse {
    let mut words = command.split(|byte| !byte.is_ascii_alphanumeric());
    if words.any(|word| LOOPS.contains(&word)) { ShellUse::Script } else { ShellUse::Wrapper }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pid;

    fn used(name: &str, executable: Option<&str>, command: &[&str]) -> Option<ShellUse> {
        shell_use(&Process {
            executable: executable.map(Untrusted::from),
            command: command.iter().map(|word| Untrusted::from(*word)).collect(),
            ..Process::named(Pid(7), name.into())
        })
    }

    #[test]
    fn the_command_line_says_what_a_shell_does() {
        let bash = Some("/usr/bin/bash");
        for (command, expected) in [
            (&["bash"][..], ShellUse::Interactive),
            (&["-bash"], ShellUse::Interactive),
            (&["/bin/bash", "-l", "-o", "vi"], ShellUse::Interactive),
            (&["bash", "--rcfile", "/tmp/rc", "-i"], ShellUse::Interactive),
            (&["bash", "-s"], ShellUse::Interactive),
            (&["bash", "-rcfile", "/tmp/rc"], ShellUse::Interactive),
            (&["bash", "-norc"], ShellUse::Interactive),
            (&[], ShellUse::Interactive),
            (&["bash", "-c"], ShellUse::Interactive),
            (&["bash", "-c", "node server.js"], ShellUse::Wrapper),
            (&["bash", "-lc", "python3 -m http.server 3000"], ShellUse::Wrapper),
            (&["bash", "-c", "while true; do node server.js; done"], ShellUse::Script),
            (&["bash", "./loop.sh"], ShellUse::Script),
            (&["/bin/bash", "-e", "./loop.sh", "-c"], ShellUse::Script),
            (&["bash", "--", "loop.sh"], ShellUse::Script),
        ] {
            assert_eq!(used("bash", bash, command), Some(expected), "{command:?}");
        }
    }

    #[test]
    fn a_shell_is_known_by_its_program() {
        let script = &["/bin/sh", "./loop.sh"];
        assert_eq!(used("loop.sh", Some("/usr/bin/dash"), script), Some(ShellUse::Script));
        let busybox = &["busybox", "sh", "-c", "httpd -f"];
        assert_eq!(used("busybox", Some("/bin/busybox"), busybox), Some(ShellUse::Wrapper));
        assert_eq!(used("zsh", None, &["-zsh"]), Some(ShellUse::Interactive));
        assert_eq!(used("bash", Some("/usr/bin/python3"), &["bash"]), None);
        assert_eq!(used("node", Some("/usr/bin/node"), &["node", "-c", "sh"]), None);
    }
}
