//! Text folding: the one way in which Muster ignores case and Unicode spelling.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization;

/// Folds text for matching: NFKC, then lower case, so that `PC-É`, `pc-é` and a decomposed `pc-e´` are one.
///
/// Both databases compare the folded text byte by byte, which is what makes their answers equal.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    // Lower-casing can leave text that composes again (U+0130), so normalise on both sides of it.
    let lower: String = text.nfkc().flat_map(char::to_lowercase).collect();
    Cow::Owned(lower.nfkc().collect())
}

/// Replaces U+0000, which PostgreSQL cannot store, by U+FFFD; the second value counts the replacements.
#[must_use]
pub fn without_nul(text: &str) -> (Cow<'_, str>, usize) {
    // Every text on its way to a database comes by here, and next to none holds one: looking is faster than counting.
    if memchr::memchr(0, text.as_bytes()).is_none() {
        return (Cow::Borrowed(text), 0);
    }
    let count = text.bytes().filter(|byte| *byte == 0).count();
    (Cow::Owned(text.replace('\0', "\u{fffd}")), count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_spelling_do_not_matter() {
        assert_eq!(fold("PC-\u{c9}"), fold("pc-e\u{301}"));
        assert_eq!(fold("WKS-01"), "wks-01");
        assert_eq!(fold("ﬁle"), "file");
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["İstanbul", "ΑΣ", "ǅ", "K", "PC-É", "ẞ"] {
            let once = fold(text).into_owned();
            assert_eq!(fold(&once), once, "{text}");
        }
    }

    #[test]
    fn nul_is_replaced_and_counted() {
        assert_eq!(without_nul("a\0b\0"), (Cow::Owned("a\u{fffd}b\u{fffd}".to_owned()), 2));
        assert_eq!(without_nul("ab").1, 0);
    }
}
