//! Which word was probably meant.

/// The most similar candidate, if any is similar enough to be meant.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    /// clap's own threshold is 0.7, which is too low for states with similar names.
    const SIMILAR: f64 = 0.8;
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
