//! The invariants of fuzz/, on the corpus of each target: without a fuzzer, and on every system.

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use portwho::text::escape::is_treacherous;

use crate::support::has_checkout;

/// What must hold of any bytes; `cargo fuzz` tries the same functions.
#[path = "../../fuzz/src/lib.rs"]
mod invariants;

/// The folder of the fuzzing targets.
fn fuzz() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The inputs of a target, with their paths.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = fuzz().join("corpus").join(target);
    let entries =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths.map(|path| (path.clone(), fs::read(&path).expect("an input"))).collect()
}

/// What breaks an invariant of all that `made` makes of the corpora, as it would be written in a test.
fn breaking(made: fn(&[u8]) -> Vec<Vec<u8>>) -> Vec<String> {
    let mut broken = Vec::new();
    for (target, invariant) in invariants::TARGETS {
        for (path, input) in corpus(target) {
            let breaks =
                |input: &Vec<u8>| catch_unwind(AssertUnwindSafe(|| invariant(input))).is_err();
            let inputs = made(&input).into_iter().filter(breaks);
            broken.extend(
                inputs.map(|input| format!("{}: {}", path.display(), input.escape_ascii())),
            );
        }
    }
    broken
}

#[trial]
fn every_input_keeps_the_laws() {
    if !has_checkout() {
        return;
    }
    assert_eq!(breaking(|input| vec![input.to_vec()]), Vec::<String>::new());
}

#[trial]
fn so_does_every_beginning_of_it() {
    if !has_checkout() {
        return;
    }
    let beginnings = |input: &[u8]| -> Vec<Vec<u8>> {
        (0..input.len()).map(|end| input[..end].to_vec()).collect()
    };
    assert_eq!(breaking(beginnings), Vec::<String>::new());
}

#[trial]
fn every_character_is_shown_or_escaped() {
    let passes = |c: &char| !is_treacherous(*c) && !invariants::escape::is_safe(*c);
    let missed: Vec<_> = ('\0'..=char::MAX).filter(passes).map(u32::from).collect();
    assert!(missed.is_empty(), "{missed:x?}");
}

/// An invariant without a target is never fuzzed, and a corpus without an invariant never replayed.
#[trial]
fn every_target_has_a_corpus() {
    if !has_checkout() {
        return;
    }
    let manifest = fs::read_to_string(fuzz().join("Cargo.toml")).expect("the manifest");
    let mut folders: Vec<String> = fs::read_dir(fuzz().join("corpus"))
        .expect("the corpus")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    folders.sort();
    assert_eq!(folders, invariants::TARGETS.map(|(target, _)| target));
    for (target, _) in invariants::TARGETS {
        assert!(manifest.contains(&format!("\nname = \"{target}\"\n")), "{target}");
        let source = fs::read_to_string(fuzz().join(format!("fuzz_targets/{target}.rs")));
        let call = format!("portwho_fuzz::{target}::check(data)");
        assert!(source.expect("a target").contains(&call), "{target}");
        assert!(corpus(target).len() >= 3, "{target}");
    }
}
