use crate::contestants::Line;
use crate::load::{Each, Load};

/// The names of the five workloads.
pub const NAMES: [&str; 5] = [IDLE_LAPTOP, S, MANY_SOCKETS, MANY_DESCRIPTORS, MILLION];

pub const IDLE_LAPTOP: &str = "idle-laptop";
pub const S: &str = "s";
pub const MANY_SOCKETS: &str = "many-sockets";
pub const MANY_DESCRIPTORS: &str = "many-descriptors";
pub const MILLION: &str = "million";

/// With those of the program itself, a process of a load has about 140 mappings: as many as a
/// python3 that has imported socket and ssl. fuser reads them all, the others none.
const MAPPINGS: usize = 110;

/// A load, and what is asked on it.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    /// Its name.
    pub name: &'static str,
    /// What it consists of.
    pub load: Load,
    /// What is asked.
    pub questions: &'static [Question],
}

/// Something to find out, and how it is typed for each tool; portwho comes first.
#[derive(Debug)]
pub struct Question {
    /// What is to be found out.
    pub what: &'static str,
    /// The command lines.
    pub lines: &'static [Line],
}

const fn question(what: &'static str, lines: &'static [Line]) -> Question {
    Question { what, lines }
}

/// The workloads of these names, in their own order; all of them for none.
pub fn named(names: &[String]) -> Vec<Workload> {
    let mut all = all();
    all.retain(|workload| names.is_empty() || names.iter().any(|name| name == workload.name));
    all
}

/// A load of the user's own, with the questions of S.
pub fn own(load: Load) -> Workload {
    Workload { name: "own load", load, questions: QUESTIONS_ON_S }
}

fn all() -> Vec<Workload> {
    vec![
        Workload {
            name: IDLE_LAPTOP,
            load: Load {
                processes: 100,
                each: Each {
                    descriptors: 20,
                    mappings: MAPPINGS,
                    listening: 1,
                    established: 1,
                    udp: 2,
                    ..Each::default()
                },
            },
            questions: QUESTIONS_ON_AN_IDLE_LAPTOP,
        },
        Workload {
            name: S,
            load: Load {
                processes: 1000,
                each: Each {
                    descriptors: 40,
                    // With those of the program itself these are as many as an interpreter has.
                    mappings: MAPPINGS,
                    listening: 1,
                    established: 10,
                    ..Each::default()
                },
            },
            questions: QUESTIONS_ON_S,
        },
        Workload {
            name: MANY_SOCKETS,
            load: Load {
                processes: 6,
                each: Each {
                    mappings: MAPPINGS,
                    listening: 1,
                    established: 9_900,
                    ..Each::default()
                },
            },
            questions: QUESTIONS_ON_MANY_SOCKETS,
        },
        Workload {
            name: MANY_DESCRIPTORS,
            load: Load {
                processes: 1000,
                each: Each {
                    descriptors: 500,
                    mappings: MAPPINGS,
                    listening: 1,
                    ..Each::default()
                },
            },
            questions: QUESTIONS_ON_MANY_DESCRIPTORS,
        },
        Workload {
            name: MILLION,
            load: Load {
                processes: 52,
                // Within a limit of 20,000, which is the lowest of the machines that were measured.
                each: Each { descriptors: 19_900, listening: 1, ..Each::default() },
            },
            questions: QUESTIONS_ON_A_MILLION,
        },
    ]
}

const QUESTIONS_ON_AN_IDLE_LAPTOP: &[Question] = &[
    question(
        "what listens",
        &[
            Line("portwho -tl"),
            Line("ss -tlnp"),
            Line("lsof -nP -iTCP -sTCP:LISTEN"),
            Line("netstat -tlnp"),
        ],
    ),
    question(
        "everything",
        &[Line("portwho"), Line("ss -tuanp"), Line("lsof -nP -i"), Line("netstat -tuanp")],
    ),
    WHO_LISTENS_ON_9000_AT_ONE_ADDRESS,
];

const QUESTIONS_ON_S: &[Question] = &[
    WHO_LISTENS_ON_9000,
    WHO_LISTENS_ON_9000_AT_ONE_ADDRESS,
    question(
        "everything",
        &[
            Line("portwho"),
            Line("ss -tanp"),
            Line("lsof -nP -iTCP"),
            Line("netstat -anp"),
            Line("somo -t --json"),
        ],
    ),
    A_PORT_NOBODY_HOLDS,
];

const QUESTIONS_ON_MANY_SOCKETS: &[Question] = &[
    question(
        "everything",
        &[
            Line("portwho"),
            Line("portwho --json"),
            Line("portwho --summary"),
            Line("ss -tanp"),
            Line("lsof -nP -iTCP"),
            Line("netstat -anp"),
        ],
    ),
    question(
        "one state",
        &[
            Line("portwho --state LISTEN"),
            Line("ss -tanp state listening"),
            Line("lsof -nP -iTCP -sTCP:LISTEN"),
        ],
    ),
    A_PORT_NOBODY_HOLDS,
];

const QUESTIONS_ON_MANY_DESCRIPTORS: &[Question] =
    &[WHO_LISTENS_ON_9000, WHO_LISTENS_ON_9000_AT_ONE_ADDRESS, A_PORT_NOBODY_HOLDS];

const QUESTIONS_ON_A_MILLION: &[Question] = &[
    WHO_LISTENS_ON_9000,
    WHO_LISTENS_ON_9000_AT_ONE_ADDRESS,
    question(
        "everything",
        &[Line("portwho"), Line("portwho --owners proc"), Line("ss -tuanp"), Line("lsof -nP -i")],
    ),
];

const WHO_LISTENS_ON_9000: Question = question(
    "who listens on port 9000",
    &[
        Line("portwho -l 9000"),
        Line("portwho -l 9000 --owners proc"),
        Line("portwho -l 9000 --owners bpf"),
        Line("ss -tlnp 'sport = :9000'"),
        Line("lsof -nP -iTCP:9000 -sTCP:LISTEN"),
        Line("fuser 9000/tcp"),
        Line("killport --dry-run 9000"),
        Line("somo -p 9000 -l"),
    ],
);

const WHO_LISTENS_ON_9000_AT_ONE_ADDRESS: Question = question(
    "who listens on port 9000 at one address",
    &[
        Line("portwho -l 127.1.0.1:9000"),
        Line("portwho -l 127.1.0.1:9000 --owners proc"),
        Line("portwho -l 127.1.0.1:9000 --owners bpf"),
        Line("ss -tlnp 'src 127.1.0.1 sport = :9000'"),
        Line("lsof -nP -iTCP@127.1.0.1:9000 -sTCP:LISTEN"),
    ],
);

const A_PORT_NOBODY_HOLDS: Question = question(
    "a port that nobody holds",
    &[
        Line("portwho 4"),
        Line("ss -tanp 'sport = :4'"),
        Line("lsof -nP -iTCP:4"),
        Line("fuser 4/tcp"),
    ],
);
