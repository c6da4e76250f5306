//! Which characters a terminal obeys or swallows instead of showing them.

/// Whether a character is obeyed or swallowed by a terminal instead of shown: control characters
/// (C0, DEL, C1), line and paragraph separators, the bidirectional controls of UAX #9 and the
/// characters without a width of the general category Cf, tag characters included.
#[must_use]
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || is_prepended(c)
}

/// Whether a letter has no width of its own because it is drawn with the one after it
/// (Grapheme_Cluster_Break=Prepend of UAX #29, as unicode-width measures it).
const fn is_prepended(c: char) -> bool {
    matches!(c,
        '\u{d4e}' | '\u{a8fa}' | '\u{111c2}'..='\u{111c3}' | '\u{113d1}' | '\u{1193f}'
        | '\u{11941}' | '\u{11a84}'..='\u{11a89}' | '\u{11d46}' | '\u{11f02}')
}
