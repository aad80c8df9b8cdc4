//! Asking from the other side: `EXISTS` over every row becomes `IN` over what the elements belong to.
//!
//! A page tests row after row, so for it an element is looked up from its row. A count tests all rows: then it is
//! cheaper to find the elements that match (by their own index) and to count the rows that they belong to. PostgreSQL
//! turns one into the other by itself; SQLite does not, and takes 100 times as long over a rare address.

/// What every correlated part begins with (`query` writes it so).
const EXISTS: &str = "EXISTS (SELECT 1 FROM ";

/// The columns by which elements belong to a row.
const KEYS: [&str; 2] = ["asset_id", "record_id"];

/// The same condition over `t`, with every `EXISTS` that hangs on `t` by a key alone turned inward.
///
/// The condition holds no literals but ours, since values are parameters, so its text can be searched. `$1` is the
/// organization. Keys are never null, so `IN` is as two-valued as `EXISTS`.
pub(super) fn inward(condition: &str) -> String {
    let mut out = String::with_capacity(condition.len());
    let mut rest = condition;
    while let Some(at) = rest.find(EXISTS) {
        let (before, exists) = rest.split_at(at);
        out.push_str(before);
        let body = &exists[EXISTS.len()..];
        match turned(body) {
            Some((head, behind)) => {
                out.push_str(&head);
                rest = behind;
            }
            None => {
                out.push_str(EXISTS);
                rest = body;
            }
        }
    }
    out.push_str(rest);
    out
}

/// The beginning of the part up to where it is tied to `t`, turned, and what follows.
fn turned(body: &str) -> Option<(String, &str)> {
    const TIE: &str = ".org_id = t.org_id AND ";
    let own = own(body);
    for key in KEYS {
        // What is tied in deeper parentheses is another part's.
        let ties = own.match_indices(TIE).filter(|(at, _)| depth(&own[..*at]) == 0);
        for (at, _) in ties {
            let alias = own[..at].rsplit([' ', '(']).next()?;
            let full = format!("{TIE}{alias}.{key} = t.{key}");
            if own[at..].starts_with(&full) {
                let head = format!("t.{key} IN (SELECT {alias}.{key} FROM {}.org_id = $1", &own[..at]);
                return Some((head, &body[at + full.len()..]));
            }
        }
    }
    None
}

/// The text up to the parenthesis that closes the part.
fn own(body: &str) -> &str {
    let mut depth = 0;
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => return &body[..at],
            b')' => depth -= 1,
            _ => {}
        }
    }
    body
}

fn depth(text: &str) -> usize {
    text.matches('(').count().saturating_sub(text.matches(')').count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hangs_on_a_row_by_its_key_is_turned() {
        let outward = "(t.os_term = 5 AND NOT EXISTS (SELECT 1 FROM a l JOIN b c ON c.org_id = l.org_id \
                       WHERE l.org_id = t.org_id AND l.asset_id = t.asset_id AND c.ip = $2))";
        let turned = "(t.os_term = 5 AND NOT t.asset_id IN (SELECT l.asset_id FROM a l JOIN b c ON c.org_id = l.org_id \
                      WHERE l.org_id = $1 AND c.ip = $2))";
        assert_eq!(inward(outward), turned);
    }

    #[test]
    fn what_hangs_on_an_element_stays_where_it_is() {
        let outward = "EXISTS (SELECT 1 FROM a l WHERE l.org_id = t.org_id AND l.asset_id = t.asset_id \
                       AND EXISTS (SELECT 1 FROM b c WHERE c.org_id = t1.org_id AND c.record_id = t1.record_id))";
        assert_eq!(inward(outward).matches("t.asset_id IN").count(), 1);
        assert_eq!(inward(outward).matches(EXISTS).count(), 1);
        let other = "EXISTS (SELECT 1 FROM r WHERE r.org_id = t.org_id AND r.native_id = t.agent_native_id)";
        assert_eq!(inward(other), other);
        let beside = "(EXISTS (SELECT 1 FROM a l WHERE l.org_id = t2.org_id AND l.asset_id = t2.asset_id) \
                      OR (SELECT count(*) FROM b t3 WHERE t3.org_id = t.org_id AND t3.record_id = t.record_id) > 1)";
        assert_eq!(inward(beside), beside);
        assert_eq!(inward("TRUE"), "TRUE");
    }
}
