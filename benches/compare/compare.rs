use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use anyhow::{Context, ensure};
use clap::Parser;

use crate::arguments::Arguments;
use crate::load::{self, Running};
use crate::machine::Witness;
use crate::report::{Report, missing};
use crate::rounds::{Pace, ask};
use crate::workloads::Workload;
use crate::{contestants, goals, machine, netns, stopwatch, table};

/// Plays the role that the first word names, or compares.
pub fn main() -> ExitCode {
    let mut words: Vec<OsString> = env::args_os().collect();
    match words.get(1).and_then(|word| word.to_str()) {
        Some(load::ROLE) => return load::play(words),
        Some(stopwatch::ROLE) => return stopwatch::play(&words[2..]),
        _ => {}
    }
    // `cargo bench` adds this word at the end, `cargo test --benches` does not.
    if words.pop_if(|word| word == "--bench").is_none() {
        println!("the comparison is run by: cargo bench --bench compare");
        return ExitCode::SUCCESS;
    }
    netns::become_root();
    match run(&Arguments::parse_from(words)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let workloads = arguments.workloads();
    if !arguments.command.is_empty() {
        return run_inside(workloads[0], &arguments.command);
    }
    println!("{}", machine::words());
    let mut reports = Vec::new();
    for workload in workloads {
        let mut report = compare(workload, arguments.pace())?;
        report.reduced.extend(arguments.reduced());
        println!("\n{}", table::of_report(&report));
        reports.push(report);
    }
    for tool in missing(&reports) {
        println!("\n{tool} is not on PATH and was not measured");
    }
    if let Some(goals) = goals::section(&reports) {
        println!("\n{goals}");
    }
    Ok(())
}

fn compare(workload: Workload, pace: Pace) -> anyhow::Result<Report> {
    let running = start(&workload)?;
    let witness = Witness::start()?;
    let mut answers = Vec::new();
    for question in workload.questions {
        eprintln!("{}: {}", workload.name, question.what);
        answers.push(ask(question, pace));
    }
    let workload = Workload { load: running.load, ..workload };
    let reduced = running.reduced.clone();
    Ok(Report { workload, reduced, answers, meanwhile: witness.words()? })
}

/// Makes the load in a new namespace: an earlier one would still have its TIME_WAIT sockets.
fn start(workload: &Workload) -> anyhow::Result<Running> {
    netns::enter().context("cannot enter a network namespace: run as root")?;
    eprintln!("{}: making {}", workload.name, workload.load);
    let running = Running::start(workload.load).context("cannot make the load")?;
    for line in &running.reduced {
        eprintln!("{}: {line}", workload.name);
    }
    Ok(running)
}

/// Runs a command of the user's own in a load, to its own end.
fn run_inside(workload: Workload, words: &[String]) -> anyhow::Result<()> {
    let _running = start(&workload)?;
    let program = contestants::program(&words[0]).with_context(|| format!("no {}", words[0]))?;
    let status = Command::new(program).args(&words[1..]).status()?;
    ensure!(status.success(), "{}: {status}", words[0]);
    Ok(())
}
