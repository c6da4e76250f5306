//! The rules on ports, by `netsh`: there is no documented call that lists excluded ranges.

use std::env;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::model::{PortRules, Protocol};
use crate::platform::command::output_within;
use crate::platform::decode::netsh;

/// How long `netsh` may take.
const PATIENCE: Duration = Duration::from_millis(500);

/// Reads the rules for `protocol`. What `netsh` does not print is missing.
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
    command.args(words);
    let output = output_within(command, PATIENCE).unwrap_or_default();
    // Its words are in the user's language and code page; only its numbers are read.
    String::from_utf8_lossy(&output).into_owned()
}
