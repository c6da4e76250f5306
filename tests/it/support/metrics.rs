//! Reading the text of metrics.

/// The text with `0` in the place of what depends on the moment, and in that of the version.
pub fn masked(text: &str) -> String {
    let times = ["portwho_look_timestamp_seconds ", "portwho_look_duration_seconds "];
    let line = |line: &str| match times.iter().find(|name| line.starts_with(**name)) {
        Some(name) => format!("{name}0\n"),
        None if line.starts_with("portwho_build_info") => {
            format!("{}\n", line.replace(env!("CARGO_PKG_VERSION"), "0"))
        }
        None => format!("{line}\n"),
    };
    assert!(text.ends_with('\n') && !text.contains('\r'), "{text:?}");
    text.lines().map(line).collect()
}

/// The labels and values of a family's samples.
pub fn samples<'a>(text: &'a str, family: &str) -> Vec<&'a str> {
    let of_family =
        |line: &'a str| line.strip_prefix(family).filter(|rest| rest.starts_with([' ', '{']));
    text.lines().filter_map(of_family).collect()
}

/// The value of a sample, by its name and labels.
pub fn value<'a>(text: &'a str, sample: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '))
}
