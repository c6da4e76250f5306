//! What the tests of doctor share: its only finding, and programs with connections.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::support::kernel_table::{self, State};
use crate::support::process::{Actor, Owner};
use crate::support::{features, portwho, wait_until};

pub const LOOPBACK: &str = "127.0.0.1:0";

/// The only finding of a machine, whose sentences are the same in both views.
#[track_caller]
pub fn only_finding() -> Value {
    let answer = portwho(["doctor", "--json"]).run().json(1, "");
    let [finding] = answer["findings"].as_array().expect("findings").as_slice() else {
        panic!("not one finding: {answer:#}")
    };
    assert_eq!((&answer["schema"], &answer["gaps"]), (&json!(1), &json!([])));
    let text = portwho(["doctor"]).run();
    text.is(1, &text.stdout, "");
    let word = |name: &str| finding[name].as_str().expect("text").to_owned();
    let title = format!("{:13}{}\n", word("severity"), word("kind"));
    assert!(text.stdout.starts_with(&title), "{title}{text:?}");
    assert!(text.stdout.contains(&format!("\nnow          {}\n", word("now"))), "{text:?}");
    assert_eq!(text.stdout.matches("\nfix ").count(), 1, "{text:?}");
    finding.clone()
}

/// All findings, at this moment.
#[track_caller]
pub fn findings() -> Vec<Value> {
    let output = portwho(["doctor", "--json"]).run();
    let answer: Value =
        serde_json::from_str(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let findings = answer["findings"].as_array().expect("findings").clone();
    let is_note = |finding: &Value| finding["severity"] == "note";
    let code = i32::from(!findings.iter().all(is_note));
    output.is(code, &output.stdout, &features::remark_on_bound(&output));
    findings
}

/// Nothing is found, not even a note.
#[track_caller]
pub fn silent() {
    assert_eq!(findings(), Vec::<Value>::new());
}

/// The values of a finding's fields, without those that depend on the moment.
#[track_caller]
pub fn is(finding: &Value, kind: &str, severity: &str, of: Option<(u32, &str)>, count: usize) {
    let (pid, image) =
        of.map_or((Value::Null, Value::Null), |(pid, image)| (json!(pid), json!(image)));
    let expected = json!([kind, severity, pid, image, count]);
    let fields = ["kind", "severity", "pid", "image", "count"];
    assert_eq!(
        Value::from_iter(fields.map(|field| finding[field].clone())),
        expected,
        "{finding:#}"
    );
}

/// A program with connections, of this name, that listens.
pub fn server(name: &str) -> (Actor, SocketAddr) {
    server_at(name, LOOPBACK)
}

/// The same, at this address.
pub fn server_at(name: &str, address: &str) -> (Actor, SocketAddr) {
    let mut server = Owner::named(name).playing("connections", &[address]);
    let address = server.line().parse().expect("an address");
    (server, address)
}

pub fn await_count(table: &str, state: State, count: usize) {
    wait_until("the state to be reached by all", || {
        let rows = kernel_table::rows(table);
        (rows.iter().filter(|row| row.state == state).count() == count).then_some(())
    });
}
