//! What netsh says of ports on a Windows whose netsh a test decides.

use serde_json::Value;

use crate::support::lab::{LISTEN, Lab, tcp};
use crate::support::netsh::has_netsh;

const HEAD: &str = "\r\nProtocol tcp Port Exclusion Ranges\r\n\r\nStart Port    End Port      \r\n\
                    ----------    --------      \r\n";

/// A machine with these lines in a list of exclusions.
fn excluding(family: &str, lines: &str) -> Lab {
    let words = format!("int {family} show excludedportrange protocol=tcp");
    Lab::new().bound(&[]).netsh(&words, Some(&format!("{HEAD}{lines}\r\n")))
}

#[trial]
fn an_excluded_range_of_each_family() {
    if !has_netsh() {
        return;
    }
    for (family, asked) in [("ipv4", "127.0.0.1"), ("ipv6", "[::1]")] {
        let lab = excluding(family, "      8000        8010      \r\n");
        let line = format!(
            "portwho: {asked}:8001 is not in use, but a bind fails: 8000-8010 is an excluded range; \
             to list such ranges, run: netsh int {family} show excludedportrange protocol=tcp\n"
        );
        lab.portwho(&format!("-t {asked}:8001")).run().is(
            1,
            "",
            &line.replace(" is not in use,", " is not in use for TCP,"),
        );
    }
}

/// Whoever asks for it by number has it.
#[trial]
fn an_administered_exclusion() {
    if !has_netsh() {
        return;
    }
    let lab = excluding("ipv4", "      8000        8010     *\r\n");
    let line = "portwho: port 8001 is free for TCP; it is reserved, so never assigned automatically \
                (an administered exclusion of netsh; a program that names the port can bind it)\n";
    lab.portwho("-t 8001").run().is(1, "", line);
}

/// Each family has a range of its own, and the output is that of a French Windows.
#[trial]
fn the_dynamic_range() {
    if !has_netsh() {
        return;
    }
    let line = "portwho: port 50000 is free for TCP; it is in the ephemeral range 49152-65535: any \
                outgoing connection may take it\n";
    Lab::new().bound(&[]).portwho("-t 50000").run().is(1, "", line);
}

/// What does not come in time is missing, and that is said.
#[trial]
fn a_netsh_that_never_ends() {
    if !has_netsh() {
        return;
    }
    let lab = Lab::new().bound(&[]).netsh("int ipv4 show excludedportrange protocol=tcp", None);
    let lines = "portwho: the port ranges that Windows keeps could not be read (netsh: no answer): \
                 a bind may fail although no socket holds the port; run portwho again\n\
                 portwho: port 80 is not in use for TCP\n";
    lab.portwho("-t 80").run().is(1, "", lines);
    let answer: Value =
        serde_json::from_str(&lab.portwho("-t --json 80").run().stdout).expect("JSON");
    assert_eq!(answer["ports"][0]["verdict"], "unknown");
}

/// A netsh that says nothing has said nothing.
#[trial]
fn a_netsh_that_prints_nothing() {
    if !has_netsh() {
        return;
    }
    let lab = Lab::new().bound(&[]).netsh("int ipv6 show dynamicport tcp", Some(""));
    let output = lab.portwho("-t 80").run();
    assert!(output.stderr.contains("(netsh did not list dynamic ports)"), "{output:?}");
}

/// The program behind HTTP.sys, in words of any language.
#[trial]
fn what_http_sys_serves() {
    if !has_netsh() {
        return;
    }
    let lab = Lab::with(&[tcp("0.0.0.0:80", LISTEN, 4)]).bound(&[]).netsh(
        "http show servicestate view=requestq",
        Some(
            "\r\nNom : DefaultAppPool\r\n    Processus :\r\n        ID : 4711, image : \
             C:\\Windows\\System32\\inetsrv\\w3wp.exe\r\n    URL :\r\n        HTTP://*:80/\r\n\r\n",
        ),
    );
    let output = lab.portwho("80").run();
    let line = "portwho: port 80 is held by the kernel (PID 4): HTTP.sys serves HTTP://*:80/ for \
                w3wp.exe (PID 4711)\n";
    output.is(0, &output.stdout, line);
    let late = Lab::with(&[tcp("0.0.0.0:80", LISTEN, 4)]).bound(&[]);
    let late = late.netsh("http show servicestate view=requestq", None).portwho("80").run();
    assert!(
        late.stderr.contains("HTTP.sys serves could not be read (netsh: no answer)"),
        "{late:?}"
    );
}

/// The directory of the system is asked of the system, and not of whoever starts portwho.
#[trial]
fn an_environment_that_names_another_system() {
    if !has_netsh() {
        return;
    }
    let lab = excluding("ipv4", "      8000        8010      \r\n");
    let output = lab.portwho("-t 8001").env("SystemRoot", r"C:\nowhere").run();
    assert!(output.stderr.contains("8000-8010 is an excluded range"), "{output:?}");
}
