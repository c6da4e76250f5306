//! What container runtimes keep and print: every name and address stands there as a text.

use std::net::IpAddr;

use portwho::platform::decode::container_files::{
    docker_container, listed_names, oci_name, served, storage_names,
};
use serde_json::{Value, json};

pub fn check(data: &[u8]) {
    if let Ok(value) = serde_json::from_slice(data) {
        what_is_read_is_among(data, &texts(&value));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        a_listing_is_its_lines(text);
        a_container_comes_back(text);
    }
    what_serves_a_container_is_told_by_words(data);
}

/// Every text in a JSON value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(fields) => fields.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn what_is_read_is_among(file: &[u8], texts: &[&str]) {
    let is_address = |address: &IpAddr| texts.iter().any(|text| text.parse() == Ok(*address));
    if let Ok(found) = docker_container(file) {
        assert!(texts.contains(&&*found.id) && found.addresses.iter().all(is_address));
        assert!(texts.iter().any(|text| text.trim_start_matches('/') == found.name));
    }
    for (id, name) in storage_names(file).unwrap_or_default() {
        assert!(texts.contains(&&*id) && texts.contains(&&*name));
    }
    if let Ok(Some(name)) = oci_name(file) {
        let joined = |pod: &&str| {
            let tail = name.strip_prefix(*pod).and_then(|tail| tail.strip_prefix('/'));
            tail.is_some_and(|tail| texts.contains(&tail))
        };
        assert!(texts.contains(&&*name) || texts.iter().any(joined), "{name}");
    }
}

fn a_listing_is_its_lines(text: &str) {
    let found = listed_names(text);
    assert!(found.len() <= text.lines().count());
    for (id, name) in found {
        let start = format!("{id} {name}");
        assert!(!id.contains(' ') && !name.contains(','));
        assert!(text.lines().any(|line| line.starts_with(&start)), "{start}");
    }
}

/// Written as Docker writes it, any name is read again.
fn a_container_comes_back(name: &str) {
    let networks = json!({"bridge": {"IPAddress": "172.17.0.2", "GlobalIPv6Address": name}});
    let file = json!({
        "ID": name, "Name": format!("/{name}"), "State": {"Running": true},
        "NetworkSettings": {"Networks": networks},
    });
    let found = docker_container(file.to_string().as_bytes()).expect("Docker's own file");
    assert_eq!((&*found.id, &*found.name), (name, name.trim_start_matches('/')));
    assert!(found.running && found.addresses.contains(&IpAddr::from([172, 17, 0, 2])));
    assert_eq!(found.addresses.len(), 1 + usize::from(name.parse::<IpAddr>().is_ok()));
    let file = json!([{"id": name, "names": [name, "alias"]}, {"id": "bb"}]);
    let found = storage_names(file.to_string().as_bytes()).expect("podman's own file");
    assert_eq!(found, [(name.to_owned(), name.to_owned())]);
}

fn what_serves_a_container_is_told_by_words(data: &[u8]) {
    let words: Vec<&[u8]> = data.split(|&byte| byte == 0).collect();
    let found = served(words.iter().copied());
    for text in [found.id, found.name, found.protocol].into_iter().flatten() {
        assert!(text.is_empty() || words.contains(&text.as_bytes()), "{text}");
    }
    let has = |test: &dyn Fn(&str) -> bool| {
        words.iter().any(|word| std::str::from_utf8(word).is_ok_and(test))
    };
    assert!(found.address.is_none_or(|address| has(&|word| word.parse() == Ok(address))));
    assert!(found.host_port.is_none_or(|port| has(&|word| word.parse() == Ok(port))));
}
