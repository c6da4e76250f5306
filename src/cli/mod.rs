//! From the words of the command line to requests. No I/O: what needs the system, such as a
//! service's port, is looked up by the command.

mod args;
mod choices;
mod completion;
mod errors;
mod habits;
mod help;
mod list_request;
mod metrics;
mod options;
mod ports;
mod request;
mod similar;
mod values;
mod verb_args;
mod view_args;
mod wait;
mod watch;
mod words;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, ValueEnum};
use thiserror::Error;

use args::{Cli, FilterArgs, ListArgs, SelectArgs, Verb};
use choices::OwnersArg;
pub use completion::{COMPLETION, CompletionRequest, completion};
use errors::misplaced;
pub use help::command;
pub use list_request::{ListRequest, ViewKind};
pub use metrics::MetricsRequest;
pub use options::OptionError;
pub use ports::UsageError;
pub use request::{
    CloseRequest, ColorWhen, DoctorRequest, ExplainRequest, FilterRequest, Generated, KillRequest,
    Request, Selection, Topic,
};
use similar::nearest;
use verb_args::{CloseArgs, DoctorArgs, ExplainArgs, KillArgs};
use view_args::ViewArgs;
pub use wait::{Condition, Timeout, WaitRequest};
pub use watch::WatchRequest;
use words::{after_lone_p, spell_out};

use crate::model::{Families, OwnerSearch, Pid, StateSet};
use crate::query::{NamePattern, PortError, PortTerm, Protocols, SocketColumn, SortKey, UserTerm};

/// The variable of the environment that says by which way owners are searched.
pub const OWNERS: &str = "PORTWHO_OWNERS";

/// The program's name.
pub const NAME: &str = "portwho";

/// What ends the program before it has begun.
#[derive(Debug, Error)]
pub enum CliError {
    /// Help or the version, which were asked for: no failure.
    #[error("{0}")]
    Help(String),
    /// What is wrong with an option.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// What is wrong with a PORT.
    #[error(transparent)]
    Usage(#[from] UsageError),
}

/// Parses the command line, the program's name first.
///
/// # Errors
/// [`CliError`]: help and version too, which are no failures.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Request, CliError> {
    let words: Vec<OsString> = words.into_iter().collect();
    help_is_for_a_command(&words)?;
    let words = spell_out(words);
    let cli = Cli::try_parse_from(&words).map_err(|error| misplaced(&error, &words))?;
    let after_p = after_lone_p(&words).map(str::to_owned);
    let typed: Vec<OsString> = words.into_iter().skip(1).collect();
    let after_verb = typed.iter().skip(1).cloned().collect();
    Ok(match cli.command {
        None => Request::List(list_request(cli.list, after_p, typed)?),
        Some(Verb::Kill(kill)) => Request::Kill(kill_request(kill, after_verb)?),
        Some(Verb::Close(close)) => Request::Close(close_request(close, after_verb)?),
        Some(Verb::Wait(wait)) => Request::Wait(wait::request(wait)?),
        Some(Verb::Watch(watch)) => Request::Watch(watch::request(watch)?),
        Some(Verb::Doctor(doctor)) => Request::Doctor(doctor_request(doctor)?),
        Some(Verb::Metrics(metrics)) => Request::Metrics(metrics::request(metrics)?),
        Some(Verb::Explain(explain)) => Request::Explain(explain_request(&explain)?),
        Some(Verb::Generate(generate)) => Request::Generate(generate.what.into()),
    })
}

/// By which way owners are to be searched: as the request says, or else the environment.
///
/// # Errors
/// When the environment names no such way.
pub fn owner_search(
    request: &Request,
    environment: Option<OsString>,
) -> Result<OwnerSearch, CliError> {
    let environment = environment.filter(|value| !value.is_empty());
    match (request.owners(), environment) {
        (Some(asked), _) => Ok(asked),
        (None, Some(value)) if request.searches_owners() => {
            let value = value.to_string_lossy();
            let known = OwnersArg::from_str(&value, false).map(OwnerSearch::from);
            Ok(known.map_err(|_| UsageError::NoWay(value.escape_debug().to_string()))?)
        }
        _ => Ok(OwnerSearch::default()),
    }
}

/// Refuses `help` for a word that is no command.
fn help_is_for_a_command(words: &[OsString]) -> Result<(), UsageError> {
    let [_, help, word, ..] = words else { return Ok(()) };
    let (word, commands) = (word.to_string_lossy(), command_names());
    let is_it = word.starts_with('-') || commands.iter().any(|command| *command == word);
    if help != "help" || is_it {
        return Ok(());
    }
    Err(UsageError::NotACommand {
        word: word.escape_debug().to_string(),
        commands: commands.join(", "),
    })
}

fn list_request(
    args: ListArgs,
    after_p: Option<String>,
    words: Vec<OsString>,
) -> Result<ListRequest, UsageError> {
    ports::is_not_generated(&args.filters.ports)?;
    let filters = filter_request(args.filters).map_err(|error| match (error, &after_p) {
        (UsageError::Port(PortError::OutOfRange(word)), Some(number)) if word == *number => {
            UsageError::PidForPort(word)
        }
        (error, _) => error,
    })?;
    Ok(ListRequest {
        // netstat's -a takes its -l back.
        filters: FilterRequest { listening: filters.listening && !args.habits.all, ..filters },
        view: view_kind(&args.view),
        verbose: args.view.verbose,
        after_p: after_p.and_then(|number| number.parse().ok()),
        columns: if args.view.columns.is_empty() {
            SocketColumn::WIDE.to_vec()
        } else {
            args.view.columns
        },
        all_namespaces: args.all_netns,
        try_bind: args.try_bind,
        sort: args.view.sort.map(SortKey::from),
        header: !args.view.no_header,
        color: args.view.color.into(),
        words,
    })
}

/// The view: clap has refused those that exclude each other.
const fn view_kind(view: &ViewArgs) -> ViewKind {
    match view {
        ViewArgs { pids: true, .. } => ViewKind::Pids,
        ViewArgs { summary: true, json: true, .. } => ViewKind::SummaryJson,
        ViewArgs { summary: true, .. } => ViewKind::Summary,
        ViewArgs { json: true, .. } => ViewKind::Json,
        ViewArgs { csv: true, .. } => ViewKind::Csv,
        ViewArgs { lsof: true, .. } => ViewKind::Lsof,
        ViewArgs { wide: true, .. } => ViewKind::Wide,
        view if !view.columns.is_empty() => ViewKind::Columns,
        ViewArgs { verbose: true, .. } => ViewKind::Verbose,
        _ => ViewKind::Tables,
    }
}

fn filter_request(args: FilterArgs) -> Result<FilterRequest, UsageError> {
    let by_state = !args.state.is_empty();
    let asked = union(&args.state);
    let states = if by_state { asked } else { StateSet::ALL };
    let terms = ports::local(&args.ports, &command_names(), by_state)?;
    if by_state {
        ports::contradicts(&terms, Protocols { tcp: true, udp: false }, "--state")?;
    }
    Ok(FilterRequest {
        foreign_ports: ports::foreign(&args.foreign_port)?,
        states: states.without(union(&args.not_state)),
        by_state,
        listening: args.listening,
        exposed: args.exposed,
        local_networks: args.local,
        foreign: args.foreign,
        selection: selection(terms, args.select)?,
    })
}

fn close_request(args: CloseArgs, words: Vec<OsString>) -> Result<CloseRequest, UsageError> {
    if !args.filters.narrows() {
        return Err(UsageError::NothingToClose);
    }
    let filters = filter_request(args.filters)?;
    Ok(CloseRequest { filters, yes: args.yes, dry_run: args.dry_run, words })
}

fn kill_request(args: KillArgs, mut words: Vec<OsString>) -> Result<KillRequest, UsageError> {
    // From the end: an option's value may look like a PORT, and PORTs come last as a rule.
    for port in &args.ports {
        if let Some(place) = words.iter().rposition(|word| word == port.as_str()) {
            words.remove(place);
        }
    }
    Ok(KillRequest {
        selection: selection(ports::local(&args.ports, &command_names(), false)?, args.select)?,
        yes: args.yes,
        dry_run: args.dry_run,
        signal: args.signal,
        force: args.force,
        parent: args.parent,
        timeout: args.timeout,
        options: words,
    })
}

fn explain_request(args: &ExplainArgs) -> Result<ExplainRequest, UsageError> {
    match args.more.first() {
        Some(more) => Err(UsageError::SeveralStates(more.clone())),
        None => Ok(ExplainRequest { topic: args.state, json: args.json, color: args.color.into() }),
    }
}

fn doctor_request(args: DoctorArgs) -> Result<DoctorRequest, UsageError> {
    let narrows = args.filters.narrows();
    let owners = args.filters.select.owners.map(OwnerSearch::from);
    let filters = filter_request(args.filters)?;
    Ok(DoctorRequest {
        filters: narrows.then_some(filters),
        owners,
        interval: args.interval,
        count: args.count,
        verbose: args.verbose,
        json: args.json,
        color: args.color.into(),
    })
}

fn selection(ports: Vec<PortTerm>, args: SelectArgs) -> Result<Selection, UsageError> {
    let protocols = (args.tcp || args.udp).then_some(Protocols { tcp: args.tcp, udp: args.udp });
    if let Some(asked) = protocols {
        ports::contradicts(&ports, asked, if args.tcp { "--tcp" } else { "--udp" })?;
    }
    let both_or_neither = args.v4 == args.v6;
    Ok(Selection {
        ports,
        protocols,
        families: Families { v4: args.v4 || both_or_neither, v6: args.v6 || both_or_neither },
        pids: args.pid.into_iter().map(Pid).collect(),
        names: args.name.iter().map(|name| NamePattern::new(name)).collect(),
        users: args.user.iter().map(|user| UserTerm::new(user)).collect(),
        owners: args.owners.map(OwnerSearch::from),
    })
}

fn union(sets: &[StateSet]) -> StateSet {
    sets.iter().fold(StateSet::NONE, |all, set| all.union(*set))
}

/// The commands that exist.
fn command_names() -> Vec<String> {
    Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect()
}

/// The command that was probably meant by a PORT that is neither a number nor a known service.
#[must_use]
pub fn near_command(word: &str) -> Option<String> {
    let names = command_names();
    nearest(word, names.iter().map(String::as_str)).map(ToOwned::to_owned)
}

/// The name of a command's first argument in its help; none where it takes none.
fn operand(command: &str) -> Option<String> {
    let cli = Cli::command();
    let operand = cli.find_subcommand(command)?.get_positionals().next()?;
    Some(operand.get_value_names()?.first()?.to_string())
}

#[cfg(test)]
mod tests;
