//! What somebody may have meant: names and words by edit distance.

use std::collections::BTreeMap;

use kernel::fold;

/// How many suggestions a problem carries at most.
const SUGGESTIONS_MAX: usize = 3;
/// Words longer than this are not compared letter by letter.
const LETTERS_MAX: usize = 64;

/// The nearest of the candidates, the nearest first; none if all are far.
pub fn nearest<'a>(asked: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let asked = fold(asked).into_owned();
    let far = (asked.chars().count() / 4).clamp(1, 3);
    let mut near: Vec<(usize, &str)> = Vec::new();
    for candidate in candidates {
        let folded = fold(candidate);
        let mut steps = distance(&asked, &folded);
        // Parts of a dotted name that are left out or written otherwise: `edr_name`, `agentversion`.
        let letters = |text: &str| text.replace(['.', '_', '-'], "");
        if letters(&asked) == letters(&folded) {
            steps = 0;
        } else if asked.len() > 3 && folded.split('.').any(|part| part == asked) {
            steps = steps.min(1);
        }
        if steps <= far && !near.iter().any(|(_, known)| *known == candidate) {
            near.push((steps, candidate));
        }
    }
    near.sort();
    near.into_iter().take(SUGGESTIONS_MAX).map(|(_, name)| name.to_owned()).collect()
}

/// The least far of the candidates, when none is near: those that share a part of the name, else by letters.
pub(crate) fn least_far<'a>(asked: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let asked_parts = parts(asked);
    let mut ranked: Vec<(usize, usize, &str)> = candidates
        .into_iter()
        .map(|candidate| {
            let own = parts(candidate);
            let shared = asked_parts.iter().filter(|part| own.contains(part)).map(String::len).sum::<usize>();
            (usize::MAX - shared, distance(&fold(asked), &fold(candidate)), candidate)
        })
        .collect();
    ranked.sort_unstable();
    ranked.dedup();
    ranked.into_iter().take(SUGGESTIONS_MAX).map(|(_, _, name)| name.to_owned()).collect()
}

/// The words of a name: parted by dots and the like, and where a capital follows a small letter.
fn parts(name: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut small = false;
    for char in name.chars() {
        if !char.is_alphanumeric() || (char.is_uppercase() && small) {
            parts.push(String::new());
        }
        small = char.is_lowercase();
        if let Some(last) = parts.last_mut() {
            last.extend(char.to_lowercase().filter(|char| char.is_alphanumeric()));
        }
    }
    parts.retain(|part| part.len() > 2);
    parts
}

/// Insertions, deletions, replacements and swaps of neighbours.
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    if left.len().max(right.len()) > LETTERS_MAX {
        return usize::MAX;
    }
    let mut rows = vec![(0..=right.len()).collect::<Vec<usize>>()];
    for (i, a) in left.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut steps = (rows[i][j] + usize::from(a != b)).min(rows[i][j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                steps = steps.min(rows[i - 1][j - 1] + 1);
            }
            row.push(steps);
        }
        rows.push(row);
    }
    rows[left.len()][right.len()]
}

/// The words of the values seen, each with the rows of all values that have it.
pub(crate) fn words(values: &[(String, u64)]) -> BTreeMap<String, u64> {
    let mut words = BTreeMap::new();
    for (value, count) in values {
        let folded = fold(value);
        let mut seen: Vec<&str> = folded.split(|char: char| !char.is_alphanumeric()).collect();
        seen.sort_unstable();
        seen.dedup();
        for word in seen.into_iter().filter(|word| !word.is_empty()) {
            *words.entry(word.to_owned()).or_default() += count;
        }
    }
    words
}

/// `windows 1,874, macos 402, linux 199`: the most frequent values, or first words of values.
pub(crate) fn most_frequent(values: &[(String, u64)], first_words: bool) -> String {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for (value, count) in values.iter().filter(|(value, _)| !value.is_empty()) {
        let shown = if first_words {
            fold(value).split_whitespace().next().unwrap_or_default().to_owned()
        } else {
            value.clone()
        };
        *counts.entry(shown).or_default() += count;
    }
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
    // Nought means that nobody counted: a value that is known was seen.
    let shown = counts.iter().take(5).map(|(value, count)| match count {
        0 => value.clone(),
        count => format!("{value} {}", thousands(*count)),
    });
    shown.collect::<Vec<_>>().join(", ")
}

/// A number with commas.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_near_a_typing_mistake_are_found() {
        let names = ["edr.name", "os", "os.version", "last_seen", "address"];
        assert_eq!(nearest("edr.nam", names), ["edr.name"]);
        assert_eq!(nearest("edr_name", names), ["edr.name"]);
        assert_eq!(nearest("lastseen", names), ["last_seen"]);
        assert_eq!(nearest("adress", names), ["address"]);
        assert_eq!(nearest("colour", names), Vec::<String>::new());
        assert_eq!(least_far("plugin.vprScore", ["os", "risk_score", "plug"])[0], "risk_score");
        assert_eq!(thousands(1_234_567), "1,234,567");
    }
}
