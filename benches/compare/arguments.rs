//! The words of the command line.

use std::num::NonZero;

use clap::Parser;

use crate::load::{Each, Load};
use crate::rounds::Pace;
use crate::workloads::{self, Workload};

/// Compares portwho with the tools that people use today
#[derive(Parser, Debug)]
#[command(bin_name = "cargo bench --bench compare --")]
#[command(mut_group("Each", |each| each.requires("processes")))]
pub struct Arguments {
    /// The workloads to run, in place of all of them
    #[arg(value_name = "WORKLOAD", value_parser = workloads::NAMES)]
    names: Vec<String>,

    /// How often each command is run
    #[arg(long, value_name = "COUNT", default_value = "7")]
    rounds: NonZero<usize>,

    /// A tenth of the processes and three rounds: only to see that it runs
    #[arg(long)]
    quick: bool,

    /// A load of this many processes, in place of the workloads
    #[arg(long, value_name = "COUNT", conflicts_with = "names")]
    processes: Option<NonZero<usize>>,

    #[command(flatten)]
    each: Each,

    /// A command to run in the (first) load, in place of comparing
    #[arg(last = true)]
    pub command: Vec<String>,
}

impl Arguments {
    /// What to run.
    pub fn workloads(&self) -> Vec<Workload> {
        let mut wanted = match self.processes {
            Some(processes) => {
                vec![workloads::own(Load { processes: processes.get(), each: self.each })]
            }
            None => workloads::named(&self.names),
        };
        if self.quick {
            for workload in &mut wanted {
                workload.load.processes = workload.load.processes.div_ceil(10);
            }
        }
        wanted
    }

    /// What the workloads should omit.
    pub fn reduced(&self) -> Option<String> {
        self.quick.then(|| "a tenth of the processes: --quick".to_owned())
    }

    /// How long to measure.
    pub fn pace(&self) -> Pace {
        Pace { rounds: if self.quick { 3 } else { self.rounds.get() } }
    }
}
