//! What options leave out of an integration: how much, by which option, and which records by name.

use kernel::{IntegrationId, OrgId, RecordId, Timestamp, fold};
use store::{StoreError, Tx};

use crate::called::{called, noun};
use crate::options::{VERDICT, agent_of};
use crate::{Import, SyncError};

/// How many records of a stream one option leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutCount {
    /// The option, by the name under which it is kept: `exclude_unknown`.
    pub option: String,
    /// The stream.
    pub stream: String,
    /// How many.
    pub records: u64,
}

/// One record that is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOutRecord {
    /// The option.
    pub option: String,
    /// The stream.
    pub stream: String,
    /// What people call it: a machine's name, a product and its version, a CVE, a threat.
    pub name: String,
    /// The source's id of it.
    pub native_id: String,
    /// The source's id of the agent to which it belongs, if it does.
    pub agent: Option<String>,
    /// Since when it is left out; nothing for findings, which are there and not failed.
    pub since: Option<Timestamp>,
}

/// How much is left out, by option and stream. Findings whose verdict is not listed stand under `verdicts`: they are not
/// left out, they are not failed.
///
/// # Errors
/// The database fails.
pub fn left_out_counts(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    import: &Import,
) -> Result<Vec<LeftOutCount>, StoreError> {
    const COUNT: &str = "SELECT o.option, r.stream, count(*) FROM inventory_left_out o \
        JOIN inventory_source_record r ON r.org_id = o.org_id AND r.record_id = o.record_id \
        WHERE o.org_id = $1 AND r.integration_id = $2 AND r.state <> 'retired' GROUP BY o.option, r.stream \
        ORDER BY o.option, r.stream";
    let mut counts = tx.query(COUNT, &[org.into(), id.into()], |row| {
        Ok(LeftOutCount {
            option: row.text(0)?.to_owned(),
            stream: row.text(1)?.to_owned(),
            records: row.int(2)?.unsigned_abs(),
        })
    })?;
    let mut passed: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    for (verdict, stream, records) in verdicts(tx, org, id)? {
        if !inventory::verdict::fails(&import.verdicts, verdict.as_deref()) {
            *passed.entry(stream).or_default() += records;
        }
    }
    counts.extend(passed.into_iter().map(|(stream, records)| LeftOutCount {
        option: VERDICT.to_owned(),
        stream,
        records,
    }));
    Ok(counts)
}

/// How many findings have which verdict, by stream.
fn verdicts(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Vec<(Option<String>, String, u64)>, StoreError> {
    const COUNT: &str = "SELECT v.text, r.stream, count(*) FROM inventory_finding f \
        JOIN inventory_source_record r ON r.org_id = f.org_id AND r.record_id = f.record_id \
        LEFT JOIN inventory_term v ON v.org_id = f.org_id AND v.term_id = f.verdict_term \
        WHERE f.org_id = $1 AND f.integration_id = $2 AND r.state <> 'retired' \
        AND NOT EXISTS (SELECT 1 FROM inventory_finding_merge m WHERE m.org_id = f.org_id AND m.record_id = f.record_id) \
        GROUP BY v.text, r.stream";
    tx.query(COUNT, &[org.into(), id.into()], |row| {
        Ok((row.opt_text(0)?.map(str::to_owned), row.text(1)?.to_owned(), row.int(2)?.unsigned_abs()))
    })
}

/// Option, stream, native id, since when, and the record.
type Found = (String, String, String, Option<Timestamp>, i64);

/// Records that are left out, by one option or by all, in the order of option, stream and id; at most `limit`.
///
/// # Errors
/// The database fails or a body cannot be read.
pub fn left_out(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    import: &Import,
    option: Option<&str>,
    limit: u32,
) -> Result<Vec<LeftOutRecord>, SyncError> {
    const READ: &str = "SELECT o.option, r.stream, r.native_id, o.since, r.record_id FROM inventory_left_out o \
        JOIN inventory_source_record r ON r.org_id = o.org_id AND r.record_id = o.record_id \
        WHERE o.org_id = $1 AND r.integration_id = $2 AND r.state <> 'retired' \
        AND (CAST($3 AS TEXT) IS NULL OR o.option = $3) ORDER BY o.option, r.stream, r.native_id LIMIT $4";
    const FINDINGS: &str = "SELECT v.text, r.stream, r.native_id, r.record_id FROM inventory_finding f \
        JOIN inventory_source_record r ON r.org_id = f.org_id AND r.record_id = f.record_id \
        LEFT JOIN inventory_term v ON v.org_id = f.org_id AND v.term_id = f.verdict_term \
        WHERE f.org_id = $1 AND f.integration_id = $2 AND r.state <> 'retired' \
        AND NOT EXISTS (SELECT 1 FROM inventory_finding_merge m WHERE m.org_id = f.org_id AND m.record_id = f.record_id) \
        ORDER BY r.stream, r.native_id";
    let mut found: Vec<Found> = Vec::new();
    if option != Some(VERDICT) {
        let values = [org.into(), id.into(), option.into(), i64::from(limit).into()];
        found = tx.query(READ, &values, |row| {
            let since = Some(Timestamp::from_micros(row.int(3)?));
            Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned(), row.text(2)?.to_owned(), since, row.int(4)?))
        })?;
    }
    if option.is_none_or(|option| option == VERDICT) {
        let room = limit as usize;
        tx.scan(FINDINGS, &[org.into(), id.into()], |row| {
            if found.len() >= room {
                return Ok(std::ops::ControlFlow::Break(()));
            }
            if !inventory::verdict::fails(&import.verdicts, row.opt_text(0)?) {
                let (stream, native_id) = (row.text(1)?.to_owned(), row.text(2)?.to_owned());
                found.push((VERDICT.to_owned(), stream, native_id, None, row.int(3)?));
            }
            Ok(std::ops::ControlFlow::Continue(()))
        })?;
    }
    let records: Vec<RecordId> = found.iter().map(|(.., record)| RecordId(*record)).collect();
    let bodies = inventory::bodies(tx, org, &records)?;
    let named = |(one, body): (Found, Option<Vec<u8>>)| {
        let (option, stream, native_id, since, _) = one;
        let noun = body.and_then(|body| noun(&stream, &native_id, &body));
        let (name, agent) = match &noun {
            Some(noun) => (called(noun), agent_of(noun).map(str::to_owned)),
            None => (None, None),
        };
        let name = name.unwrap_or_else(|| native_id.clone());
        LeftOutRecord { option, stream, name, native_id, agent, since }
    };
    Ok(found.into_iter().zip(bodies).map(named).collect())
}

/// A group that an option names and the console does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownGroup {
    /// The name as it was typed.
    pub name: String,
    /// The name of a group that may have been meant.
    pub near: Option<String>,
}

/// The groups of an option that no group of the console is called; none as long as no group was read.
///
/// # Errors
/// The database fails.
pub fn unknown_groups(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    import: &Import,
) -> Result<Vec<UnknownGroup>, StoreError> {
    const READ: &str = "SELECT DISTINCT name, name_folded FROM inventory_console_group \
        WHERE org_id = $1 AND integration_id = $2 AND name IS NOT NULL ORDER BY name";
    if import.groups.is_empty() {
        return Ok(Vec::new());
    }
    let known =
        tx.query(READ, &[org.into(), id.into()], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))?;
    let is_known = |name: &str| known.iter().any(|(_, folded)| *folded == fold(name));
    let unknown = import.groups.iter().filter(|name| !known.is_empty() && !is_known(name));
    let near = |name: &str| {
        let folded = inventory::ask::nearest(&fold(name), known.iter().map(|(_, folded)| folded.as_str()))?.to_owned();
        known.iter().find(|(_, known)| *known == folded).map(|(name, _)| name.clone())
    };
    Ok(unknown.map(|name| UnknownGroup { name: name.clone(), near: near(name) }).collect())
}
