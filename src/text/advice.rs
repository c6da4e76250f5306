//! How a sentence ends in a command to run: always last, complete, and runnable as printed.

use super::shell::ShellCommand;
use crate::model::Shell;

/// A command to run, with what has to be known before it is typed.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Remedy {
    /// A sentence of its own, which comes before: `its pod has to be deleted too`.
    note: Option<String>,
    /// Where, or as whom, it is typed: `in an elevated prompt`.
    place: Option<&'static str>,
    command: ShellCommand,
}

impl From<ShellCommand> for Remedy {
    fn from(command: ShellCommand) -> Self {
        Self { note: None, place: None, command }
    }
}

impl Remedy {
    /// A command that requires all privileges: `sudo portwho kill 80`.
    #[must_use]
    pub fn privileged(command: ShellCommand) -> Self {
        let place = (command.shell() == Shell::Windows).then_some("in an elevated prompt");
        Self { note: None, place, command: command.sudo() }
    }

    /// The same, as this user may type it: one with all privileges types the command as it is.
    #[must_use]
    pub fn with_rights(command: ShellCommand, privileged: bool) -> Self {
        if privileged { command.into() } else { Self::privileged(command) }
    }

    /// The command without a sentence before it: `sudo portwho doctor`. Where the place matters,
    /// with it: `in an elevated prompt, run: portwho doctor`.
    #[must_use]
    pub fn alone(&self) -> String {
        let command = self.command.text().unwrap_or_default();
        match self.place {
            Some(place) => format!("{place}, run: {command}"),
            None => command.to_owned(),
        }
    }

    /// The same command, typed in this place.
    #[must_use]
    pub fn typed(self, place: &'static str) -> Self {
        Self { place: Some(place), ..self }
    }

    /// The same command, after this sentence.
    #[must_use]
    pub fn after(self, note: String) -> Self {
        Self { note: Some(note), ..self }
    }

    fn end(&self, purpose: Option<&str>) -> String {
        let note = self.note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        let lead = [purpose, self.place].into_iter().flatten().map(|lead| format!("{lead}, "));
        match (self.command.text(), self.place) {
            (Some(command), _) => format!("{note}; {}run: {command}", lead.collect::<String>()),
            (None, Some(place)) => format!("{note}; run it {place}"),
            (None, None) => note,
        }
    }
}

/// `it may be draining; run: kill -9 812`; without the command where it cannot be typed.
#[must_use]
pub fn run(text: &str, remedy: &Remedy) -> String {
    format!("{text}{}", remedy.end(None))
}

/// `there is no connection to close; to free the port, run: portwho kill 80`.
#[must_use]
pub fn run_to(purpose: &str, text: &str, remedy: &Remedy) -> String {
    format!("{text}{}", remedy.end(Some(purpose)))
}

/// The same; only the text where nothing is to be run.
#[must_use]
pub fn run_if_any(text: &str, remedy: Option<&Remedy>) -> String {
    remedy.map_or_else(|| text.to_owned(), |remedy| run(text, remedy))
}

/// How many names a list has at most: a socket may have any number of holders.
const NAMED: usize = 10;

/// `nginx (PID 812), nginx (PID 813)`; of many names the first ten, `and 190 more`.
#[must_use]
pub fn listed(names: &[String]) -> String {
    let first = names.get(..NAMED).unwrap_or(names).join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_bounded() {
        let names = |count: u32| (1..=count).map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(listed(&[]), "");
        assert_eq!(listed(&names(10)), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10");
        assert_eq!(listed(&names(200)), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 190 more");
    }

    #[test]
    fn commands_come_last() {
        let command = |shell| ShellCommand::new(shell, "portwho");
        let remedy = Remedy::from(command(Shell::Posix));
        assert_eq!(run("no", &remedy), "no; run: portwho");
        assert_eq!(run_to("to see it", "no", &remedy), "no; to see it, run: portwho");
        assert_eq!(run_if_any("no", None), "no");
        assert_eq!(run("no", &remedy.after("but".to_owned())), "no; but; run: portwho");
        let privileged = |shell| Remedy::privileged(command(shell));
        assert_eq!(run("no", &privileged(Shell::Posix)), "no; run: sudo portwho");
        let elevated = "no; in an elevated prompt, run: portwho";
        assert_eq!(run("no", &privileged(Shell::Windows)), elevated);
        assert_eq!(privileged(Shell::Posix).alone(), "sudo portwho");
        let elevated = "in an elevated prompt, run: portwho";
        assert_eq!(privileged(Shell::Windows).alone(), elevated);
        assert_eq!(Remedy::with_rights(command(Shell::Windows), true).alone(), "portwho");
    }

    #[test]
    fn a_command_that_cannot_be_typed_is_omitted() {
        let command = ShellCommand::new(Shell::Windows, "sc.exe stop").operand(b"$(calc)");
        assert_eq!(run("no", &Remedy::from(command.clone())), "no");
        assert_eq!(run("no", &Remedy::privileged(command)), "no; run it in an elevated prompt");
    }
}
