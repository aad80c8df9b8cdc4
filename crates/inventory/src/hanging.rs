//! What hangs on an agent: which agents are left out or untracked, which records go with them, and which have to be
//! judged anew because an agent's standing changed.

use kernel::{IntegrationId, OrgId, RecordId, Timestamp};
use rustc_hash::FxHashMap;
use store::{Keys, Kind, StoreError, Tx};

/// How an agent stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Its record.
    pub record: RecordId,
    /// The option that leaves it out, if one does.
    pub left_out: Option<String>,
    /// Whether nobody untracked it.
    pub tracked: bool,
}

/// How these agents stand, by native id; those that were never registered are left out.
///
/// # Errors
/// The database fails.
pub fn standing(
    tx: &mut Tx<'_>,
    org: OrgId,
    integration: IntegrationId,
    agents: &[&str],
) -> Result<FxHashMap<String, Standing>, StoreError> {
    const READ: &str = "SELECT r.native_id, r.record_id, o.option, u.record_id FROM inventory_source_record r
        LEFT JOIN inventory_left_out o ON o.org_id = r.org_id AND o.record_id = r.record_id
        LEFT JOIN inventory_untracked u ON u.org_id = r.org_id AND u.integration_id = r.integration_id
            AND u.agent_native_id = r.native_id
        WHERE r.org_id = $1 AND r.integration_id = $2 AND r.stream = 'agents' AND r.native_id IN KEYS";
    let rows = tx.select_in(READ, &[org.into(), integration.into()], Keys::Texts(agents), |row| {
        let standing = Standing {
            record: RecordId(row.int(1)?),
            left_out: row.opt_text(2)?.map(str::to_owned),
            tracked: row.opt_int(3)?.is_none(),
        };
        Ok((row.text(0)?.to_owned(), standing))
    })?;
    Ok(rows.into_iter().collect())
}

const LEFT_OUT_OF: &[(&str, Kind)] =
    &[("org_id", Kind::Int), ("integration_id", Kind::Int), ("agent_native_id", Kind::Text), ("record_id", Kind::Int)];

/// Notes that records are left out although they belong to these agents, so that they are found again.
///
/// # Errors
/// The database fails.
pub fn note_left_out_of(
    tx: &mut Tx<'_>,
    org: OrgId,
    integration: IntegrationId,
    records: &[(&str, RecordId)],
) -> Result<(), StoreError> {
    let rows: Vec<_> = records
        .iter()
        .flat_map(|(agent, record)| [org.into(), integration.into(), (*agent).into(), (*record).into()])
        .collect();
    tx.insert_many("inventory_left_out_of", LEFT_OUT_OF, &rows, "ON CONFLICT DO NOTHING")?;
    Ok(())
}

const REJUDGE: &[(&str, Kind)] =
    &[("org_id", Kind::Int), ("integration_id", Kind::Int), ("agent_native_id", Kind::Text)];

/// Notes that the standing of these agents changed.
///
/// # Errors
/// The database fails.
pub fn rejudge(tx: &mut Tx<'_>, org: OrgId, integration: IntegrationId, agents: &[&str]) -> Result<(), StoreError> {
    let rows: Vec<_> = agents.iter().flat_map(|agent| [org.into(), integration.into(), (*agent).into()]).collect();
    tx.insert_many("inventory_rejudge", REJUDGE, &rows, "ON CONFLICT DO NOTHING")?;
    Ok(())
}

/// Notes that the standing of these records changed, of whatever integration; those that are no agents matter to
/// nothing else.
///
/// # Errors
/// The database fails.
pub fn rejudge_records(tx: &mut Tx<'_>, org: OrgId, records: &[RecordId]) -> Result<(), StoreError> {
    const AGENTS: &str = "SELECT integration_id, native_id FROM inventory_source_record
        WHERE org_id = $1 AND stream = 'agents' AND record_id IN KEYS";
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    let agents = tx.select_in(AGENTS, &[org.into()], Keys::Ints(&keys), |row| {
        Ok((IntegrationId(row.int(0)?), row.text(1)?.to_owned()))
    })?;
    for (integration, agent) in agents {
        rejudge(tx, org, integration, &[&agent])?;
    }
    Ok(())
}

/// Whether an integration ever brought anything that hangs on an agent.
///
/// # Errors
/// The database fails.
pub fn any(tx: &mut Tx<'_>, org: OrgId, integration: IntegrationId) -> Result<bool, StoreError> {
    const ANY: &str = "SELECT 1 FROM inventory_source_record WHERE org_id = $1 AND integration_id = $2
        AND stream = $3 LIMIT 1";
    for stream in HANGING {
        let of = [org.into(), integration.into(), stream.into()];
        if tx.query_opt(ANY, &of, |row| row.int(0))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The streams whose records hang on agents.
pub const HANGING: [&str; 7] =
    ["applications", "risks", "threats", "custom_alerts", "unified_alerts", "xdr_assets", "ranger_devices"];

/// Some agents whose standing changed and on which nothing has been judged anew yet, at most `limit`.
///
/// # Errors
/// The database fails.
pub fn waiting(tx: &mut Tx<'_>, org: OrgId, integration: IntegrationId, limit: u32) -> Result<Vec<String>, StoreError> {
    const READ: &str = "SELECT agent_native_id FROM inventory_rejudge WHERE org_id = $1 AND integration_id = $2
        ORDER BY agent_native_id LIMIT $3";
    tx.query(READ, &[org.into(), integration.into(), i64::from(limit).into()], |row| Ok(row.text(0)?.to_owned()))
}

/// The records that hang on an agent, left out or not, with their streams, in the order of their ids.
///
/// # Errors
/// The database fails.
pub fn of_agent(
    tx: &mut Tx<'_>,
    org: OrgId,
    integration: IntegrationId,
    agent: &str,
) -> Result<Vec<(String, RecordId)>, StoreError> {
    // The native id of software begins with its agent's and a colon; behind the colon comes the semicolon.
    const SOFTWARE: &str = "SELECT record_id FROM inventory_source_record WHERE org_id = $1 AND integration_id = $2
        AND stream = 'applications' AND native_id > $3 AND native_id < $4";
    const VULNERABILITIES: &str = "SELECT record_id FROM inventory_vulnerability
        WHERE org_id = $1 AND agent_record_id = $2";
    const OTHERS: &str = "SELECT record_id FROM inventory_finding
            WHERE org_id = $1 AND integration_id = $2 AND agent_native_id = $3
        UNION SELECT record_id FROM inventory_machine
            WHERE org_id = $1 AND integration_id = $2 AND agent_native_id = $3
        UNION SELECT record_id FROM inventory_left_out_of
            WHERE org_id = $1 AND integration_id = $2 AND agent_native_id = $3";
    const AGENT: &str = "SELECT record_id FROM inventory_source_record WHERE org_id = $1 AND integration_id = $2
            AND stream = 'agents' AND native_id = $3
        UNION SELECT record_id FROM inventory_expected WHERE org_id = $1 AND integration_id = $2 AND native_id = $3";
    const STREAMS: &str =
        "SELECT stream, record_id FROM inventory_source_record WHERE org_id = $1 AND record_id IN KEYS";
    let (from, to) = (format!("{agent}:"), format!("{agent};"));
    let of = [org.into(), integration.into(), from.as_str().into(), to.as_str().into()];
    let mut records = tx.query(SOFTWARE, &of, |row| row.int(0))?;
    let of = [org.into(), integration.into(), agent.into()];
    records.extend(tx.query(OTHERS, &of, |row| row.int(0))?);
    for record in tx.query(AGENT, &of, |row| row.int(0))? {
        records.extend(tx.query(VULNERABILITIES, &[org.into(), record.into()], |row| row.int(0))?);
    }
    records.sort_unstable();
    records.dedup();
    let mut found = tx.select_in(STREAMS, &[org.into()], Keys::Ints(&records), |row| {
        Ok((row.text(0)?.to_owned(), RecordId(row.int(1)?)))
    })?;
    found.sort_unstable();
    Ok(found)
}

/// Notes that everything on an agent has been judged anew.
///
/// # Errors
/// The database fails.
pub fn judged(tx: &mut Tx<'_>, org: OrgId, integration: IntegrationId, agent: &str) -> Result<(), StoreError> {
    const DONE: &str =
        "DELETE FROM inventory_rejudge WHERE org_id = $1 AND integration_id = $2 AND agent_native_id = $3";
    tx.execute(DONE, &[org.into(), integration.into(), agent.into()])?;
    Ok(())
}

/// A device that somebody took out of tracking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untracked {
    /// The agent's native id.
    pub agent: String,
    /// Why.
    pub reason: String,
    /// When.
    pub at: Timestamp,
    /// Who did.
    pub who: String,
}

/// Takes an asset's agents out of tracking, with a reason, or (without one) back in. Answers how many that concerns; what
/// hangs on them is judged anew by the next reading.
///
/// # Errors
/// The database fails.
pub fn track(
    tx: &mut Tx<'_>,
    org: OrgId,
    asset: kernel::AssetId,
    untrack: Option<&str>,
    who: &str,
    now: Timestamp,
) -> Result<usize, StoreError> {
    const AGENTS: &str = "SELECT r.integration_id, r.native_id, r.record_id FROM inventory_link l
        JOIN inventory_source_record r ON r.org_id = l.org_id AND r.record_id = l.record_id
        WHERE l.org_id = $1 AND l.asset_id = $2 AND r.stream = 'agents' ORDER BY r.record_id";
    const OUT: &str = "INSERT INTO inventory_untracked (org_id, integration_id, agent_native_id, record_id, reason, at,
        who) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (org_id, integration_id, agent_native_id)
        DO UPDATE SET reason = excluded.reason, at = excluded.at, who = excluded.who";
    const IN: &str =
        "DELETE FROM inventory_untracked WHERE org_id = $1 AND integration_id = $2 AND agent_native_id = $3";
    let agents = tx.query(AGENTS, &[org.into(), asset.into()], |row| {
        Ok((IntegrationId(row.int(0)?), row.text(1)?.to_owned(), row.int(2)?))
    })?;
    for (integration, agent, record) in &agents {
        let of = [org.into(), (*integration).into(), agent.into()];
        match untrack {
            Some(reason) => {
                let [org, integration, agent] = of;
                let values = [org, integration, agent, (*record).into(), reason.into(), now.into(), who.into()];
                tx.execute(OUT, &values)?;
            }
            None => {
                tx.execute(IN, &of)?;
            }
        }
        rejudge(tx, org, *integration, &[agent])?;
    }
    let (what, detail) = match untrack {
        Some(reason) => ("asset.untrack", reason),
        None => ("asset.track", ""),
    };
    if !agents.is_empty() {
        access::audit(tx, org, now, who, what, &asset.to_string(), detail)?;
    }
    Ok(agents.len())
}
