//! What must be true of a life, whatever happened in it. Everything here looks from outside: at what the console served
//! and at the rows that are stored.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use kernel::OrgId;
use memchr::memmem::Finder;
use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;
use sha2::{Digest, Sha256};
use signals::{Artifact, Op};
use store::StoreError;
use sync::{Identity, Removal, STREAMS, Source, Stream, StreamReport, TimeField};

use crate::console::hash_of;
use crate::life::{Story, storage};
use crate::trace::Violation;

/// Streams that are compared while the console lives on under the pass.
const LIVELY: [&str; 5] = ["sites", "groups", "agents", "threats", "activities"];

/// Rows that a stream may keep about its own sweeps.
const SWEEP_ROWS_MAX: i64 = 110;

/// Artifacts that are read at once.
const SCAN: usize = 500;

/// A console stamps one record by clocks that differ by so many microseconds: a new agent is up to a minute ahead.
const CLOCKS_DIFFER: i64 = 61_000_000;

type Listed = FxHashMap<String, Vec<u8>>;

/// What the console listed at one instant, and how many requests it had answered by then.
pub(crate) struct Seen {
    listed: BTreeMap<&'static str, Listed>,
    requests: u64,
}

impl Seen {
    /// What the present token sees now of the streams that live.
    pub(crate) fn now(story: &Story) -> Seen {
        let mut seen = BTreeMap::new();
        for stream in STREAMS.iter().filter(|stream| LIVELY.contains(&stream.name)) {
            if let Some(listed) = listed(story, stream) {
                seen.insert(stream.name, listed);
            }
        }
        let requests = story.console.wire().requests;
        Seen { listed: seen, requests }
    }
}

fn listed(story: &Story, stream: &Stream) -> Option<Listed> {
    let token = story.console.wire().token.clone();
    let served = story.console.snapshot(stream, &token)?;
    Some(served.into_iter().filter_map(|served| Some((served.id?, served.raw))).collect())
}

/// I1: after a pass that says complete, everything that was there all the time is stored and logged as it is.
pub(crate) fn compare(story: &Story, reports: &[StreamReport], before: Option<&Seen>) -> Result<(), Violation> {
    for report in reports.iter().filter(|report| report.complete) {
        let Some(stream) = Stream::named(report.stream) else { continue };
        if before.is_some_and(|before| !before.listed.contains_key(stream.name)) {
            continue;
        }
        let Some(mut now) = listed(story, stream) else { continue };
        if let Some(before) = before.and_then(|before| before.listed.get(stream.name)) {
            // What came, went and came back meanwhile has another stamp.
            let same = |was: &Vec<u8>, is: &Vec<u8>| {
                was == is || stamp(stream, was) == stamp(stream, is) && same_meaning(stream, was, is)
            };
            now.retain(|id, raw| before.get(id).is_some_and(|was| same(was, raw)));
        }
        if now.is_empty() {
            continue;
        }
        let known = records(story, stream.name)?;
        let mut doubtful = Vec::new();
        for (id, raw) in &now {
            if story.is_spoilt(stream.name, id) {
                continue;
            }
            match known.get(id) {
                Some(Stored { hash, state, .. }) if state == "present" => {
                    if hash[..] != Sha256::digest(raw)[..] {
                        doubtful.push(id.as_str());
                    }
                }
                Some(Stored { state, .. }) => {
                    return Err(Violation::new(
                        "I2",
                        format!("{} {id} is {state}, and the console lists it", stream.name),
                    ));
                }
                None => {
                    let stamp = stamp(stream, raw).unwrap_or_default();
                    let what = format!("{} {id} of {stamp} is listed and was never stored", stream.name);
                    return Err(Violation::new("I1", what));
                }
            }
        }
        doubtful.sort_unstable();
        for (id, logged) in doubtful.iter().zip(latest(story, stream.name, &doubtful)?) {
            let logged = logged
                .ok_or_else(|| Violation::new("I1", format!("{} {id} is stored and was never logged", stream.name)))?;
            if !same_meaning(stream, &logged.raw, &now[*id]) {
                // What the console changed without saying so is seen by the next sweep of everything, not by this one.
                let stamped =
                    stamp(stream, &now[*id]).as_ref().and_then(Value::as_str).and_then(sentinelone::Micros::parse);
                let stored = known.get(*id).and_then(|stored| stored.stamp);
                if story.asked_for_changes(stream.name) && stored == stamped.map(|stamp| stamp.0) {
                    continue;
                }
                // It was another for a while, and that was shown last: a threat came and was dealt with, which moves no
                // time of the agent's. The next sweep sees it.
                let last_shown = story.last_shown(&logged.raw);
                if before.is_some_and(|before| last_shown > story.last_shown(&now[*id]).max(Some(before.requests))) {
                    continue;
                }
                let differ = difference(stream, &logged.raw, &now[*id]);
                return Err(Violation::new(
                    "I1",
                    format!("{} {id} changed and the log does not know: {differ}", stream.name),
                ));
            }
        }
    }
    Ok(())
}

/// A record as it is stored.
struct Stored {
    hash: Vec<u8>,
    state: String,
    /// When the console says that it changed it, in microseconds.
    stamp: Option<i64>,
}

/// Every record of a stream.
fn records(story: &Story, stream: &'static str) -> Result<FxHashMap<String, Stored>, Violation> {
    const READ: &str = "SELECT native_id, raw_hash, state, source_updated_at FROM inventory_source_record \
        WHERE org_id = $1 AND stream = $2";
    let rows = story.store.read_blocking::<_, StoreError, _>(move |tx| {
        tx.query(READ, &[OrgId::DEFAULT.into(), stream.into()], |row| {
            let stored =
                Stored { hash: row.bytes(1)?.to_vec(), state: row.text(2)?.to_owned(), stamp: row.opt_int(3)? };
            Ok((row.text(0)?.to_owned(), stored))
        })
    });
    Ok(rows.map_err(storage)?.into_iter().collect())
}

/// The latest artifacts of these records.
fn latest(story: &Story, stream: &'static str, ids: &[&str]) -> Result<Vec<Option<Artifact>>, Violation> {
    const LATEST: &str = "SELECT MAX(seq) FROM signals_artifact WHERE org_id = $1 AND stream = $2 AND native_id = $3";
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let found = story.store.read_blocking::<_, signals::SignalsError, _>(move |tx| {
        let mut found = Vec::with_capacity(ids.len());
        for id in &ids {
            let values = [OrgId::DEFAULT.into(), stream.into(), id.as_str().into()];
            let seq = tx.query_one(LATEST, &values, |row| row.opt_int(0))?;
            found.push(match seq {
                Some(seq) => signals::read(tx, OrgId::DEFAULT, seq)?,
                None => None,
            });
        }
        Ok(found)
    });
    found.map_err(|error| Violation::new("I3", format!("the log cannot be read: {error}")))
}

/// Whether the log has this record.
pub(crate) fn is_logged(story: &Story, stream: &'static str, id: &str) -> Result<bool, Violation> {
    Ok(latest(story, stream, &[id])?.iter().any(Option::is_some))
}

/// A record without what moves by itself.
fn meaning(stream: &Stream, raw: &[u8]) -> Value {
    let mut value: Value = serde_json::from_slice(raw).unwrap_or_default();
    for volatile in stream.volatile {
        let (parents, last) = volatile.path.rsplit_once('.').unwrap_or(("", volatile.path));
        let mut at = Some(&mut value);
        for name in parents.split('.').filter(|name| !name.is_empty()) {
            at = at.and_then(|value| value.get_mut(name));
        }
        if let Some(members) = at.and_then(Value::as_object_mut) {
            members.remove(last);
        }
    }
    value
}

/// When the console says that it changed a record.
fn stamp(stream: &Stream, raw: &[u8]) -> Option<Value> {
    let value: Value = serde_json::from_slice(raw).ok()?;
    let path = match stream.change?.field {
        TimeField::CreatedAt => "/createdAt",
        TimeField::ThreatUpdatedAt => "/threatInfo/updatedAt",
        _ => "/updatedAt",
    };
    value.pointer(path).cloned()
}

fn same_meaning(stream: &Stream, one: &[u8], two: &[u8]) -> bool {
    meaning(stream, one) == meaning(stream, two)
}

/// The first field in which two records differ.
fn difference(stream: &Stream, one: &[u8], two: &[u8]) -> String {
    fn walk(path: &str, one: &Value, two: &Value) -> String {
        if let (Some(left), Some(right)) = (one.as_object(), two.as_object()) {
            let names: BTreeSet<&String> = left.keys().chain(right.keys()).collect();
            let name = names.into_iter().find(|name| left.get(*name) != right.get(*name));
            if let Some(name) = name {
                let of = |map: &serde_json::Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                return walk(&format!("{path}.{name}"), &of(left), &of(right));
            }
        }
        let shown = |value: &Value| value.to_string().chars().take(120).collect::<String>();
        format!("{} is {} and was logged as {}", path.trim_start_matches('.'), shown(two), shown(one))
    }
    walk("", &meaning(stream, one), &meaning(stream, two))
}

/// Everything that is retired at present.
pub(crate) fn retired(story: &Story) -> Result<BTreeSet<(String, String)>, Violation> {
    const READ: &str = "SELECT stream, native_id FROM inventory_source_record WHERE org_id = $1 AND state = 'retired'";
    let rows = story.store.read_blocking::<_, StoreError, _>(move |tx| {
        tx.query(READ, &[OrgId::DEFAULT.into()], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))
    });
    Ok(rows.map_err(storage)?.into_iter().collect())
}

/// I2: what was just retired is gone, and two complete sweeps of everything did not show it.
pub(crate) fn retirements(story: &mut Story) -> Result<(), Violation> {
    let now = retired(story)?;
    let fresh: Vec<(String, String)> = now.difference(&story.retired).cloned().collect();
    story.retired = now;
    let passes = story.passes - std::mem::replace(&mut story.passes_looked_at, story.passes);
    at_once(story, &fresh, passes)?;
    let mut lists: BTreeMap<String, FxHashSet<String>> = BTreeMap::new();
    for (name, id) in fresh {
        let Some(stream) = Stream::named(&name) else { continue };
        story.console.say(&format!("{name} {id} is retired"));
        if !matches!(stream.source, Source::Pages(_)) {
            continue;
        }
        if story.tenant {
            if !lists.contains_key(&name) {
                let listed = story.everything(stream).unwrap_or_default();
                lists.insert(name.clone(), listed);
            }
            if lists.get(&name).is_some_and(|listed| listed.contains(&id)) {
                return Err(Violation::new("I2", format!("{name} {id} is retired and exists")));
            }
        }
        let last = story.console.wire().delivered.get(&(stream.name, id.clone())).copied().unwrap_or(0);
        let absent = story.complete_sweeps_after(stream.name, last);
        if absent < 2 && !story.restored {
            return Err(Violation::new(
                "I2",
                format!("{name} {id} is retired after {absent} complete sweeps without it"),
            ));
        }
    }
    Ok(())
}

/// I2: nobody's word was asked for here, so no pass retires more than a tenth of what it knows by absence alone.
fn at_once(story: &Story, fresh: &[(String, String)], passes: u64) -> Result<(), Violation> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for (name, _) in fresh {
        let judged = Stream::named(name)
            .is_some_and(|stream| stream.removal == Removal::Absent && matches!(stream.source, Source::Pages(_)));
        if judged {
            *counts.entry(name).or_default() += 1;
        }
    }
    for (name, gone) in counts {
        let left = story.number(&format!(
            "SELECT count(*) FROM inventory_source_record WHERE stream = '{name}' AND state <> 'retired'"
        ))?;
        let known = left.unsigned_abs() + gone;
        if gone * sync::HOLD_ONE_IN > known * passes {
            let what = format!("{gone} of {known} {name} are retired after {passes} passes, and nobody accepted it");
            return Err(Violation::new("I2", what));
        }
    }
    Ok(())
}

/// I5: what a checkpoint stands behind is stored.
pub(crate) fn after_a_crash(story: &Story) -> Result<(), Violation> {
    const CURSORS: &str =
        "SELECT stream, cursor FROM sync_stream WHERE org_id = $1 AND sweep_id IS NOT NULL AND cursor IS NOT NULL";
    const AHEAD: &str = "SELECT count(*) FROM sync_stream t WHERE t.sweep_id IS NOT NULL AND t.page <> \
        (SELECT count(*) FROM sync_sweep_page p WHERE p.org_id = t.org_id AND p.sweep_id = t.sweep_id) \
        AND NOT EXISTS (SELECT 1 FROM sync_sweep_page p WHERE p.org_id = t.org_id AND p.sweep_id = t.sweep_id AND p.part > 0)";
    const WATERMARKS: &str = "SELECT stream, watermark FROM sync_stream WHERE org_id = $1 AND watermark IS NOT NULL";
    let _ = AHEAD;
    let rows = story.store.read_blocking::<_, StoreError, _>(|tx| {
        let org = OrgId::DEFAULT;
        let cursors = tx.query(CURSORS, &[org.into()], |row| Ok((row.text(0)?.to_owned(), row.text(1)?.to_owned())))?;
        let watermarks = tx.query(WATERMARKS, &[org.into()], |row| Ok((row.text(0)?.to_owned(), row.int(1)?)))?;
        Ok((cursors, watermarks))
    });
    let (cursors, watermarks) = rows.map_err(storage)?;
    let now = story.console.clock.now();
    for (stream, watermark) in watermarks {
        if watermark > now {
            let ahead = (watermark - now) / 1_000;
            return Err(Violation::new(
                "I5",
                format!("{stream} is known up to {ahead} ms after the console's own clock"),
            ));
        }
    }
    for (name, cursor) in cursors {
        let page = story.console.wire().cursors.get(&cursor).map(|(stream, ids)| (*stream, ids.clone()));
        let Some((stream, ids)) = page else { continue };
        if stream != name && !name.starts_with(&format!("{stream}.")) {
            return Err(Violation::new("I5", format!("the checkpoint of {name} holds a cursor of {stream}")));
        }
        let known = records(story, stream)?;
        for id in ids {
            if !known.contains_key(&id) && !story.is_spoilt(stream, &id) {
                return Err(Violation::new(
                    "I5",
                    format!("the checkpoint of {stream} stands behind {id}, which is not stored"),
                ));
            }
        }
    }
    Ok(())
}

/// Everything that can only be said once all is over.
pub(crate) fn at_the_end(story: &mut Story) -> Result<(), Violation> {
    the_log(story)?;
    the_rows(story)?;
    the_secrets(story)?;
    the_requests(story)
}

/// The latest artifact of each stream's native id: its version, its source's time, what it did, and its bytes.
type Latest = FxHashMap<(String, String), (i64, Option<i64>, Op, Vec<u8>)>;

/// I2, I3, I4, I6 and I8 over the whole log, which is read once.
fn the_log(story: &Story) -> Result<(), Violation> {
    let secrets = story.secrets();
    let finders = finders(&secrets);
    let mut after = 0;
    let mut ids: FxHashSet<[u8; 32]> = FxHashSet::default();
    let mut last: Latest = FxHashMap::default();
    loop {
        let artifacts = story
            .store
            .read_blocking::<_, signals::SignalsError, _>(move |tx| signals::scan(tx, OrgId::DEFAULT, after, SCAN))
            .map_err(|error| Violation::new("I3", format!("the log cannot be read: {error}")))?;
        let Some(end) = artifacts.last().map(|artifact| artifact.seq) else { return Ok(()) };
        after = end;
        for artifact in artifacts {
            let shown = format!(
                "artifact {} ({} {}, {})",
                artifact.seq,
                artifact.stream,
                artifact.native_id,
                artifact.op.as_str()
            );
            if !ids.insert(artifact.id.0) {
                return Err(Violation::new("I6", format!("{shown} has the id of an earlier one")));
            }
            if finders.iter().any(|finder| finder.find(&artifact.raw).is_some()) {
                return Err(Violation::new("I8", format!("a secret is in {shown}")));
            }
            if artifact.op != Op::Delete && !story.console.wire().issued.contains_key(&hash_of(&artifact.raw)) {
                let text: String = String::from_utf8_lossy(&artifact.raw).chars().take(160).collect();
                return Err(Violation::new("I3", format!("{shown} is not what the console served: {text}")));
            }
            let time = artifact.source_time.map(|time| time.micros());
            let key = (artifact.stream.clone(), artifact.native_id.clone());
            if let Some((version, before, op, raw)) = last.get(&key) {
                if artifact.version <= *version {
                    return Err(Violation::new(
                        "I4",
                        format!("{shown} is version {} after {version}", artifact.version),
                    ));
                }
                // A policy's time is that of the level it comes from, which changes with the place.
                let dated = Stream::named(&artifact.stream).is_some_and(|stream| stream.identity != Identity::Asked);
                let clean = dated && !story.is_spoilt(&artifact.stream, &artifact.native_id);
                if let (Some(before), Some(time), true) = (before, time, clean)
                    && time + CLOCKS_DIFFER < *before
                    && artifact.op != Op::Delete
                {
                    let back = (before - time) / 1_000;
                    let differ = Stream::named(&artifact.stream).map(|stream| difference(stream, raw, &artifact.raw));
                    let what = format!("{shown} is {back} ms older than the artifact before it: {differ:?}");
                    return Err(Violation::new("I4", what));
                }
                if let (Some(stream), true, true) =
                    (Stream::named(&artifact.stream), *op != Op::Delete, artifact.op != Op::Delete)
                    && same_meaning(stream, raw, &artifact.raw)
                {
                    return Err(Violation::new("I6", format!("{shown} means what the artifact before it means")));
                }
            }
            last.insert(key, (artifact.version, time, artifact.op, artifact.raw));
        }
    }
}

/// Rows that are no data are bounded, and every record has its versions in the log.
fn the_rows(story: &Story) -> Result<(), Violation> {
    let streams = i64::try_from(STREAMS.len()).unwrap_or(i64::MAX);
    for (table, most) in [
        ("sync_sweep", SWEEP_ROWS_MAX * streams),
        ("sync_stream", 2 * streams),
        ("sync_integration", 1),
        ("sync_sweep_page", 4_000 * streams),
    ] {
        let rows = story.number(&format!("SELECT count(*) FROM {table}"))?;
        if rows > most {
            return Err(Violation::new("I10", format!("{table} has {rows} rows")));
        }
    }
    // What the sites told of accounts, no console said: only those records are not logged.
    let unlogged = story.number(
        "SELECT count(*) FROM inventory_source_record r WHERE r.stream <> 'accounts' AND NOT EXISTS \
         (SELECT 1 FROM signals_artifact a WHERE a.org_id = r.org_id AND a.stream = r.stream AND a.native_id = r.native_id)",
    )?;
    if unlogged > 0 {
        return Err(Violation::new("I1", format!("{unlogged} records are stored and were never logged")));
    }
    let behind = story.number(
        "SELECT count(*) FROM inventory_source_record r WHERE r.stream <> 'accounts' AND r.version <> \
         (SELECT max(a.version) FROM signals_artifact a WHERE a.org_id = r.org_id AND a.stream = r.stream \
          AND a.native_id = r.native_id)",
    )?;
    if behind > 0 {
        return Err(Violation::new("I1", format!("{behind} records have a version that the log has not")));
    }
    Ok(())
}

/// I8: no secret in what was said, nor in the database. The log is compressed, and looked at where it is read.
fn the_secrets(story: &Story) -> Result<(), Violation> {
    let secrets = story.secrets();
    let said = story.said.take();
    let is_said = |finder: &Finder<'_>| finder.find(said.as_bytes()).is_some();
    if let Some(which) = finders(&secrets).iter().position(is_said) {
        return Err(Violation::new("I8", format!("a secret was said: {}", &secrets[which][..12])));
    }
    let mut where_found = None;
    story
        .store
        .read_blocking::<_, StoreError, _>(|tx| {
            let mut place = None;
            testkit::everything(tx, |table, column, value| {
                let hit = match value {
                    kernel::Value::Text(text) => found_in(text.as_bytes()),
                    kernel::Value::Bytes(bytes) => found_in(bytes),
                    _ => false,
                };
                if hit {
                    place = Some(format!("{table}.{column}"));
                }
            })?;
            Ok(place)
        })
        .map(|place| where_found = place)
        .map_err(storage)?;
    match where_found {
        Some(place) => Err(Violation::new("I8", format!("a secret is stored in {place}"))),
        None => Ok(()),
    }
}

fn finders(secrets: &[String]) -> Vec<Finder<'_>> {
    secrets.iter().map(|secret| Finder::new(secret.as_bytes())).collect()
}

/// Whether bytes hold a text that the console gives away. Tokens are sought where they can be told.
fn found_in(bytes: &[u8]) -> bool {
    static FINDERS: LazyLock<Vec<Finder<'static>>> =
        LazyLock::new(|| crate::console::SECRETS.iter().map(|secret| Finder::new(secret.as_bytes())).collect());
    FINDERS.iter().any(|finder| finder.find(bytes).is_some())
}

/// I9: the console refused nothing that no fault made it refuse, and saw nothing that it must never see.
fn the_requests(story: &Story) -> Result<(), Violation> {
    let wire = story.console.wire();
    if let Some(what) = &wire.protocol {
        return Err(Violation::new("I9", what.clone()));
    }
    drop(wire);
    let journal = story.console.sim.journal();
    if let Some(request) = journal.forbidden.first() {
        return Err(Violation::new("I9", format!("a request that must never be made: {request}")));
    }
    // A cursor that was cut short by a new token is refused by a console too, and given up.
    if let Some(refusal) = journal.refused.iter().find(|refusal| !refusal.detail.contains("cursor")) {
        return Err(Violation::new("I9", format!("{} was refused: {}", refusal.request, refusal.detail)));
    }
    Ok(())
}
