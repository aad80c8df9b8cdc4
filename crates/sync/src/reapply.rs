//! What is stored, judged anew: because an option changed, because the translator learned, or because a machine's
//! standing did.
//!
//! Nothing is fetched. Bodies are translated again where they lie, in batches of a transaction each. A mark per stream
//! says by which options and which translator its records were last judged; while that is under way it says how far. Who
//! is killed in between goes on from there, and whoever looks in between sees some records judged by the old options and
//! some by the new.

use std::sync::Arc;

use inventory::field::Filling;
use inventory::hanging;
use inventory::{Context, Memory, Reason, Translation};
use jobs::World;
use kernel::{OrgId, RecordId, SweepId, Timestamp};
use rustc_hash::FxHashMap;
use sentinelone::Endpoint;
use sentinelone::json::Json;
use store::{Store, StoreError, Tx};

use crate::canonical::Meaning;
use crate::options::{self, Around, agent_of, judge, option_named};
use crate::quarantine::TRANSLATOR_VERSION;
use crate::settle::settle;
use crate::stream::{Identity, Source};
use crate::translate::{Asked, software_id, software_meaning, translate};
use crate::{Import, Integration, STREAMS, Stream, SyncError};

/// Records that are judged anew in one transaction: a second of work at most, even where bodies are large.
const RECORDS_AT_ONCE: i64 = 500;

/// Agents whose hanging records are judged anew in one transaction.
const AGENTS_AT_ONCE: u32 = 50;

/// What judging anew came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reapplied {
    /// Records that were looked at.
    pub judged: u64,
    /// Of them, those that are left out now.
    pub left_out: u64,
}

impl Reapplied {
    fn add(&mut self, other: Reapplied) {
        self.judged += other.judged;
        self.left_out += other.left_out;
    }
}

/// Where judging anew takes place.
#[derive(Clone, Copy)]
pub(crate) struct Where<'a> {
    pub store: &'a Store,
    pub world: &'a World,
    pub memory: &'a Arc<Memory>,
    pub of: &'a Integration,
}

/// Judges everything that is stored of an integration by its options as they are now: what an option hides is left out,
/// what none hides any more is back. Nothing is asked of the console.
///
/// # Errors
/// There is no integration of that name, or the database fails.
pub async fn reapply(store: &Store, world: &World, org: OrgId, name: &str) -> Result<Reapplied, SyncError> {
    let wanted = name.to_owned();
    let read = store.read(move |tx| crate::checkpoint::named(tx, org, &wanted));
    let of = world.outside(read).await?;
    let memory = Arc::default();
    let at = Where { store, world, memory: &memory, of: &of };
    let mut all = at.streams().await?;
    settle(store, world, org, None, &memory).await?;
    all.add(at.hanging().await?);
    at.people().await?;
    Ok(all)
}

/// Streams that tell of machines.
pub(crate) const MACHINE_STREAMS: [&str; 3] = ["agents", "ranger_devices", "xdr_assets"];

impl Where<'_> {
    /// Judges the records of every stream whose options or translator changed.
    pub async fn streams(self) -> Result<Reapplied, SyncError> {
        let mut all = Reapplied::default();
        let of = self.of.clone();
        let due = self.world.outside(self.store.read(move |tx| Ok::<_, SyncError>(due(tx, &of)?))).await?;
        for stream in due {
            let vendors = self.vendors(stream).await?;
            loop {
                let (of, memory, now, vendors) =
                    (self.of.clone(), self.memory.clone(), self.world.now(), vendors.clone());
                let write = self.store.write(move |tx| {
                    let again = Again { of: &of, memory: &memory, vendors: &vendors, now };
                    again.step(tx, stream)
                });
                let Some(step) = self.world.outside(write).await? else { break };
                all.add(step);
            }
        }
        Ok(all)
    }

    /// Judges what hangs on machines whose standing changed.
    pub async fn hanging(self) -> Result<Reapplied, SyncError> {
        let mut all = Reapplied::default();
        let software = Stream::named("applications").expect("software is declared");
        let mut vendors = None;
        loop {
            let (of, memory, now) = (self.of.clone(), self.memory.clone(), self.world.now());
            let waiting =
                self.store.read(move |tx| Ok::<_, SyncError>(hanging::waiting(tx, of.org, of.id, AGENTS_AT_ONCE)?));
            let agents = self.world.outside(waiting).await?;
            if agents.is_empty() {
                break;
            }
            let known = match &vendors {
                Some(known) => Arc::clone(known),
                None => Arc::clone(vendors.insert(self.vendors(software).await?)),
            };
            let of = self.of.clone();
            let write = self.store.write(move |tx| {
                let again = Again { of: &of, memory: &memory, vendors: &known, now };
                again.hanging(tx, &agents)
            });
            all.add(self.world.outside(write).await?);
        }
        Ok(all)
    }

    /// Fills custom fields from tags and lets rules give assets their owners: what follows from everything before.
    pub async fn people(self) -> Result<(), SyncError> {
        let org = self.of.org;
        let mut filling = Some(Filling::begin(self.world.now()));
        while let Some(at) = filling {
            let write = self.store.write(move |tx| Ok::<_, SyncError>(inventory::field::fill(tx, org, at)?));
            filling = self.world.outside(write).await?;
        }
        let (memory, now) = (self.memory.clone(), self.world.now());
        let write =
            self.store.write(move |tx| Ok::<_, SyncError>(inventory::owner::evaluate_owners(tx, org, &memory, now)?));
        for (owner, why) in self.world.outside(write).await?.broken {
            tracing::warn!("The rule for owner {owner} matches nothing: {why}");
        }
        Ok(())
    }

    /// The vendors of every product that the console lists, for software whose row does not say its own.
    async fn vendors(self, stream: &Stream) -> Result<Arc<Vendors>, SyncError> {
        if stream.identity != Identity::Software {
            return Ok(Arc::default());
        }
        let (org, id) = (self.of.org, self.of.id);
        self.world.outside(self.store.read(move |tx| Ok(Arc::new(vendors(tx, org, id)?)))).await
    }
}

/// Vendors by product, as the console spells both.
type Vendors = FxHashMap<String, Vec<String>>;

fn vendors(tx: &mut Tx<'_>, org: OrgId, id: kernel::IntegrationId) -> Result<Vendors, SyncError> {
    const PRODUCTS: &str = "SELECT record_id FROM inventory_source_record WHERE org_id = $1 AND integration_id = $2 \
        AND stream = 'application_inventory' ORDER BY record_id";
    let records = tx.query(PRODUCTS, &[org.into(), id.into()], |row| Ok(RecordId(row.int(0)?)))?;
    let mut vendors = Vendors::default();
    for some in records.chunks(RECORDS_AT_ONCE.unsigned_abs() as usize) {
        for body in inventory::bodies(tx, org, some)?.into_iter().flatten() {
            let Ok(product) = sentinelone::records::Application::decode(&body) else { continue };
            if let (Some(name), Some(vendor)) = (product.application_name, product.application_vendor) {
                vendors.entry(name.into_owned()).or_default().push(vendor.into_owned());
            }
        }
    }
    Ok(vendors)
}

/// Whether stored records of a stream can be translated again as they are: of what was asked for about something else
/// (policies) the record itself does not say what, and activities never change and are what they always were.
fn is_judged_again(stream: &Stream) -> bool {
    !matches!(stream.source, Source::One(..) | Source::Each(..)) && stream.name != "activities"
}

/// By what the records of a stream are to be judged.
fn target(import: &Import, stream: &Stream) -> String {
    format!("{TRANSLATOR_VERSION} {}", import.bearing_on(stream.name))
}

/// How far a stream has been judged.
struct Mark {
    applied: String,
    target: Option<String>,
    cursor: Option<String>,
}

fn mark(tx: &mut Tx<'_>, of: &Integration, stream: &Stream) -> Result<Option<Mark>, StoreError> {
    const READ: &str = "SELECT applied, target, cursor FROM sync_applied \
        WHERE org_id = $1 AND integration_id = $2 AND stream = $3";
    tx.query_opt(READ, &[of.org.into(), of.id.into(), stream.name.into()], |row| {
        Ok(Mark {
            applied: row.text(0)?.to_owned(),
            target: row.opt_text(1)?.map(str::to_owned),
            cursor: row.opt_text(2)?.map(str::to_owned),
        })
    })
}

fn save_mark(
    tx: &mut Tx<'_>,
    of: &Integration,
    stream: &Stream,
    mark: &Mark,
    judged: u64,
    now: Timestamp,
) -> Result<(), StoreError> {
    const SAVE: &str = "INSERT INTO sync_applied (org_id, integration_id, stream, applied, translator, target, cursor, \
        judged, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
        ON CONFLICT (org_id, integration_id, stream) DO UPDATE SET applied = excluded.applied, \
        translator = excluded.translator, target = excluded.target, cursor = excluded.cursor, \
        judged = sync_applied.judged + excluded.judged, updated_at = excluded.updated_at";
    let values = [
        of.org.into(),
        of.id.into(),
        stream.name.into(),
        mark.applied.as_str().into(),
        TRANSLATOR_VERSION.into(),
        mark.target.as_deref().into(),
        mark.cursor.as_deref().into(),
        i64::try_from(judged).unwrap_or(i64::MAX).into(),
        now.into(),
    ];
    tx.execute(SAVE, &values)?;
    Ok(())
}

/// Streams whose records were judged by something else than what holds now, machines first: what hangs on them looks at
/// what became of them.
fn due(tx: &mut Tx<'_>, of: &Integration) -> Result<Vec<&'static Stream>, StoreError> {
    const ALL: &str = "SELECT stream, applied FROM sync_applied WHERE org_id = $1 AND integration_id = $2";
    let applied: FxHashMap<String, String> = tx
        .query(ALL, &[of.org.into(), of.id.into()], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))?
        .into_iter()
        .collect();
    let import = &of.options.import;
    let streams = STREAMS.iter().filter(|stream| is_judged_again(stream));
    Ok(streams.filter(|stream| applied.get(stream.name).is_none_or(|by| *by != target(import, stream))).collect())
}

/// What stored records are judged anew with.
struct Again<'a> {
    of: &'a Integration,
    memory: &'a Memory,
    vendors: &'a Vendors,
    now: Timestamp,
}

impl Again<'_> {
    /// Judges the next records of a stream; `None` once all are.
    fn step(&self, tx: &mut Tx<'_>, stream: &'static Stream) -> Result<Option<Reapplied>, SyncError> {
        const NEXT: &str = "SELECT record_id, native_id FROM inventory_source_record WHERE org_id = $1 \
            AND integration_id = $2 AND stream = $3 AND native_id > $4 ORDER BY native_id LIMIT $5";
        let wanted = target(&self.of.options.import, stream);
        let stored = mark(tx, self.of, stream)?;
        if stored.as_ref().is_some_and(|mark| mark.applied == wanted) {
            return Ok(None);
        }
        let mut mark = stored.unwrap_or(Mark { applied: String::new(), target: None, cursor: None });
        if mark.target.as_deref() != Some(wanted.as_str()) {
            // What was judged by options that changed again meanwhile is judged once more.
            (mark.target, mark.cursor) = (Some(wanted.clone()), None);
        }
        let after = mark.cursor.as_deref().unwrap_or_default();
        let values = [self.of.org.into(), self.of.id.into(), stream.name.into(), after.into(), RECORDS_AT_ONCE.into()];
        let records = tx.query(NEXT, &values, |row| Ok((RecordId(row.int(0)?), row.text(1)?.to_owned())))?;
        let ids: Vec<RecordId> = records.iter().map(|(record, _)| *record).collect();
        let reapplied = self.judge(tx, stream, &ids)?;
        if records.len() as i64 == RECORDS_AT_ONCE {
            mark.cursor = records.last().map(|(_, native_id)| native_id.clone());
        } else {
            mark = Mark { applied: wanted, target: None, cursor: None };
        }
        save_mark(tx, self.of, stream, &mark, reapplied.judged, self.now)?;
        Ok(Some(reapplied))
    }

    /// Judges everything that hangs on these agents.
    fn hanging(&self, tx: &mut Tx<'_>, agents: &[String]) -> Result<Reapplied, SyncError> {
        let mut by_stream: FxHashMap<&'static str, Vec<RecordId>> = FxHashMap::default();
        for agent in agents {
            for (stream, record) in hanging::of_agent(tx, self.of.org, self.of.id, agent)? {
                if let Some(stream) = Stream::named(&stream) {
                    by_stream.entry(stream.name).or_default().push(record);
                }
            }
        }
        let mut all = Reapplied::default();
        for stream in STREAMS {
            let Some(records) = by_stream.get(stream.name) else { continue };
            for some in records.chunks(RECORDS_AT_ONCE.unsigned_abs() as usize) {
                all.add(self.judge(tx, stream, some)?);
            }
        }
        for agent in agents {
            hanging::judged(tx, self.of.org, self.of.id, agent)?;
        }
        Ok(all)
    }

    /// Judges these records of one stream.
    fn judge(&self, tx: &mut Tx<'_>, stream: &'static Stream, records: &[RecordId]) -> Result<Reapplied, SyncError> {
        let Integration { org, id, site, .. } = *self.of;
        if records.is_empty() {
            return Ok(Reapplied::default());
        }
        let import = &self.of.options.import;
        let surroundings = match looks_around(import, stream) {
            true => {
                let ids = self.agents_of(tx, stream, records)?;
                Surroundings::of(tx, self.of, ids)?
            }
            false => Surroundings::default(),
        };
        let before = standing_of(tx, self.of, stream, records)?;
        let context = Context {
            org,
            integration: id,
            site,
            stream: stream.name,
            sweep: SweepId(0),
            now: self.now,
            immutable: stream.immutable,
            body_in_log: stream.body_in_log(),
            memory: self.memory,
            onboard: import.onboard(),
        };
        let mut meaning = Meaning::of(stream);
        let mut left: FxHashMap<String, String> = FxHashMap::default();
        let done = inventory::reproject(tx, &context, records, &mut |native_id, raw| {
            let (mut noun, updated_at) = self.translated(stream, native_id, raw)?;
            options::mark(import, &mut noun);
            let left_out = judge(import, &noun, surroundings.around(&noun));
            if left_out.is_some()
                && let Some(agent) = agent_of(&noun)
            {
                left.insert(native_id.to_owned(), agent.to_owned());
            }
            let meaning_hash = match stream.identity {
                Identity::Software => software_meaning(native_id),
                _ => meaning.hash(raw)?,
            };
            Ok(Translation { meaning_hash, updated_at, noun, left_out })
        })?;
        for (record, Reason(why)) in &done.failed {
            tracing::debug!(stream = stream.name, "{record} stays as it was: {why}");
        }
        if !left.is_empty() {
            let ids = native_ids(tx, org, records)?;
            let of: Vec<(&str, RecordId)> =
                ids.iter().filter_map(|(native_id, record)| Some((left.get(native_id)?.as_str(), *record))).collect();
            hanging::note_left_out_of(tx, org, id, &of)?;
        }
        note_flips(tx, self.of, stream, records, &before)?;
        Ok(Reapplied { judged: records.len() as u64, left_out: done.left_out })
    }

    /// The agents that records belong to.
    fn agents_of(
        &self,
        tx: &mut Tx<'_>,
        stream: &'static Stream,
        records: &[RecordId],
    ) -> Result<Vec<String>, SyncError> {
        let named = native_ids(tx, self.of.org, records)?;
        if stream.identity == Identity::Software {
            let agents = named.into_iter().filter_map(|(id, _)| Some(id.split_once(':')?.0.to_owned()));
            return Ok(agents.collect());
        }
        let by_record: FxHashMap<RecordId, String> = named.into_iter().map(|(id, record)| (record, id)).collect();
        let bodies = inventory::bodies(tx, self.of.org, records)?;
        let agents = records.iter().zip(bodies).filter_map(|(record, body)| {
            let (noun, _) = self.translated(stream, by_record.get(record)?, &body?).ok()?;
            agent_of(&noun).map(str::to_owned)
        });
        Ok(agents.collect())
    }

    /// Translates a stored body; what was asked for beside it is told from its native id, and of software also the
    /// generation from what the row says and the vendor from the console's list of products.
    fn translated(
        &self,
        stream: &'static Stream,
        native_id: &str,
        raw: &[u8],
    ) -> Result<(inventory::Noun, Option<Timestamp>), Reason> {
        let scope_id = native_id.split_once(':').map(|(scope, _)| scope);
        let mut asked = Asked { scope_id, ..Asked::default() };
        if stream.identity != Identity::Software {
            return translate(stream.endpoint(), raw, asked);
        }
        let json = Json::from_bytes(raw).map_err(|error| Reason(error.to_string()))?;
        let endpoint = generation(raw);
        let is_it = |asked: Asked<'_>| software_id(endpoint, raw, asked).is_ok_and(|id| id == native_id);
        if endpoint == Endpoint::ApplicationEndpoints && !is_it(asked) {
            let product = json.get("applicationName").and_then(|name| name.text());
            let vendors = product.and_then(|product| self.vendors.get(product.as_ref()));
            let vendor = vendors.into_iter().flatten().find(|vendor| is_it(Asked { vendor: Some(vendor), ..asked }));
            // Without its vendor it would be another product: it stays as it was told.
            let unknown = || Reason("its vendor is not listed any more".to_owned());
            asked.vendor = Some(vendor.ok_or_else(unknown)?);
        }
        translate(endpoint, raw, asked)
    }
}

/// Which generation of the API told of software, as far as its row shows; anything if it is no row.
pub(crate) fn generation(raw: &[u8]) -> Endpoint {
    let has = |name: &str| Json::from_bytes(raw).is_ok_and(|json| json.get(name).is_some());
    match (has("endpointId"), has("agentId")) {
        (true, _) => Endpoint::ApplicationEndpoints,
        (false, true) => Endpoint::InstalledApplications,
        (false, false) => Endpoint::AgentApplications,
    }
}

/// Whether the fate of a stream's records depends on what became of their machines.
pub(crate) fn looks_around(import: &Import, stream: &Stream) -> bool {
    hanging::HANGING.contains(&stream.name) && import.asks_for_agents()
}

/// The machines around some records, looked up together.
#[derive(Default)]
pub(crate) struct Surroundings {
    asked: bool,
    agents: FxHashMap<String, hanging::Standing>,
}

impl Surroundings {
    /// Looks these agents up.
    pub fn of(tx: &mut Tx<'_>, of: &Integration, agents: Vec<String>) -> Result<Surroundings, StoreError> {
        Surroundings::at(tx, of.org, of.id, agents)
    }

    /// Looks these agents of an integration up.
    pub fn at(
        tx: &mut Tx<'_>,
        org: OrgId,
        id: kernel::IntegrationId,
        mut agents: Vec<String>,
    ) -> Result<Surroundings, StoreError> {
        agents.sort_unstable();
        agents.dedup();
        let wanted: Vec<&str> = agents.iter().map(String::as_str).collect();
        Ok(Surroundings { asked: true, agents: hanging::standing(tx, org, id, &wanted)? })
    }

    /// What is known of a noun's machine.
    pub fn around(&self, noun: &inventory::Noun) -> Around {
        if !self.asked {
            return Around::Unasked;
        }
        match agent_of(noun).and_then(|agent| self.agents.get(agent)) {
            None => Around::Unregistered,
            Some(known) => {
                Around::Agent { left_out: known.left_out.as_deref().and_then(option_named), tracked: known.tracked }
            }
        }
    }
}

/// How agents stand before something is done to them; of no other stream anything.
pub(crate) fn standing_of(
    tx: &mut Tx<'_>,
    of: &Integration,
    stream: &Stream,
    records: &[RecordId],
) -> Result<FxHashMap<RecordId, String>, StoreError> {
    if stream.name != "agents" {
        return Ok(FxHashMap::default());
    }
    let left = inventory::left_out::left_out(tx, of.org, records)?;
    Ok(left.into_iter().map(|left| (left.record, left.option)).collect())
}

/// Notes which agents came in or went out, compared with `before`: what hangs on them follows.
pub(crate) fn note_flips(
    tx: &mut Tx<'_>,
    of: &Integration,
    stream: &Stream,
    records: &[RecordId],
    before: &FxHashMap<RecordId, String>,
) -> Result<(), StoreError> {
    if stream.name != "agents" {
        return Ok(());
    }
    let after = standing_of(tx, of, stream, records)?;
    let flipped: Vec<RecordId> =
        records.iter().copied().filter(|record| before.get(record) != after.get(record)).collect();
    hanging::rejudge_records(tx, of.org, &flipped)
}

fn native_ids(tx: &mut Tx<'_>, org: OrgId, records: &[RecordId]) -> Result<Vec<(String, RecordId)>, StoreError> {
    const READ: &str =
        "SELECT native_id, record_id FROM inventory_source_record WHERE org_id = $1 AND record_id IN KEYS";
    let keys: Vec<i64> = records.iter().map(|record| record.0).collect();
    tx.select_in(READ, &[org.into()], store::Keys::Ints(&keys), |row| {
        Ok((row.text(0)?.to_owned(), RecordId(row.int(1)?)))
    })
}
