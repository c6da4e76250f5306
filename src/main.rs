//! The `portwho` program: parse, run, map what happened to the exit code.

use std::env;
use std::process::ExitCode;

use portwho::cli::{self, CliError};
use portwho::commands::{self, Broken, Outcome, Output};
use portwho::model::OwnerSearch;
use portwho::platform::ThisSystem;

fn main() -> ExitCode {
    let mut output = Output::of_process();
    let outcome = run(&mut output).unwrap_or_else(|error| {
        if error.is::<Broken>() {
            return Outcome::Success;
        }
        output.remark(format_args!("{error:#}"));
        Outcome::Failure
    });
    outcome.into()
}

/// The system, for as long as the program runs: threads that complete values and watch share it.
fn lasting(owners: OwnerSearch) -> anyhow::Result<&'static ThisSystem> {
    Ok(Box::leak(Box::new(ThisSystem::searching(owners)?)))
}

fn run(output: &mut Output) -> anyhow::Result<Outcome> {
    if let Some(request) = cli::completion(env::var_os(cli::COMPLETION), env::args_os()) {
        let system = lasting(OwnerSearch::Auto)?;
        return commands::complete(&request, system, output);
    }
    match cli::parse(env::args_os()) {
        Ok(request) => {
            let owners = cli::owner_search(&request, env::var_os(cli::OWNERS))?;
            commands::start(request, lasting(owners)?, output)
        }
        Err(CliError::Help(help)) => {
            output.result(|out| write!(out, "{help}"))?;
            Ok(Outcome::Success)
        }
        Err(error) => Err(error.into()),
    }
}
