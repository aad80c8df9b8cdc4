//! Scan tasks and their runs: every statement of `sync_scan_task`, `sync_scan_run` and `sync_scan_setting`.

use ipnet::IpNet;
use kernel::{CredentialId, ExplorerId, IntegrationId, OrgId, ScanId, ScanRunId, Timestamp, fold};
use serde::{Deserialize, Serialize};
use store::{Row, StoreError, Tx};

use super::when::{Past, When};
use super::{ALLOWED_DEFAULT, COMMUNITIES_MAX, COMMUNITY, Far, Scan, USER, target};
use crate::connect::checked_name;
use crate::lease::Holder;
use crate::report::StreamReport;
use crate::schedule::Next;
use crate::{SyncError, checkpoint, explorers};

/// Scan tasks of one organization, at most.
pub const TASKS_MAX: usize = 200;

/// Scans of one organization that run at the same time, as the unique index of open runs holds it.
pub const AT_ONCE_PER_ORG: usize = 1;

/// Runs of a task that are remembered.
const RUNS_KEPT: i64 = 100;

/// A task that scans networks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScanTask {
    /// Whose it is.
    pub org: OrgId,
    /// Its id.
    pub id: ScanId,
    /// What was chosen.
    pub wanted: Wanted,
    /// False: it does not run.
    pub enabled: bool,
    /// When somebody asked for a run that has not begun yet, and who.
    pub asked: Option<(Timestamp, String)>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it.
    pub created_by: String,
    /// When what was chosen was changed last.
    pub changed_at: Timestamp,
    /// When its latest run began.
    pub started_at: Option<Timestamp>,
}

/// What is chosen of a scan task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name, which is its source's too.
    pub name: String,
    /// Our site, where machines land that only it knows; made if there is none of that name.
    pub site: String,
    /// What is looked at, and how.
    pub scan: Scan,
    /// SNMP communities and users that it may use.
    pub credentials: Vec<CredentialId>,
    /// Consoles that are read after it, with their own options.
    pub syncs: Vec<IntegrationId>,
    /// When it runs.
    pub when: When,
    /// Where it runs: the Explorer of that number, or here.
    pub explorer: Option<ExplorerId>,
}

/// What is stored of it as text.
#[derive(Serialize, Deserialize)]
struct Spec {
    scan: Scan,
    #[serde(default)]
    credentials: Vec<i64>,
    #[serde(default)]
    syncs: Vec<i64>,
    #[serde(default)]
    when: When,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RunStatus {
    /// All of it was looked at.
    Complete,
    /// What was found is imported; something is missing.
    Incomplete,
    /// Nothing came of it.
    Failed,
    /// Somebody stopped it.
    Cancelled,
    /// Its worker ended, or was not heard of any more.
    CutOff,
}

impl RunStatus {
    /// Every status.
    pub const ALL: [RunStatus; 5] =
        [RunStatus::Complete, RunStatus::Incomplete, RunStatus::Failed, RunStatus::Cancelled, RunStatus::CutOff];

    /// The word that is stored and shown to programs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            RunStatus::Complete => "complete",
            RunStatus::Incomplete => "incomplete",
            RunStatus::Failed => "failed",
            RunStatus::Cancelled => "cancelled",
            RunStatus::CutOff => "cut_off",
        }
    }

    fn from_word(word: &str) -> Option<RunStatus> {
        RunStatus::ALL.into_iter().find(|status| status.word() == word)
    }
}

/// One run of a scan task.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanRun {
    /// Its id.
    pub id: ScanRunId,
    /// Of which task.
    pub scan: ScanId,
    /// When it began.
    pub started_at: Timestamp,
    /// Who asked for it; nothing if its time had come.
    pub asked_by: Option<String>,
    /// How far the scanner's present step is, in percent.
    pub percent: Option<u8>,
    /// Machines that are done.
    pub hosts: u64,
    /// Who stopped it.
    pub cancelled_by: Option<String>,
    /// When it was over.
    pub finished_at: Option<Timestamp>,
    /// How it ended.
    pub status: Option<RunStatus>,
    /// Why, or what to know.
    pub reason: Option<String>,
    /// What the import brought.
    pub report: Option<StreamReport>,
    /// What happened, a line each.
    pub log: String,
}

impl ScanTask {
    /// When it runs next.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Next {
        if !self.enabled {
            return Next::Never;
        }
        let past = Past { asked: self.asked.is_some(), changed_at: self.changed_at, started_at: self.started_at };
        self.wanted.when.next(now, past)
    }
}

const TASK: &str = "SELECT t.scan_id, t.name, t.site, t.spec, t.explorer_id, t.enabled, t.asked_at, t.asked_by, t.created_at, \
    t.created_by, t.changed_at, (SELECT max(r.started_at) FROM sync_scan_run r WHERE r.org_id = t.org_id \
    AND r.scan_id = t.scan_id) FROM sync_scan_task t WHERE t.org_id = $1";

fn read_task(org: OrgId, row: &Row<'_>) -> Result<Option<ScanTask>, StoreError> {
    // A task of a newer program is run by that one.
    let Ok(spec) = serde_json::from_str::<Spec>(row.text(3)?) else { return Ok(None) };
    let instant = |at: usize| Ok::<_, StoreError>(row.opt_int(at)?.map(Timestamp::from_micros));
    Ok(Some(ScanTask {
        org,
        id: ScanId(row.int(0)?),
        wanted: Wanted {
            name: row.text(1)?.to_owned(),
            site: row.text(2)?.to_owned(),
            scan: spec.scan,
            credentials: spec.credentials.into_iter().map(CredentialId).collect(),
            syncs: spec.syncs.into_iter().map(IntegrationId).collect(),
            when: spec.when,
            explorer: row.opt_int(4)?.map(ExplorerId),
        },
        enabled: row.flag(5)?,
        asked: instant(6)?.zip(row.opt_text(7)?.map(str::to_owned)),
        created_at: Timestamp::from_micros(row.int(8)?),
        created_by: row.text(9)?.to_owned(),
        changed_at: Timestamp::from_micros(row.int(10)?),
        started_at: instant(11)?,
    }))
}

/// Every scan task of an organization, by name.
///
/// # Errors
/// The database fails.
pub fn tasks(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<ScanTask>, StoreError> {
    let sql = format!("{TASK} ORDER BY t.name_folded");
    let found = tx.query(&sql, &[org.into()], |row| read_task(org, row))?;
    Ok(found.into_iter().flatten().collect())
}

/// The scan task of that id.
///
/// # Errors
/// There is none, or the database fails.
pub fn task(tx: &mut Tx<'_>, org: OrgId, id: ScanId) -> Result<ScanTask, SyncError> {
    let sql = format!("{TASK} AND t.scan_id = $2");
    let found = tx.query_opt(&sql, &[org.into(), id.into()], |row| read_task(org, row))?;
    found.flatten().ok_or_else(|| SyncError::NoSuchScan { name: id.to_string() })
}

/// The scan task of that name.
///
/// # Errors
/// There is none, or the database fails.
pub fn task_named(tx: &mut Tx<'_>, org: OrgId, name: &str) -> Result<ScanTask, SyncError> {
    let sql = format!("{TASK} AND t.name_folded = $2");
    let found = tx.query_opt(&sql, &[org.into(), fold(name.trim()).into_owned().into()], |row| read_task(org, row))?;
    found.flatten().ok_or_else(|| SyncError::NoSuchScan { name: name.to_owned() })
}

/// Compares what is wanted with what may be: bounds, networks, credentials, consoles, and that the name is free.
fn check(
    tx: &mut Tx<'_>,
    org: OrgId,
    wanted: &Wanted,
    own: Option<ScanId>,
    now: Timestamp,
) -> Result<Wanted, SyncError> {
    const TAKEN: &str = "SELECT scan_id FROM sync_scan_task WHERE org_id = $1 AND name_folded = $2";
    let name = checked_name(&wanted.name)?;
    let folded = fold(&name).into_owned();
    let taken = tx.query_opt(TAKEN, &[org.into(), folded.as_str().into()], |row| Ok(ScanId(row.int(0)?)))?;
    if taken.is_some_and(|id| Some(id) != own) {
        return Err(SyncError::ScanTaken { name });
    }
    // Its source has this name, so no console and no list may have it.
    if let Some(other) = checkpoint::integration_named(tx, org, &name)?
        && other.connector != crate::Connector::File(crate::import::Format::Nmap)
    {
        return Err(SyncError::OtherSource { name, connector: other.connector });
    }
    wanted.scan.check()?;
    wanted.scan.targets.within(&allowed(tx, org)?)?;
    let refuse = |name, why: &str| Err(SyncError::Option { name, why: why.to_owned() });
    if !wanted.when.is_possible() {
        return refuse("the schedule", "it is every 1 to 366 hours or days, at a time of the day");
    }
    if let When::Once(at) = wanted.when
        && Timestamp::from_seconds(at) <= now
    {
        return refuse("the schedule", "that time has passed");
    }
    if let Some(id) = wanted.explorer {
        // Who is away now may be back when it is time; who was revoked is not.
        explorers::found(tx, org, id)?.not_revoked()?;
    }
    if wanted.scan.snmp && wanted.credentials.is_empty() {
        return refuse("the SNMP probe", "it needs a credential: a community, or a user of SNMP v3");
    }
    if wanted.credentials.len() > COMMUNITIES_MAX {
        return refuse("the SNMP probe", "it tries eight communities and users at most");
    }
    for id in &wanted.credentials {
        let found = access::credential(tx, org, *id)?.ok_or(access::AccessError::NoSuch { what: "credential" })?;
        if ![COMMUNITY, USER].contains(&found.kind.as_str()) {
            return refuse(
                "the SNMP probe",
                "one of the credentials is neither an SNMP community nor a user of SNMP v3",
            );
        }
    }
    for id in &wanted.syncs {
        let of = crate::manage::integration(tx, org, *id)?;
        if of.connector.is_file() {
            return Err(SyncError::IsFile { name: of.name, format: crate::import::Format::Nmap });
        }
    }
    Ok(Wanted { name, site: wanted.site.trim().to_owned(), ..wanted.clone() })
}

fn spec(wanted: &Wanted) -> String {
    let spec = Spec {
        scan: wanted.scan.clone(),
        credentials: wanted.credentials.iter().map(|id| id.0).collect(),
        syncs: wanted.syncs.iter().map(|id| id.0).collect(),
        when: wanted.when,
    };
    serde_json::to_string(&spec).expect("plain numbers and texts")
}

/// Makes a scan task, and writes down who did.
///
/// # Errors
/// Something of it cannot be, there are [`TASKS_MAX`], or the database fails.
pub fn add(tx: &mut Tx<'_>, org: OrgId, wanted: &Wanted, who: &str, now: Timestamp) -> Result<ScanId, SyncError> {
    const COUNT: &str = "SELECT count(*) FROM sync_scan_task WHERE org_id = $1";
    const ADD: &str = "INSERT INTO sync_scan_task (org_id, scan_id, name, name_folded, site, spec, explorer_id, enabled, \
        created_at, created_by, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 1, $8, $9, $8)";
    let wanted = check(tx, org, wanted, None, now)?;
    if tx.query_one(COUNT, &[org.into()], |row| row.int(0))? >= TASKS_MAX as i64 {
        let why = format!("there are {TASKS_MAX} already");
        return Err(SyncError::Option { name: "another scan task", why });
    }
    let id = ScanId(checkpoint::next_id(tx, org)?);
    let values = [
        org.into(),
        id.into(),
        wanted.name.as_str().into(),
        fold(&wanted.name).into_owned().into(),
        wanted.site.as_str().into(),
        spec(&wanted).into(),
        wanted.explorer.map(|id| id.0).into(),
        now.into(),
        who.into(),
    ];
    tx.execute(ADD, &values)?;
    access::audit(tx, org, now, who, "scan.add", &wanted.name, &wanted.scan.targets.text())?;
    Ok(id)
}

/// Changes a scan task; a run under way goes on as it began. Its source goes by its new name too.
///
/// # Errors
/// There is none, something of it cannot be, or the database fails.
pub fn change(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: ScanId,
    wanted: &Wanted,
    who: &str,
    now: Timestamp,
) -> Result<(), SyncError> {
    const CHANGE: &str = "UPDATE sync_scan_task SET name = $3, name_folded = $4, site = $5, spec = $6, explorer_id = $7, \
        changed_at = $8 WHERE org_id = $1 AND scan_id = $2";
    let before = task(tx, org, id)?;
    // A time that was chosen before may have passed since.
    let clock = if before.wanted.when == wanted.when { Timestamp::from_micros(i64::MIN) } else { now };
    let wanted = check(tx, org, wanted, Some(id), clock)?;
    if wanted.name != before.wanted.name
        && let Some(source) = checkpoint::integration_named(tx, org, &before.wanted.name)?
    {
        crate::manage::rename(tx, org, source.id, &wanted.name, who, now)?;
    }
    let values = [
        org.into(),
        id.into(),
        wanted.name.as_str().into(),
        fold(&wanted.name).into_owned().into(),
        wanted.site.as_str().into(),
        spec(&wanted).into(),
        wanted.explorer.map(|id| id.0).into(),
        now.into(),
    ];
    tx.execute(CHANGE, &values)?;
    access::audit(tx, org, now, who, "scan.change", &wanted.name, &wanted.scan.targets.text())?;
    Ok(())
}

/// Lets a task run, or not.
///
/// # Errors
/// There is none, or the database fails.
pub fn switch(tx: &mut Tx<'_>, org: OrgId, id: ScanId, on: bool, who: &str, now: Timestamp) -> Result<(), SyncError> {
    const SET: &str =
        "UPDATE sync_scan_task SET enabled = $3, asked_at = NULL, asked_by = NULL WHERE org_id = $1 AND scan_id = $2";
    let of = task(tx, org, id)?;
    tx.execute(SET, &[org.into(), id.into(), on.into()])?;
    access::audit(tx, org, now, who, if on { "scan.resume" } else { "scan.pause" }, &of.wanted.name, "")?;
    Ok(())
}

/// Asks for a run now; the next worker that looks takes it up.
///
/// # Errors
/// There is no such task, it is paused, its targets may not be touched any more, or the database fails.
pub fn ask(tx: &mut Tx<'_>, org: OrgId, id: ScanId, who: &str, now: Timestamp) -> Result<(), SyncError> {
    const ASK: &str = "UPDATE sync_scan_task SET asked_at = $3, asked_by = $4 WHERE org_id = $1 AND scan_id = $2";
    let of = task(tx, org, id)?;
    if !of.enabled {
        return Err(SyncError::ScanPaused { name: of.wanted.name });
    }
    of.wanted.scan.targets.within(&allowed(tx, org)?)?;
    tx.execute(ASK, &[org.into(), id.into(), now.into(), who.into()])?;
    access::audit(tx, org, now, who, "scan.run", &of.wanted.name, "")?;
    Ok(())
}

/// Stops the run of a task that is under way, and takes back a request for one; true if there was anything to stop.
///
/// # Errors
/// There is no such task, or the database fails.
pub fn cancel(tx: &mut Tx<'_>, org: OrgId, id: ScanId, who: &str, now: Timestamp) -> Result<bool, SyncError> {
    const STOP: &str = "UPDATE sync_scan_run SET cancelled_by = $3 \
        WHERE org_id = $1 AND scan_id = $2 AND finished_at IS NULL AND cancelled_by IS NULL";
    const FORGET: &str = "UPDATE sync_scan_task SET asked_at = NULL, asked_by = NULL \
        WHERE org_id = $1 AND scan_id = $2 AND asked_at IS NOT NULL";
    let of = task(tx, org, id)?;
    let stopped = tx.execute(STOP, &[org.into(), id.into(), who.into()])?;
    let forgotten = tx.execute(FORGET, &[org.into(), id.into()])?;
    if stopped + forgotten == 0 {
        return Ok(false);
    }
    access::audit(tx, org, now, who, "scan.cancel", &of.wanted.name, "")?;
    Ok(true)
}

/// Removes a task and its runs. What its source told stays in the inventory until the source is ended.
///
/// # Errors
/// There is none, it runs just now, or the database fails.
pub fn remove(tx: &mut Tx<'_>, org: OrgId, id: ScanId, who: &str, now: Timestamp) -> Result<(), SyncError> {
    const OPEN: &str = "SELECT count(*) FROM sync_scan_run WHERE org_id = $1 AND scan_id = $2 AND finished_at IS NULL";
    const RUNS: &str = "DELETE FROM sync_scan_run WHERE org_id = $1 AND scan_id = $2";
    const TASK: &str = "DELETE FROM sync_scan_task WHERE org_id = $1 AND scan_id = $2";
    let of = task(tx, org, id)?;
    if tx.query_one(OPEN, &[org.into(), id.into()], |row| row.int(0))? > 0 {
        return Err(SyncError::ScanRuns { name: of.wanted.name });
    }
    for sql in [RUNS, TASK] {
        tx.execute(sql, &[org.into(), id.into()])?;
    }
    access::audit(tx, org, now, who, "scan.remove", &of.wanted.name, "")?;
    Ok(())
}

/// The scan tasks that use a credential, in whichever organization.
///
/// # Errors
/// The database fails.
pub fn tasks_with(tx: &mut Tx<'_>, credential: CredentialId) -> Result<Vec<ScanTask>, StoreError> {
    let mut found = Vec::new();
    for org in orgs(tx)? {
        found.extend(tasks(tx, org)?.into_iter().filter(|task| task.wanted.credentials.contains(&credential)));
    }
    Ok(found)
}

/// The networks that scans of an organization may touch.
///
/// # Errors
/// The database fails.
pub fn allowed(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<IpNet>, StoreError> {
    const READ: &str = "SELECT allowed FROM sync_scan_setting WHERE org_id = $1";
    let chosen = tx.query_opt(READ, &[org.into()], |row| Ok(row.text(0)?.to_owned()))?;
    // What cannot be read back allows nothing.
    Ok(target::allowed(&chosen.unwrap_or_else(|| ALLOWED_DEFAULT.join(" "))).unwrap_or_default())
}

/// Chooses the networks that scans of an organization may touch.
///
/// # Errors
/// The database fails.
pub fn allow(tx: &mut Tx<'_>, org: OrgId, allowed: &[IpNet], who: &str, now: Timestamp) -> Result<(), SyncError> {
    const SET: &str = "INSERT INTO sync_scan_setting (org_id, allowed, changed_at, changed_by) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (org_id) DO UPDATE SET allowed = excluded.allowed, changed_at = excluded.changed_at, \
        changed_by = excluded.changed_by";
    let text = target::allowed_text(allowed);
    tx.execute(SET, &[org.into(), text.as_str().into(), now.into(), who.into()])?;
    access::audit(tx, org, now, who, "scan.networks", &text, "")?;
    Ok(())
}

const RUN: &str = "SELECT run_id, scan_id, started_at, asked_by, percent, hosts, cancelled_by, finished_at, status, reason, \
    report, log FROM sync_scan_run WHERE org_id = $1";

fn read_run(row: &Row<'_>) -> Result<ScanRun, StoreError> {
    Ok(ScanRun {
        id: ScanRunId(row.int(0)?),
        scan: ScanId(row.int(1)?),
        started_at: Timestamp::from_micros(row.int(2)?),
        asked_by: row.opt_text(3)?.map(str::to_owned),
        percent: row.opt_int(4)?.and_then(|percent| u8::try_from(percent).ok()),
        hosts: row.int(5)?.unsigned_abs(),
        cancelled_by: row.opt_text(6)?.map(str::to_owned),
        finished_at: row.opt_int(7)?.map(Timestamp::from_micros),
        status: row.opt_text(8)?.and_then(RunStatus::from_word),
        reason: row.opt_text(9)?.map(str::to_owned),
        report: row.opt_text(10)?.and_then(|text| serde_json::from_str(text).ok()),
        log: row.text(11)?.to_owned(),
    })
}

/// Runs of a task, the latest first; `before` a run if one is named.
///
/// # Errors
/// The database fails.
pub fn runs(
    tx: &mut Tx<'_>,
    org: OrgId,
    scan: ScanId,
    before: Option<ScanRunId>,
    limit: u32,
) -> Result<Vec<ScanRun>, StoreError> {
    let sql = format!("{RUN} AND scan_id = $2 AND run_id < $3 ORDER BY run_id DESC LIMIT $4");
    let before = before.map_or(i64::MAX, |run| run.0);
    tx.query(&sql, &[org.into(), scan.into(), before.into(), i64::from(limit).into()], read_run)
}

/// The run of an organization that is under way.
///
/// # Errors
/// The database fails.
pub fn running(tx: &mut Tx<'_>, org: OrgId) -> Result<Option<ScanRun>, StoreError> {
    let sql = format!("{RUN} AND finished_at IS NULL");
    tx.query_opt(&sql, &[org.into()], read_run)
}

/// The organizations that have scan tasks.
pub(crate) fn orgs(tx: &mut Tx<'_>) -> Result<Vec<OrgId>, StoreError> {
    const READ: &str = "SELECT DISTINCT org_id FROM sync_scan_task ORDER BY org_id";
    tx.query(READ, &[], |row| Ok(OrgId(row.int(0)?)))
}

/// Whether a worker has anything to do in an organization: a task that is due, or a run that somebody left behind.
pub(super) fn is_due(tx: &mut Tx<'_>, org: OrgId, holder: &Holder, now: Timestamp) -> Result<bool, StoreError> {
    const OPEN: &str = "SELECT lease_owner, lease_until FROM sync_scan_run WHERE org_id = $1 AND finished_at IS NULL";
    let open =
        tx.query_opt(OPEN, &[org.into()], |row| Ok((row.text(0)?.to_owned(), Timestamp::from_micros(row.int(1)?))))?;
    if let Some((owner, until)) = open {
        return Ok(until <= now || (holder.alone && owner != holder.name));
    }
    Ok(tasks(tx, org)?.iter().any(|task| task.next(now) == Next::Now))
}

/// A run that began, and belongs to whoever began it.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    pub task: ScanTask,
    pub run: ScanRunId,
    pub asked_by: Option<String>,
}

/// Marks runs that were left behind, and begins one that is due, if none is under way.
pub(super) fn claim(
    tx: &mut Tx<'_>,
    org: OrgId,
    holder: &Holder,
    now: Timestamp,
) -> Result<Option<Claimed>, StoreError> {
    const LEFT: &str = "UPDATE sync_scan_run SET finished_at = $2, status = 'cut_off', reason = $5 WHERE org_id = $1 \
        AND finished_at IS NULL AND (lease_until <= $2 OR ($3 = 1 AND lease_owner <> $4))";
    const BEGIN: &str = "INSERT INTO sync_scan_run (org_id, run_id, scan_id, started_at, asked_by, lease_owner, \
        lease_until, hosts, log) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, '') ON CONFLICT DO NOTHING";
    const SERVED: &str =
        "UPDATE sync_scan_task SET asked_at = NULL, asked_by = NULL WHERE org_id = $1 AND scan_id = $2";
    const OLD: &str = "DELETE FROM sync_scan_run WHERE org_id = $1 AND scan_id = $2 AND run_id NOT IN (SELECT run_id \
        FROM sync_scan_run WHERE org_id = $1 AND scan_id = $2 ORDER BY run_id DESC LIMIT $3)";
    let alone = i64::from(holder.alone);
    let values = [org.into(), now.into(), alone.into(), holder.name.as_str().into(), LEFT_BEHIND.into()];
    if tx.execute(LEFT, &values)? > 0 {
        withdraw_scans(tx, org)?;
    }
    let due = tasks(tx, org)?.into_iter().filter(|task| task.next(now) == Next::Now);
    // What somebody asked for first, then what has waited longest.
    let first = due.min_by_key(|task| match &task.asked {
        Some((at, _)) => (0, *at),
        None => (1, task.started_at.unwrap_or(task.changed_at)),
    });
    let Some(task) = first else { return Ok(None) };
    let run = ScanRunId(checkpoint::next_id(tx, org)?);
    let asked_by = task.asked.as_ref().map(|(_, who)| who.clone());
    let values = [
        org.into(),
        run.into(),
        task.id.into(),
        now.into(),
        asked_by.as_deref().into(),
        holder.name.as_str().into(),
        holder.until(now).into(),
    ];
    if tx.execute(BEGIN, &values)? == 0 {
        return Ok(None);
    }
    tx.execute(SERVED, &[org.into(), task.id.into()])?;
    tx.execute(OLD, &[org.into(), task.id.into(), RUNS_KEPT.into()])?;
    Ok(Some(Claimed { task, run, asked_by }))
}

const LEFT_BEHIND: &str = "its worker ended or was not heard of any more; nothing of this run was imported, unless the log \
    says so";

/// How a run that is under way stands with whoever runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Stands {
    /// It is theirs.
    Ours,
    /// It is theirs, and this person wants it stopped.
    Stopped(String),
    /// It was taken for dead.
    Lost,
}

/// Renews the lease of a run, and writes down how far it is.
pub(super) fn beat(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: ScanRunId,
    far: Far,
    holder: &Holder,
    now: Timestamp,
) -> Result<Stands, StoreError> {
    const BEAT: &str = "UPDATE sync_scan_run SET lease_until = $4, percent = $5, hosts = $6 \
        WHERE org_id = $1 AND run_id = $2 AND lease_owner = $3 AND finished_at IS NULL";
    const READ: &str = "SELECT cancelled_by FROM sync_scan_run WHERE org_id = $1 AND run_id = $2";
    #[expect(clippy::cast_possible_truncation, reason = "a part of a hundred")]
    let percent = far.percent.map(|percent| percent.clamp(0.0, 100.0) as i64);
    let values = [
        org.into(),
        run.into(),
        holder.name.as_str().into(),
        holder.until(now).into(),
        percent.into(),
        i64::try_from(far.hosts).unwrap_or(i64::MAX).into(),
    ];
    if tx.execute(BEAT, &values)? == 0 {
        return Ok(Stands::Lost);
    }
    let stopped = tx.query_one(READ, &[org.into(), run.into()], |row| Ok(row.opt_text(0)?.map(str::to_owned)))?;
    Ok(stopped.map_or(Stands::Ours, Stands::Stopped))
}

/// Adds a line to the log of a run.
pub(super) fn say(tx: &mut Tx<'_>, org: OrgId, run: ScanRunId, what: &str, now: Timestamp) -> Result<(), StoreError> {
    const SAY: &str = "UPDATE sync_scan_run SET log = log || $3 WHERE org_id = $1 AND run_id = $2";
    let at: String = now.to_string().chars().take(19).collect();
    let what: String = what.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
    tx.execute(SAY, &[org.into(), run.into(), format!("{at}Z {what}\n").into()])?;
    Ok(())
}

/// What became of a run.
#[derive(Clone, Debug)]
pub(super) struct End {
    pub status: RunStatus,
    pub reason: Option<String>,
    pub report: Option<StreamReport>,
}

/// Ends a run, if it is still its holder's.
pub(super) fn end(
    tx: &mut Tx<'_>,
    org: OrgId,
    run: ScanRunId,
    end: &End,
    holder: &Holder,
    now: Timestamp,
) -> Result<(), StoreError> {
    const END: &str = "UPDATE sync_scan_run SET finished_at = $4, status = $5, reason = $6, report = $7 \
        WHERE org_id = $1 AND run_id = $2 AND lease_owner = $3 AND finished_at IS NULL";
    let report = end.report.as_ref().map(|report| serde_json::to_string(report).expect("plain numbers and texts"));
    let values = [
        org.into(),
        run.into(),
        holder.name.as_str().into(),
        now.into(),
        end.status.word().into(),
        end.reason.as_deref().into(),
        report.into(),
    ];
    tx.execute(END, &values)?;
    Ok(())
}

/// Takes back what an Explorer was asked to scan. An organization scans once at a time, so it is of the run that is over.
pub(super) fn withdraw_scans(tx: &mut Tx<'_>, org: OrgId) -> Result<(), StoreError> {
    [super::EXPLORER_KIND, super::EXPLORER_SNMP_KIND]
        .into_iter()
        .try_for_each(|kind| explorers::withdraw_kind(tx, org, kind))
}

/// Marks every run of this holder as cut off.
pub(crate) fn let_go(tx: &mut Tx<'_>, holder: &Holder, now: Timestamp) -> Result<(), StoreError> {
    const LET_GO: &str = "UPDATE sync_scan_run SET finished_at = $3, status = 'cut_off', reason = $4 \
        WHERE org_id = $1 AND lease_owner = $2 AND finished_at IS NULL";
    let why = "stopped with its worker; nothing of this run was imported, unless the log says so";
    for org in orgs(tx)? {
        if tx.execute(LET_GO, &[org.into(), holder.name.as_str().into(), now.into(), why.into()])? > 0 {
            withdraw_scans(tx, org)?;
        }
    }
    Ok(())
}
