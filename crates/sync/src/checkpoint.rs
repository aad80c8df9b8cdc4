//! What sync itself remembers: integrations, streams, sweeps, pages seen, quarantine. Every statement of its tables.

use std::sync::Arc;

use inventory::Op;
use kernel::{CredentialId, ExplorerId, IntegrationId, OrgId, RecordId, SiteId, SweepId, Timestamp, Value};
use store::{Kind, Row, StoreError, Tx};

use crate::import::Format;
use crate::lease::{self, Holder};
use crate::position::Position;
use crate::quarantine::TRANSLATOR_VERSION;
use crate::report::{StreamStatus, SweepKind};
use crate::scope::Scope;
use crate::seen::{self, Seen};
use crate::{Connector, Integration, IntegrationState, Options, Stream, SyncError};

/// Sweeps of a stream whose figures are kept.
const SWEEPS_KEPT: i64 = 100;

/// The number of an integration's or sweep's next id.
pub fn next_id(tx: &mut Tx<'_>, org: OrgId) -> Result<i64, StoreError> {
    const NEXT: &str = "INSERT INTO sync_head (org_id, next_id) VALUES ($1, 2) \
        ON CONFLICT (org_id) DO UPDATE SET next_id = sync_head.next_id + 1";
    const READ: &str = "SELECT next_id - 1 FROM sync_head WHERE org_id = $1";
    tx.execute(NEXT, &[org.into()])?;
    tx.query_one(READ, &[org.into()], |row| row.int(0))
}

const INTEGRATION: &str = "SELECT integration_id, name, console_url, console_host, site_id, site_name, options, state, \
    since, detail, scope, role, token_expires_at, console_version, created_at, connector, credential_id, explorer_id FROM sync_integration";

fn integration(org: OrgId, row: &Row<'_>) -> Result<Integration, StoreError> {
    Ok(Integration {
        org,
        id: IntegrationId(row.int(0)?),
        name: row.text(1)?.to_owned(),
        // What a newer program connected is read by nobody here.
        connector: Connector::from_word(row.text(15)?).unwrap_or(Connector::File(Format::Json)),
        console_url: row.text(2)?.to_owned(),
        console_host: row.text(3)?.to_owned(),
        site: SiteId(row.int(4)?),
        site_name: row.text(5)?.to_owned(),
        // Options of a newer program, or a damaged text: the defaults leave nothing out.
        options: serde_json::from_str(row.text(6)?).unwrap_or_default(),
        state: IntegrationState::from_word(row.text(7)?).unwrap_or(IntegrationState::Incomplete),
        since: Timestamp::from_micros(row.int(8)?),
        detail: row.text(9)?.to_owned(),
        scope: row.opt_text(10)?.map(str::to_owned),
        role: row.opt_text(11)?.map(str::to_owned),
        token_expires_at: row.opt_int(12)?.map(Timestamp::from_micros),
        console_version: row.opt_text(13)?.map(str::to_owned),
        created_at: Timestamp::from_micros(row.int(14)?),
        credential: row.opt_int(16)?.map(CredentialId),
        explorer: row.opt_int(17)?.map(ExplorerId),
    })
}

/// All integrations of an organization, in the order of their names.
///
/// # Errors
/// The database fails.
pub fn integrations(tx: &mut Tx<'_>, org: OrgId) -> Result<Vec<Integration>, StoreError> {
    let sql = format!("{INTEGRATION} WHERE org_id = $1 ORDER BY name");
    tx.query(&sql, &[org.into()], |row| integration(org, row))
}

/// The integration of that name.
///
/// # Errors
/// The database fails.
pub fn integration_named(tx: &mut Tx<'_>, org: OrgId, name: &str) -> Result<Option<Integration>, StoreError> {
    let sql = format!("{INTEGRATION} WHERE org_id = $1 AND name = $2");
    tx.query_opt(&sql, &[org.into(), name.into()], |row| integration(org, row))
}

/// The integration of that name, or an error that lists those there are.
///
/// # Errors
/// The database fails, or there is none.
pub fn named(tx: &mut Tx<'_>, org: OrgId, name: &str) -> Result<Integration, SyncError> {
    match integration_named(tx, org, name)? {
        Some(of) => Ok(of),
        None => Err(no_such(name.to_owned(), &integrations(tx, org)?)),
    }
}

/// What is said where there is no integration of that name or id, but others.
pub(crate) fn no_such(name: String, known: &[Integration]) -> SyncError {
    SyncError::NoSuchIntegration { name, known: known.iter().map(|of| of.name.clone()).collect() }
}

/// The integration of that id.
///
/// # Errors
/// The database fails.
pub fn integration_by_id(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Option<Integration>, StoreError> {
    let sql = format!("{INTEGRATION} WHERE org_id = $1 AND integration_id = $2");
    tx.query_opt(&sql, &[org.into(), id.into()], |row| integration(org, row))
}

/// The name of the sealed credential that holds an integration's token.
#[must_use]
pub fn credential_name(id: IntegrationId) -> String {
    format!("sync/{id}")
}

/// Saves an integration, new or known, with the version of the credential that worked.
///
/// # Errors
/// The database fails.
pub fn save_integration(
    tx: &mut Tx<'_>,
    saved: &Integration,
    credential_version: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    const SAVE: &str = "INSERT INTO sync_integration (org_id, integration_id, name, console_url, console_host, site_id, \
        site_name, credential_name, credential_version, options, state, since, detail, scope, role, token_expires_at, \
        console_version, created_at, updated_at, connector, credential_id, explorer_id) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22) \
        ON CONFLICT (org_id, integration_id) DO UPDATE SET name = excluded.name, console_url = excluded.console_url, \
        console_host = excluded.console_host, site_id = excluded.site_id, site_name = excluded.site_name, \
        credential_name = excluded.credential_name, credential_version = excluded.credential_version, \
        options = excluded.options, state = excluded.state, since = excluded.since, detail = excluded.detail, \
        scope = excluded.scope, role = excluded.role, token_expires_at = excluded.token_expires_at, \
        console_version = excluded.console_version, updated_at = excluded.updated_at, \
        credential_id = excluded.credential_id, explorer_id = excluded.explorer_id";
    let values = [
        saved.org.into(),
        saved.id.into(),
        (&saved.name).into(),
        (&saved.console_url).into(),
        (&saved.console_host).into(),
        saved.site.into(),
        (&saved.site_name).into(),
        credential_name(saved.id).into(),
        credential_version.into(),
        saved.options.text().into(),
        saved.state.word().into(),
        saved.since.into(),
        (&saved.detail).into(),
        saved.scope.as_deref().into(),
        saved.role.as_deref().into(),
        saved.token_expires_at.into(),
        saved.console_version.as_deref().into(),
        saved.created_at.into(),
        now.into(),
        saved.connector.word().into(),
        saved.credential.into(),
        saved.explorer.map_or(Value::Null, Into::into),
    ];
    tx.execute(SAVE, &values)?;
    inventory::integration::call(tx, saved.org, saved.id, &saved.name)
}

/// Keeps other options of an integration, and returns them as they are kept.
///
/// # Errors
/// The database fails.
pub fn keep_options(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    options: &Options,
    now: Timestamp,
) -> Result<String, StoreError> {
    const SET: &str =
        "UPDATE sync_integration SET options = $3, updated_at = $4 WHERE org_id = $1 AND integration_id = $2";
    let text = options.text();
    tx.execute(SET, &[org.into(), id.into(), text.as_str().into(), now.into()])?;
    Ok(text)
}

/// Notes how an integration fares, and since when it does.
///
/// # Errors
/// The database fails.
pub fn set_state(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    state: IntegrationState,
    detail: &str,
    since: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    const SET: &str = "UPDATE sync_integration SET since = $5, state = $3, detail = $4, updated_at = $6 \
        WHERE org_id = $1 AND integration_id = $2";
    tx.execute(SET, &[org.into(), id.into(), state.word().into(), detail.into(), since.into(), now.into()])?;
    Ok(())
}

/// Where a stream stands.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Grows with every pass; writes of an older pass are refused.
    pub generation: i64,
    /// Up to which server time the stream is known.
    pub watermark: Option<Timestamp>,
    /// When the last complete sweep of everything began.
    pub full_at: Option<Timestamp>,
    /// Where the latest sweep began, if not at the beginning.
    pub lower_bound: Option<Timestamp>,
    /// Under which scope of the token the stream was last complete.
    pub scope: Option<String>,
    /// When what changes without its time moving was last asked for again.
    pub reread_at: Option<Timestamp>,
    /// Records that wait for a person to accept that they are gone.
    pub held: u64,
    /// The sweep that was cut off, if one was.
    pub open: Option<Open>,
}

/// A sweep under way.
#[derive(Clone, Debug)]
pub struct Open {
    /// Its id.
    pub sweep: SweepId,
    /// What it asks for.
    pub kind: SweepKind,
    /// When it began, by our clock.
    pub started_at: Timestamp,
    /// Where it stands.
    pub position: Position,
}

/// How a stream ended its latest sweep, for those that depend on it and for `doctor`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamSummary {
    /// The stream's name.
    pub stream: String,
    /// How its latest sweep ended; `None` while the first is under way.
    pub status: Option<StreamStatus>,
    /// Why, in words.
    pub reason: Option<String>,
    /// When a sweep was last complete.
    pub complete_at: Option<Timestamp>,
    /// What the console counted then.
    pub console_total: Option<u64>,
    /// Up to which server time the stream is known.
    pub watermark: Option<Timestamp>,
    /// Pages stored of a sweep that was cut off; 0 if none was.
    pub open_pages: u64,
    /// Records that wait for a person to accept that they are gone.
    pub held: u64,
    /// Which of several generations of the API answered, where there is a choice.
    pub source: Option<String>,
}

/// Where every stream of an integration stands, by name.
///
/// # Errors
/// The database fails.
pub fn streams(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Vec<StreamSummary>, StoreError> {
    const READ: &str = "SELECT stream, status, reason, complete_at, console_total, watermark, \
        CASE WHEN sweep_id IS NULL THEN 0 ELSE page END, held, source \
        FROM sync_stream WHERE org_id = $1 AND integration_id = $2 ORDER BY stream";
    tx.query(READ, &[org.into(), id.into()], |row| {
        Ok(StreamSummary {
            stream: row.text(0)?.to_owned(),
            status: row.opt_text(1)?.and_then(StreamStatus::from_word),
            reason: row.opt_text(2)?.map(str::to_owned),
            complete_at: row.opt_int(3)?.map(Timestamp::from_micros),
            console_total: row.opt_int(4)?.map(i64::unsigned_abs),
            watermark: row.opt_int(5)?.map(Timestamp::from_micros),
            open_pages: row.int(6)?.unsigned_abs(),
            held: row.opt_int(7)?.unwrap_or_default().unsigned_abs(),
            source: row.opt_text(8)?.map(str::to_owned),
        })
    })
}

/// Forgets up to where a stream is known if the token now sees what it did not see in the latest sweep: what is new to
/// it may be older than everything that would be asked for. Answers whether it did.
///
/// # Errors
/// The database fails.
pub fn forget_if_wider(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    key: &str,
    scope: &Scope,
) -> Result<bool, StoreError> {
    const READ: &str = "SELECT asked_scope FROM sync_stream WHERE org_id = $1 AND integration_id = $2 AND stream = $3";
    const FORGET: &str = "UPDATE sync_stream SET watermark = NULL, full_at = NULL, sweep_id = NULL, cursor = NULL, \
        position = NULL, page = 0 WHERE org_id = $1 AND integration_id = $2 AND stream = $3";
    let of: [Value<'_>; 3] = [org.into(), id.into(), key.into()];
    let before = tx.query_opt(READ, &of, |row| Ok(row.opt_text(0)?.map(str::to_owned)))?.flatten();
    let wider = before.is_some_and(|before| !Scope::parse(&before).covers(scope));
    if wider {
        tx.execute(FORGET, &of)?;
    }
    Ok(wider)
}

/// Notes under which scope a stream is asked for now.
///
/// # Errors
/// The database fails.
pub fn note_scope(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, key: &str, scope: &Scope) -> Result<(), StoreError> {
    const NOTE: &str = "UPDATE sync_stream SET asked_scope = $4 \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3";
    tx.execute(NOTE, &[org.into(), id.into(), key.into(), scope.to_string().into()])?;
    Ok(())
}

/// Takes a stream for this pass, and says where it stands. An earlier pass that still runs can write no more.
///
/// # Errors
/// The database fails, another worker holds the stream, or the checkpoint cannot be read.
pub fn claim(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    stream: &str,
    holder: &Holder,
    now: Timestamp,
) -> Result<Standing, SyncError> {
    const READ: &str = "SELECT t.generation, t.watermark, t.full_at, t.sweep_id, t.cursor, t.page, t.position, s.kind, \
        s.started_at, t.scope, t.reread_at, t.held, t.lower_bound FROM sync_stream t LEFT JOIN sync_sweep s ON s.org_id = t.org_id AND s.sweep_id = t.sweep_id \
        WHERE t.org_id = $1 AND t.integration_id = $2 AND t.stream = $3";
    if let lease::Taken::Theirs { holder, until } = lease::take(tx, org, id, stream, holder, now)? {
        return Err(SyncError::Leased { stream: stream.to_owned(), holder, until });
    }
    let (standing, stored) = tx.query_one(READ, &[org.into(), id.into(), stream.into()], |row| {
        let standing = Standing {
            generation: row.int(0)?,
            watermark: row.opt_int(1)?.map(Timestamp::from_micros),
            full_at: row.opt_int(2)?.map(Timestamp::from_micros),
            lower_bound: row.opt_int(12)?.map(Timestamp::from_micros),
            scope: row.opt_text(9)?.map(str::to_owned),
            reread_at: row.opt_int(10)?.map(Timestamp::from_micros),
            held: row.opt_int(11)?.unwrap_or_default().unsigned_abs(),
            open: None,
        };
        let stored = match (row.opt_int(3)?, row.opt_text(6)?, row.opt_text(7)?, row.opt_int(8)?) {
            (Some(sweep), Some(position), Some(kind), Some(started_at)) => Some((
                SweepId(sweep),
                position.to_owned(),
                row.opt_text(4)?.map(str::to_owned),
                u32::try_from(row.int(5)?).unwrap_or(0),
                kind.to_owned(),
                Timestamp::from_micros(started_at),
            )),
            _ => None,
        };
        Ok((standing, stored))
    })?;
    let Some((sweep, position, cursor, page, kind, started_at)) = stored else { return Ok(standing) };
    let mut position: Position = serde_json::from_str(&position)
        .map_err(|source| SyncError::Checkpoint { stream: stream.to_owned(), source })?;
    position.cursor = cursor;
    position.page = page;
    let kind = if kind == FULL { SweepKind::Full } else { SweepKind::Changes };
    Ok(Standing { open: Some(Open { sweep, kind, started_at, position }), ..standing })
}

const FULL: &str = "full";

/// Whose stream a checkpoint belongs to.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The organization.
    pub org: OrgId,
    /// The integration.
    pub id: IntegrationId,
    /// Its name, for errors.
    pub name: String,
    /// The stream.
    pub stream: &'static Stream,
    /// The checkpoint's key: the stream's name, or that of one of its lanes.
    pub key: String,
    /// The pass that may write.
    pub generation: i64,
    /// Who holds the lease, which every page renews.
    pub holder: Arc<Holder>,
}

impl Owner {
    fn keys(&self) -> [Value<'_>; 4] {
        [self.org.into(), self.id.into(), self.key.as_str().into(), self.generation.into()]
    }

    fn fenced(&self) -> SyncError {
        SyncError::Fenced { integration: self.name.clone(), stream: self.stream.name }
    }
}

/// Makes the checkpoint of a lane that ends at `to`, if there is none.
///
/// # Errors
/// The database fails.
pub fn open_lane(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    key: &str,
    to: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    const OPEN: &str = "INSERT INTO sync_stream (org_id, integration_id, stream, generation, complete, page, watermark, \
        updated_at) VALUES ($1, $2, $3, 0, 0, 0, $4, $5) ON CONFLICT (org_id, integration_id, stream) DO NOTHING";
    tx.execute(OPEN, &[org.into(), id.into(), key.into(), to.into(), now.into()])?;
    Ok(())
}

/// Refuses the writes of a pass whose stream another one took, before one of them meets a row of the other's.
///
/// # Errors
/// The database fails, or another pass took the stream.
pub fn fence(tx: &mut Tx<'_>, owner: &Owner) -> Result<(), SyncError> {
    const MINE: &str = "SELECT 1 FROM sync_stream \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND generation = $4";
    match tx.query_opt(MINE, &owner.keys(), |row| row.int(0))? {
        Some(_) => Ok(()),
        None => Err(owner.fenced()),
    }
}

/// Begins a sweep; one that was cut off and is given up ends here, as incomplete.
///
/// # Errors
/// The database fails, or another pass took the stream.
pub fn begin(
    tx: &mut Tx<'_>,
    owner: &Owner,
    kind: SweepKind,
    position: &Position,
    now: Timestamp,
) -> Result<SweepId, SyncError> {
    const ABANDON: &str = "UPDATE sync_sweep SET finished_at = $4, status = 'incomplete', reason = 'begun anew' \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND finished_at IS NULL";
    const BEGIN: &str = "INSERT INTO sync_sweep (org_id, sweep_id, integration_id, stream, kind, lower_bound, started_at, \
        complete, fetched, created, changed, touched, unchanged, quarantined, pages) \
        VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, 0, 0, 0, 0, 0, 0)";
    const POINT: &str = "UPDATE sync_stream SET sweep_id = $5, lower_bound = $6 \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND generation = $4";
    let lower = position.now_reading().and_then(|window| window.from);
    let name = owner.key.as_str();
    tx.execute(ABANDON, &[owner.org.into(), owner.id.into(), name.into(), now.into()])?;
    let sweep = SweepId(next_id(tx, owner.org)?);
    let kind = if kind == SweepKind::Full { FULL } else { "changes" };
    let values = [owner.org.into(), sweep.into(), owner.id.into(), name.into(), kind.into(), lower.into(), now.into()];
    tx.execute(BEGIN, &values)?;
    let [org, id, stream, generation] = owner.keys();
    if tx.execute(POINT, &[org, id, stream, generation, sweep.into(), lower.into()])? == 0 {
        return Err(owner.fenced());
    }
    save_position(tx, owner, position, now)?;
    keep_called(tx, owner.org, owner.id)?;
    keep_ended(tx, owner.org, now)?;
    Ok(sweep)
}

/// Lets the inventory know of integrations that were deleted before it asked.
fn keep_ended(tx: &mut Tx<'_>, org: OrgId, now: Timestamp) -> Result<(), StoreError> {
    const LIVING: &str = "SELECT integration_id FROM sync_integration WHERE org_id = $1";
    let living = tx.query(LIVING, &[org.into()], |row| Ok(IntegrationId(row.int(0)?)))?;
    inventory::integration::end_others(tx, org, &living, now)
}

/// Lets the inventory know what an integration is called that was connected before the inventory asked.
fn keep_called(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<(), StoreError> {
    const NAME: &str = "SELECT name FROM sync_integration WHERE org_id = $1 AND integration_id = $2";
    if inventory::integration::is_called(tx, org, id)? {
        return Ok(());
    }
    let name = tx.query_opt(NAME, &[org.into(), id.into()], |row| Ok(row.text(0)?.to_owned()))?;
    name.map_or(Ok(()), |name| inventory::integration::call(tx, org, id, &name))
}

/// Writes where the sweep stands.
///
/// # Errors
/// The database fails, or another pass took the stream.
pub fn save_position(tx: &mut Tx<'_>, owner: &Owner, position: &Position, now: Timestamp) -> Result<(), SyncError> {
    const SAVE: &str = "UPDATE sync_stream SET cursor = $5, page = $6, position = $7, updated_at = $8, lease_until = $9 \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND generation = $4";
    let text = serde_json::to_string(position).expect("a position is plain numbers and texts");
    let [org, id, stream, generation] = owner.keys();
    let values = [
        org,
        id,
        stream,
        generation,
        position.cursor.as_deref().into(),
        i64::from(position.page).into(),
        text.into(),
        now.into(),
        owner.holder.until(now).into(),
    ];
    if tx.execute(SAVE, &values)? == 0 {
        return Err(owner.fenced());
    }
    Ok(())
}

/// Makes sure that this pass may still write, and renews its lease.
///
/// # Errors
/// The database fails, or another pass took the stream.
pub fn renew(tx: &mut Tx<'_>, owner: &Owner, now: Timestamp) -> Result<(), SyncError> {
    let mine = lease::renew(tx, owner.org, owner.id, &owner.key, owner.generation, &owner.holder, now)?;
    if mine { Ok(()) } else { Err(owner.fenced()) }
}

/// Forgets what the present window showed: it is read again, and only one unbroken reading proves it.
///
/// # Errors
/// The database fails.
pub fn forget_part(tx: &mut Tx<'_>, org: OrgId, sweep: SweepId, part: u32) -> Result<(), StoreError> {
    const FORGET: &str = "DELETE FROM sync_sweep_page WHERE org_id = $1 AND sweep_id = $2 AND part = $3";
    tx.execute(FORGET, &[org.into(), sweep.into(), i64::from(part).into()])?;
    Ok(())
}

/// What one page did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageCounts {
    /// Records on it.
    pub fetched: u64,
    /// New ones.
    pub created: u64,
    /// Those that mean something else now.
    pub changed: u64,
    /// Those that differ in volatile fields only.
    pub touched: u64,
    /// Those as known.
    pub unchanged: u64,
    /// Those kept aside.
    pub quarantined: u64,
    /// Those that the console said are gone.
    pub removed: u64,
}

impl PageCounts {
    /// Counts what became of a record, and says how the log is to tell it: `None` if there is nothing to tell. A record
    /// that was kept aside is counted by whoever keeps it.
    pub fn count(&mut self, op: &Op) -> Option<signals::Op> {
        match op {
            Op::Created | Op::Returned => {
                self.created += 1;
                Some(signals::Op::Create)
            }
            Op::Changed => {
                self.changed += 1;
                Some(signals::Op::Update)
            }
            Op::Touched => {
                self.touched += 1;
                None
            }
            Op::Unchanged => {
                self.unchanged += 1;
                None
            }
            Op::Quarantined(_) => None,
        }
    }
}

/// Notes which records a page showed, and adds its counts to the sweep's.
///
/// # Errors
/// The database fails.
pub fn save_page(
    tx: &mut Tx<'_>,
    org: OrgId,
    sweep: SweepId,
    at: &Position,
    ids: &[RecordId],
    extra: u32,
    counts: PageCounts,
) -> Result<(), StoreError> {
    const PAGE: &str = "INSERT INTO sync_sweep_page (org_id, sweep_id, page, part, ids, extra) \
        VALUES ($1, $2, $3, $4, $5, $6)";
    const COUNT: &str = "UPDATE sync_sweep SET fetched = fetched + $3, created = created + $4, changed = changed + $5, \
        touched = touched + $6, unchanged = unchanged + $7, quarantined = quarantined + $8, pages = pages + 1 \
        WHERE org_id = $1 AND sweep_id = $2";
    let packed = seen::pack(ids.iter().copied());
    let values = [
        org.into(),
        sweep.into(),
        i64::from(at.page).into(),
        i64::from(at.window).into(),
        packed.into(),
        i64::from(extra).into(),
    ];
    tx.execute(PAGE, &values)?;
    let count = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let values = [
        org.into(),
        sweep.into(),
        count(counts.fetched),
        count(counts.created),
        count(counts.changed),
        count(counts.touched),
        count(counts.unchanged),
        count(counts.quarantined),
    ];
    tx.execute(COUNT, &values)?;
    Ok(())
}

/// Whether a page of a sweep was stored.
///
/// # Errors
/// The database fails.
pub fn has_page(tx: &mut Tx<'_>, org: OrgId, sweep: SweepId, at: &Position) -> Result<bool, StoreError> {
    const READ: &str = "SELECT 1 FROM sync_sweep_page WHERE org_id = $1 AND sweep_id = $2 AND page = $3";
    let page = [org.into(), sweep.into(), i64::from(at.page).into()];
    Ok(tx.query_opt(READ, &page, |row| row.int(0))?.is_some())
}

/// What the pages of a sweep did so far.
///
/// # Errors
/// The database fails.
pub fn counts(tx: &mut Tx<'_>, org: OrgId, sweep: SweepId) -> Result<PageCounts, StoreError> {
    const READ: &str = "SELECT fetched, created, changed, touched, unchanged, quarantined FROM sync_sweep \
        WHERE org_id = $1 AND sweep_id = $2";
    tx.query_one(READ, &[org.into(), sweep.into()], |row| {
        let count = |at: usize| row.int(at).map(i64::unsigned_abs);
        Ok(PageCounts {
            fetched: count(0)?,
            created: count(1)?,
            changed: count(2)?,
            touched: count(3)?,
            unchanged: count(4)?,
            quarantined: count(5)?,
            removed: 0,
        })
    })
}

/// How many different records a window showed, rows without a record included.
///
/// # Errors
/// The database fails, or holds what is not a packing.
pub fn seen_in_part(tx: &mut Tx<'_>, org: OrgId, sweep: SweepId, part: u32) -> Result<u64, StoreError> {
    const READ: &str = "SELECT ids, extra FROM sync_sweep_page WHERE org_id = $1 AND sweep_id = $2 AND part = $3";
    let mut extra = 0u64;
    let mut seen = Seen::default();
    let mut ids = Vec::new();
    tx.scan(READ, &[org.into(), sweep.into(), i64::from(part).into()], |row| {
        unpacked(row, &mut ids, &mut seen)?;
        extra += row.int(1)?.unsigned_abs();
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(seen.count() + extra)
}

/// Every record that a sweep showed.
///
/// # Errors
/// The database fails, or holds what is not a packing.
pub fn seen_in_sweep(tx: &mut Tx<'_>, org: OrgId, sweep: SweepId) -> Result<Seen, StoreError> {
    const READ: &str = "SELECT ids FROM sync_sweep_page WHERE org_id = $1 AND sweep_id = $2";
    let mut seen = Seen::default();
    let mut ids = Vec::new();
    tx.scan(READ, &[org.into(), sweep.into()], |row| {
        unpacked(row, &mut ids, &mut seen)?;
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    Ok(seen)
}

fn unpacked(row: &Row<'_>, ids: &mut Vec<i64>, into: &mut Seen) -> Result<(), StoreError> {
    ids.clear();
    if !seen::unpack(row.bytes(0)?, ids) {
        return Err(StoreError::Corrupt { detail: "the records seen by a sweep cannot be read back".to_owned() });
    }
    for id in ids {
        into.insert(*id);
    }
    Ok(())
}

/// How a sweep, or this pass's part of it, ended.
#[derive(Clone, Debug)]
pub struct Ending<'a> {
    /// How.
    pub status: StreamStatus,
    /// Why; nothing when it is complete.
    pub reason: Option<&'a str>,
    /// What the console counted.
    pub console_total: Option<u64>,
    /// Up to which server time the stream is known now.
    pub watermark: Option<Timestamp>,
    /// When the sweep began, if it asked for everything.
    pub full_at: Option<Timestamp>,
    /// True if the sweep goes on in the next pass from where it stands.
    pub goes_on: bool,
    /// The scope under which the stream is complete now; `None` leaves what is stored.
    pub scope: Option<&'a str>,
    /// When what changes without its time moving was asked for again; `None` leaves what is stored.
    pub reread_at: Option<Timestamp>,
    /// Which generation of the API answered, where there is a choice.
    pub source: Option<&'a str>,
    /// Records that were retired.
    pub removed: u64,
}

/// Notes how a pass over a stream ended. Only a complete sweep moves the watermark.
///
/// # Errors
/// The database fails, or another pass took the stream.
pub fn end(
    tx: &mut Tx<'_>,
    owner: &Owner,
    sweep: Option<SweepId>,
    ending: &Ending<'_>,
    now: Timestamp,
) -> Result<(), SyncError> {
    const STREAM: &str = "UPDATE sync_stream SET status = $5, complete = $6, reason = $7, console_total = $8, \
        updated_at = $9 WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND generation = $4";
    const CLOSE: &str = "UPDATE sync_stream SET sweep_id = NULL, cursor = NULL, position = NULL, page = 0 \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND generation = $4";
    const COMPLETE: &str = "UPDATE sync_stream SET watermark = $5, full_at = COALESCE(CAST($6 AS BIGINT), full_at), \
        complete_at = $7, scope = COALESCE(CAST($8 AS TEXT), scope), \
        reread_at = COALESCE(CAST($9 AS BIGINT), reread_at), source = CAST($10 AS TEXT) \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND generation = $4";
    const SWEEP: &str = "UPDATE sync_sweep SET finished_at = $3, status = $4, complete = $5, reason = $6, \
        console_total = $7, removed = $8 WHERE org_id = $1 AND sweep_id = $2";
    let complete = ending.status == StreamStatus::Complete;
    let total: Value<'_> = ending.console_total.map(|total| i64::try_from(total).unwrap_or(i64::MAX)).into();
    let [org, id, stream, generation] = owner.keys();
    let values = [
        org,
        id,
        stream,
        generation,
        ending.status.word().into(),
        complete.into(),
        ending.reason.into(),
        total.clone(),
        now.into(),
    ];
    if tx.execute(STREAM, &values)? == 0 {
        return Err(owner.fenced());
    }
    if complete {
        let [org, id, stream, generation] = owner.keys();
        let values = [
            org,
            id,
            stream,
            generation,
            ending.watermark.into(),
            ending.full_at.into(),
            now.into(),
            ending.scope.into(),
            ending.reread_at.into(),
            ending.source.into(),
        ];
        tx.execute(COMPLETE, &values)?;
    }
    if ending.goes_on {
        return Ok(());
    }
    tx.execute(CLOSE, &owner.keys())?;
    if let Some(sweep) = sweep {
        let values = [
            owner.org.into(),
            sweep.into(),
            now.into(),
            ending.status.word().into(),
            complete.into(),
            ending.reason.into(),
            total,
            i64::try_from(ending.removed).unwrap_or(i64::MAX).into(),
        ];
        tx.execute(SWEEP, &values)?;
        prune(tx, owner, sweep)?;
    }
    Ok(())
}

/// Keeps the records seen of the latest sweep only, and the figures of the latest [`SWEEPS_KEPT`] and
/// of the latest complete one of everything.
fn prune(tx: &mut Tx<'_>, owner: &Owner, latest: SweepId) -> Result<(), StoreError> {
    const PAGES: &str = "DELETE FROM sync_sweep_page WHERE org_id = $1 AND sweep_id IN (SELECT sweep_id FROM sync_sweep \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND sweep_id < $4)";
    const OLD: &str = "DELETE FROM sync_sweep WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND sweep_id <= \
        COALESCE((SELECT sweep_id FROM sync_sweep WHERE org_id = $1 AND integration_id = $2 AND stream = $3 \
        ORDER BY sweep_id DESC LIMIT 1 OFFSET $4), 0) AND sweep_id <> COALESCE((SELECT max(sweep_id) FROM sync_sweep \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND kind = 'full' AND status = 'complete'), 0)";
    let [org, id, stream, _] = owner.keys();
    tx.execute(PAGES, &[org.clone(), id.clone(), stream.clone(), latest.into()])?;
    tx.execute(OLD, &[org, id, stream, SWEEPS_KEPT.into()])?;
    Ok(())
}

/// A record kept aside.
#[derive(Clone, Debug)]
pub struct Quarantined {
    /// SHA-256 of its bytes, or of its place where there are none.
    pub hash: [u8; 32],
    /// Its native id, if it has one.
    pub native_id: Option<String>,
    /// Why.
    pub reason: String,
    /// Where on its page, from 0.
    pub place: usize,
    /// Its size in bytes, if it came at all.
    pub size: Option<usize>,
    /// Its redacted bytes, if they may be kept.
    pub bytes: Option<Vec<u8>>,
}

/// The bytes of records that are kept aside for one integration. Beyond them only hash, size, place and reason are kept:
/// a console cannot fill the disk with what nobody understands.
pub const QUARANTINE_BYTES_MAX: i64 = 256 << 20;

/// Keeps records aside; one that lies there already is not written again.
///
/// What does not fit into [`QUARANTINE_BYTES_MAX`] is kept without its bytes.
///
/// # Errors
/// The database fails.
pub fn quarantine(
    tx: &mut Tx<'_>,
    owner: &Owner,
    sweep: SweepId,
    page: u32,
    kept: &[Quarantined],
    now: Timestamp,
) -> Result<(), StoreError> {
    const COLUMNS: &[(&str, Kind)] = &[
        ("org_id", Kind::Int),
        ("integration_id", Kind::Int),
        ("stream", Kind::Text),
        ("raw_hash", Kind::Bytes),
        ("native_id", Kind::Text),
        ("reason", Kind::Text),
        ("sweep_id", Kind::Int),
        ("page", Kind::Int),
        ("place", Kind::Int),
        ("size", Kind::Int),
        ("bytes", Kind::Bytes),
        ("first_seen_at", Kind::Int),
        ("translator", Kind::Int),
    ];
    const BYTES: &str = "SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM sync_quarantine WHERE org_id = $1 \
        AND integration_id = $2 AND bytes IS NOT NULL";
    if kept.is_empty() {
        return Ok(());
    }
    let there = tx.query_one(BYTES, &[owner.org.into(), owner.id.into()], |row| row.int(0))?;
    let mut room = usize::try_from(QUARANTINE_BYTES_MAX - there).unwrap_or(0);
    let mut values = Vec::with_capacity(kept.len() * COLUMNS.len());
    for record in kept {
        let bytes = record.bytes.as_deref().filter(|bytes| bytes.len() <= room);
        room -= bytes.map_or(0, <[u8]>::len);
        values.extend([
            owner.org.into(),
            owner.id.into(),
            owner.stream.name.into(),
            (&record.hash).into(),
            record.native_id.as_deref().into(),
            record.reason.as_str().into(),
            sweep.into(),
            i64::from(page).into(),
            i64::try_from(record.place).unwrap_or(i64::MAX).into(),
            record.size.map(|size| i64::try_from(size).unwrap_or(i64::MAX)).into(),
            bytes.into(),
            now.into(),
            TRANSLATOR_VERSION.into(),
        ]);
    }
    tx.insert_many("sync_quarantine", COLUMNS, &values, "ON CONFLICT DO NOTHING")?;
    Ok(())
}

/// A record whose own settings are asked for, one request each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parent {
    /// Its native id.
    pub native_id: String,
    /// Its name, where known.
    pub name: Option<String>,
    /// Its vendor, if it is a product.
    pub vendor: Option<String>,
    /// Within what it is asked for, as a parameter: `accountIds=123`.
    pub scope: Option<String>,
}

impl Parent {
    /// A record of which only the id is known.
    #[must_use]
    pub fn named(native_id: &str) -> Parent {
        Parent { native_id: native_id.to_owned(), name: None, vendor: None, scope: None }
    }
}

/// The known records of one stream, in the order of their native ids; of groups only those that do not inherit.
///
/// # Errors
/// The database fails.
pub fn parents(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, of: crate::Parents) -> Result<Vec<Parent>, StoreError> {
    // What the console no longer has cannot be asked for.
    const ACCOUNTS: &str = "SELECT p.native_id, p.name FROM inventory_account p \
        JOIN inventory_source_record r ON r.org_id = p.org_id AND r.record_id = p.record_id \
        WHERE p.org_id = $1 AND p.integration_id = $2 AND r.state <> 'retired' ORDER BY p.native_id";
    const SITES: &str = "SELECT p.native_id, p.name FROM inventory_console_site p \
        JOIN inventory_source_record r ON r.org_id = p.org_id AND r.record_id = p.record_id \
        WHERE p.org_id = $1 AND p.integration_id = $2 AND r.state <> 'retired' ORDER BY p.native_id";
    // A group that does not say whether it inherits is asked: unknown is not the same as yes.
    const GROUPS: &str = "SELECT p.native_id, p.name FROM inventory_console_group p \
        JOIN inventory_source_record r ON r.org_id = p.org_id AND r.record_id = p.record_id \
        WHERE p.org_id = $1 AND p.integration_id = $2 AND r.state <> 'retired' AND COALESCE(p.inherits, 0) = 0 \
        ORDER BY p.native_id";
    let sql = match of {
        crate::Parents::Accounts => ACCOUNTS,
        crate::Parents::Sites => SITES,
        crate::Parents::GroupsThatDoNotInherit => GROUPS,
    };
    tx.query(sql, &[org.into(), id.into()], |row| {
        Ok(Parent { name: row.opt_text(1)?.map(str::to_owned), ..Parent::named(row.text(0)?) })
    })
}

/// The native ids of a stream's present records, in order, after `after`; at most `limit`.
///
/// # Errors
/// The database fails.
pub fn native_ids(
    tx: &mut Tx<'_>,
    org: OrgId,
    id: IntegrationId,
    stream: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<String>, StoreError> {
    const READ: &str = "SELECT native_id FROM inventory_source_record WHERE org_id = $1 AND integration_id = $2 \
        AND stream = $3 AND native_id > $4 AND state <> 'retired' ORDER BY native_id LIMIT $5";
    let values = [org.into(), id.into(), stream.into(), after.into(), limit.into()];
    tx.query(READ, &values, |row| Ok(row.text(0)?.to_owned()))
}

/// How many records of a stream are not retired.
///
/// # Errors
/// The database fails.
pub fn present(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, stream: &str) -> Result<u64, StoreError> {
    const COUNT: &str = "SELECT count(*) FROM inventory_source_record WHERE org_id = $1 AND integration_id = $2 \
        AND stream = $3 AND state <> 'retired'";
    tx.query_one(COUNT, &[org.into(), id.into(), stream.into()], |row| Ok(row.int(0)?.unsigned_abs()))
}

/// Notes how many records of how many wait for a person to accept that they are gone; none clears it.
///
/// # Errors
/// The database fails, or another pass took the stream.
pub fn hold(tx: &mut Tx<'_>, owner: &Owner, held: Option<(u64, u64)>, now: Timestamp) -> Result<(), SyncError> {
    const HOLD: &str = "UPDATE sync_stream SET held = $5, held_of = $6, held_since = COALESCE(held_since, $7) \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND generation = $4";
    const FREE: &str = "UPDATE sync_stream SET held = NULL, held_of = NULL, held_since = NULL \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3 AND generation = $4";
    let count = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let [org, id, stream, generation] = owner.keys();
    let mine = match held {
        Some((held, of)) => tx.execute(HOLD, &[org, id, stream, generation, count(held), count(of), now.into()])?,
        None => tx.execute(FREE, &[org, id, stream, generation])?,
    };
    if mine == 0 { Err(owner.fenced()) } else { Ok(()) }
}

/// A stream of which too many records are gone at once to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The stream's name.
    pub stream: String,
    /// Records that the console no longer shows.
    pub gone: u64,
    /// Of how many.
    pub of: u64,
    /// Since when.
    pub since: Timestamp,
}

/// The streams of an integration that wait for `muster sync --accept-removals`.
///
/// # Errors
/// The database fails.
pub fn held(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId) -> Result<Vec<Held>, StoreError> {
    const READ: &str = "SELECT stream, held, held_of, held_since FROM sync_stream \
        WHERE org_id = $1 AND integration_id = $2 AND held IS NOT NULL ORDER BY stream";
    tx.query(READ, &[org.into(), id.into()], |row| {
        Ok(Held {
            stream: row.text(0)?.to_owned(),
            gone: row.int(1)?.unsigned_abs(),
            of: row.opt_int(2)?.unwrap_or_default().unsigned_abs(),
            since: Timestamp::from_micros(row.opt_int(3)?.unwrap_or_default()),
        })
    })
}

/// Which of these accounts are known already.
///
/// # Errors
/// The database fails.
pub fn known_accounts(tx: &mut Tx<'_>, org: OrgId, id: IntegrationId, ids: &[&str]) -> Result<Vec<String>, StoreError> {
    const KNOWN: &str = "SELECT native_id FROM inventory_account \
        WHERE org_id = $1 AND integration_id = $2 AND native_id IN KEYS";
    tx.select_in(KNOWN, &[org.into(), id.into()], store::Keys::Texts(ids), |row| Ok(row.text(0)?.to_owned()))
}
