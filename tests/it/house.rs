//! Rules of the source that no compiler and no lint checks, see CONTRIBUTING.md.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::has_checkout;

/// Where systems are named, besides `platform`: their capabilities.
const NAMES_SYSTEMS: [&str; 1] = ["src/model/capabilities.rs"];

#[trial]
fn only_platform_distinguishes_systems_by_name() {
    if !has_checkout() {
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = sources(&root.join("src"));
    assert!(files.len() > 100, "only {} files were found", files.len());
    let mut found = Vec::new();
    let mut used = Vec::new();
    for file in files {
        let name = name_of(&file, root);
        if name.starts_with("src/platform/") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let here: Vec<_> =
            (1..).zip(text.lines()).filter(|(_, line)| names_a_system(line)).collect();
        if here.is_empty() {
            continue;
        }
        if NAMES_SYSTEMS.contains(&name.as_str()) {
            used.push(name);
        } else {
            found.extend(here.iter().map(|(number, line)| format!("{name}:{number}: {line}")));
        }
    }
    assert!(found.is_empty(), "decide by a field of Capabilities instead:\n{}", found.join("\n"));
    assert_eq!(used, NAMES_SYSTEMS, "an exception that is no longer needed");
}

/// `Os::Linux`, `#[cfg(windows)]`, `cfg!(target_os = "linux")`, `std::env::consts::OS`.
fn names_a_system(line: &str) -> bool {
    let systems = ["windows", "unix", "target_os", "target_family", "target_vendor"];
    let words = || line.split(|char: char| !char.is_alphanumeric() && char != '_');
    let is_condition = words().any(|word| word == "cfg" || word == "cfg_attr");
    let by_condition = is_condition && words().any(|word| systems.contains(&word));
    let by_name = line.match_indices("Os::").any(|(at, _)| {
        !line[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_')
    });
    by_condition || by_name || line.contains("cfg!(") || line.contains("consts::OS")
}

/// Every source file below a folder, by name.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    files
}

/// `src/model/capabilities.rs`, on every system.
fn name_of(file: &Path, root: &Path) -> String {
    let relative = file.strip_prefix(root).expect("a file below the root");
    let parts = relative.components().map(|part| part.as_os_str().to_string_lossy());
    parts.collect::<Vec<_>>().join("/")
}

#[trial]
fn systems_are_recognized() {
    let named = [
        "    os: Os::Linux,",
        "#[cfg(windows)]",
        "#[cfg(not(unix))]",
        "#[cfg_attr(target_os = \"linux\", test)]",
        "    if cfg!(debug_assertions) {",
        "    match std::env::consts::OS {",
    ];
    for line in named {
        assert!(names_a_system(line), "{line}");
    }
    for line in ["use windows_sys::Foo;", "#[cfg(test)]", "    CtOs::Linux", "Shell::Windows"] {
        assert!(!names_a_system(line), "{line}");
    }
}
