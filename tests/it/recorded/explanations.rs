//! explain on recorded machines: both systems' advice on either, and what is there.

use portwho::model::Gap;

use super::office::office;

#[trial]
fn a_state_of_a_windows_machine() {
    let output = office().run("explain CloseWait");
    output.is(0, &output.stdout, "");
    let here = "\n\nHere now     1\n                    1  inetinfo.exe (PID 1688)\n\n";
    for part in ["CLOSE_WAIT\n", here, "\nOn Linux     ", "\nOn Windows   "] {
        assert!(output.stdout.contains(part), "{part}: {output:?}");
    }
}

#[trial]
fn all_states_of_a_windows_machine() {
    let output = office().run("explain");
    output.is(0, &output.stdout, "");
    for row in [
        "State            Count What it is",
        "LISTENING           19 a server is waiting for connections",
        "ESTABLISHED          3 open on both sides; data can flow both ways",
        "CLOSE_WAIT           1 closed by the peer; the process here has not closed",
        "TIME_WAIT            1 closed on both sides; waiting for stray segments",
        "BOUND                0 holds a port; neither listens nor is connected",
    ] {
        assert!(output.stdout.contains(&format!("\n{row}\n")), "{row}: {output:?}");
    }
}

#[trial]
fn bound_that_is_not_listed() {
    let gap = "portwho: this system does not list BOUND sockets: Linux has listed them since \
               6.8; Windows lists them if netstat has -q\n";
    let output = office().gap(Gap::BoundNotListed).run("explain");
    output.is(0, &output.stdout, gap);
    assert!(output.stdout.contains("\nBOUND                ? holds a port"), "{output:?}");
}

#[trial]
fn json_of_a_windows_machine() {
    let output = office().run("explain --json close_wait");
    let answer = output.json(0, "");
    assert_eq!(answer["os"], "windows");
    assert_eq!(answer["states"][0]["count"], 1);
    assert_eq!(answer["gaps"], serde_json::json!([]));
}
