//! Reading SQL just well enough to find its parameters.
//!
//! SQLite takes `$1` for a *name* and numbers names as they appear, so binding by position would swap values without
//! a word; `?1` is its numbered form. PostgreSQL knows only `$1`. We write `$1` and rewrite it for SQLite.

/// A statement as SQLite wants it, and how many parameters it has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Numbered {
    /// The same statement with `?N` for `$N`.
    pub sqlite: String,
    /// The highest parameter number.
    pub params: usize,
}

/// Most parameters that one statement may have; PostgreSQL counts them in 16 bits, SQLite stops at 32,766.
const PARAMS_MAX: usize = 32_766;

/// Finds `$1..$n` outside quotes and comments.
///
/// # Errors
/// A number is skipped, a `?` or a `$` stands alone, or a quote or comment is not closed; the text says which.
pub(crate) fn number(sql: &str) -> Result<Numbered, String> {
    let bytes = sql.as_bytes();
    let mut out = String::with_capacity(sql.len());
    let mut seen: Vec<bool> = Vec::new();
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        let rest = &sql[at..];
        match bytes[at] {
            quote @ (b'\'' | b'"') => {
                // A doubled quote closes and opens again, which comes to the same.
                let end = rest[1..].find(char::from(quote)).ok_or("a quote is not closed")?;
                at += end + 2;
            }
            b'-' if rest.starts_with("--") => at += rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => at += rest.find("*/").ok_or("a comment is not closed")? + 2,
            b'?' => return Err("parameters are written $1, not ?".to_owned()),
            b'$' => {
                let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
                let number: usize = rest[1..=digits].parse().unwrap_or(0);
                if number == 0 || number > PARAMS_MAX {
                    return Err(format!("{} is no parameter", &rest[..=digits]));
                }
                out.push_str(&sql[copied..at]);
                out.push('?');
                at += 1;
                copied = at;
                at += digits;
                if seen.len() < number {
                    seen.resize(number, false);
                }
                seen[number - 1] = true;
            }
            _ => at += 1,
        }
    }
    if let Some(gap) = seen.iter().position(|seen| !seen) {
        return Err(format!("parameter ${} is missing, though ${} is used", gap + 1, seen.len()));
    }
    out.push_str(&sql[copied..]);
    Ok(Numbered { sqlite: out, params: seen.len() })
}

/// Whether a table's or column's name can stand in a statement unquoted.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !text.as_bytes()[0].is_ascii_digit()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(sql: &str) -> String {
        number(sql).unwrap().sqlite
    }

    #[test]
    fn parameters_are_rewritten_wherever_they_stand() {
        assert_eq!(sqlite("SELECT $2, $1, $1"), "SELECT ?2, ?1, ?1");
        assert_eq!(sqlite("$1"), "?1");
        assert_eq!(number("SELECT 1").unwrap(), Numbered { sqlite: "SELECT 1".into(), params: 0 });
        let many: String = (1..=12).map(|n| format!("${n},")).collect();
        assert_eq!(number(&many).unwrap().params, 12);
        assert!(sqlite(&many).ends_with("?10,?11,?12,"));
    }

    #[test]
    fn quotes_and_comments_are_left_alone() {
        assert_eq!(sqlite("SELECT '$1 it''s $2', $1"), "SELECT '$1 it''s $2', ?1");
        assert_eq!(sqlite(r#"SELECT "a$9", $1"#), r#"SELECT "a$9", ?1"#);
        assert_eq!(sqlite("SELECT 1 -- $3 ?\n, $1"), "SELECT 1 -- $3 ?\n, ?1");
        assert_eq!(sqlite("SELECT /* $3 ' */ $1"), "SELECT /* $3 ' */ ?1");
        assert_eq!(sqlite("SELECT $1 - 1 / 2 -- end"), "SELECT ?1 - 1 / 2 -- end");
        assert_eq!(sqlite("SELECT 'ü$1', $1 || 'é'"), "SELECT 'ü$1', ?1 || 'é'");
    }

    #[test]
    fn what_cannot_be_bound_safely_is_refused() {
        for (sql, reason) in [
            ("SELECT $1, $3", "parameter $2 is missing, though $3 is used"),
            ("SELECT $2", "parameter $1 is missing, though $2 is used"),
            ("SELECT $name", "$ is no parameter"),
            ("SELECT $0", "$0 is no parameter"),
            ("SELECT $99999", "$99999 is no parameter"),
            ("SELECT ?", "parameters are written $1, not ?"),
            ("SELECT 'open, $1", "a quote is not closed"),
            ("SELECT /* $1", "a comment is not closed"),
        ] {
            assert_eq!(number(sql), Err(reason.to_owned()), "{sql}");
        }
    }
}
