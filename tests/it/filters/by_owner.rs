//! By process, name and user.

use super::{NONE, listening_on, shows};
use crate::support::process::{Owner, can_become};

#[trial]
fn by_process() {
    let mut held = listening_on(&[80, 81, 82]);
    let first = Owner::named("first").holding(held.remove(0).socket);
    let second = Owner::named("second").holding(held.remove(0).socket);
    let (one, two) = (first.pid().to_string(), second.pid().to_string());
    shows(&["--pid", &one], ["tcp 127.0.0.1:80"]);
    shows(&["--pid", &one, "--pid", &two], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    shows(&["--pid", &std::process::id().to_string()], ["tcp 127.0.0.1:82"]);
    shows(&["--pid", "1"], NONE);
}

#[trial]
fn by_name() {
    let mut held = listening_on(&[80, 81, 82, 83]);
    let names = ["Nginx", "nginx-debug", "a-name-of-more-than-15-bytes"];
    let _owners = names.map(|name| Owner::named(name).holding(held.remove(0).socket));
    shows(&["--name", "nginx"], ["tcp 127.0.0.1:80"]);
    shows(&["--name", "NGINX"], ["tcp 127.0.0.1:80"]);
    shows(&["--name", "ngin"], NONE);
    shows(&["--name", "nginx*"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    shows(&["--name", "*debug"], ["tcp 127.0.0.1:81"]);
    shows(&["--name", "*MORE-than*"], ["tcp 127.0.0.1:82"]);
    shows(&["--name", "a-name-of-more-than-15-bytes"], ["tcp 127.0.0.1:82"]);
    shows(&["--name", "nginx", "--name", "*debug"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    shows(&["--name", "nginx,*debug"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    shows(&["--name", "nginx-debu?"], NONE);
}

#[trial]
fn by_user() {
    const NOBODY: u32 = 65534;
    let mut held = listening_on(&[80, 81]);
    let roots = Owner::named("roots").holding(held.remove(0).socket);
    shows(&["--user", "root"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    shows(&["--user", "0"], ["tcp 127.0.0.1:80", "tcp 127.0.0.1:81"]);
    if !can_become(NOBODY) {
        return crate::support::skip("there is no other user here");
    }
    drop(roots);
    // The socket is root's, and a process of nobody's holds it: it is both users'.
    let _handed = Owner::named("handed").user(NOBODY).holding(held.remove(0).socket);
    let mut own = Owner::named("own").user(NOBODY).playing("listen", &["127.0.0.1:8080"]);
    own.line();
    shows(&["--user", "root"], ["tcp 127.0.0.1:81"]);
    let nobodys = ["tcp 127.0.0.1:81", "tcp 127.0.0.1:8080"];
    shows(&["--user", "65534"], nobodys);
    if std::fs::read_to_string("/etc/passwd").is_ok_and(|users| users.contains("nobody:x:65534:")) {
        shows(&["--user", "nobody"], nobodys);
    }
}
