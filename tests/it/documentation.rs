//! README and docs: README is short, every page is linked, every link resolves, and every option is
//! described somewhere.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{has_checkout, portwho};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &Path) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

fn docs() -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join("docs")).expect("docs");
    entries.map(|entry| entry.expect("an entry").path()).collect()
}

/// What users read.
fn manual() -> Vec<PathBuf> {
    let mut pages = docs();
    pages.push(root().join("README.md"));
    pages
}

#[trial]
fn readme_has_at_most_200_lines() {
    if !has_checkout() {
        return;
    }
    let lines = read(&root().join("README.md")).lines().count();
    assert!(lines <= 200, "README.md has {lines} lines");
}

#[trial]
fn every_page_is_linked_from_readme() {
    if !has_checkout() {
        return;
    }
    let readme = read(&root().join("README.md"));
    for page in docs() {
        let name = page.file_name().and_then(|name| name.to_str()).expect("UTF-8");
        assert!(readme.contains(&format!("](docs/{name})")), "{name} is not linked from README.md");
    }
}

#[trial]
fn every_link_resolves() {
    if !has_checkout() {
        return;
    }
    let mut pages = manual();
    pages.extend(["CONTRIBUTING.md", "CHANGELOG.md"].map(|name| root().join(name)));
    let mut checked = 0;
    for page in pages {
        for link in links(&read(&page)) {
            assert_resolves(&page, &link);
            checked += 1;
        }
    }
    assert!(checked > 20, "only {checked} links were found");
}

/// The targets of `[text](target)` that lead to a file or a heading here.
fn links(text: &str) -> Vec<String> {
    let targets = text.split("](").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    targets.filter(|target| !target.contains("://")).map(str::to_owned).collect()
}

fn assert_resolves(page: &Path, link: &str) {
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let directory = page.parent().expect("a directory");
    let target = if file.is_empty() { page.to_owned() } else { directory.join(file) };
    assert!(target.is_file(), "{}: the link {link} leads nowhere", page.display());
    let found = heading.is_empty() || headings(&read(&target)).any(|known| known == heading);
    assert!(found, "{}: no heading for the link {link}", page.display());
}

/// The headings of a page, as GitHub makes anchors of them.
fn headings(text: &str) -> impl Iterator<Item = String> {
    let titles = text.lines().filter(|line| line.starts_with('#'));
    titles.map(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|char| char.is_alphanumeric() || " -_".contains(*char));
        kept.map(|char| if char == ' ' { '-' } else { char }).collect()
    })
}

#[trial]
fn every_option_is_described() {
    if !has_checkout() {
        return;
    }
    let described: String = manual().iter().map(|page| read(page)).collect();
    for command in [
        &[][..],
        &["kill"],
        &["close"],
        &["wait"],
        &["watch"],
        &["doctor"],
        &["metrics"],
        &["explain"],
    ] {
        let words = command.iter().chain(&["--help"]);
        let help = portwho(words).run();
        help.is(0, &help.stdout, "");
        let options = options(&help.stdout);
        assert!(!options.is_empty(), "{help:?}");
        for option in options {
            assert!(is_mentioned(&described, &option), "{option} of {command:?} is not described");
        }
    }
}

/// `-s` and `--state` of a line such as `  -s, --state <STATE>   TCP state in any spelling`.
fn options(help: &str) -> Vec<String> {
    let lines = help.lines().map(str::trim_start).filter(|line| line.starts_with('-'));
    let words =
        lines.flat_map(|line| line.split("  ").next().unwrap_or_default().split([' ', ',']));
    words.filter(|word| word.starts_with('-')).map(str::to_owned).collect()
}

/// Whether the text has the option as a word, and not as the beginning of another.
fn is_mentioned(text: &str, option: &str) -> bool {
    text.match_indices(option).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + option.len()..].chars().next();
        let within = |char: char| char.is_alphanumeric() || char == '-';
        !before.is_some_and(within) && !after.is_some_and(within)
    })
}
