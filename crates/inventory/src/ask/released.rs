//! Asking by releases: what is asked of a program's name, maker or version is asked of the few releases that there are,
//! and not of every row that names one.
//!
//! A row's name is behind the number of its release, so a term over it is a look-up for each row. The same condition,
//! turned so that the releases that match are found first, is answered by the index of releases on both databases.

/// How the catalogue spells a column of a row's release.
const BEGIN: &str = "(SELECT i.";
const FROM: &str = " FROM inventory_release i WHERE i.org_id = ";
const RELEASE: &str = ".release_id)";

/// The same condition with the terms over releases turned. `$1` is the organization.
pub(super) fn released(condition: &str) -> String {
    let mut out = String::with_capacity(condition.len());
    let mut rest = condition;
    while let Some(at) = rest.find(BEGIN) {
        let (before, term) = rest.split_at(at);
        out.push_str(before);
        match turned(term) {
            Some((head, behind)) => {
                out.push_str(&head);
                rest = behind;
            }
            None => {
                out.push_str(BEGIN);
                rest = &term[BEGIN.len()..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// A term, turned, and what follows it; `None` for what is no comparison with numbers.
fn turned(term: &str) -> Option<(String, &str)> {
    let (column, behind) = term[BEGIN.len()..].split_once(FROM)?;
    let (row, behind) = behind.split_once(".org_id AND i.release_id = ")?;
    let behind = behind.strip_prefix(row)?.strip_prefix(RELEASE)?;
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !plain(column) || !plain(row) {
        return None;
    }
    let length = comparison(behind)?;
    let (compared, behind) = behind.split_at(length);
    let head = format!(
        "{row}.release_id IN (SELECT i.release_id FROM inventory_release i WHERE i.org_id = $1 AND i.{column}{compared})"
    );
    Some((head, behind))
}

/// How long the comparison with numbers is with which the text begins.
fn comparison(text: &str) -> Option<usize> {
    let digits = |from: usize| from + text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let begins = |word: &str| text.starts_with(word).then_some(word.len());
    if let Some(list) = begins(" IN (").or_else(|| begins(" NOT IN (")) {
        let end = text[list..].find(')')? + list;
        let numbers = text[list..end].bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b',' | b' '));
        return numbers.then_some(end + 1);
    }
    if let Some(low) = begins(" BETWEEN ").or_else(|| begins(" NOT BETWEEN ")) {
        let middle = digits(low);
        let high = middle + text[middle..].strip_prefix(" AND ").map(|_| " AND ".len())?;
        let end = digits(high);
        return (end > high).then_some(end);
    }
    if let Some(number) = begins(" = ").or_else(|| begins(" != ")) {
        let end = digits(number);
        return (end > number).then_some(end);
    }
    begins(" IS NOT NULL")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(row: &str) -> String {
        format!(
            "(SELECT i.plain_term FROM inventory_release i WHERE i.org_id = {row}.org_id AND i.release_id = {row}.release_id)"
        )
    }

    #[test]
    fn a_comparison_with_numbers_is_asked_of_the_releases() {
        for compared in [
            " IN (1, 2)",
            " NOT IN (1, 2)",
            " = 7",
            " != 7",
            " BETWEEN 3 AND 9",
            " NOT BETWEEN 3 AND 9",
            " IS NOT NULL",
        ] {
            let turned = format!(
                "t2.release_id IN (SELECT i.release_id FROM inventory_release i WHERE i.org_id = $1 AND i.plain_term{compared})"
            );
            assert_eq!(released(&format!("(x AND {}{compared} OR y)", column("t2"))), format!("(x AND {turned} OR y)"));
        }
    }

    #[test]
    fn anything_else_stays() {
        for behind in [" = $2", " IN ($2)", " IS NULL", "", " LIKE $3 ESCAPE '\\'"] {
            let text = format!("NOT COALESCE({}{behind}, FALSE)", column("t"));
            assert_eq!(released(&text), text);
        }
        assert_eq!(released("(SELECT i.x FROM other i) = 3"), "(SELECT i.x FROM other i) = 3");
    }
}
