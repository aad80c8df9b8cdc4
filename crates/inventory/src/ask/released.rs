//! Asking by releases: what is asked of a program's name, maker or version is asked of the few releases that there are,
//! and not of every row that names one.
//!
//! A row's name is behind the number of its release, so a term over it is a look-up for each row. The same condition,
//! turned so that the releases that match are found first, is answered by the index of releases on both databases.

/// How the catalogue spells a column of a row's release.
const BEGIN: &str = "(SELECT i.";
const FROM: &str = " FROM inventory_release i WHERE i.org_id = ";
const RELEASE: &str = ".release_id)";

/// How a turned condition begins, behind its row.
const TURNED: &str = ".release_id IN (SELECT i.release_id FROM inventory_release i WHERE i.org_id = $1 AND ";

/// The same condition with what is asked of releases turned: terms that stand together are asked of them together, so
/// that they are read once. `$1` is the organization.
pub(super) fn released(condition: &str) -> String {
    let mut out = String::with_capacity(condition.len());
    let mut rest = condition;
    while let Some(at) = rest.find('(') {
        let (before, group) = rest.split_at(at);
        out.push_str(before);
        match together(&out, group) {
            Some((asked, behind)) => {
                let Term { row, of_release } = asked;
                out.push_str(&format!("{row}{TURNED}{of_release})"));
                rest = behind;
            }
            None => {
                out.push('(');
                rest = &group[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// What is asked of the release of one row.
struct Term<'a> {
    row: &'a str,
    /// The condition over the release `i`.
    of_release: String,
}

/// As many terms over releases as stand in a row at the beginning of the text, and what follows them.
fn together<'a>(before: &str, text: &'a str) -> Option<(Term<'a>, &'a str)> {
    let (first, mut behind) = term(text)?;
    let mut terms = vec![first];
    // What binds closer than the word between the terms must not be torn from them.
    let word = [" AND ", " OR "].into_iter().find(|word| behind.starts_with(word));
    let begins = |word: &str| before.ends_with('(') || before.ends_with(word);
    if let Some(word) = word.filter(|word| begins(word)) {
        while let Some((next, after)) = behind.strip_prefix(word).and_then(term) {
            let ends = after.is_empty() || after.starts_with(')') || after.starts_with(word);
            if next.row != terms[0].row || !ends {
                break;
            }
            terms.push(next);
            behind = after;
        }
        let of_release: Vec<&str> = terms.iter().map(|term| term.of_release.as_str()).collect();
        if terms.len() > 1 {
            return Some((Term { row: terms[0].row, of_release: format!("({})", of_release.join(word)) }, behind));
        }
    }
    terms.pop().map(|term| (term, behind))
}

/// One term over a release, or a group of nothing else, and what follows it.
fn term(text: &str) -> Option<(Term<'_>, &str)> {
    if text.starts_with(BEGIN) {
        return turned(text);
    }
    let inside = text.strip_prefix('(')?;
    let (asked, behind) = together("(", inside)?;
    Some((asked, behind.strip_prefix(')')?))
}

/// The same condition for testing row after row: each release that a row names is looked up among those that were
/// found. SQLite would rather look for each of those among the row's, of which there are fewer.
pub(super) fn row_by_row(condition: &str) -> String {
    let mut out = String::with_capacity(condition.len() + 8);
    let mut rest = condition;
    while let Some(at) = rest.find(TURNED) {
        let row = rest[..at].rfind(|char: char| !char.is_ascii_alphanumeric()).map_or(0, |before| before + 1);
        out.push_str(&rest[..row]);
        out.push('+');
        out.push_str(&rest[row..at + TURNED.len()]);
        rest = &rest[at + TURNED.len()..];
    }
    out.push_str(rest);
    out
}

/// A comparison of a release's column with numbers, and what follows it; `None` for anything else.
fn turned(term: &str) -> Option<(Term<'_>, &str)> {
    let (column, behind) = term.strip_prefix(BEGIN)?.split_once(FROM)?;
    let (row, behind) = behind.split_once(".org_id AND i.release_id = ")?;
    let behind = behind.strip_prefix(row)?.strip_prefix(RELEASE)?;
    let plain = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !plain(column) || !plain(row) {
        return None;
    }
    let (compared, behind) = behind.split_at(comparison(behind)?);
    Some((Term { row, of_release: format!("i.{column}{compared}") }, behind))
}

/// The column of releases that an expression over a row `t` reads, if it reads nothing else.
pub(super) fn column(expression: &str) -> Option<&str> {
    let (column, behind) = expression.strip_prefix(BEGIN)?.split_once(FROM)?;
    (behind == "t.org_id AND i.release_id = t.release_id)").then_some(column)
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
    fn terms_that_stand_together_are_asked_together() {
        let (a, b) = (format!("{} IN (1, 2)", column("t1")), format!("{} BETWEEN 3 AND 9", column("t1")));
        let (one, two) = ("i.plain_term IN (1, 2)", "i.plain_term BETWEEN 3 AND 9");
        let turned = |of: &str| format!("t1{TURNED}{of})");
        for (text, expected) in [
            (format!("({a} AND {b})"), turned(&format!("({one} AND {two})"))),
            (format!("({a} OR {b})"), turned(&format!("({one} OR {two})"))),
            (format!("({a} AND ({b} OR {a}))"), turned(&format!("({one} AND ({two} OR {one}))"))),
            (format!("(x = 1 AND {a} AND {b})"), format!("(x = 1 AND {})", turned(&format!("({one} AND {two})")))),
            (format!("({a} OR {b} OR x)"), format!("({} OR x)", turned(&format!("({one} OR {two})")))),
            // What is bound closer by another word, or by a denial, or is asked of another row, stays apart.
            (format!("(x AND {a} OR {b})"), format!("(x AND {} OR {})", turned(one), turned(two))),
            (format!("(NOT {a} AND {b})"), format!("(NOT {} AND {})", turned(one), turned(two))),
            (format!("({a} AND {} = 7)", column("t2")), format!("({} AND t2{TURNED}i.plain_term = 7))", turned(one))),
            (format!("NOT COALESCE(({a} AND x), FALSE)"), format!("NOT COALESCE(({} AND x), FALSE)", turned(one))),
        ] {
            assert_eq!(released(&text), expected, "{text}");
        }
    }

    #[test]
    fn rows_are_tested_by_what_they_name() {
        let text = released(&format!("(t.x = 1 AND NOT EXISTS (SELECT 1 FROM y t1 WHERE {} = 7))", column("t1")));
        assert!(row_by_row(&text).contains(&format!("WHERE +t1{TURNED}")), "{}", row_by_row(&text));
        assert_eq!(row_by_row("t.release_id IN (1, 2)"), "t.release_id IN (1, 2)");
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
