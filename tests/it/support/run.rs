//! Running the program, and comparing all that it says: stdout, stderr and the exit code.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use super::diff::diff;

/// Every view, by the options that ask for it.
#[cfg(target_os = "linux")]
pub const VIEWS: [&[&str]; 11] = [
    &[],
    &["--no-header"],
    &["-v"],
    &["--wide"],
    &["--columns", "user,service,age,command,image"],
    &["--lsof"],
    &["--csv"],
    &["--json"],
    &["--summary"],
    &["--summary", "--json"],
    &["-q"],
];

/// A run of the program, to be adjusted and started.
pub struct Run {
    program: PathBuf,
    words: Vec<OsString>,
    environment: Vec<(OsString, OsString)>,
    wrapper: Vec<OsString>,
    stdin: Option<Stdio>,
    stdout: Option<Stdio>,
    uid: Option<u32>,
}

/// The program with these arguments, an empty stdin and an environment that says nothing.
pub fn portwho<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Run {
    Run {
        program: PathBuf::from(env!("CARGO_BIN_EXE_portwho")),
        words: words.into_iter().map(|word| word.as_ref().to_owned()).collect(),
        environment: Vec::new(),
        wrapper: Vec::new(),
        stdin: None,
        stdout: None,
        uid: None,
    }
}

impl Run {
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.push((key.into(), value.into()));
        self
    }

    #[cfg(target_os = "linux")]
    pub fn stdin(mut self, stdin: impl Into<Stdio>) -> Self {
        self.stdin = Some(stdin.into());
        self
    }

    /// Sends stdout elsewhere; what is compared is then empty.
    pub fn stdout(mut self, stdout: impl Into<Stdio>) -> Self {
        self.stdout = Some(stdout.into());
        self
    }

    /// Runs this copy of the program.
    #[cfg(windows)]
    pub fn program(mut self, program: PathBuf) -> Self {
        self.program = program;
        self
    }

    /// Starts it through another program, which is given the program and its words to execute.
    #[cfg(target_os = "linux")]
    pub fn through<W: AsRef<OsStr>>(mut self, wrapper: impl IntoIterator<Item = W>) -> Self {
        self.wrapper = wrapper.into_iter().map(|word| word.as_ref().to_owned()).collect();
        self
    }

    /// Lets it have no more memory of its own than this (`RLIMIT_DATA` in getrlimit(2)).
    #[cfg(target_os = "linux")]
    pub fn with_memory(self, mebibytes: u64) -> Self {
        self.through(["prlimit".to_owned(), format!("--data={}", mebibytes << 20)])
    }

    /// Runs as another user, from a copy of the program that every user can reach.
    #[cfg(unix)]
    pub fn user(mut self, uid: u32) -> Self {
        self.program = reachable_copy(&self.program);
        self.uid = Some(uid);
        self
    }

    /// Runs as another user with these capabilities and no others, by setpriv(1).
    #[cfg(target_os = "linux")]
    pub fn user_with(mut self, uid: u32, capabilities: &[&str]) -> Self {
        self.program = reachable_copy(&self.program);
        let mut words: Vec<String> = ["setpriv", "--clear-groups"].map(str::to_owned).into();
        words.extend([format!("--reuid={uid}"), format!("--regid={uid}")]);
        if !capabilities.is_empty() {
            let set: Vec<String> = capabilities.iter().map(|name| format!("+{name}")).collect();
            let set = set.join(",");
            words.extend([format!("--inh-caps={set}"), format!("--ambient-caps={set}")]);
        }
        self.through(words)
    }

    /// Runs in the network namespace that the tests were started in, and not in this test's own;
    /// as another user, if one is given: entering it takes rights.
    #[cfg(target_os = "linux")]
    pub fn on_the_machines_network(mut self, uid: Option<u32>) -> Self {
        let network = format!("--net={}", super::netns::path_of_the_machines());
        let mut words = vec!["nsenter".to_owned(), network];
        if let Some(uid) = uid {
            self.program = reachable_copy(&self.program);
            words.extend([format!("--setuid={uid}"), format!("--setgid={uid}")]);
        }
        self.through(words)
    }

    /// Runs to the end.
    #[track_caller]
    pub fn run(mut self) -> Output {
        let stdin = self.stdin.take().unwrap_or_else(Stdio::null);
        let stdout = self.stdout.take().unwrap_or_else(Stdio::piped);
        let mut command = self.command();
        command.stdin(stdin).stdout(stdout).stderr(Stdio::piped());
        let child = command.spawn().expect("start the program");
        drop(command);
        Output::of(&self, child.wait_with_output().expect("wait for the program"))
    }

    /// The command without its streams, for those who connect them in their own way.
    pub fn command(&self) -> Command {
        let mut command = match self.wrapper.split_first() {
            Some((wrapper, words)) => {
                let mut command = Command::new(wrapper);
                command.args(words).arg(&self.program);
                command
            }
            None => Command::new(&self.program),
        };
        command.args(&self.words);
        for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "LINES", "TERM", "LANG"] {
            command.env_remove(name);
        }
        // Which way is faster depends on what else runs on the machine, and by the kernel more can be proven.
        #[cfg(target_os = "linux")]
        if std::env::var_os("PORTWHO_OWNERS").is_none() {
            command.env("PORTWHO_OWNERS", "proc");
        }
        command.env("LC_ALL", "C").envs(self.environment.iter().map(|(key, value)| (key, value)));
        set_user(&mut command, self.uid);
        command
    }

    pub fn command_line(&self) -> String {
        let words = self.words.iter().map(|word| word.to_string_lossy().into_owned());
        let mut line = "portwho".to_owned();
        for word in words {
            line.push(' ');
            line.push_str(&word);
        }
        line
    }
}

/// What the program said, and how it ended.
#[derive(Debug)]
pub struct Output {
    pub command_line: String,
    pub stdout: String,
    pub stderr: String,
    /// `None` if a signal ended it.
    pub code: Option<i32>,
}

impl Output {
    /// What was said by a run that has ended.
    pub fn of(run: &Run, output: std::process::Output) -> Self {
        Self {
            command_line: run.command_line(),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
            code: output.status.code(),
        }
    }

    /// Compares all of it: an unexpected warning fails a test as an unexpected row does.
    #[track_caller]
    pub fn is(&self, code: i32, stdout: &str, stderr: &str) {
        let mut report = String::new();
        if self.code != Some(code) {
            report.push_str(&format!(" exit code: expected {code}, was {:?}\n", self.code));
        }
        for (name, expected, actual) in
            [("stdout", stdout, &self.stdout), ("stderr", stderr, &self.stderr)]
        {
            if expected != actual {
                report.push_str(&format!(" {name}: - expected, + was\n{}", diff(expected, actual)));
            }
        }
        assert!(report.is_empty(), "`{}`\n{report}{}", self.command_line, self.beside(stderr));
    }

    /// With `N` on stderr wherever it says how long a timer of the kernel has left: those run
    /// for a minute at most.
    #[cfg(target_os = "linux")]
    pub fn without_seconds(mut self) -> Self {
        self.stderr = without_seconds(&self.stderr);
        self
    }

    /// With `N` on stdout wherever it says after how long a wait ended.
    pub fn without_wait(mut self) -> Self {
        self.stdout = without_wait(&self.stdout);
        self
    }

    /// The parsed JSON of a run that must have ended so, and said this on stderr.
    #[track_caller]
    pub fn json(&self, code: i32, stderr: &str) -> serde_json::Value {
        self.is(code, &self.stdout, stderr);
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("`{}`: {error}\n{}", self.command_line, self.stdout))
    }

    /// What stderr said is often why stdout differs.
    fn beside(&self, expected_stderr: &str) -> String {
        if self.stderr == expected_stderr { String::new() } else { format!(" {}", self.stderr) }
    }
}

/// `after N` in the place of `after 2.3s`.
fn without_wait(text: &str) -> String {
    let mut parts = text.split(" after ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find([':', ';', ',', '(', '\n']).expect("what ends a duration");
        let (duration, rest) = part.split_at(end);
        let is_duration = duration.trim_end().split(' ').all(|word| {
            word.starts_with(|char: char| char.is_ascii_digit()) && word.ends_with(['s', 'm', 'h'])
        });
        assert!(is_duration, "{text}");
        let space = if duration.ends_with(' ') { " " } else { "" };
        out.push_str(&format!(" after N{space}{rest}"));
    }
    out
}

/// `N` in the place of `1s` to `59s` and `1m`.
#[cfg(target_os = "linux")]
pub fn without_seconds(text: &str) -> String {
    let is_left = |word: &str| {
        let seconds = word.strip_suffix('s').and_then(|number| number.parse().ok());
        word == "1m" || seconds.is_some_and(|left: u32| (1..60).contains(&left))
    };
    let replaced = text.split(' ').map(|word| {
        let first_line = word.split('\n').next().unwrap_or_default();
        let time = first_line.trim_end_matches([')', ':', ',', ';']);
        if is_left(time) { word.replacen(time, "N", 1) } else { word.to_owned() }
    });
    replaced.collect::<Vec<_>>().join(" ")
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("the program prints UTF-8 only")
}

#[cfg(unix)]
fn set_user(command: &mut Command, uid: Option<u32>) {
    use std::os::unix::process::CommandExt;
    if let Some(uid) = uid {
        command.uid(uid).gid(uid);
    }
}

#[cfg(not(unix))]
fn set_user(_command: &mut Command, _uid: Option<u32>) {}

/// A clone of the sources may sit where only its owner can enter; made once a process.
#[cfg(unix)]
fn reachable_copy(program: &std::path::Path) -> PathBuf {
    use std::sync::OnceLock;
    static COPY: OnceLock<super::Scratch> = OnceLock::new();
    let scratch = COPY.get_or_init(|| {
        let scratch = super::Scratch::new();
        std::fs::copy(program, scratch.path().join("portwho")).expect("copy the program");
        scratch
    });
    scratch.path().join("portwho")
}
