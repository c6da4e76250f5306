//! What is measured, and the table.

use std::env;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::Duration;

use clap::Parser;
use comfy_table::Table;
use comfy_table::presets::ASCII_MARKDOWN;

use crate::crowd::{CHANGES, Crowd, Size};
use crate::support::terminal::Terminal;
use crate::support::{netns, portwho};
use crate::usage::{memory, processor_time};

/// What portwho watch costs, beside a loop of ss
#[derive(Parser, Debug)]
#[command(bin_name = "cargo bench --bench watch --")]
struct Arguments {
    /// How long each program is measured
    #[arg(long, value_name = "SECS", default_value_t = 60)]
    seconds: u64,
    /// Only the load with so many processes
    #[arg(long, value_name = "COUNT")]
    processes: Option<u32>,
    /// Only portwho, the view and --json
    #[arg(long)]
    alone: bool,
}

/// Of each load: its size, the changes in a second, and the goal in percent of a core.
const LOADS: [(Size, u32, f64); 2] = [
    (Size { processes: 20, listeners: 2, connections: 24, plain: 20 }, 4, 2.0),
    (Size { processes: 500, listeners: 1, connections: 20, plain: 20 }, 100, 10.0),
];

/// Before it is measured a program may do what it does once.
const WARM_UP: Duration = Duration::from_secs(3);

/// Measures, and prints the table.
pub fn main() -> ExitCode {
    let mut words: Vec<_> = env::args_os().collect();
    // `cargo bench` adds this word at the end.
    words.pop_if(|word| word == "--bench");
    let arguments = Arguments::parse_from(words);
    netns::become_root();
    netns::enter().expect("a network namespace: run as root");
    let mut table = Table::new();
    let titles = ["load", "program", "CPU of a core", "of ss", "goal", "memory"];
    table.load_style(ASCII_MARKDOWN).set_header(titles);
    for (size, changes, goal) in LOADS {
        if arguments.processes.is_none_or(|processes| processes == size.processes) {
            measure(size, changes, goal, &arguments, &mut table);
        }
    }
    println!("{table}");
    ExitCode::SUCCESS
}

fn measure(size: Size, changes: u32, goal: f64, arguments: &Arguments, table: &mut Table) {
    let load = format!(
        "{} sockets of {} processes, {changes} changes a second",
        size.sockets(),
        size.processes
    );
    eprintln!("{load}");
    let mut crowd = Crowd::of(size);
    let time = Duration::from_secs(arguments.seconds);
    let mut of_ss = None;
    let mut programs = vec![
        ("`watch -n1 ss -tanp`", shell("watch -n1 ss -tanp")),
        ("`portwho watch --json`", shell_of_portwho("watch --json")),
        ("`portwho watch`", shell_of_portwho("watch")),
    ];
    if arguments.alone {
        programs.remove(0);
    }
    for (name, command) in programs {
        eprintln!("  {name}");
        let mut terminal = Terminal::of(command, name);
        let (used, most) = used(&mut terminal, &mut crowd, changes / CHANGES, time);
        let percent = 100.0 * used.as_secs_f64() / time.as_secs_f64();
        let ratio = of_ss.map(|ss: f64| format!("{:.2}x", percent / ss)).unwrap_or_default();
        let is_own = name.contains("portwho");
        of_ss = of_ss.or((!is_own).then_some(percent));
        let goal = if is_own { format!("{goal} %") } else { String::new() };
        let cells = [
            load.clone(),
            name.to_owned(),
            format!("{percent:.1} %"),
            ratio,
            goal,
            format!("{most:.1} MiB"),
        ];
        table.add_row(cells);
    }
}

/// The CPU time that a program takes while connections come and go, and its peak of memory.
fn used(terminal: &mut Terminal, crowd: &mut Crowd, pace: u32, time: Duration) -> (Duration, f64) {
    let pid = terminal.pid();
    thread::scope(|scope| {
        let renewing = scope.spawn(|| crowd.renew(pace, WARM_UP + time));
        read_for(terminal, WARM_UP);
        let before = processor_time(pid);
        read_for(terminal, time);
        let used = processor_time(pid).saturating_sub(before);
        renewing.join().expect("the load");
        (used, memory(pid))
    })
}

/// Reads what it draws, as a terminal does.
fn read_for(terminal: &mut Terminal, time: Duration) {
    let begun = std::time::Instant::now();
    while begun.elapsed() < time {
        terminal.written();
        thread::sleep(Duration::from_millis(10));
    }
}

fn shell(line: &str) -> Command {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words).env("TERM", "xterm-256color");
    command
}

fn shell_of_portwho(line: &str) -> Command {
    let mut command = portwho(line.split(' ')).command();
    command.env("TERM", "xterm-256color");
    command
}
