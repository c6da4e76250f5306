//! watch --plain and --json: what opens, changes and closes, line by line.

use std::io::{self, BufRead, BufReader, Read};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, server};
use crate::support::terminal::Terminal;
use crate::support::{Output, portwho, wait_until};
use crate::wait::later;

/// A watch that has looked for the first time. Its lines come through a file.
#[track_caller]
fn watching(words: &[&str], first: &str) -> Terminal {
    let words = ["watch", "--interval", "0.1"].iter().chain(words);
    let mut watch = Terminal::asked(&portwho(words));
    watch.await_text(first);
    watch
}

/// Ends it with Ctrl-C.
#[track_caller]
fn interrupted(watch: Terminal) -> Output {
    watch.interrupt();
    let output = watch.finish();
    assert_eq!(output.code, Some(130), "{output:?}");
    output
}

/// The lines without their times, which are checked.
fn lines(output: &Output) -> Vec<String> {
    let without_time = |line: &str| {
        let (time, rest) = line.split_at(21);
        assert!(time.ends_with("Z ") && time.starts_with("20"), "{line}");
        rest.to_owned()
    };
    output.stdout.lines().skip(1).map(without_time).collect()
}

const TITLES: &str = "Time                 Change  Proto  Local Address          Foreign Address        \
                      State           PID      Image Name\n";

fn line(word: &str, local: &str, foreign: &str, state: &str, owner: (u32, &str)) -> String {
    let (pid, name) = owner;
    format!("{word:7} TCP    {local:22} {foreign:22} {state:15} {pid:<8} {name}")
}

#[trial]
fn a_server_that_starts_and_stops() {
    let mut server = later("server", "127.0.0.1:80");
    let mut watch = watching(&["--plain"], "Image Name\n");
    server.tell("listen");
    watch.await_text(" opened ");
    assert_eq!(server.tell("close"), "closed");
    watch.await_text(" closed ");
    let output = interrupted(watch);
    assert_eq!(output.stderr, "");
    assert!(output.stdout.starts_with(TITLES), "{output:?}");
    let pid = server.pid();
    let of = |word| line(word, "127.0.0.1:80", "0.0.0.0:0", "LISTENING", (pid, "server"));
    assert_eq!(lines(&output), [of("opened"), of("closed")]);
}

/// Of a connection whose states are watched, the socket leaves what was asked for, and is not closed.
#[trial]
fn a_state_that_is_left_is_a_change() {
    let pair = makers::established(Loopback::V4);
    let (client, server) = (pair.client_address.to_string(), pair.server_address.to_string());
    let holder = Owner::named("client").holding(pair.client);
    let far = Owner::named("far").holding(pair.server);
    let mut watch = watching(&["--plain", "-s", "ESTABLISHED", "--name", "client"], "Image Name\n");
    let pid = holder.pid();
    drop(far);
    watch.await_text(" changed ");
    let output = interrupted(watch);
    let changed = line("changed", &client, &server, "CLOSE_WAIT", (pid, "client"));
    assert_eq!(lines(&output), [changed + " (was ESTABLISHED)"]);
}

/// The first look is told as it is, and its end.
#[trial]
fn json_has_what_is_there_and_then_what_changes() {
    let held = server(80);
    let mut other = later("other", "127.0.0.1:81");
    let mut watch = watching(&["--json", "-l"], "\"ready\"");
    other.tell("listen");
    watch.await_text("\"opened\"");
    assert_eq!(other.tell("close"), "closed");
    watch.await_text("\"closed\"");
    let output = interrupted(watch);
    let parsed = |line| serde_json::from_str::<Value>(line).expect("JSON");
    let mut objects: Vec<Value> = output.stdout.lines().map(parsed).collect();
    for object in &mut objects {
        assert_eq!(object["schema"], 1);
        assert!(object["time"].take().as_str().expect("a time").ends_with('Z'));
    }
    let words: Vec<&Value> = objects.iter().map(|object| &object["change"]).collect();
    assert_eq!(words, ["present", "ready", "opened", "closed"]);
    let list = portwho(["--json", "-l"]).run().json(0, "");
    assert_eq!(objects[0]["socket"], list["sockets"][0]);
    assert_eq!(objects[0]["processes"], list["processes"]);
    assert_eq!(objects[0]["processes"][0]["pid"], held.pid());
    let owner = json!({"kind": "processes", "pids": [other.pid()]});
    for object in &objects[2..] {
        assert_eq!(object["socket"]["owner"], owner);
        assert_eq!(object["socket"]["local"]["port"], 81);
        assert_eq!(object["processes"][0]["name"], "other");
    }
}

/// It would be in the way of a server there, as the list tells too.
#[trial]
fn a_server_that_covers_the_address() {
    let mut server = later("server", "0.0.0.0:80");
    let mut watch = watching(&["--plain", "127.0.0.1:80"], "Image Name\n");
    server.tell("listen");
    watch.await_text(" opened ");
    assert_eq!(server.tell("close"), "closed");
    watch.await_text(" closed ");
    let line = |word| line(word, "0.0.0.0:80", "0.0.0.0:0", "LISTENING", (server.pid(), "server"));
    assert_eq!(lines(&interrupted(watch)), [line("opened"), line("closed")]);
}

#[trial]
fn a_number_of_looks() {
    portwho(["watch", "--count", "2", "--interval", "0.1"]).run().is(0, TITLES, "");
    let _server = server(80);
    let titles = "Time                 Change  Port State\n";
    let words = ["watch", "--plain", "--count", "1", "--columns", "port,state"];
    portwho(words).run().is(0, titles, "");
}

/// Nothing changes on this machine, and yet it ends: nobody reads.
#[trial]
fn a_reader_that_leaves() {
    let _server = server(80);
    for option in ["--json", "--plain"] {
        let (reader, writer) = io::pipe().expect("pipe");
        let watch = portwho(["watch", "--interval", "0.1", option]);
        let mut watch =
            watch.command().stdout(writer).stderr(Stdio::piped()).spawn().expect("start");
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).expect("a line");
        let status = wait_until("the watch to end", || watch.try_wait().expect("wait"));
        assert_eq!(status.code(), Some(0), "{option} {line}");
        let mut told = String::new();
        watch.stderr.take().expect("stderr").read_to_string(&mut told).expect("UTF-8");
        assert_eq!(told, "", "{option}");
    }
}

/// A disk that is full.
#[trial]
fn nobody_reads() {
    let full = std::fs::File::options().write(true).open("/dev/full").expect("/dev/full");
    let output = portwho(["watch", "--count", "1"]).stdout(Stdio::from(full)).run();
    let is_told = output.stderr.contains("No space left");
    assert_eq!((output.code, is_told), (Some(2), true), "{output:?}");
}

#[trial]
fn options_of_other_views_are_refused() {
    for option in ["-v", "--summary", "--csv", "-q", "--try-bind", "--lsof"] {
        let output = portwho(["watch", option]).run();
        assert_eq!((output.code, output.stdout.as_str()), (Some(2), ""), "{output:?}");
        assert!(output.stderr.starts_with(&format!("portwho: {option}: ")), "{output:?}");
    }
    let told = "portwho: --plain: cannot be used with --json\n";
    portwho(["watch", "--plain", "--json"]).run().is(2, "", told);
}
