//! Ports that a service of Windows forwards (`netsh interface portproxy`).

use std::net::IpAddr;

use super::advice::{Remedy, listed, run_to};
use super::escape::Escaped;
use super::shell::ShellCommand;
use crate::model::{PortProxy, Shell, Untrusted};

/// `*:9000 to 10.0.0.5:80`.
#[must_use]
pub fn ends(rules: &[&PortProxy]) -> String {
    let rules: Vec<String> = rules.iter().map(|rule| from_and_to(rule)).collect();
    listed(&rules)
}

fn from_and_to(rule: &PortProxy) -> String {
    let listen = end(&rule.listen, rule.listen_address(), rule.port);
    let connect = end(&rule.connect, rule.connect_address(), rule.connect_port);
    format!("{listen} to {connect}")
}

fn end(name: &Untrusted, address: Option<IpAddr>, port: u16) -> String {
    match address {
        Some(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        Some(IpAddr::V4(address)) => format!("{address}:{port}"),
        None => format!("{}:{port}", Escaped(name)),
    }
}

/// `...; to delete the rule, in an elevated prompt, run: netsh interface portproxy delete v4tov4 ...`, or how
/// to list several.
#[must_use]
pub fn with_remedy(text: &str, rules: &[&PortProxy], privileged: bool) -> String {
    match rules {
        [rule] => match deletion(rule) {
            Some(deletion) => {
                run_to("to delete the rule", text, &Remedy::with_rights(deletion, privileged))
            }
            None => run_to("to list the rules", text, &list()),
        },
        _ => run_to("to list the rules", text, &list()),
    }
}

/// What lists all rules.
#[must_use]
pub fn list() -> Remedy {
    ShellCommand::new(Shell::Windows, "netsh interface portproxy show all").into()
}

/// What deletes a rule for an address or for all of them; a name is left to whoever set it.
fn deletion(rule: &PortProxy) -> Option<ShellCommand> {
    let listen = match rule.listen_address() {
        Some(address) => address.to_string(),
        None if rule.listen.as_bytes() == b"*" => "*".to_owned(),
        None => return None,
    };
    let (kind, port) = (rule.kind(), rule.port);
    let words = format_args!(
        "netsh interface portproxy delete {kind} listenport={port} listenaddress={listen}"
    );
    Some(ShellCommand::new(Shell::Windows, words))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    #[test]
    fn names_are_escaped_and_never_in_a_command() {
        let rule = PortProxy {
            families: (Family::V6, Family::V4),
            listen: Untrusted::new(*b"a\x1b&calc"),
            port: 80,
            connect: "fd00::5".into(),
            connect_port: 81,
        };
        let said = with_remedy(&ends(&[&rule]), &[&rule], true);
        assert_eq!(
            said,
            "a\\x1b&calc:80 to [fd00::5]:81; to list the rules, run: netsh \
             interface portproxy show all"
        );
        let any = PortProxy { listen: "*".into(), ..rule };
        assert!(with_remedy("", &[&any], true).ends_with("v6tov4 listenport=80 listenaddress=*"));
    }
}
