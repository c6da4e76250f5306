//! A question to all contestants, in turn, round after round.

use std::path::PathBuf;
use std::time::Duration;

use crate::contestants::{Line, program};
use crate::stopwatch::{Run, listen, measure};
use crate::workloads::Question;

/// Who has taken so long in all is not asked again: the slow ones would make the comparison long
/// and their median no better.
const ENOUGH: Duration = Duration::from_secs(10);

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// How often each contestant is run.
    pub rounds: usize,
}

/// A question, and what each contestant that is installed took to answer.
pub struct Answer {
    /// What was to be found out.
    pub what: &'static str,
    /// The contestants, in the order of the question: portwho is first.
    pub contestants: Vec<Contestant>,
}

/// A contestant and its runs.
pub struct Contestant {
    /// What was typed.
    pub line: Line,
    /// The runs that were measured.
    pub runs: Vec<Run>,
    /// How many lines it printed.
    pub lines: usize,
    /// Why there is nothing to measure, or why nothing that was measured counts.
    pub fault: Option<String>,
    program: PathBuf,
    words: Vec<String>,
    /// What it answered when it was listened to, and has to answer always.
    code: i32,
}

/// Runs the contestants of a question: once to hear what they say, then in turn.
pub fn ask(question: &Question, pace: Pace) -> Answer {
    let mut contestants: Vec<Contestant> =
        question.lines.iter().filter_map(|line| Contestant::new(*line)).collect();
    for contestant in &mut contestants {
        contestant.warm_up();
    }
    for round in 0..pace.rounds {
        for place in order(contestants.len(), round) {
            contestants[place].take_turn();
        }
    }
    Answer { what: question.what, contestants }
}

/// The order of a round. Every other one goes backwards, and another contestant begins every two
/// rounds, so that none always runs after the same one.
fn order(count: usize, round: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).map(|turn| (round / 2 + turn) % count).collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

impl Contestant {
    fn new(line: Line) -> Option<Self> {
        Some(Self {
            line,
            runs: Vec::new(),
            lines: 0,
            fault: None,
            program: program(line.tool())?,
            words: line.words().split_off(1),
            code: 0,
        })
    }

    /// The first run finds files not yet in memory, and is listened to instead of measured.
    fn warm_up(&mut self) {
        match listen(&self.program, &self.words) {
            Ok((run, output)) => {
                self.code = run.code;
                self.lines = String::from_utf8_lossy(&output).lines().count();
                // 0: found; 1: nothing found. Anything else is no answer to the question.
                if !(0..=1).contains(&run.code) {
                    self.fault = Some(format!("exits with {}", run.code));
                }
            }
            Err(error) => self.fault = Some(format!("{error:#}")),
        }
    }

    fn take_turn(&mut self) {
        let taken: Duration = self.runs.iter().map(|run| run.wall).sum();
        if self.fault.is_some() || taken > ENOUGH {
            return;
        }
        match measure(&self.program, &self.words) {
            Ok(run) if run.code == self.code => self.runs.push(run),
            Ok(run) => self.fault = Some(format!("exits with {}, then {}", self.code, run.code)),
            Err(error) => self.fault = Some(format!("{error:#}")),
        }
    }

    /// The median of what its runs took; none if it failed.
    pub fn wall(&self) -> Option<Duration> {
        median(self.sound_runs().map(|run| run.wall))
    }

    /// The median of the time on all cores together.
    pub fn cpu(&self) -> Option<Duration> {
        median(self.sound_runs().map(|run| run.cpu))
    }

    /// Its runs; of one that failed in the end, none tells anything.
    fn sound_runs(&self) -> impl Iterator<Item = &Run> {
        self.runs.iter().filter(|_| self.fault.is_none())
    }

    /// The largest of the peaks of memory.
    pub fn peak_kib(&self) -> Option<u64> {
        self.sound_runs().map(|run| run.peak_kib).max()
    }
}

/// The middle one; of two in the middle, their mean.
fn median(values: impl Iterator<Item = Duration>) -> Option<Duration> {
    let mut values: Vec<Duration> = values.collect();
    values.sort_unstable();
    let upper = *values.get(values.len() / 2)?;
    let lower = values[(values.len() - 1) / 2];
    Some((lower + upper) / 2)
}
