//! Which verdicts make a finding fail: a list for each integration, looked at when a question is asked, so that another
//! list is another answer at once.

use kernel::{IntegrationId, OrgId, Value};
use store::{Kind, StoreError, Tx};

/// The list of an integration for which nobody chose one.
pub const VERDICTS: [&str; 3] = ["true_positive", "suspicious", "undefined"];

/// What a finding without any verdict has: nobody judged it yet.
pub const NO_VERDICT: &str = "undefined";

/// A verdict in the form in which lists hold it: `True positive` is `true_positive`.
#[must_use]
pub fn plain(verdict: &str) -> String {
    let plain = |c: char| if matches!(c, ' ' | '-') { '_' } else { c.to_ascii_lowercase() };
    verdict.trim().chars().filter(|c| *c != ',').map(plain).collect()
}

/// Whether a finding of that verdict fails by this list.
#[must_use]
pub fn fails<S: AsRef<str>>(list: &[S], verdict: Option<&str>) -> bool {
    let verdict = plain(verdict.unwrap_or(NO_VERDICT));
    list.iter().any(|listed| plain(listed.as_ref()) == verdict)
}

/// Sets the list of an integration; `None` goes back to [`VERDICTS`]. An empty list lets nothing fail.
///
/// # Errors
/// The database fails.
pub fn set_verdicts(
    tx: &mut Tx,
    org: OrgId,
    integration: IntegrationId,
    list: Option<&[String]>,
) -> Result<(), StoreError> {
    const DELETE: &str = "DELETE FROM inventory_verdict_list WHERE org_id = $1 AND integration_id = $2";
    const COLUMNS: &[(&str, Kind)] = &[("org_id", Kind::Int), ("integration_id", Kind::Int), ("verdicts", Kind::Text)];
    tx.execute(DELETE, &[org.into(), integration.into()])?;
    let Some(list) = list else { return Ok(()) };
    let words: Vec<String> = list.iter().map(|verdict| plain(verdict)).filter(|word| !word.is_empty()).collect();
    let row = [Value::from(org), integration.into(), format!(",{},", words.join(",")).into()];
    tx.insert_many("inventory_verdict_list", COLUMNS, &row, "")?;
    Ok(())
}

/// The list of an integration.
///
/// # Errors
/// The database fails.
pub fn verdicts(tx: &mut Tx, org: OrgId, integration: IntegrationId) -> Result<Vec<String>, StoreError> {
    const READ: &str = "SELECT verdicts FROM inventory_verdict_list WHERE org_id = $1 AND integration_id = $2";
    let stored = tx.query_opt(READ, &[org.into(), integration.into()], |row| Ok(row.text(0)?.to_owned()))?;
    Ok(match stored {
        Some(list) => list.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect(),
        None => VERDICTS.map(str::to_owned).to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_outside_the_list_does_not_fail_and_none_is_undefined() {
        assert!(fails(&VERDICTS, Some("TRUE_POSITIVE")) && fails(&VERDICTS, Some("True positive")));
        assert!(fails(&VERDICTS, None), "what nobody judged is not safe");
        assert!(!fails(&VERDICTS, Some("false_positive")));
        assert!(!fails(&["false_positive"], None));
        assert!(!fails::<&str>(&[], Some("true_positive")), "an empty list lets nothing fail");
    }
}
