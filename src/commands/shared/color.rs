//! Whether to use colors.

use std::env;

use super::output::Output;
use crate::cli::ColorWhen;
use crate::platform::System;

/// Whether to use colors.
pub(in crate::commands) fn wants_color(
    when: ColorWhen,
    system: &impl System,
    output: &Output,
) -> bool {
    match when {
        ColorWhen::Always => {
            // A console is asked to obey; whatever it answers, this was the wish.
            let _ = system.console_takes_escapes();
            true
        }
        ColorWhen::Never => false,
        ColorWhen::Auto => output.is_terminal() && takes_color(system),
    }
}

/// Whether the environment leaves colors on: NO_COLOR (no-color.org: set and not empty) and a
/// terminal that knows no escapes turn them off.
fn takes_color(system: &impl System) -> bool {
    env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()) && system.console_takes_escapes()
}
