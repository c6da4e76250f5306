//! The rules on ports, by `netsh`: there is no documented call that lists excluded ranges.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::model::{PortRules, Protocol};
use crate::platform::decode::netsh;

/// Reads the rules for `protocol`. What `netsh` does not tell is left out.
pub(super) fn read(protocol: Protocol) -> PortRules {
    let name = protocol.word();
    let named = format!("protocol={name}");
    PortRules {
        privileged_below: None,
        ephemeral: netsh::dynamic_range(&ask(&["int", "ipv4", "show", "dynamicport", name])),
        reserved: Vec::new(),
        excluded: netsh::ranges(&ask(&["int", "ipv4", "show", "excludedportrange", &named])),
    }
}

/// What `netsh` prints; nothing where it fails.
fn ask(words: &[&str]) -> String {
    let root = env::var_os("SystemRoot").unwrap_or_else(|| r"C:\Windows".into());
    let program = PathBuf::from(root).join(r"System32\netsh.exe");
    let mut command = Command::new(program);
    let output = command.args(words).stdin(Stdio::null()).stderr(Stdio::null()).output();
    // Its words are in the user's language and code page; only its numbers are read.
    output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default()
}
