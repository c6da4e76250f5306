//! wait --json: the same object when the condition holds and when time is up.

use serde_json::{Value, json};

use crate::support::makers::{self, Loopback};
use crate::support::portwho;
use crate::support::process::server;
use crate::wait::waited;

/// The answer for programs.
#[track_caller]
fn answer(words: &[&str], code: i32) -> Value {
    let mut answer = waited(&[&["--json"], words].concat()).json(code, "");
    let after = answer["after_ms"].take();
    assert!(after.is_u64(), "{after}");
    answer
}

#[trial]
fn json_has_the_fields_of_the_list() {
    let server = server(80);
    let list = portwho(["--json", "-l", "-t", "80"]).run().json(0, "");
    let answer = answer(&["80"], 0);
    let fields: Vec<&String> = answer.as_object().expect("an object").keys().collect();
    let expected =
        ["after_ms", "condition", "gaps", "ports", "processes", "reached", "schema", "sockets"];
    assert_eq!(fields, expected);
    assert_eq!((&answer["schema"], &answer["reached"]), (&json!(1), &json!(true)));
    assert_eq!(answer["condition"], "open");
    for field in ["ports", "processes", "sockets", "gaps"] {
        assert_eq!(answer[field], list[field], "{field}");
    }
    assert_eq!(answer["processes"][0]["pid"], server.pid());
}

#[trial]
fn json_when_time_is_up() {
    let answer_open = answer(&["--timeout", "0", "80"], 1);
    assert_eq!(
        (&answer_open["reached"], &answer_open["condition"]),
        (&json!(false), &json!("open"))
    );
    assert_eq!(answer_open["ports"][0]["verdict"], "free");
    assert_eq!((&answer_open["sockets"], &answer_open["processes"]), (&json!([]), &json!([])));
    let server = server(80);
    let held = answer(&["--free", "--timeout", "0", "80", "81"], 1);
    assert_eq!((&held["reached"], &held["condition"]), (&json!(false), &json!("free")));
    let verdicts: Vec<&Value> =
        held["ports"].as_array().expect("ports").iter().map(|port| &port["verdict"]).collect();
    assert_eq!(verdicts, ["held", "free"]);
    let owner = json!({"kind": "processes", "pids": [server.pid()]});
    assert_eq!(held["ports"][0]["blockers"][0]["owner"], owner);
    assert_eq!(held["sockets"][0]["owner"], owner);
    assert_eq!(held["processes"][0]["name"], "server");
}

#[trial]
fn json_of_a_port_that_is_free() {
    let over = makers::time_wait(Loopback::V4);
    let port = over.client_address.port().to_string();
    let free = answer(&["--free", &port], 0);
    assert_eq!((&free["reached"], &free["condition"]), (&json!(true), &json!("free")));
    assert_eq!(free["ports"][0]["verdict"], "free");
    assert_eq!(free["ports"][0]["blockers"][0]["kind"], "time-wait");
    assert_eq!(free["sockets"][0]["state"], "TIME_WAIT");
}
