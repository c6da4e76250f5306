//! What came out of the workloads.

use std::collections::BTreeSet;

use crate::contestants::program;
use crate::rounds::Answer;
use crate::workloads::Workload;

/// What came out of one workload.
pub struct Report {
    /// What was run.
    pub workload: Workload,
    /// How the load is smaller than it should be.
    pub reduced: Vec<String>,
    /// The answers, each with its contestants.
    pub answers: Vec<Answer>,
    /// What other work the machine did at the same time.
    pub meanwhile: String,
}

/// The tools that were asked for and are not installed.
pub fn missing(reports: &[Report]) -> BTreeSet<&'static str> {
    let questions = reports.iter().flat_map(|report| report.workload.questions);
    let tools = questions.flat_map(|question| question.lines).map(|line| line.tool());
    tools.filter(|tool| program(tool).is_none()).collect()
}
