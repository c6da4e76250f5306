//! What users of other programs type, and what does it here.

use super::says;

#[trial]
fn an_address_without_a_port() {
    for (word, options) in [
        ("10.9.9.1", "--local 10.9.9.1"),
        ("::1", "--local ::1"),
        ("[::1]", "--local ::1"),
        ("10.0.0.0/8", "--local 10.0.0.0/8"),
        ("localhost", "--local 127.0.0.1 --local ::1"),
    ] {
        let line = format!(
            "port '{word}': an address without a port; to see the sockets at that address, run: \
             portwho {options}"
        );
        says(&[word], &line);
        says(&["kill", word], &line);
    }
    let line = "foreign port '10.0.0.1': an address belongs to --foreign; run: portwho --foreign \
                10.0.0.1";
    says(&["--foreign-port", "10.0.0.1"], line);
}

#[trial]
fn a_protocol_before_its_port() {
    for (word, meant) in [
        ("tcp/8080", "8080/tcp"),
        ("UDP/53", "53/udp"),
        ("tcp:80", "80/tcp"),
        ("tcp/8000-8010", "8000-8010/tcp"),
    ] {
        let line = format!("port '{word}': the protocol comes last; did you mean {meant}?");
        says(&[word], &line);
        says(&["kill", &format!("80,{word}")], &line);
    }
}

/// What lsof, fuser and kill take.
#[trial]
fn options_of_other_programs() {
    says(&["-i:8080"], "-i: unknown option; run: portwho 8080");
    says(&["-ti", ":8080"], "-i: unknown option; run: portwho 8080");
    says(&["-nP", "-iTCP:8080", "-sTCP:LISTEN"], "-P: unknown option; run: portwho -t -l 8080");
    for option in ["-k", "-9"] {
        let line = format!("{option}: unknown option; run: portwho kill 8080");
        says(&[option, "8080"], &line);
        says(&["8080", option], &line);
    }
}

#[trial]
fn what_generate_prints() {
    says(&["man"], "'man' is not a command; run: portwho generate man");
    says(&["completion", "bash"], "'completion' is not a command; run: portwho generate bash");
    says(&["completions"], "'completions' is not a command; run: portwho generate --help");
}
