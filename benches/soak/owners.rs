//! Owners under churn, against those that are known.

use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::kind::{Kind, Seen};
use crate::support::json::{gaps, sockets};
use crate::support::makers::{self, Loopback};
use crate::support::portwho;
use crate::support::process::{Actor, Owner};

/// The kinds.
pub const KINDS: &[Kind] = &[
    Kind { what: "owners: a listener closes during the run", attempt: closes },
    Kind { what: "owners: a listener reopened every 2 ms", attempt: listener_is_reopened },
    Kind { what: "owners: UDP reopened every 2 ms", attempt: udp_is_reopened },
    Kind { what: "owners: forks and exits that share a listener", attempt: storm },
];

/// What the list says of port 80, whose owner is `pid`. A port that is held all the time is never
/// free; a row without an owner has its gap.
fn judge(answer: &Value, pid: u32, may_be_free: bool) -> Result<Seen, String> {
    let rows = sockets(answer);
    let is_changing = gaps(answer).iter().any(|(kind, _)| *kind == "changing-hands");
    if rows.is_empty() {
        return if may_be_free { Ok(Some("free")) } else { Err(format!("false free: {answer}")) };
    }
    let mut is_named = false;
    for row in rows {
        let owner = &row["owner"];
        match owner["kind"].as_str() {
            Some("processes") if owner["pids"] == json!([pid]) => is_named = true,
            Some("processes") => return Err(format!("invented: {answer}")),
            // What it closed a moment ago may be there still, beside what it holds.
            Some("kernel") if owner["reason"] == "orphaned" => {}
            _ if is_changing => return Ok(Some("? with its gap")),
            _ => return Err(format!("? without a gap: {answer}")),
        }
    }
    if is_named { Ok(Some("named")) } else { Err(format!("nobody holds it: {answer}")) }
}

fn list() -> Value {
    let output = portwho(["--json", "80"]).run();
    serde_json::from_str(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

fn closes() -> Result<Seen, String> {
    let mut web = Owner::named("web").playing("listen", &["127.0.0.1:80"]);
    web.line();
    let answer = thread::scope(|scope| {
        let run = scope.spawn(list);
        // Another moment in each try.
        let pause = web.pid() % 400;
        (0..pause).for_each(|_| thread::yield_now());
        assert_eq!(web.tell("close"), "closed");
        run.join().expect("the run")
    });
    judge(&answer, web.pid(), true)
}

fn reopening(kind: &str) -> Actor {
    let words = [kind, "overlapping", "2000", "127.0.0.1:80"];
    let mut web = Owner::named("web").playing("reopen", &words);
    web.line();
    web
}

fn listener_is_reopened() -> Result<Seen, String> {
    let web = reopening("listening");
    judge(&list(), web.pid(), false)
}

fn udp_is_reopened() -> Result<Seen, String> {
    let web = reopening("udp");
    judge(&list(), web.pid(), false)
}

/// A steady holder and children that come and go: it is never missed.
fn storm() -> Result<Seen, String> {
    let socket = makers::listening(Loopback::V4.port(80)).socket;
    let shared = socket.try_clone().expect("dup");
    let steady = Owner::named("steady").holding(socket);
    let answer = thread::scope(|scope| {
        let run = scope.spawn(list);
        while !run.is_finished() {
            let stdin = Stdio::from(shared.try_clone().expect("dup"));
            let child = Command::new("true").stdin(stdin).spawn();
            child.and_then(|mut child| child.wait()).expect("true");
        }
        run.join().expect("the run")
    });
    let pids = sockets(&answer).first().map(|row| row["owner"]["pids"].clone());
    let is_named = pids.as_ref().and_then(Value::as_array);
    if is_named.is_some_and(|pids| pids.contains(&json!(steady.pid()))) {
        Ok(None)
    } else {
        Err(format!("missed: {answer}"))
    }
}
