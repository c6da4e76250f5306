//! What a shell shows beside a value that it offers.

use super::advice::listed;

/// Who holds a port: `nginx (PID 812), nginx (PID 813)`, `dnsmasq (PID 53), UDP`.
#[must_use]
pub fn holders(owners: &[String], is_tcp: bool) -> String {
    let protocol = if is_tcp { "" } else { ", UDP" };
    format!("{}{protocol}", listed(owners))
}

/// An unknown shell asks.
#[must_use]
pub fn unknown_shell(shell: &str) -> String {
    format!("shell '{shell}': unknown; shells are bash, zsh, fish, powershell")
}
