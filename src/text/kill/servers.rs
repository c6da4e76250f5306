//! What signals mean to servers that are known by their executables, and which one comes before
//! SIGKILL.

use std::time::Duration;

use crate::model::{Process, Signal};

/// A server, and what it does on signals that terminate it.
#[derive(Debug)]
pub struct Server {
    name: &'static str,
    /// Base names of its executable.
    executables: &'static [&'static str],
    /// What it does on each signal that ends it, from the gentlest to the last before SIGKILL.
    steps: &'static [(Signal, &'static str)],
    /// Whether the last step is right and takes its time.
    is_slow: bool,
    /// What SIGKILL does to it, where that is more than an end.
    killed: Option<&'static str>,
    /// What has to be known before it is ended.
    note: Option<&'static str>,
}

const SERVERS: [Server; 8] = [
    // https://www.postgresql.org/docs/current/server-shutdown.html: SIGTERM is the smart shutdown,
    // SIGINT the fast one; SIGKILL leaves shared memory and needs recovery.
    Server {
        name: "PostgreSQL",
        executables: &["postgres", "postmaster"],
        steps: &[
            (Signal::Term, "waits until its clients disconnect"),
            (Signal::Int, "disconnects them and shuts down cleanly"),
        ],
        is_slow: false,
        killed: Some("SIGKILL crashes PostgreSQL, which then has to recover at its next start"),
        note: None,
    },
    // https://nginx.org/en/docs/control.html: QUIT is the graceful shutdown, TERM the fast one.
    Server {
        name: "nginx",
        executables: &["nginx"],
        steps: &[
            (Signal::Quit, "waits for its connections"),
            (Signal::Term, "closes its connections"),
        ],
        is_slow: false,
        killed: None,
        note: None,
    },
    // https://docs.haproxy.org/3.0/management.html, sections 3 and 4: SIGUSR1 is the soft stop, SIGTERM
    // the hard one; in master-worker mode the master exits with a worker, unless no-exit-on-failure.
    Server {
        name: "HAProxy",
        executables: &["haproxy"],
        steps: &[
            (Signal::Usr1, "waits for its connections"),
            (Signal::Term, "closes its connections"),
        ],
        is_slow: false,
        killed: None,
        note: Some("when an HAProxy worker exits, its master exits too"),
    },
    // https://httpd.apache.org/docs/2.4/stopping.html: SIGWINCH is graceful-stop, SIGTERM stop.
    Server {
        name: "Apache",
        executables: &["apache2", "httpd"],
        steps: &[(Signal::Winch, "waits for its requests"), (Signal::Term, "aborts its requests")],
        is_slow: false,
        killed: None,
        note: None,
    },
    // sshd(8): each connection has a process of its own, which the listener's end does not concern.
    Server {
        name: "sshd",
        executables: &["sshd"],
        steps: &[(Signal::Term, "closes its listener")],
        is_slow: false,
        killed: None,
        note: Some("existing sessions continue; new ones cannot start"),
    },
    // https://dev.mysql.com/doc/refman/8.4/en/unix-signal-response.html: SIGTERM is a shutdown, as
    // orderly as by mysqladmin; it flushes before it exits.
    Server {
        name: "MySQL",
        executables: &["mysqld", "mariadbd"],
        steps: &[(Signal::Term, "ends its transactions and writes its data")],
        is_slow: true,
        killed: Some("SIGKILL crashes MySQL, which then has to recover at its next start"),
        note: None,
    },
    // https://redis.io/docs/latest/operate/oss_and_stack/reference/signals/: SIGTERM saves the data
    // first, where saving is configured; SIGKILL loses what was not saved.
    Server {
        name: "Redis",
        executables: &["redis-server", "valkey-server"],
        steps: &[(Signal::Term, "saves its data")],
        is_slow: true,
        killed: Some("SIGKILL loses what Redis has not saved"),
        note: None,
    },
    // java.lang.Runtime.addShutdownHook: SIGTERM starts the shutdown hooks, SIGKILL does not.
    Server {
        name: "Java",
        executables: &["java"],
        steps: &[(Signal::Term, "runs its shutdown hooks")],
        is_slow: true,
        killed: Some("SIGKILL skips Java's shutdown hooks"),
        note: None,
    },
];

/// How long a server that is slow to end is to be given.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// What comes next where a server still runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next {
    /// This signal.
    Signal(Signal),
    /// More time.
    Wait,
    /// SIGKILL.
    Force,
}

impl Server {
    /// The server that a process is; by its name where its executable is not known.
    #[must_use]
    pub fn of(process: &Process) -> Option<&'static Self> {
        let program = process.executable.as_ref().unwrap_or(&process.name).base_name();
        let program = program.strip_suffix(b" (deleted)").unwrap_or(program);
        let is_one = |server: &&Self| server.executables.iter().any(|it| it.as_bytes() == program);
        SERVERS.iter().find(is_one)
    }

    /// What comes after `sent`, when it was waited for so long.
    #[must_use]
    pub fn next(&self, sent: Signal, waited: Duration) -> Next {
        let mut steps = self.steps.iter().map(|(signal, _)| *signal);
        // Any other signal does not terminate such a server.
        if !steps.any(|step| step == sent) {
            return Next::Signal(Signal::Term);
        }
        match steps.next() {
            Some(next) => Next::Signal(next),
            None if self.is_slow && waited < PATIENCE => Next::Wait,
            None => Next::Force,
        }
    }

    /// Why that comes next: `on SIGTERM PostgreSQL waits until its clients disconnect; on SIGINT it
    /// disconnects them and shuts down cleanly`.
    #[must_use]
    pub fn reason(&self, sent: Signal, next: Next) -> Option<String> {
        let does = |wanted| self.steps.iter().find(|(signal, _)| *signal == wanted);
        match next {
            Next::Force => self.killed.map(str::to_owned),
            Next::Wait => {
                let (signal, does) = does(sent)?;
                Some(format!("on {signal} {} {does}, which may take a while", self.name))
            }
            Next::Signal(next) => {
                let sent = does(sent);
                let first = sent.map(|(sent, does)| format!("on {sent} {} {does}; ", self.name));
                let (next, does) = does(next)?;
                let subject = if sent.is_some() { "it" } else { self.name };
                Some(format!("{}on {next} {subject} {does}", first.unwrap_or_default()))
            }
        }
    }

    /// What has to be known before it is ended, as an indented line.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        self.note.map(|note| format!("  {note}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Pid;

    fn server(executable: &str) -> &'static Server {
        let process = Process::named(Pid(7), "x".into());
        Server::of(&Process { executable: Some(executable.into()), ..process }).unwrap()
    }

    #[test]
    fn kill_comes_last() {
        let soon = Duration::from_secs(5);
        let postgres = server("/usr/lib/postgresql/16/bin/postgres");
        assert_eq!(postgres.next(Signal::Term, soon), Next::Signal(Signal::Int));
        assert_eq!(postgres.next(Signal::Int, soon), Next::Force);
        assert_eq!(postgres.next(Signal::Hup, soon), Next::Signal(Signal::Term));
        for (name, gentle) in
            [("nginx", Signal::Quit), ("haproxy", Signal::Usr1), ("httpd", Signal::Winch)]
        {
            assert_eq!(server(name).next(gentle, soon), Next::Signal(Signal::Term), "{name}");
            assert_eq!(server(name).next(Signal::Term, soon), Next::Force, "{name}");
        }
        for name in ["mysqld", "redis-server", "/usr/bin/java (deleted)"] {
            assert_eq!(server(name).next(Signal::Term, soon), Next::Wait, "{name}");
            assert_eq!(server(name).next(Signal::Term, PATIENCE), Next::Force, "{name}");
        }
    }

    #[test]
    fn what_comes_next_is_explained() {
        let postgres = server("postgres");
        let reason = |sent| postgres.reason(sent, postgres.next(sent, PATIENCE)).unwrap();
        assert_eq!(
            reason(Signal::Term),
            "on SIGTERM PostgreSQL waits until its clients disconnect; on SIGINT it disconnects them \
             and shuts down cleanly"
        );
        assert_eq!(reason(Signal::Hup), "on SIGTERM PostgreSQL waits until its clients disconnect");
        assert!(reason(Signal::Int).starts_with("SIGKILL crashes PostgreSQL"));
        let java = server("java").reason(Signal::Term, Next::Wait);
        let expected = "on SIGTERM Java runs its shutdown hooks, which may take a while";
        assert_eq!(java.as_deref(), Some(expected));
    }

    #[test]
    fn the_executable_counts() {
        let process = Process::named(Pid(7), "nginx".into());
        assert!(Server::of(&process).is_some());
        let other = Process { executable: Some("/usr/bin/sleep".into()), ..process };
        assert!(Server::of(&other).is_none());
        assert!(server("haproxy").note().is_some() && server("nginx").note().is_none());
    }
}
