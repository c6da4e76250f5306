//! `portwho generate`: the man page, and what makes a shell complete portwho's command lines.

mod man;

use clap_complete::env::{Bash, EnvCompleter, Fish, Powershell, Zsh};

use super::{Outcome, Output};
use crate::cli::{COMPLETION, Generated, NAME};

/// zsh calls a file of `$fpath` as a function when something is completed for the first time. What
/// it defines has then to be called too.
const AUTOLOADED: &str = "
if [ \"$funcstack[1]\" = \"_portwho\" ]; then
    _clap_dynamic_completer_portwho \"$@\"
fi
";

/// Prints what was asked for.
pub(super) fn run(what: Generated, output: &mut Output) -> anyhow::Result<Outcome> {
    let text = match what {
        Generated::Man => man::page()?,
        Generated::Bash => script(&Bash)?,
        Generated::Zsh => [script(&Zsh)?.as_slice(), AUTOLOADED.as_bytes()].concat(),
        Generated::Fish => script(&Fish)?,
        Generated::PowerShell => script(&Powershell)?,
    };
    output.result(|out| out.write_all(&text))?;
    Ok(Outcome::Success)
}

/// What asks the portwho on `PATH` at each completion, so that it need not be generated again with
/// each version.
fn script(shell: &dyn EnvCompleter) -> anyhow::Result<Vec<u8>> {
    let mut script = Vec::new();
    shell.write_registration(COMPLETION, NAME, NAME, NAME, &mut script)?;
    Ok(script)
}
