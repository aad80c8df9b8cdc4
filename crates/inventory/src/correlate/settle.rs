//! Settling: whatever changed since correlation last looked is decided again, with everything that it touches and nothing
//! else, and links, assets and questions follow.
//!
//! [`settle`] is one bounded step in the caller's transaction; call it until there is no more. A process that is killed
//! between two steps loses nothing: what was not settled is settled next time.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use kernel::{AssetId, OrgId, RecordId, Timestamp, Value};
use rustc_hash::{FxHashMap, FxHashSet};
use store::{Keys, Kind as Column, StoreError, Tx};

use super::directive;
use super::fact::{Fact, Key, Kind};
use super::identify::{self, IDENTITY, Known, Stood};
use super::partition::{About, Directives, LOOK_RECORDS_MAX, Member, Partition, Previous, Situation, partition};
use super::rules::{Evidence, Rule};
use super::sharing::{BLOCK_RECORDS_MAX, Shared, SharedWhy, shared};
use crate::apply::InventoryError;
use crate::change::{Subject, UNDOABLE};
use crate::integration;
use crate::memory::{Head, Memory};
use crate::onboard;
use crate::project::{self, Moved};

/// So many unsettled records begin a step. Identifiers come in no order, so a step touches most of their index's leaves
/// however few there are: a large estate is settled in fewer and larger steps.
const SEEDS: usize = 8_000;

/// Blocks that are followed one after the other, from a record to another that shares an identifier with it. Chains of
/// machines are short; this long they are an accident, and the rest of it is looked at when its turn comes.
const ROUNDS_MAX: usize = 64;

/// The largest score that is stored.
const SCORE_MAX: f64 = 99.0;

/// The end of a shared identifier is not written anew for less.
const UNTIL_SLACK_SECONDS: i64 = 86_400;

/// What a step of settling came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    /// Records that were looked at: those that changed, and those that they touch.
    pub evaluated: u64,
    /// Records that came to an asset which others had.
    pub merged: u64,
    /// Records that left an asset which others keep.
    pub split: u64,
    /// New questions for people.
    pub questions: u64,
    /// New clones among them.
    pub clones: u64,
    /// Identifiers that were found to be shared.
    pub shared: u64,
    /// Records that came in because another source knows them now.
    pub onboarded: u64,
    /// Whether there is more to settle: call again.
    pub more: bool,
}

impl Settled {
    /// Adds what another step came to.
    pub fn add(&mut self, step: Settled) {
        self.evaluated += step.evaluated;
        self.merged += step.merged;
        self.split += step.split;
        self.questions += step.questions;
        self.clones += step.clones;
        self.shared += step.shared;
        self.onboarded += step.onboarded;
        self.more = step.more;
    }
}

/// Settles up to some thousand records that changed, and what they touch, in the caller's transaction.
///
/// # Errors
/// The database fails; the caller must then roll back.
pub fn settle(tx: &mut Tx, org: OrgId, memory: &Memory, now: Timestamp) -> Result<Settled, InventoryError> {
    let seeds = seeds(tx, org, now)?;
    if !seeds.more {
        project::age(tx, org, now)?;
    }
    if seeds.is_empty() {
        return Ok(Settled::default());
    }
    let mut head = Head::lock(tx, org, memory)?;
    let mut step =
        Step { tx, org, now, head: &mut head, decided: None, fresh: FxHashSet::default(), done: Settled::default() };
    step.take(&seeds)?;
    let mut done = step.done;
    done.more = seeds.more;
    head.finish(tx, memory)?;
    Ok(done)
}

/// What a person decided that records are settled again for: `merged`, `split`, `pinned`, `unpinned`; who, and why.
#[derive(Clone, Copy)]
pub(crate) struct Decided<'a> {
    pub what: &'static str,
    pub by: &'a str,
    pub reason: &'a str,
    /// The asset whose id a merge keeps.
    pub keeps: Option<AssetId>,
}

/// Settles these records at once, and what they touch, in the caller's transaction, because a person decided something.
pub(crate) fn settle_records(
    tx: &mut Tx,
    (org, memory, now): (OrgId, &Memory, Timestamp),
    decided: Decided,
    records: &[RecordId],
) -> Result<Settled, InventoryError> {
    let unsettled = records.iter().map(|record| record.0).collect();
    let seeds = Seeds { unsettled, forgetful: Vec::new(), over: Vec::new(), more: false };
    let mut head = Head::lock(tx, org, memory)?;
    let mut step = Step {
        tx,
        org,
        now,
        head: &mut head,
        decided: Some(decided),
        fresh: FxHashSet::default(),
        done: Settled::default(),
    };
    step.take(&seeds)?;
    let done = step.done;
    head.finish(tx, memory)?;
    Ok(done)
}

/// The assets of clusters, and those among them that are back.
type Assigned = (Vec<i64>, Vec<Home>);

/// An id that records had before they were merged into another asset.
#[derive(Clone, Copy)]
struct Home {
    asset: i64,
    /// The record that it leads along.
    record: i64,
    /// Whether a person merged it: then it is known by that id, and not only to us.
    by_person: bool,
}

/// What of a cluster is linked to one asset.
#[derive(Clone, Copy)]
struct Share {
    records: usize,
    /// Records of deleted integrations.
    ended: usize,
    /// The oldest record; one of a deleted integration only where there is no other.
    oldest: (bool, i64),
}

impl Share {
    const NONE: Share = Share { records: 0, ended: 0, oldest: (true, i64::MAX) };
}

/// What of a cluster is linked to which asset.
type Counted = BTreeMap<i64, Share>;

/// Where a step begins.
struct Seeds {
    /// Records that changed.
    unsettled: Vec<i64>,
    /// Records with an identifier to be forgotten.
    forgetful: Vec<i64>,
    /// Identifiers whose time as shared ones is over.
    over: Vec<i64>,
    more: bool,
}

impl Seeds {
    fn is_empty(&self) -> bool {
        self.unsettled.is_empty() && self.forgetful.is_empty() && self.over.is_empty()
    }
}

fn seeds(tx: &mut Tx, org: OrgId, now: Timestamp) -> Result<Seeds, StoreError> {
    const UNSETTLED: &str = "SELECT record_id FROM inventory_machine
        WHERE org_id = $1 AND settled = 0 ORDER BY record_id LIMIT $2";
    const FORGETFUL: &str = "SELECT record_id FROM inventory_identity
        WHERE org_id = $1 AND forgets <= $2 ORDER BY forgets, record_id LIMIT $3";
    const OVER: &str = "SELECT hash FROM inventory_shared_identifier
        WHERE org_id = $1 AND until <= $2 ORDER BY until, hash LIMIT $3";
    let some = SEEDS as i64;
    let unsettled = tx.query(UNSETTLED, &[org.into(), some.into()], |row| row.int(0))?;
    let forgetful = tx.query(FORGETFUL, &[org.into(), now.into(), some.into()], |row| row.int(0))?;
    let over = tx.query(OVER, &[org.into(), now.into(), (some / 10).into()], |row| row.int(0))?;
    let more = unsettled.len() == SEEDS || forgetful.len() == SEEDS || over.len() == SEEDS / 10;
    Ok(Seeds { unsettled, forgetful, over, more })
}

struct Step<'a, 'b, 'c, 'd> {
    tx: &'a mut Tx<'b>,
    org: OrgId,
    now: Timestamp,
    head: &'c mut Head,
    decided: Option<Decided<'d>>,
    /// Records that nobody has looked at before.
    fresh: FxHashSet<i64>,
    done: Settled,
}

/// Everything a step looks at.
#[derive(Default)]
struct Scene {
    facts: FxHashMap<i64, Stood>,
    /// Records that are decided about; the others only bear witness to what is shared.
    members: FxHashSet<i64>,
    /// Records by identifier, of every identifier that was looked up.
    blocks: FxHashMap<i64, Vec<i64>>,
    crowded: FxHashSet<Key>,
    /// Identifiers that are a crowd's only if records of deleted integrations are counted: those are not in its block.
    once_crowded: FxHashSet<Key>,
    /// Records that have identifiers and no machine any more.
    orphans: Vec<i64>,
}

/// A link as it is stored.
struct Link {
    asset: i64,
    rule: String,
    evidence: String,
    partner: Option<i64>,
    since: i64,
    by: String,
}

impl Step<'_, '_, '_, '_> {
    fn take(&mut self, seeds: &Seeds) -> Result<(), InventoryError> {
        let mut forced = self.reread(seeds)?;
        let directives = self.directives()?;
        let before = self.shared_before()?;
        let mut scene = Scene::default();
        let mut first = seeds.unsettled.clone();
        first.extend(&seeds.forgetful);
        let first = sorted(first);
        self.load(&mut scene, &first)?;
        // What an integration said that was deleted may have been all that made an identifier say nothing.
        let ended = first.iter().filter_map(|record| scene.facts.get(record)).filter(|stood| stood.fact.ended);
        forced.extend(ended.flat_map(|stood| &stood.fact.held).map(|held| held.key));
        self.explore(&mut scene, first, &forced, &directives, &before)?;
        self.forget_orphans(&scene)?;

        let members: Vec<i64> = sorted(scene.members.iter().copied());
        let links = self.links(&members)?;
        let facts: Vec<Fact> = scene.facts.values().map(|stood| stood.fact.clone()).collect();
        let previous = links.iter().filter_map(|(record, link)| Some((RecordId(*record), previous(link)?))).collect();
        let decided = partition(&Situation {
            facts: &facts,
            directives: &directives,
            previous: &previous,
            crowded: &scene.crowded,
            once_crowded: &scene.once_crowded,
            now: self.now,
        });
        self.done.evaluated = members.len() as u64;
        self.write_links(&scene, &decided, &links)?;
        self.write_shared(&scene, &decided, &before)?;
        self.write_questions(&scene, &members, &decided)?;
        self.write_hardware(&scene, &members, &decided)?;
        self.write_settled(&scene, seeds)?;
        Ok(())
    }

    /// Reads again what the seeds say of themselves; answers the identifiers whose blocks have to be looked at whole.
    fn reread(&mut self, seeds: &Seeds) -> Result<FxHashSet<Key>, StoreError> {
        let records: Vec<i64> = sorted(seeds.unsettled.iter().chain(&seeds.forgetful).copied());
        let known = identify::known(self.tx, self.org, &records)?;
        let read = identify::read(self.tx, self.org, self.head, &records, self.now)?;
        let (mut created, mut updated) = (Vec::new(), Vec::new());
        let (mut gained, mut lost) = (Vec::new(), Vec::new());
        let mut forced: FxHashSet<Key> = seeds.over.iter().map(|hash| Key(*hash)).collect();
        for one in read {
            let (record, grade) = (one.record, one.grade);
            let before = known.get(&record);
            if before.is_none() {
                self.fresh.insert(record);
            }
            let (after, changed, forgotten) = Known::moved(before, one, self.now);
            forced.extend(changed.iter().chain(&forgotten));
            for key in &changed {
                // A key that the record loses keeps its row until it is forgotten; one that comes back has a row.
                let had = before.is_some_and(|before| before.held.iter().any(|held| held.key == *key));
                if !had {
                    gained.push((key.0, record));
                }
            }
            lost.extend(forgotten.iter().map(|key| (key.0, record)));
            match before {
                None => created.extend(after.row(self.org, record, grade)),
                Some(before) if *before != after => updated.extend(after.row(self.org, record, grade)),
                Some(_) => {}
            }
        }
        const IDENTIFIER: &[(&str, Column)] =
            &[("org_id", Column::Int), ("hash", Column::Int), ("record_id", Column::Int)];
        let rows = |mut pairs: Vec<(i64, i64)>| -> Vec<Value<'static>> {
            pairs.sort_unstable();
            pairs.into_iter().flat_map(|(hash, record)| [self.org.into(), hash.into(), record.into()]).collect()
        };
        let (gained, lost) = (rows(gained), rows(lost));
        let (key, set) = IDENTITY.split_at(2);
        self.tx.insert_many("inventory_identity", IDENTITY, &created, "")?;
        self.tx.update_many("inventory_identity", key, set, &updated)?;
        self.tx.insert_many("inventory_identifier", IDENTIFIER, &gained, "")?;
        self.tx.delete_many("inventory_identifier", IDENTIFIER, &lost)?;
        Ok(forced)
    }

    /// Finds all records that the first ones bear on: block by block, asset by asset, and along what people decided.
    fn explore(
        &mut self,
        scene: &mut Scene,
        first: Vec<i64>,
        forced: &FxHashSet<Key>,
        directives: &Directives,
        before: &FxHashMap<i64, SharedBefore>,
    ) -> Result<(), StoreError> {
        let beside = beside(directives);
        let mut frontier = first;
        let mut pending: Vec<Key> = sorted(forced.iter().copied());
        for _ in 0..ROUNDS_MAX {
            self.load(scene, &frontier)?;
            let mut reached: FxHashSet<i64> = FxHashSet::default();
            let mut fresh: Vec<i64> = Vec::new();
            for record in frontier.drain(..) {
                if let Some(stood) = scene.facts.get(&record)
                    && scene.members.insert(record)
                {
                    fresh.push(record);
                    pending.extend(stood.fact.held.iter().map(|held| held.key));
                    reached.extend(beside.get(&record).into_iter().flatten());
                }
            }
            self.mates(&fresh, &mut reached)?;
            let keys = sorted(pending.drain(..).filter(|key| !scene.blocks.contains_key(&key.0)));
            self.blocks(scene, &keys, forced, before)?;
            for key in &keys {
                if self.is_followed(scene, *key, forced, before) {
                    reached.extend(&scene.blocks[&key.0]);
                }
            }
            frontier = sorted(reached.into_iter().filter(|record| !scene.members.contains(record)));
            if frontier.is_empty() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Looks up which records have these identifiers, and loads those that are new.
    fn blocks(
        &mut self,
        scene: &mut Scene,
        keys: &[Key],
        forced: &FxHashSet<Key>,
        before: &FxHashMap<i64, SharedBefore>,
    ) -> Result<(), StoreError> {
        const BLOCKS: &str = "SELECT hash, record_id FROM inventory_identifier WHERE org_id = $1 AND hash IN KEYS";
        // A crowd is not counted again while it is one for sure.
        let is_crowd = |key: &Key| {
            let crowd = before.get(&key.0).is_some_and(|before| before.why == CROWD && before.until > self.now);
            crowd && !forced.contains(key)
        };
        let (crowds, wanted): (Vec<Key>, Vec<Key>) = keys.iter().partition(|key| is_crowd(key));
        for key in crowds {
            scene.crowded.insert(key);
            scene.blocks.insert(key.0, Vec::new());
        }
        for key in &wanted {
            scene.blocks.insert(key.0, Vec::new());
        }
        let hashes: Vec<i64> = wanted.iter().map(|key| key.0).collect();
        let rows =
            self.tx.select_in(BLOCKS, &[self.org.into()], Keys::Ints(&hashes), |row| Ok((row.int(0)?, row.int(1)?)))?;
        let mut new: Vec<i64> = Vec::new();
        for (hash, record) in rows {
            scene.blocks.entry(hash).or_default().push(record);
        }
        let large: Vec<i64> = (wanted.iter().filter_map(|key| scene.blocks.get(&key.0)))
            .filter(|block| block.len() > BLOCK_RECORDS_MAX)
            .flatten()
            .copied()
            .collect();
        let ended = if large.is_empty() { FxHashSet::default() } else { self.ended(large)? };
        for key in &wanted {
            let block = scene.blocks.entry(key.0).or_default();
            block.sort_unstable();
            if block.len() > BLOCK_RECORDS_MAX && !ended.is_empty() {
                let all = block.len();
                block.retain(|record| !ended.contains(record));
                if all > block.len() && block.len() <= BLOCK_RECORDS_MAX {
                    scene.once_crowded.insert(*key);
                }
            }
            if block.len() > BLOCK_RECORDS_MAX {
                scene.crowded.insert(*key);
            } else {
                new.extend(block.iter().filter(|record| !scene.facts.contains_key(record)));
            }
        }
        let new = sorted(new);
        self.load(scene, &new)
    }

    /// Which of these records are of deleted integrations.
    fn ended(&mut self, records: Vec<i64>) -> Result<FxHashSet<i64>, StoreError> {
        if integration::ended(self.tx, self.org)?.is_empty() {
            return Ok(FxHashSet::default());
        }
        identify::ended(self.tx, self.org, &sorted(records))
    }

    /// Whether the records of a block bear on each other.
    fn is_followed(
        &self,
        scene: &Scene,
        key: Key,
        forced: &FxHashSet<Key>,
        before: &FxHashMap<i64, SharedBefore>,
    ) -> bool {
        let block = &scene.blocks[&key.0];
        let was_shared = before.get(&key.0);
        if scene.crowded.contains(&key) {
            // Who was linked by it before it was a crowd's is looked at again, once.
            return was_shared.is_none_or(|before| before.why != CROWD);
        }
        if block.len() < 2 && was_shared.is_none() {
            return false;
        }
        let holders = block.iter().filter_map(|record| scene.facts.get(record)).map(|stood| &stood.fact);
        let holders: Vec<&Fact> = holders.filter(|fact| !fact.ended).collect();
        let is_shared = shared(key, &holders, self.now).is_some();
        !is_shared
            || was_shared.is_none()
            || holders.iter().filter(|fact| fact.has(key)).count() <= LOOK_RECORDS_MAX
            || matches!(key.kind(), Kind::Uuid | Kind::Serial)
            || forced.contains(&key)
    }

    fn load(&mut self, scene: &mut Scene, records: &[i64]) -> Result<(), StoreError> {
        let wanted: Vec<i64> = records.iter().copied().filter(|record| !scene.facts.contains_key(record)).collect();
        for stood in identify::facts(self.tx, self.org, &wanted)? {
            scene.facts.insert(stood.fact.record.0, stood);
        }
        scene.orphans.extend(wanted.into_iter().filter(|record| !scene.facts.contains_key(record)));
        Ok(())
    }

    /// Records that are linked to the same assets.
    fn mates(&mut self, records: &[i64], reached: &mut FxHashSet<i64>) -> Result<(), StoreError> {
        const ASSETS: &str = "SELECT asset_id FROM inventory_link WHERE org_id = $1 AND record_id IN KEYS";
        const MATES: &str = "SELECT record_id FROM inventory_link WHERE org_id = $1 AND asset_id IN KEYS";
        let assets = self.tx.select_in(ASSETS, &[self.org.into()], Keys::Ints(records), |row| row.int(0))?;
        let assets = sorted(assets);
        reached.extend(self.tx.select_in(MATES, &[self.org.into()], Keys::Ints(&assets), |row| row.int(0))?);
        Ok(())
    }

    /// Forgets identifiers of records that are machines no more.
    fn forget_orphans(&mut self, scene: &Scene) -> Result<(), StoreError> {
        let orphans: FxHashSet<i64> = scene.orphans.iter().copied().collect();
        if orphans.is_empty() {
            return Ok(());
        }
        let rows: Vec<Value> = (scene.blocks.iter())
            .flat_map(|(hash, block)| block.iter().map(move |record| (*hash, *record)))
            .filter(|(_, record)| orphans.contains(record))
            .flat_map(|(hash, record)| [self.org.into(), hash.into(), record.into()])
            .collect();
        let key = [("org_id", Column::Int), ("hash", Column::Int), ("record_id", Column::Int)];
        self.tx.delete_many("inventory_identifier", &key, &rows)?;
        let rows: Vec<Value> = orphans.iter().flat_map(|record| [self.org.into(), (*record).into()]).collect();
        self.tx.delete_many("inventory_identity", RECORD_KEY, &rows)?;
        Ok(())
    }

    fn directives(&mut self) -> Result<Directives, StoreError> {
        let mut directives = directive::read(self.tx, self.org)?;
        let terms = onboard::terms(self.tx, self.org)?;
        directives.by_name = terms.by_computer_name().into_iter().collect();
        Ok(directives)
    }

    fn links(&mut self, records: &[i64]) -> Result<FxHashMap<i64, Link>, StoreError> {
        const LINKS: &str = "SELECT record_id, asset_id, rule, evidence, partner_id, since, linked_by
            FROM inventory_link WHERE org_id = $1 AND record_id IN KEYS";
        let rows = self.tx.select_in(LINKS, &[self.org.into()], Keys::Ints(records), |row| {
            let link = Link {
                asset: row.int(1)?,
                rule: row.text(2)?.to_owned(),
                evidence: row.text(3)?.to_owned(),
                partner: row.opt_int(4)?,
                since: row.int(5)?,
                by: row.text(6)?.to_owned(),
            };
            Ok((row.int(0)?, link))
        })?;
        Ok(rows.into_iter().collect())
    }
}

const RECORD_KEY: &[(&str, Column)] = &[("org_id", Column::Int), ("record_id", Column::Int)];

/// Without repetition, in order.
fn sorted<T: Ord>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    let mut all: Vec<T> = all.into_iter().collect();
    all.sort_unstable();
    all.dedup();
    all
}

/// Records that people put together, by record.
fn beside(directives: &Directives) -> FxHashMap<i64, Vec<i64>> {
    let mut beside: FxHashMap<i64, Vec<i64>> = FxHashMap::default();
    let pinned = directives.pinned.iter().map(|(record, with)| (record.0, *with));
    let together = directives.together.iter().chain(&directives.kept).map(|(one, other)| (one.0, other.0));
    for (one, other) in together.chain(pinned) {
        beside.entry(one).or_default().push(other);
        beside.entry(other).or_default().push(one);
    }
    beside
}

fn previous(link: &Link) -> Option<Previous> {
    let evidence = read_evidence(&link.evidence);
    let rule = Rule::from_code(&link.rule);
    (!evidence.is_empty()).then_some(Previous { partner: RecordId(link.partner?), rule, evidence })
}

/// The evidence as it is stored: `serial=5cg1234xyz; mac=bc:24:11:00:00:01`.
fn write_evidence(evidence: &[Evidence], fact: &Fact) -> String {
    let word = |evidence: &Evidence| match evidence {
        Evidence::Same(key) => {
            let value = fact.identity.value(*key).unwrap_or_default().replace(';', ",");
            format!("{}={value}", key.kind().as_str())
        }
        Evidence::Address(ip) => format!("address={ip}"),
    };
    evidence.iter().map(word).collect::<Vec<_>>().join("; ")
}

/// Reads evidence back; what is none is left out.
pub(crate) fn read_evidence(text: &str) -> Vec<Evidence> {
    let one = |part: &str| {
        let (word, value) = part.split_once('=')?;
        match word {
            "address" => value.parse().ok().map(Evidence::Address),
            word => Kind::from_word(word).map(|kind| Evidence::Same(Key::of(kind, value))),
        }
    };
    text.split("; ").filter_map(one).collect()
}

const CROWD: &str = "crowd";
const TWO: &str = "two";

/// A shared identifier as it is stored.
struct SharedBefore {
    why: String,
    until: Timestamp,
}

pub(crate) const LINK: &[(&str, Column)] = &[
    ("org_id", Column::Int),
    ("record_id", Column::Int),
    ("asset_id", Column::Int),
    ("rule", Column::Text),
    ("evidence", Column::Text),
    ("since", Column::Int),
    ("linked_by", Column::Text),
    ("partner_id", Column::Int),
];

/// Why an asset's id leads elsewhere.
const BY_RULE: &str = "merged";
const BY_PERSON: &str = "merged by a person";

/// What history calls it that a record came to its asset when it was looked at for the first time.
pub(crate) const ARRIVED: &str = "arrived";

/// Who makes links that no person made.
const BY: &str = "correlation";

impl Step<'_, '_, '_, '_> {
    /// Gives every cluster an asset, and rewrites the links that differ.
    fn write_links(
        &mut self,
        scene: &Scene,
        decided: &Partition,
        links: &FxHashMap<i64, Link>,
    ) -> Result<(), InventoryError> {
        // Witnesses may stand in clusters of their own, and never in one with a member.
        let clusters: Vec<&Vec<Member>> = decided
            .clusters
            .iter()
            .filter(|cluster| cluster.iter().all(|member| scene.members.contains(&member.record.0)))
            .collect();
        let terms = onboard::terms(self.tx, self.org)?;
        let members = sorted(scene.members.iter().map(|record| RecordId(*record)));
        let left: FxHashMap<i64, String> = if terms.take_in_all() {
            FxHashMap::default()
        } else {
            crate::left_out::options(self.tx, self.org, &members)?
        };
        let mut inside: Vec<Vec<&Member>> = Vec::with_capacity(clusters.len());
        let (mut stay_out, mut come_in) = (Vec::new(), Vec::new());
        let mut unlinked: Vec<i64> = Vec::new();
        for cluster in &clusters {
            let about = |member: &Member| {
                let fact = &scene.facts[&member.record.0].fact;
                onboard::Member { integration: fact.integration, grade: fact.grade }
            };
            let about: Vec<onboard::Member> = cluster.iter().map(about).collect();
            let mut here = Vec::with_capacity(cluster.len());
            for (member, outside) in cluster.iter().zip(terms.outside(&about)) {
                let record = member.record.0;
                let was = left.get(&record);
                // The terms of an integration end with it: what is in stays in.
                let outside = outside.filter(|_| !scene.facts[&record].fact.ended || !links.contains_key(&record));
                match outside {
                    None => {
                        here.push(member);
                        if was.is_some() {
                            come_in.push(record);
                            self.done.onboarded += 1;
                        }
                    }
                    Some(option) => {
                        if was.is_none_or(|was| was != option.option) {
                            stay_out.push((record, option.option));
                            if was.is_some() {
                                come_in.push(record);
                            }
                        }
                        if links.contains_key(&record) {
                            unlinked.push(record);
                        }
                    }
                }
            }
            inside.push(here);
        }
        crate::left_out::write(self.tx, self.org, self.now, &stay_out, &come_in)?;
        // What hangs on an agent goes where it goes.
        let flipped = stay_out.iter().map(|(record, _)| *record).chain(come_in.iter().copied());
        let flipped: Vec<RecordId> = sorted(flipped).into_iter().map(RecordId).collect();
        crate::hanging::rejudge_records(self.tx, self.org, &flipped)?;
        let (assets, restored) = self.assign(scene, &inside, links)?;

        let (mut created, mut updated, mut touched) = (Vec::new(), Vec::new(), FxHashSet::default());
        let mut moved: Vec<(i64, i64, i64)> = Vec::new();
        // For history: where a record was, and where it is.
        let mut told: Vec<(i64, Option<i64>, Option<i64>)> = Vec::new();
        for (cluster, asset) in inside.iter().zip(&assets) {
            for (at, member) in cluster.iter().enumerate() {
                let record = member.record.0;
                let fact = &scene.facts[&record].fact;
                let before = links.get(&record);
                // The first that is in may have joined one that stays out.
                let partner = member.partner.map(|partner| partner.0);
                let rule = if at == 0 && member.partner.is_none() { Rule::New } else { member.rule };
                // A link outlives what it was made by; only the link itself still tells what that was.
                let still = before
                    .filter(|before| before.rule == rule.code() && read_evidence(&before.evidence) == member.evidence);
                let evidence =
                    still.map_or_else(|| write_evidence(&member.evidence, fact), |before| before.evidence.clone());
                let stays = before.is_some_and(|before| before.asset == *asset);
                let same = stays
                    && before.is_some_and(|before| {
                        // The first record's word for itself is whatever it was.
                        let alone =
                            rule == Rule::New && before.partner.is_none() && Rule::from_code(&before.rule) == rule;
                        alone || before.rule == rule.code() && before.partner == partner && before.evidence == evidence
                    });
                if same {
                    continue;
                }
                // It is where it was, or went elsewhere along with the one that it is with for the same reason.
                let along = |before: &Link| {
                    let with = partner.and_then(|partner| links.get(&partner));
                    stays || with.is_some_and(|with| with.asset == before.asset)
                };
                let same = |before: &Link| before.rule == rule.code() && before.evidence == evidence && along(before);
                let kept = before.filter(|before| same(before));
                let since = kept.map_or(self.now.micros(), |before| before.since);
                let by = match (kept, rule) {
                    (Some(before), _) => before.by.clone(),
                    (None, rule) if rule.is_by_people() => "person".to_owned(),
                    (None, _) => BY.to_owned(),
                };
                let row: [Value; 8] = [
                    self.org.into(),
                    record.into(),
                    (*asset).into(),
                    rule.code().into(),
                    evidence.into(),
                    since.into(),
                    by.into(),
                    partner.into(),
                ];
                let rows = if before.is_some() { &mut updated } else { &mut created };
                rows.extend(row);
                if !stays {
                    touched.insert(*asset);
                    if let Some(before) = before {
                        touched.insert(before.asset);
                        moved.push((record, before.asset, *asset));
                    }
                }
                if before.is_some() || left.contains_key(&record) {
                    told.push((record, before.map(|before| before.asset), Some(*asset)));
                }
            }
        }
        for record in &unlinked {
            touched.insert(links[record].asset);
            told.push((*record, Some(links[record].asset), None));
        }
        let (key, set) = LINK.split_at(2);
        self.tx.insert_many("inventory_link", LINK, &created, "")?;
        self.tx.update_many("inventory_link", key, set, &updated)?;
        let gone: Vec<Value> = unlinked.iter().flat_map(|record| [self.org.into(), (*record).into()]).collect();
        self.tx.delete_many("inventory_link", RECORD_KEY, &gone)?;
        self.count_moves(&moved, &inside, &assets, links);
        self.remember_emptied(&moved, &inside, &assets)?;
        self.restore(scene, &restored)?;
        self.tell(scene, &told, links)?;
        let touched = sorted(touched);
        project::assets(self.tx, self.org, self.now, self.head, &touched, Moved::Anything)?;
        Ok(())
    }

    /// Which asset each cluster is: the one that holds most of its records, or the oldest. An asset that is split stays
    /// with the larger part; but a part that had an id of its own before a person merged it takes that one back, and leaves
    /// the asset to the rest. Records of deleted integrations count only where no others do. Answers those ids too, each
    /// with the record that brought it.
    fn assign(
        &mut self,
        scene: &Scene,
        clusters: &[Vec<&Member>],
        links: &FxHashMap<i64, Link>,
    ) -> Result<Assigned, StoreError> {
        let mut counted: Vec<Counted> = Vec::with_capacity(clusters.len());
        let mut holders: FxHashMap<i64, usize> = FxHashMap::default();
        for cluster in clusters {
            let mut counts = Counted::new();
            let ended = |record: i64| scene.facts[&record].fact.ended;
            let has_history = cluster.iter().any(|member| ended(member.record.0));
            for member in cluster {
                if let Some(link) = links.get(&member.record.0) {
                    let ended = ended(member.record.0);
                    // What comes back under another integration is the asset that it was, whatever it has been called since it
                    // was read.
                    let is_back = has_history && self.fresh.contains(&member.record.0);
                    let share = counts.entry(link.asset).or_insert(Share::NONE);
                    share.records += usize::from(!ended && !is_back);
                    share.ended += usize::from(ended);
                    share.oldest = (ended, member.record.0).min(share.oldest);
                }
            }
            for asset in counts.keys() {
                *holders.entry(*asset).or_default() += 1;
            }
            counted.push(counts);
        }
        let homes = self.homes(clusters, &counted, &holders)?;
        let mut staying: FxHashSet<i64> = FxHashSet::default();
        for (at, counts) in counted.iter().enumerate() {
            staying.extend(counts.keys().filter(|_| !homes.get(&at).is_some_and(|home| home.by_person)));
        }
        let keeps = self.decided.and_then(|decided| decided.keeps).map(|asset| asset.0);
        let mut claims: Vec<(bool, bool, Reverse<usize>, i64, i64, usize)> = Vec::new();
        for (at, counts) in counted.iter().enumerate() {
            let is_history = clusters[at].iter().all(|member| scene.facts[&member.record.0].fact.ended);
            let has_home = homes.get(&at).is_some_and(|home| home.by_person);
            let goes_home = |asset: &i64| has_home && holders[asset] > 1 && staying.contains(asset);
            let own = counts.iter().filter(|(asset, _)| !goes_home(asset));
            claims.extend(own.map(|(asset, share)| {
                let records = if is_history { share.ended } else { share.records };
                (keeps != Some(*asset), is_history, Reverse(records), share.oldest.1, *asset, at)
            }));
        }
        claims.sort_unstable();
        let mut assets: Vec<Option<i64>> = vec![None; clusters.len()];
        let mut taken = FxHashSet::default();
        for (.., asset, at) in claims {
            if assets[at].is_none() && taken.insert(asset) {
                assets[at] = Some(asset);
            }
        }
        let mut restored = Vec::new();
        let all =
            assets.into_iter().zip(clusters).enumerate().map(|(at, (asset, cluster))| match (asset, homes.get(&at)) {
                (Some(asset), _) => asset,
                (None, _) if cluster.is_empty() => 0,
                (None, Some(home)) => {
                    restored.push(*home);
                    home.asset
                }
                (None, None) => self.head.next_id(),
            });
        Ok((all.collect(), restored))
    }

    /// The ids that parts of split assets had before they were merged, by the number of the part: the latest of each.
    fn homes(
        &mut self,
        clusters: &[Vec<&Member>],
        counted: &[Counted],
        holders: &FxHashMap<i64, usize>,
    ) -> Result<FxHashMap<usize, Home>, StoreError> {
        const FORMER: &str = "SELECT record_id, asset_id, at, why FROM inventory_asset_former
            WHERE org_id = $1 AND record_id IN KEYS";
        let is_part = |at: &usize| counted[*at].keys().any(|asset| holders[asset] > 1);
        let part_of: FxHashMap<i64, usize> = (0..clusters.len())
            .filter(is_part)
            .flat_map(|at| clusters[at].iter().map(move |member| (member.record.0, at)))
            .collect();
        if part_of.is_empty() {
            return Ok(FxHashMap::default());
        }
        let records = sorted(part_of.keys().copied());
        let mut former = self.tx.select_in(FORMER, &[self.org.into()], Keys::Ints(&records), |row| {
            Ok((row.int(2)?, Reverse(row.int(1)?), row.int(0)?, row.text(3)? == BY_PERSON))
        })?;
        former.sort_unstable();
        // The last one stays: the others were merged into it, or are as old as it.
        let home = |(_, Reverse(asset), record, by_person)| (part_of[&record], Home { asset, record, by_person });
        Ok(former.into_iter().map(home).collect())
    }

    /// Forgets that assets were merged away whose records are apart again, and keeps for questions about the past that
    /// they were away until now.
    fn restore(&mut self, scene: &Scene, restored: &[Home]) -> Result<(), StoreError> {
        const KEY: &[(&str, Column)] = &[("org_id", Column::Int), ("asset_id", Column::Int)];
        let rows: Vec<Value> = restored.iter().flat_map(|home| [self.org.into(), Value::from(home.asset)]).collect();
        self.tx.delete_many("inventory_asset_former", KEY, &rows)?;
        let mut changes: Vec<Value> = Vec::new();
        for home in restored {
            let subject = Subject {
                org: self.org.0,
                at: self.now,
                inventory: "assets",
                asset: Some(home.asset),
                record: home.record,
                integration: scene.facts[&home.record].fact.integration.0,
            };
            subject.restored(self.head, &mut changes);
        }
        self.tx.insert_many("inventory_change", UNDOABLE, &changes, "")?;
        Ok(())
    }

    fn count_moves(
        &mut self,
        moved: &[(i64, i64, i64)],
        inside: &[Vec<&Member>],
        assets: &[i64],
        links: &FxHashMap<i64, Link>,
    ) {
        let mut kept: FxHashMap<i64, bool> = FxHashMap::default();
        for (cluster, asset) in inside.iter().zip(assets) {
            let stays =
                cluster.iter().any(|member| links.get(&member.record.0).is_some_and(|link| link.asset == *asset));
            kept.insert(*asset, stays);
        }
        for (_, from, to) in moved {
            if kept.get(to).copied().unwrap_or_default() {
                self.done.merged += 1;
            }
            if kept.get(from).copied().unwrap_or_default() && !kept.get(to).copied().unwrap_or_default() {
                self.done.split += 1;
            }
        }
    }

    /// An asset that lost all its records is remembered, with the one that has the oldest of them now; and earlier ones lead
    /// wherever theirs went.
    fn remember_emptied(
        &mut self,
        moved: &[(i64, i64, i64)],
        inside: &[Vec<&Member>],
        assets: &[i64],
    ) -> Result<(), StoreError> {
        const FORMER: &[(&str, Column)] = &[
            ("org_id", Column::Int),
            ("asset_id", Column::Int),
            ("now_asset_id", Column::Int),
            ("at", Column::Int),
            ("why", Column::Text),
            ("record_id", Column::Int),
        ];
        let followed: Vec<Value> =
            moved.iter().flat_map(|(record, _, to)| [self.org.into(), (*record).into(), Value::from(*to)]).collect();
        self.tx.update_many("inventory_asset_former", RECORD_KEY, &[("now_asset_id", Column::Int)], &followed)?;
        let full: FxHashSet<i64> =
            inside.iter().zip(assets).filter(|(cluster, _)| !cluster.is_empty()).map(|(_, asset)| *asset).collect();
        let mut heirs: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
        for (record, from, to) in moved {
            if !full.contains(from) {
                let heir = heirs.entry(*from).or_insert((*record, *to));
                *heir = (*heir).min((*record, *to));
            }
        }
        let why = if self.decided.is_some() { BY_PERSON } else { BY_RULE };
        let rows: Vec<Value> = heirs
            .iter()
            .flat_map(|(asset, (record, heir))| {
                let [asset, record, heir] = [*asset, *record, *heir].map(Value::from);
                [self.org.into(), asset, heir, self.now.into(), why.into(), record]
            })
            .collect();
        self.tx.insert_many("inventory_asset_former", FORMER, &rows, "")?;
        Ok(())
    }

    /// Writes into history which record moved from which asset to which, and how it was linked.
    fn tell(
        &mut self,
        scene: &Scene,
        told: &[(i64, Option<i64>, Option<i64>)],
        links: &FxHashMap<i64, Link>,
    ) -> Result<(), StoreError> {
        let columns: Vec<(&str, Column)> =
            UNDOABLE.iter().copied().chain(["who", "decision", "reason"].map(|name| (name, Column::Text))).collect();
        let mut changes: Vec<Value> = Vec::with_capacity(told.len() * columns.len());
        for (record, from, to) in told {
            let subject = Subject {
                org: self.org.0,
                at: self.now,
                inventory: "assets",
                asset: to.or(*from),
                record: *record,
                integration: scene.facts[record].fact.integration.0,
            };
            let before = links.get(record).map(|link| {
                let [asset, since] = [link.asset, link.since].map(Value::from);
                let [rule, evidence, by] =
                    [&link.rule, &link.evidence, &link.by].map(|text| Value::from(text.as_str()));
                [asset, rule, evidence, since, by, link.partner.into()]
            });
            let decided = self.decided.filter(|_| from != to);
            let arrives = decided.is_none() && from != to && to.is_some() && self.fresh.contains(record);
            let before = before.as_ref().map(|row| row.as_slice());
            subject.linked(self.head, (*from, *to), arrives, before, &mut changes);
            let word = |word: Option<&str>| Value::from(word.map(str::to_owned));
            changes.push(word(decided.map(|decided| decided.by)));
            changes.push(word(decided.map(|decided| decided.what).or(arrives.then_some(ARRIVED))));
            changes.push(word(decided.map(|decided| decided.reason)));
        }
        self.tx.insert_many("inventory_change", &columns, &changes, "")?;
        Ok(())
    }

    fn shared_before(&mut self) -> Result<FxHashMap<i64, SharedBefore>, StoreError> {
        const ALL: &str = "SELECT hash, why, until FROM inventory_shared_identifier WHERE org_id = $1";
        let rows = self.tx.query(ALL, &[self.org.into()], |row| {
            Ok((row.int(0)?, SharedBefore { why: row.text(1)?.to_owned(), until: Timestamp::from_micros(row.int(2)?) }))
        })?;
        Ok(rows.into_iter().collect())
    }

    fn write_shared(
        &mut self,
        scene: &Scene,
        decided: &Partition,
        before: &FxHashMap<i64, SharedBefore>,
    ) -> Result<(), StoreError> {
        const SHARED: &[(&str, Column)] = &[
            ("org_id", Column::Int),
            ("hash", Column::Int),
            ("kind", Column::Text),
            ("value", Column::Text),
            ("why", Column::Text),
            ("one_record", Column::Int),
            ("other_record", Column::Int),
            ("since", Column::Int),
            ("until", Column::Int),
        ];
        let now_shared: FxHashMap<i64, Shared> = decided.shared.iter().map(|(key, shared)| (key.0, *shared)).collect();
        let (mut created, mut moved, mut gone) = (Vec::new(), Vec::new(), Vec::new());
        for hash in sorted(scene.blocks.keys().copied()) {
            match (now_shared.get(&hash), before.get(&hash)) {
                (Some(shared), None) => {
                    let block = &scene.blocks[&hash];
                    let holders = block.iter().filter_map(|record| scene.facts.get(record));
                    let value = holders.filter_map(|stood| stood.fact.identity.value(Key(hash))).next();
                    let (why, one, other) = why(shared);
                    let kind = Key(hash).kind().as_str();
                    created.extend([
                        self.org.into(),
                        hash.into(),
                        kind.into(),
                        value.unwrap_or_default().into(),
                        why.into(),
                        one.into(),
                        other.into(),
                        self.now.into(),
                        shared.until.into(),
                    ]);
                    self.done.shared += 1;
                }
                (Some(shared), Some(was)) => {
                    let (why, one, other) = why(shared);
                    let counted = !scene.blocks[&hash].is_empty();
                    let later = shared.until.seconds_since(was.until).abs() >= UNTIL_SLACK_SECONDS;
                    if counted && (later || why != was.why) {
                        moved.extend([self.org.into(), hash.into(), why.into(), one.into()]);
                        moved.extend([other.into(), Value::from(shared.until)]);
                    }
                }
                (None, Some(_)) => gone.extend([self.org.into(), Value::from(hash)]),
                (None, None) => {}
            }
        }
        let key = &SHARED[..2];
        let set = [SHARED[4], SHARED[5], SHARED[6], SHARED[8]];
        self.tx.insert_many("inventory_shared_identifier", SHARED, &created, "")?;
        self.tx.update_many("inventory_shared_identifier", key, &set, &moved)?;
        self.tx.delete_many("inventory_shared_identifier", key, &gone)?;
        Ok(())
    }

    fn write_questions(&mut self, scene: &Scene, members: &[i64], decided: &Partition) -> Result<(), StoreError> {
        const STORED: [&str; 2] = [
            "SELECT suggestion_id, about, evidence FROM inventory_suggestion WHERE org_id = $1 AND one_record IN KEYS",
            "SELECT suggestion_id, about, evidence FROM inventory_suggestion WHERE org_id = $1 AND other_record IN KEYS",
        ];
        const SUGGESTION: &[(&str, Column)] = &[
            ("org_id", Column::Int),
            ("suggestion_id", Column::Int),
            ("about", Column::Text),
            ("one_record", Column::Int),
            ("other_record", Column::Int),
            ("score", Column::Real),
            ("evidence", Column::Text),
            ("since", Column::Int),
        ];
        let mut stored: FxHashMap<i64, (String, String)> = FxHashMap::default();
        for sql in STORED {
            let rows = self.tx.select_in(sql, &[self.org.into()], Keys::Ints(members), |row| {
                Ok((row.int(0)?, (row.text(1)?.to_owned(), row.text(2)?.to_owned())))
            })?;
            stored.extend(rows);
        }
        let (mut created, mut gone) = (Vec::new(), Vec::new());
        for question in &decided.questions {
            let ends = [question.one.0, question.other.0];
            if !ends.iter().any(|record| scene.members.contains(record)) {
                continue;
            }
            let id = question_id(question.one, question.other);
            let fact = &scene.facts[&question.one.0].fact;
            let evidence = write_evidence(&question.evidence, fact);
            let about = question.about.as_str();
            let was = stored.remove(&id);
            if was.as_ref().is_some_and(|(was, with)| was == about && *with == evidence) {
                continue;
            }
            if was.is_some() {
                gone.extend([self.org.into(), Value::from(id)]);
            } else {
                self.done.questions += 1;
                self.done.clones += u64::from(question.about == About::Clone);
            }
            let score = question.score.min(SCORE_MAX);
            created.extend([self.org.into(), id.into(), about.into(), question.one.into(), question.other.into()]);
            created.extend([Value::from(score), evidence.into(), self.now.into()]);
        }
        gone.extend(sorted(stored.into_keys()).into_iter().flat_map(|id| [self.org.into(), Value::from(id)]));
        self.tx.delete_many("inventory_suggestion", &SUGGESTION[..2], &gone)?;
        self.tx.insert_many("inventory_suggestion", SUGGESTION, &created, "")?;
        Ok(())
    }

    fn write_hardware(&mut self, scene: &Scene, members: &[i64], decided: &Partition) -> Result<(), StoreError> {
        const STORED: [&str; 2] = [
            "SELECT one_record, other_record FROM inventory_same_hardware WHERE org_id = $1 AND one_record IN KEYS",
            "SELECT one_record, other_record FROM inventory_same_hardware WHERE org_id = $1 AND other_record IN KEYS",
        ];
        const PAIR: &[(&str, Column)] = &[
            ("org_id", Column::Int),
            ("one_record", Column::Int),
            ("other_record", Column::Int),
            ("since", Column::Int),
        ];
        let mut stored: FxHashSet<(i64, i64)> = FxHashSet::default();
        for sql in STORED {
            let rows = self
                .tx
                .select_in(sql, &[self.org.into()], Keys::Ints(members), |row| Ok((row.int(0)?, row.int(1)?)))?;
            stored.extend(rows);
        }
        let mut created = Vec::new();
        for (one, other) in &decided.same_hardware {
            let known = stored.remove(&(one.0, other.0));
            if !known && [one, other].iter().any(|record| scene.members.contains(&record.0)) {
                created.extend([self.org.into(), (*one).into(), (*other).into(), Value::from(self.now)]);
            }
        }
        let gone: Vec<Value> =
            sorted(stored).into_iter().flat_map(|(one, other)| [self.org.into(), one.into(), other.into()]).collect();
        self.tx.delete_many("inventory_same_hardware", &PAIR[..3], &gone)?;
        self.tx.insert_many("inventory_same_hardware", PAIR, &created, "")?;
        Ok(())
    }

    /// Notes that the members are settled, and whether it matters to others who of them is alive.
    fn write_settled(&mut self, scene: &Scene, seeds: &Seeds) -> Result<(), StoreError> {
        const SET: &[(&str, Column)] = &[("contested", Column::Int), ("settled", Column::Int)];
        let mut rows: Vec<Value> = Vec::new();
        for record in sorted(scene.members.iter().copied()) {
            let stood = &scene.facts[&record];
            let keys = stood.fact.held.iter().map(|held| held.key);
            let contested = keys.into_iter().any(|key| scene.blocks.get(&key.0).is_some_and(|block| block.len() > 1));
            if !stood.settled || stood.contested != contested {
                rows.extend([self.org.into(), record.into(), contested.into(), true.into()]);
            }
        }
        // A record that says nothing of itself is settled too.
        for record in &seeds.unsettled {
            if !scene.members.contains(record) {
                rows.extend([self.org.into(), (*record).into(), false.into(), true.into()]);
            }
        }
        self.tx.update_many("inventory_machine", RECORD_KEY, SET, &rows)?;
        Ok(())
    }
}

fn why(shared: &Shared) -> (&'static str, Option<i64>, Option<i64>) {
    match shared.why {
        SharedWhy::Two(one, other) => (TWO, Some(one.0), Some(other.0)),
        SharedWhy::Crowd => (CROWD, None, None),
    }
}

/// The id of the question about two records: the same whenever it is asked again.
pub(crate) fn question_id(one: RecordId, other: RecordId) -> i64 {
    use sha2::{Digest, Sha256};
    let mut hash = Sha256::new();
    hash.update(one.0.min(other.0).to_le_bytes());
    hash.update(one.0.max(other.0).to_le_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    i64::from_le_bytes(digest[..8].try_into().expect("a digest has 32 bytes")) & i64::MAX
}
