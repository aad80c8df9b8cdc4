//! Lists that are short by their nature (their makers are bounded: [`access::CREDENTIALS_MAX`] and its like), by pages of a key
//! as all others, so that a program walks each list in the same way and no answer grows with what is stored.

use serde_json::json;

use crate::Problem;
use crate::fields::Fields;
use crate::openapi::Operation;

/// Entries of an answer unless it asks for others.
const ROWS: usize = 100;
/// Entries of an answer at most.
const ROWS_MAX: usize = 1_000;

impl Operation {
    /// The same by pages: `limit` and `after`.
    #[must_use]
    pub(crate) fn paged(self) -> Operation {
        let limit = json!({ "type": "integer", "minimum": 1, "maximum": ROWS_MAX, "default": ROWS });
        let after = json!({ "type": "string" });
        self.query("limit", "How many at most.", limit).query("after", "Where the last page ended: its `next`.", after)
    }
}

/// How many are asked for.
pub(crate) fn limit(asked: &Fields) -> Result<usize, Problem> {
    let wrong = || Problem::wrong("limit", format!("limit is a whole number from 1 to {ROWS_MAX}."));
    match asked.opt("limit") {
        None | Some("") => Ok(ROWS),
        Some(text) => text.parse().ok().filter(|limit| (1..=ROWS_MAX).contains(limit)).ok_or_else(wrong),
    }
}

/// How many rows to read for a page of that limit: one more, which tells whether anything comes after.
pub(crate) fn rows(limit: usize) -> u32 {
    u32::try_from(limit).unwrap_or(u32::MAX).saturating_add(1)
}

/// The page of what [`rows`] read in the order of its key, and the key to go on after.
pub(crate) fn cut<T>(mut found: Vec<T>, limit: usize, key: impl Fn(&T) -> String) -> (Vec<T>, Option<String>) {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(key);
    (found, next)
}

/// The page of a list that is asked for, in the order of a key that no two share, and the key to go on after.
pub(crate) fn page<T>(
    items: Vec<T>,
    asked: &Fields,
    key: impl Fn(&T) -> String,
) -> Result<(Vec<T>, Option<String>), Problem> {
    let (limit, after) = (limit(asked)?, asked.get("after"));
    let mut keyed: Vec<(String, T)> = items.into_iter().map(|item| (key(&item), item)).collect();
    keyed.retain(|(key, _)| after.is_empty() || key.as_str() > after);
    keyed.sort_by(|(one, _), (other, _)| one.cmp(other));
    let (keyed, next) = cut(keyed, limit, |(key, _)| key.clone());
    Ok((keyed.into_iter().map(|(_, item)| item).collect(), next))
}

/// A number as a key.
pub(crate) fn number(number: i64) -> String {
    format!("{number:019}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_by_key_hold_each_entry_once_whatever_comes_and_goes_between_them() {
        let asked = |query: &str| Fields::read(query.as_bytes());
        let items = |all: &[i64]| all.to_vec();
        let of = |all: &[i64], query: &str| page(items(all), &asked(query), |one| number(*one));
        assert_eq!(of(&[9, 10, 2], "").unwrap(), (vec![2, 9, 10], None));
        let (first, next) = of(&[9, 10, 2], "limit=2").unwrap();
        let next = next.unwrap();
        assert_eq!(first, [2, 9]);
        assert_eq!(of(&[10, 2, 11, 1], &format!("limit=2&after={next}")).unwrap(), (vec![10, 11], None));
        for wrong in ["limit=0", "limit=1001", "limit=x", "limit=-1"] {
            assert!(of(&[], wrong).is_err(), "{wrong}");
        }
    }
}
