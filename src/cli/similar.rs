//! Which word was probably meant.

/// clap's own threshold is 0.7, which is too low for states with similar names.
const SIMILAR: f64 = 0.8;

/// The most similar candidate, if any is similar enough to be meant.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    most_similar(word, candidates, SIMILAR)
}

/// The most similar candidate by Jaro-Winkler similarity, of those that reach `threshold`.
pub(super) fn most_similar<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
    threshold: f64,
) -> Option<&'a str> {
    let word = word.to_lowercase();
    let likeness = |candidate: &str| strsim::jaro_winkler(&word, &candidate.to_lowercase());
    let rated = candidates.map(|candidate| (likeness(candidate), candidate));
    let best = rated.max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.filter(|(likeness, _)| *likeness >= threshold).map(|(_, candidate)| candidate)
}

/// The candidates that begin with the word, of three letters at least; else the most similar ones, if
/// they are similar enough to be meant. Several are equally likely.
pub(super) fn begun_or_nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str> + Clone,
) -> Vec<&'a str> {
    let letters = |text: &str| text.replace('_', "").to_lowercase();
    let typed = letters(word);
    let begun: Vec<&str> = candidates
        .clone()
        .filter(|candidate| typed.len() >= 3 && letters(candidate).starts_with(&typed))
        .collect();
    if !begun.is_empty() {
        return begun;
    }
    let likeness = |candidate: &str| strsim::jaro_winkler(&typed, &letters(candidate));
    let best = candidates.clone().map(likeness).fold(SIMILAR, f64::max);
    candidates.filter(|candidate| likeness(candidate) >= best).collect()
}
