//! One page, stored: records, projections, artifacts, ids seen, quarantine and checkpoint in one transaction.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use inventory::hanging::Standing;
use inventory::{Context, Incoming, Memory, Op, Reason, Translation};
use kernel::{RecordId, SiteId, SweepId, Timestamp};
use rustc_hash::{FxHashMap, FxHashSet};
use sentinelone::json::Json;
use sentinelone::{Endpoint, Flaw, Micros, Page};
use store::Tx;

use crate::canonical::{self, Meaning};
use crate::checkpoint::{self, Owner, PageCounts, Parent, Quarantined};
use crate::drift::Watch;
use crate::enrich::{self, NOTE_ACTIVITIES, Queued};
use crate::options::{agent_of, judge, mark};
use crate::position::{Counted, PageSeen, Position, counted, is_in_the_future};
use crate::reapply::{self, Surroundings};
use crate::stream::{Identity, Removal, TimeField};
use crate::translate::{Asked, product_id, software_id, software_meaning, translate};
use crate::{Integration, SyncError};

/// What was fetched together and is stored together: one page of a list, or the single answers of several requests.
#[derive(Default)]
pub struct Batch {
    /// Each answer, and, for a request that names a record, which.
    pub pages: Vec<(Option<Parent>, Page)>,
    /// Questions of the enrichment queue that these answers settle.
    pub settled: Vec<Queued>,
    /// Questions that have to wait, each with until when and why.
    pub waiting: Vec<(Queued, Timestamp, String)>,
}

/// Everything that storing a batch needs beside the transaction. Owned, because it runs on the store's thread.
pub struct Storing {
    /// Whose stream it is.
    pub owner: Owner,
    /// Our site for its assets.
    pub site: SiteId,
    /// The console's canonical host.
    pub console_host: String,
    /// The sweep.
    pub sweep: SweepId,
    /// Where the sweep stood when the batch was asked for.
    pub at: Position,
    /// Where it stands once the batch is stored.
    pub next: Position,
    /// What is kept in memory between pages.
    pub memory: Arc<Memory>,
    /// True if accounts cannot be read, so that the sites tell which there are.
    pub derive_accounts: bool,
    /// The console's count, if this batch ends a window and is to prove it.
    pub closes: Option<Option<u64>>,
    /// What was asked for.
    pub endpoint: Endpoint,
    /// True if records may say of themselves that they are gone.
    pub told: bool,
    /// Streams whose queues learn of new and changed records.
    pub enriches: Vec<&'static str>,
    /// The integration, with its options.
    pub of: Integration,
    /// Our clock.
    pub now: Timestamp,
}

/// What storing a batch came to.
#[derive(Clone, Debug)]
pub struct Stored {
    /// What happened to its records.
    pub counts: PageCounts,
    /// Where the sweep stands now.
    pub position: Position,
    /// How the window's proof ended, if the batch ended a window.
    pub proof: Option<Proven>,
}

/// How a window's proof ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// Nothing is missing.
    Complete,
    /// The window is read again.
    Again,
    /// It was cut in two, because the console's count stops short of it.
    Cut,
    /// Records are missing and reading again did not bring them.
    Missing(u64),
    /// The console gave no count.
    NoCount,
}

/// Stores a batch and everything that must not be separated from it.
///
/// # Errors
/// The database fails, or another pass took the stream; nothing of the batch is kept then.
pub fn store(tx: &mut Tx<'_>, storing: &Storing, batch: &Batch) -> Result<Stored, SyncError> {
    let Storing { owner, sweep, at, now, endpoint, .. } = storing;
    checkpoint::fence(tx, owner)?;
    let endpoint = *endpoint;
    let import = &storing.of.options.import;
    let mut rows = Rows { told: storing.told, ..Rows::default() };
    let mut meaning = Meaning::of(owner.stream);
    for (which, (parent, page)) in batch.pages.iter().enumerate() {
        rows.take(owner, endpoint, &mut meaning, which, parent.as_ref(), page);
    }
    let context = Context {
        org: owner.org,
        integration: owner.id,
        site: storing.site,
        stream: owner.stream.name,
        sweep: *sweep,
        now: *now,
        immutable: owner.stream.immutable,
        body_in_log: owner.stream.body_in_log(),
        memory: &storing.memory,
        onboard: import.onboard(),
    };
    if at.page == 0
        && let [(None, page)] = batch.pages.as_slice()
    {
        inventory::begin_load(tx, owner.stream.name, page.total_items.unwrap_or(0))?;
    }
    rows.decide_gone(tx, &context)?;
    let mut accounts = BTreeMap::new();
    let mut watch = Watch::of(endpoint, at.page);
    let mut to_enrich = Vec::new();
    let translated = |index: usize| {
        let parent = batch.pages[rows.from[index]].0.as_ref();
        translate(endpoint, rows.incoming[index].raw, asked_of(parent))
    };
    let (mut early, surroundings) = look_around(tx, storing, rows.incoming.len(), &translated)?;
    let agents = Agents::before(tx, storing, &rows.incoming)?;
    let mut left = Vec::new();
    let outcomes = inventory::apply(tx, &context, &rows.incoming, &mut |index| {
        let raw = rows.incoming[index].raw;
        let (mut noun, updated_at) = match early.get_mut(index).and_then(Option::take) {
            Some(noun) => noun?,
            None => translated(index)?,
        };
        mark(import, &mut noun);
        let left_out = judge(import, &noun, surroundings.around(&noun));
        if left_out.is_some()
            && let Some(agent) = agent_of(&noun)
        {
            left.push((index, agent.to_owned()));
        }
        watch.look(raw, &rows.incoming[index].native_id);
        if let inventory::Noun::Activity(activity) = &noun
            && activity.type_.is_some_and(|kind| NOTE_ACTIVITIES.contains(&kind))
        {
            to_enrich.extend(activity.threat_id.clone());
        }
        if storing.derive_accounts
            && let inventory::Noun::ConsoleSite(site) = &noun
            && let Some(account) = &site.account_id
        {
            accounts.insert(account.clone(), site.account.clone());
        }
        let meaning_hash = match owner.stream.identity {
            Identity::Software => software_meaning(&rows.incoming[index].native_id),
            _ => meaning.hash(raw)?,
        };
        Ok(Translation { meaning_hash, updated_at, noun, left_out })
    })?;
    let left: Vec<(&str, RecordId)> = left.iter().map(|(at, agent)| (agent.as_str(), outcomes[*at].record)).collect();
    inventory::hanging::note_left_out_of(tx, owner.org, owner.id, &left)?;
    agents.after(tx, storing, &rows.incoming)?;

    let mut counts = PageCounts { fetched: rows.fetched, ..PageCounts::default() };
    let mut ids = Vec::with_capacity(outcomes.len());
    let (mut entries, mut logged) = (Vec::new(), Vec::new());
    let mut gone = Vec::new();
    for (index, outcome) in outcomes.iter().enumerate() {
        let incoming = &rows.incoming[index];
        if let Op::Quarantined(reason) = &outcome.op {
            rows.aside.push(Quarantined {
                hash: incoming.raw_hash,
                native_id: Some(incoming.native_id.to_string()),
                reason: reason.0.clone(),
                place: rows.place[index],
                size: Some(incoming.raw.len()),
                bytes: Some(incoming.raw.to_vec()),
            });
        }
        let op = counts.count(&outcome.op);
        if rows.going.contains(&index) {
            // What it says last is stored, and logged as its end.
            match &outcome.op {
                Op::Changed => counts.changed -= 1,
                Op::Touched => counts.touched -= 1,
                Op::Unchanged => counts.unchanged -= 1,
                Op::Created | Op::Returned | Op::Quarantined(_) => {}
            }
            gone.push(outcome.record);
            if context.body_in_log && !matches!(outcome.op, Op::Unchanged | Op::Quarantined(_)) {
                inventory::keep_bodies(tx, &context, &[(outcome.record, incoming.raw)])?;
            }
        } else if let Some(op) = op {
            if endpoint != Endpoint::Activities && !storing.enriches.is_empty() {
                to_enrich.push(incoming.native_id.to_string());
            }
            logged.push((outcome.record, incoming.raw));
            entries.push(signals::Entry {
                native_id: Cow::Borrowed(incoming.native_id.as_ref()),
                op,
                version: outcome.version,
                updated_at: outcome.updated_at,
                meaning_hash: outcome.meaning_hash,
                raw: incoming.raw,
            });
        }
        // A record that was never stored has no id to be seen by; it is counted beside the ids.
        if outcome.record == RecordId(0) {
            rows.extra += 1;
        } else {
            ids.push(outcome.record);
        }
    }
    // Records that could not be taken apart are there all the same, and so are those that say they are gone.
    let lost: Vec<&str> = rows.lost.iter().map(AsRef::as_ref).collect();
    let known = inventory::retire::records(tx, &context, &lost)?;
    rows.extra += u32::try_from(lost.len() - known.len()).unwrap_or(u32::MAX);
    ids.extend(known);
    let retired = if gone.is_empty() { Vec::new() } else { inventory::retire(tx, &context, &gone)? };
    counts.removed = retired.len() as u64;
    entries.extend(retired.iter().map(retirement));
    counts.quarantined = rows.aside.len() as u64;
    let page = signals::Page {
        org: owner.org,
        integration: owner.id,
        console_host: &storing.console_host,
        stream: owner.stream.name,
        now: *now,
        entries,
    };
    let recorded = signals::record(tx, &page)?;
    if context.body_in_log {
        let had = logged.iter().zip(&recorded).filter(|(_, recorded)| !recorded.new).map(|(logged, _)| *logged);
        inventory::keep_bodies(tx, &context, &had.collect::<Vec<_>>())?;
    }
    derive_accounts(tx, storing, &accounts)?;
    watch.save(tx, owner, *now)?;
    for stream in &storing.enriches {
        enrich::queue(tx, owner, stream, &to_enrich, *now)?;
    }
    enrich::settle(tx, owner, &batch.settled, &batch.waiting)?;
    checkpoint::quarantine(tx, owner, *sweep, at.page, &rows.aside, *now)?;
    checkpoint::save_page(tx, owner.org, *sweep, at, &ids, rows.extra, counts)?;

    let mut position = storing.next.clone();
    position.nameless = position.nameless.saturating_add(rows.nameless);
    let proof = match storing.closes {
        None => None,
        Some(total) => Some(close(tx, storing, &mut position, total)?),
    };
    checkpoint::save_position(tx, owner, &position, *now)?;
    Ok(Stored { counts, position, proof })
}

/// A record in our words, and when the source changed it.
type Translated = Result<(inventory::Noun, Option<Timestamp>), Reason>;

/// Looks up, all together, the machines that the records of a batch belong to. Records are translated for that; what came
/// of it is used again. Nothing is done unless an option asks for it.
fn look_around(
    tx: &mut Tx<'_>,
    storing: &Storing,
    records: usize,
    translated: &dyn Fn(usize) -> Translated,
) -> Result<(Vec<Option<Translated>>, Surroundings), SyncError> {
    let Storing { owner, of, .. } = storing;
    if !reapply::looks_around(&of.options.import, owner.stream) {
        return Ok((Vec::new(), Surroundings::default()));
    }
    let early: Vec<Option<Translated>> = (0..records).map(|index| Some(translated(index))).collect();
    let nouns = early.iter().flatten().flatten();
    let agents = nouns.filter_map(|(noun, _)| agent_of(noun).map(str::to_owned)).collect();
    Ok((early, Surroundings::at(tx, owner.org, owner.id, agents)?))
}

/// Agents that stand otherwise once a page is stored: what hangs on them follows.
struct Agents(Option<FxHashMap<String, Standing>>);

impl Agents {
    fn before(tx: &mut Tx<'_>, storing: &Storing, page: &[Incoming<'_>]) -> Result<Agents, SyncError> {
        let Storing { owner, of, .. } = storing;
        let asked = owner.stream.name == "agents" && of.options.import.asks_for_agents();
        if !asked {
            return Ok(Agents(None));
        }
        Ok(Agents(Some(Agents::standing(tx, storing, page)?)))
    }

    fn standing(
        tx: &mut Tx<'_>,
        storing: &Storing,
        page: &[Incoming<'_>],
    ) -> Result<FxHashMap<String, Standing>, SyncError> {
        let mut ids: Vec<&str> = page.iter().map(|incoming| incoming.native_id.as_ref()).collect();
        ids.sort_unstable();
        ids.dedup();
        Ok(inventory::hanging::standing(tx, storing.owner.org, storing.owner.id, &ids)?)
    }

    fn after(self, tx: &mut Tx<'_>, storing: &Storing, page: &[Incoming<'_>]) -> Result<(), SyncError> {
        let Some(before) = self.0 else { return Ok(()) };
        let Storing { owner, .. } = storing;
        let after = Agents::standing(tx, storing, page)?;
        let left = |standing: Option<&Standing>| standing.map(|standing| standing.left_out.clone());
        let mut flipped: Vec<&str> = after
            .iter()
            .filter(|(id, now)| left(before.get(*id)) != left(Some(now)))
            .map(|(id, _)| id.as_str())
            .collect();
        // At first machines are read before what hangs on them.
        if !flipped.is_empty() && !inventory::hanging::any(tx, owner.org, owner.id)? {
            return Ok(());
        }
        flipped.sort_unstable();
        inventory::hanging::rejudge(tx, owner.org, owner.id, &flipped)?;
        Ok(())
    }
}

/// Proves the window that this batch ended, and moves on to the next one, or back to its beginning.
fn close(tx: &mut Tx<'_>, storing: &Storing, position: &mut Position, total: Option<u64>) -> Result<Proven, SyncError> {
    let Storing { owner, sweep, now, .. } = storing;
    let part = position.window;
    let seen = match owner.stream.identity {
        // One machine may have one version of a product twice: the console counts rows.
        Identity::Software => u64::from(position.rows),
        _ => checkpoint::seen_in_part(tx, owner.org, *sweep, part)? + u64::from(position.unread),
    };
    let proof = match counted(seen, total, owner.stream.count_cap()) {
        Counted::Enough => Proven::Complete,
        Counted::Capped if owner.stream.change.is_some() && position.cut(*now) => Proven::Cut,
        Counted::Short { .. } if position.recount() => Proven::Again,
        Counted::Short { missing } => Proven::Missing(missing),
        Counted::Capped | Counted::Unknown => Proven::NoCount,
    };
    match proof {
        Proven::Again | Proven::Cut => checkpoint::forget_part(tx, owner.org, *sweep, part)?,
        Proven::Complete => position.close_window(total.unwrap_or(seen), true),
        Proven::Missing(_) | Proven::NoCount => position.close_window(total.unwrap_or(seen), false),
    }
    Ok(proof)
}

/// The records of a batch, ready to be applied, and those that cannot be.
#[derive(Default)]
struct Rows<'a> {
    incoming: Vec<Incoming<'a>>,
    /// Which answer of the batch each came from.
    from: Vec<usize>,
    /// Which record of its answer each is.
    place: Vec<usize>,
    aside: Vec<Quarantined>,
    /// True if records may say of themselves that they are gone.
    told: bool,
    /// Records that say so.
    gone: Vec<(Incoming<'a>, usize, usize)>,
    /// Which of the incoming records are to be retired.
    going: FxHashSet<usize>,
    /// Native ids of records that could not be taken apart.
    lost: Vec<Cow<'a, str>>,
    /// Rows of which not even the id is known.
    nameless: u32,
    /// Rows that no record stands for: kept aside, or equal to another row.
    extra: u32,
    fetched: u64,
}

impl<'a> Rows<'a> {
    fn take(
        &mut self,
        owner: &Owner,
        endpoint: Endpoint,
        meaning: &mut Meaning,
        which: usize,
        parent: Option<&'a Parent>,
        page: &'a Page,
    ) {
        let asked = asked_of(parent);
        let mut contents = FxHashSet::default();
        for place in 0..page.len() {
            self.fetched += 1;
            let raw = page.record(place);
            let raw_hash = canonical::digest(raw);
            let native_id = match page.flaw(place) {
                Some(flaw) => Err(flaw_in_words(flaw)),
                None => match owner.stream.identity {
                    Identity::Asked => Ok(Cow::Borrowed(asked_id(owner, parent))),
                    Identity::Id => page.id(place).ok_or("it has no id".to_owned()),
                    Identity::Path(path) => id_at(raw, path),
                    Identity::OfParent => match page.id(place) {
                        Some(id) => Ok(Cow::Owned(format!("{}:{id}", asked.scope_id.unwrap_or_default()))),
                        None => Err("it has no id".to_owned()),
                    },
                    Identity::Product => product_id(raw, asked).map(Cow::Owned).map_err(|Reason(why)| why),
                    Identity::Software => software_id(endpoint, raw, asked).map(Cow::Owned).map_err(|Reason(why)| why),
                    Identity::IdOrContent => match page.id(place) {
                        Some(id) => Ok(id),
                        None => meaning.content_id(raw).map(Cow::Owned).map_err(|Reason(why)| why),
                    },
                },
            };
            match native_id {
                Ok(native_id) if self.told && says_gone(owner, raw) => {
                    self.gone.push((Incoming { native_id, raw, raw_hash }, which, place));
                }
                Ok(native_id) => {
                    // Equal rows without id are one record, and still as many rows as the console counts.
                    let may_be_twice = owner.stream.identity == Identity::Software || native_id.starts_with("sha256:");
                    if may_be_twice && !contents.insert(native_id.clone().into_owned()) {
                        self.extra += 1;
                    }
                    self.incoming.push(Incoming { native_id, raw, raw_hash });
                    self.from.push(which);
                    self.place.push(place);
                }
                Err(reason) => {
                    match page.flaw(place).and_then(|_| page.id(place)) {
                        Some(id) if owner.stream.identity == Identity::Id => self.lost.push(id),
                        _ => {
                            self.extra += 1;
                            self.nameless += 1;
                        }
                    }
                    // What could not be taken apart was not redacted field by field either: hash and size must do.
                    let bytes = page.flaw(place).is_none().then(|| raw.to_vec());
                    let aside =
                        Quarantined { hash: raw_hash, native_id: None, reason, place, size: Some(raw.len()), bytes };
                    self.aside.push(aside);
                }
            }
        }
    }
}

/// What was asked for, for records that do not say it.
fn asked_of(parent: Option<&Parent>) -> Asked<'_> {
    Asked {
        scope_id: parent.map(|parent| parent.native_id.as_str()),
        scope_name: parent.and_then(|parent| parent.name.as_deref()),
        vendor: parent.and_then(|parent| parent.vendor.as_deref()),
    }
}

/// True if a record says of itself that it is gone.
fn says_gone(owner: &Owner, raw: &[u8]) -> bool {
    let Removal::Told { field, value } = owner.stream.removal else { return false };
    let said = Json::from_bytes(raw).ok().and_then(|json| json.get(field)).and_then(|said| said.text());
    said.is_some_and(|said| said == value)
}

/// A retirement, for the log.
pub fn retirement(retired: &inventory::Retired) -> signals::Entry<'_> {
    signals::Entry {
        native_id: Cow::Borrowed(&retired.native_id),
        op: signals::Op::Delete,
        version: retired.version,
        updated_at: retired.updated_at,
        meaning_hash: retired.meaning_hash,
        raw: retired.body.as_deref().unwrap_or(b"{}"),
    }
}

/// The id of a record that carries it at a path.
fn id_at(raw: &[u8], path: &str) -> Result<Cow<'static, str>, String> {
    let json = Json::from_bytes(raw).map_err(|error| error.to_string())?;
    let id = json.at(path).and_then(|id| id.text()).filter(|id| !id.is_empty());
    id.map(|id| Cow::Owned(id.into_owned())).ok_or_else(|| format!("it has no {path}"))
}

impl Rows<'_> {
    /// Keeps those of the records that say they are gone that were there until now. Others are nothing new: retired
    /// before, or never known.
    fn decide_gone(&mut self, tx: &mut Tx<'_>, context: &Context<'_>) -> Result<(), SyncError> {
        if self.gone.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = self.gone.iter().map(|(incoming, ..)| incoming.native_id.as_ref()).collect();
        let present = inventory::retire::present(tx, context, &ids)?;
        for (incoming, which, place) in std::mem::take(&mut self.gone) {
            if present.contains(incoming.native_id.as_ref()) {
                self.going.insert(self.incoming.len());
                self.incoming.push(incoming);
                self.from.push(which);
                self.place.push(place);
            } else {
                self.extra += 1;
            }
        }
        Ok(())
    }
}

/// The native id of a record that carries none of its own.
fn asked_id<'a>(owner: &Owner, parent: Option<&'a Parent>) -> &'a str {
    match (parent, owner.stream.source) {
        (Some(parent), _) => &parent.native_id,
        (None, crate::Source::One(_, id)) => id,
        (None, _) => "only",
    }
}

fn flaw_in_words(flaw: Flaw) -> String {
    match flaw {
        Flaw::TooLarge => format!("it is larger than {} bytes", sentinelone::page::RECORD_BYTES_MAX),
        Flaw::TooDeep => format!("it nests deeper than {} levels", sentinelone::page::DEPTH_MAX),
        Flaw::NotAnObject => "it is not an object".to_owned(),
        _ => "it cannot be taken apart".to_owned(),
    }
}

/// Makes accounts of what the sites say, for a token that may not ask for accounts. One that the console ever showed
/// is left as it was, and nothing is logged: the console did not say it.
fn derive_accounts(
    tx: &mut Tx<'_>,
    storing: &Storing,
    accounts: &BTreeMap<String, Option<String>>,
) -> Result<(), SyncError> {
    let owner = &storing.owner;
    if accounts.is_empty() {
        return Ok(());
    }
    let ids: Vec<&str> = accounts.keys().map(String::as_str).collect();
    let known = checkpoint::known_accounts(tx, owner.org, owner.id, &ids)?;
    let bodies: Vec<(&str, Vec<u8>)> = accounts
        .iter()
        .filter(|(id, _)| !known.contains(id))
        .map(|(id, name)| {
            let body = serde_json::json!({ "id": id, "name": name });
            (id.as_str(), serde_json::to_vec(&body).expect("two texts are JSON"))
        })
        .collect();
    let incoming: Vec<Incoming<'_>> = bodies
        .iter()
        .map(|(id, raw)| Incoming { native_id: Cow::Borrowed(*id), raw, raw_hash: canonical::digest(raw) })
        .collect();
    let stream = crate::Stream::named("accounts").expect("accounts are declared");
    let context = Context {
        org: owner.org,
        integration: owner.id,
        site: storing.site,
        stream: stream.name,
        sweep: storing.sweep,
        now: storing.now,
        immutable: false,
        body_in_log: false,
        memory: &storing.memory,
        onboard: inventory::Onboard::Always,
    };
    let mut meaning = Meaning::of(stream);
    inventory::apply(tx, &context, &incoming, &mut |index| {
        let raw = incoming[index].raw;
        let (noun, updated_at) = translate(Endpoint::Accounts, raw, Asked::default())?;
        Ok(Translation { meaning_hash: meaning.hash(raw)?, updated_at, noun, left_out: None })
    })?;
    Ok(())
}

/// What a page tells about the way on: how many records, and the newest time among them.
///
/// Pages are sorted by that time, so only the ends are looked at. If a console should ever sort otherwise, the answer is
/// too early and never too late: then more is read again than needed, and nothing is missed.
#[must_use]
pub fn page_seen(page: &Page, field: Option<TimeField>) -> PageSeen<'_> {
    let server = page.date.map(|date| date.0);
    let mut seen = PageSeen {
        records: u32::try_from(page.len()).unwrap_or(u32::MAX),
        newest: None,
        at_newest: 0,
        next: page.next_cursor.as_deref(),
        server,
    };
    let Some(field) = field else { return seen };
    for place in (0..page.len()).rev() {
        let Some(stamp) = time(page, place, field) else { continue };
        // A stamp from the future says nothing about what was read.
        if page.date.is_some_and(|date| is_in_the_future(stamp, Timestamp::from_micros(date.0))) {
            continue;
        }
        match seen.newest {
            None => (seen.newest, seen.at_newest) = (Some(stamp.micros()), 1),
            Some(newest) if newest == stamp.micros() => seen.at_newest += 1,
            Some(_) => break,
        }
    }
    if let Some(first) = (!page.is_empty()).then(|| time(page, 0, field)).flatten()
        && page.date.is_none_or(|date| !is_in_the_future(first, Timestamp::from_micros(date.0)))
    {
        seen.newest = seen.newest.max(Some(first.micros()));
    }
    seen
}

/// The server's time for one record.
fn time(page: &Page, place: usize, field: TimeField) -> Option<Timestamp> {
    if page.flaw(place).is_some() {
        return None;
    }
    let json = Json::from_bytes(page.record(place)).ok()?;
    let text = match field {
        TimeField::CreatedAt => json.get("createdAt"),
        TimeField::UpdatedAt => json.get("updatedAt"),
        TimeField::ThreatUpdatedAt => json.at("threatInfo.updatedAt"),
        TimeField::AlertCreatedAt => json.at("alertInfo.createdAt"),
        TimeField::Nowhere => None,
    }?;
    Some(Timestamp::from_micros(Micros::parse(&text.text()?)?.0))
}
