//! Explanations as one JSON object. The names of the fields are a stable interface.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::model::{Gap, Os, TcpState};
use crate::render::json::{JsonGap, SCHEMA, gaps};
use crate::render::json_text;
use crate::text::states::{Advice, Edge, Explanation, UDP};

/// Explanations as JSON.
#[derive(Clone, Copy, Debug)]
pub struct ExplainJson<'a> {
    /// The system.
    pub os: Os,
    /// The states, in this order.
    pub states: &'a [Explanation],
    /// With UDP, which has none.
    pub udp: bool,
    /// The number of sockets in each state; a state is missing where they could not be counted.
    pub counts: &'a BTreeMap<TcpState, usize>,
    /// What could not be read.
    pub gaps: &'a [Gap],
}

impl ExplainJson<'_> {
    /// Writes them.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(self, out: &mut dyn Write) -> io::Result<()> {
        let states = self.states.iter();
        let states = states.map(|one| JsonState::new(*one, self.counts.get(&one.state).copied()));
        let document = Document {
            schema: SCHEMA,
            os: self.os.word(),
            states: states.collect(),
            udp: self.udp.then(JsonUdp::new),
            gaps: gaps(self.gaps),
        };
        json_text::write_line(&document, out)
    }
}

#[derive(Serialize)]
struct Document {
    schema: u32,
    os: &'static str,
    states: Vec<JsonState>,
    udp: Option<JsonUdp>,
    gaps: Vec<JsonGap>,
}

#[derive(Serialize)]
struct JsonState {
    state: String,
    count: Option<usize>,
    names: Vec<JsonName>,
    summary: &'static str,
    what: &'static str,
    note: Option<&'static str>,
    from: Vec<JsonEdge>,
    to: Vec<JsonEdge>,
    #[serde(rename = "whose_move")]
    must_act: &'static str,
    normal: &'static str,
    fault: &'static str,
    look_at: Vec<JsonAdvice>,
    linux: Vec<JsonAdvice>,
    windows: Vec<JsonAdvice>,
    cautions: &'static [&'static str],
    sources: &'static str,
}

impl JsonState {
    fn new(one: Explanation, count: Option<usize>) -> Self {
        let names = one.names.iter();
        Self {
            state: one.state.to_string(),
            count,
            names: names.map(|name| JsonName { name: name.word, used_by: name.users }).collect(),
            summary: one.gist,
            what: one.meaning,
            note: Some(one.note).filter(|note| !note.is_empty()),
            from: edges(one.enters),
            to: edges(one.leaves),
            must_act: one.must_act,
            normal: one.normal,
            fault: one.fault,
            look_at: advice(one.look),
            linux: advice(one.linux),
            windows: advice(one.windows),
            cautions: one.beware,
            sources: one.sources,
        }
    }
}

#[derive(Serialize)]
struct JsonUdp {
    what: &'static str,
    #[serde(rename = "whose_move")]
    must_act: &'static str,
    fault: &'static str,
    look_at: Vec<JsonAdvice>,
    linux: Vec<JsonAdvice>,
    windows: Vec<JsonAdvice>,
    sources: &'static str,
}

impl JsonUdp {
    fn new() -> Self {
        Self {
            what: UDP.meaning,
            must_act: UDP.must_act,
            fault: UDP.fault,
            look_at: advice(UDP.look),
            linux: advice(UDP.linux),
            windows: advice(UDP.windows),
            sources: UDP.sources,
        }
    }
}

#[derive(Serialize)]
struct JsonName {
    name: &'static str,
    used_by: &'static [&'static str],
}

#[derive(Serialize)]
struct JsonEdge {
    state: String,
    when: &'static str,
}

fn edges(edges: &[Edge]) -> Vec<JsonEdge> {
    edges.iter().map(|edge| JsonEdge { state: edge.state.to_string(), when: edge.when }).collect()
}

#[derive(Serialize)]
struct JsonAdvice {
    text: &'static str,
    commands: &'static [&'static str],
}

fn advice(advice: &[Advice]) -> Vec<JsonAdvice> {
    advice.iter().map(|one| JsonAdvice { text: one.text, commands: one.commands }).collect()
}
