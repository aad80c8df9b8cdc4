//! Words: how a text is parted for full-text search. One definition, which index, database and evaluator share.

use kernel::fold;

/// The most bytes of a word; what is longer is cut. A SHA-512 has 128 digits.
pub const WORD_BYTES_MAX: usize = 128;

/// The words of a text: runs of letters and digits, folded, cut at [`WORD_BYTES_MAX`].
pub fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    each_word(text, |word| found.push(word.to_owned()));
    found
}

/// Shows `each` the words of a text, in order.
pub fn each_word(text: &str, mut each: impl FnMut(&str)) {
    let folded = fold(text);
    for word in folded.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty()) {
        each(cut(word));
    }
}

/// A word as an index holds it.
fn cut(word: &str) -> &str {
    let mut end = word.len().min(WORD_BYTES_MAX);
    while !word.is_char_boundary(end) {
        end -= 1;
    }
    &word[..end]
}

/// A word that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word, folded and cut.
    pub text: String,
    /// Whether it is only the beginning of one: `rans*`.
    pub begins: bool,
}

impl Word {
    /// The words of a value in the form of [`crate::tree::Operand::text`]; `*` or `%` behind one makes it a beginning.
    /// `None` if there is a wildcard elsewhere, or no word.
    pub(crate) fn read(value: &str) -> Option<Vec<Word>> {
        // An asterisk stands only where it is no wildcard: behind a backslash. Neither is part of a word.
        let mut plain = String::with_capacity(value.len());
        let mut letters = value.chars();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => {
                    letters.next();
                    plain.push(' ');
                }
                '%' | '*' => plain.push(MARK),
                letter => plain.push(letter),
            }
        }
        let mut found: Vec<Word> = Vec::new();
        for part in fold(&plain).split(|letter: char| !letter.is_alphanumeric() && letter != MARK) {
            let word = part.trim_end_matches(MARK);
            if word.contains(MARK) || (word.is_empty() && !part.is_empty()) {
                return None;
            }
            if !word.is_empty() {
                found.push(Word { text: cut(word).to_owned(), begins: word != part });
            }
        }
        Some(found).filter(|found| !found.is_empty())
    }

    /// Whether this is the word, or its beginning.
    #[must_use]
    pub fn is(&self, word: &str) -> bool {
        if self.begins { word.starts_with(&self.text) } else { word == self.text }
    }
}

/// Stands for a wildcard while a value is folded; a private character, which folding leaves alone.
const MARK: char = '\u{f8ff}';

/// Whether every word that is asked for is in the text.
pub(crate) fn all_in(asked: &[Word], text: &str) -> bool {
    let mut missing: Vec<&Word> = asked.iter().collect();
    each_word(text, |word| missing.retain(|asked| !asked.is(word)));
    missing.is_empty()
}

/// The question as SQLite's FTS5 has it.
pub(crate) fn fts(asked: &[Word]) -> String {
    let one = |word: &Word| format!("\"{}\"{}", word.text, if word.begins { " *" } else { "" });
    asked.iter().map(one).collect::<Vec<_>>().join(" AND ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_parted_at_what_is_no_letter_or_digit() {
        assert_eq!(words("C:\\Temp\\Évil.EXE, 10.0.0.1"), ["c", "temp", "évil", "exe", "10", "0", "0", "1"]);
        assert_eq!(words(" -- "), Vec::<String>::new());
        assert_eq!(words(&"é".repeat(100))[0].len(), WORD_BYTES_MAX);
    }

    #[test]
    fn every_word_has_to_be_there() {
        let text = "Quarantined C:\\Temp\\mimikatz.exe";
        for (asked, holds) in [
            ("mimikatz", true),
            ("MIMIKATZ temp", true),
            ("mimi", false),
            ("mimi*", true),
            ("mimi* nothing", false),
            ("mimikatz.exe", true),
            ("mimi\\*", false),
        ] {
            assert_eq!(all_in(&Word::read(asked).unwrap(), text), holds, "{asked}");
        }
        assert_eq!(["*kat", "mi*tz", "--", "*"].map(Word::read), [None, None, None, None]);
        let long = "x".repeat(500);
        assert!(all_in(&Word::read(&long).unwrap(), &long), "a long word is cut on both sides");
    }

    #[test]
    fn the_question_for_the_index_holds_no_sign_of_the_users() {
        assert_eq!(fts(&Word::read("a\"b* c").unwrap()), "\"a\" AND \"b\" * AND \"c\"");
    }
}
