//! Looking things up in the program's JSON.

use std::net::SocketAddr;

use serde_json::Value;

/// The sockets of an answer.
#[track_caller]
pub fn sockets(answer: &Value) -> &[Value] {
    answer["sockets"].as_array().expect("an array of sockets")
}

/// The only socket of an answer.
#[track_caller]
pub fn only_socket(answer: &Value) -> &Value {
    let [socket] = sockets(answer) else { panic!("not one socket: {answer:#}") };
    socket
}

/// The only socket with this local and this foreign endpoint.
#[track_caller]
pub fn socket(answer: &Value, local: SocketAddr, foreign: Option<SocketAddr>) -> &Value {
    let wanted = (Some(local), foreign);
    let ends = |socket: &&Value| (end(&socket["local"]), end(&socket["foreign"])) == wanted;
    let found: Vec<&Value> = sockets(answer).iter().filter(ends).collect();
    let [socket] = found[..] else {
        panic!("{} sockets {local} -> {foreign:?} in {answer:#}", found.len())
    };
    socket
}

/// An end of a socket; `None` where it is null.
pub fn end(value: &Value) -> Option<SocketAddr> {
    let ip = value.get("address")?.as_str()?.parse().ok()?;
    let port = u16::try_from(value.get("port")?.as_u64()?).ok()?;
    Some(SocketAddr::new(ip, port))
}

/// The process with this PID.
#[track_caller]
pub fn process(answer: &Value, pid: u32) -> &Value {
    let processes = answer["processes"].as_array().expect("an array of processes");
    let found = processes.iter().find(|process| process["pid"] == pid);
    found.unwrap_or_else(|| panic!("no process {pid} in {answer:#}"))
}

/// The kinds and counts of what could not be seen.
#[track_caller]
pub fn gaps(answer: &Value) -> Vec<(&str, Option<u64>)> {
    let gaps = answer["gaps"].as_array().expect("an array of gaps");
    gaps.iter().map(|gap| (gap["kind"].as_str().expect("a kind"), gap["count"].as_u64())).collect()
}
