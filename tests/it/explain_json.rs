//! explain for programs: every field of every state, UDP, and what could not be counted.

use nix::libc;
use serde_json::{Value, json};

use portwho::text::states::{Advice, Edge, Explanation, UDP};

use crate::support::makers::{self, Loopback};
use crate::support::{features, portwho, refuse};

fn explained(words: &[&str], stderr: &str) -> Value {
    portwho(["explain", "--json"].iter().chain(words)).run().json(0, stderr)
}

/// What is printed of a state, from the same data.
fn state(one: &Explanation, count: Option<usize>) -> Value {
    let names = one.names.iter().map(|name| json!({"name": name.word, "used_by": name.users}));
    json!({
        "state": one.state.to_string(),
        "count": count,
        "names": names.collect::<Vec<_>>(),
        "summary": one.gist,
        "what": one.meaning,
        "note": (!one.note.is_empty()).then_some(one.note),
        "from": edges(one.enters),
        "to": edges(one.leaves),
        "whose_move": one.must_act,
        "normal": one.normal,
        "fault": one.fault,
        "look_at": advice(one.look),
        "linux": advice(one.linux),
        "windows": advice(one.windows),
        "cautions": one.beware,
        "sources": one.sources,
    })
}

fn edges(edges: &[Edge]) -> Vec<Value> {
    edges.iter().map(|edge| json!({"state": edge.state.to_string(), "when": edge.when})).collect()
}

fn advice(advice: &[Advice]) -> Vec<Value> {
    advice.iter().map(|one| json!({"text": one.text, "commands": one.commands})).collect()
}

#[trial]
fn every_state_with_every_field() {
    let _half_closed = makers::half_closed(Loopback::V4);
    let said = features::remark_on_bound(&portwho(["explain", "--json"]).run());
    let answer = explained(&[], &said);
    let count = |one: &Explanation| match one.state.to_string().as_str() {
        "LISTENING" | "FIN_WAIT_2" | "CLOSE_WAIT" => Some(1),
        "BOUND" if !features::lists_bound() => None,
        _ => Some(0),
    };
    let states: Vec<Value> = Explanation::ALL.iter().map(|one| state(one, count(one))).collect();
    let gaps = answer["gaps"].clone();
    features::assert_no_gap(&answer);
    let expected = json!({"schema": 1, "os": "linux", "states": states, "udp": null, "gaps": gaps});
    assert_eq!(answer, expected);
}

#[trial]
fn one_state_and_the_word_for_two() {
    let _half_closed = [makers::half_closed(Loopback::V4), makers::half_closed(Loopback::V6)];
    let answer = explained(&["close-wait"], "");
    let close_wait = &Explanation::ALL[6];
    let expected = json!({"schema": 1, "os": "linux", "states": [state(close_wait, Some(2))], "udp": null, "gaps": []});
    assert_eq!(answer, expected);
    if features::lists_bound() {
        let answer = explained(&["UNCONN"], "");
        let states = [state(&Explanation::ALL[10], Some(0)), state(&Explanation::ALL[11], Some(0))];
        assert_eq!(answer["states"], json!(states));
    }
}

#[trial]
fn udp() {
    let expected = json!({
        "schema": 1,
        "os": "linux",
        "states": [],
        "udp": {
            "what": UDP.meaning,
            "whose_move": UDP.must_act,
            "fault": UDP.fault,
            "look_at": advice(UDP.look),
            "linux": advice(UDP.linux),
            "windows": advice(UDP.windows),
            "sources": UDP.sources,
        },
        "gaps": [],
    });
    assert_eq!(explained(&["UDP"], ""), expected);
    // Nothing is read for it.
    refuse::netlink(libc::EPERM);
    assert_eq!(explained(&["udp"], ""), expected);
}

#[trial]
fn what_cannot_be_counted_is_null() {
    let _listening = makers::listening(Loopback::V4.port(0));
    refuse::netlink(libc::EPERM);
    let gap = "portwho: netlink was refused (Operation not permitted (os error 1)), so \
               /proc/net was read: BOUND sockets, backlogs, idle times and cgroups are missing; allow \
               AF_NETLINK sockets (NETLINK_SOCK_DIAG)\n";
    let answer = explained(&[], gap);
    assert_eq!(answer["states"][0]["count"], 1);
    assert_eq!(answer["states"][11]["count"], Value::Null);
    assert_eq!(answer["gaps"][0]["kind"], "netlink-refused");
}
