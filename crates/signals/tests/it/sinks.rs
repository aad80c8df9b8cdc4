//! Sinks: everything once and in order, whatever happens in between.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jobs::{Virtual, World};
use kernel::{OrgId, Random, Timestamp};
use signals::ndjson::{NdjsonFile, Settings};
use signals::{
    BATCH_ARTIFACTS, Delivered, Entry, Line, NewSink, Op, Page, Receiver, Refusal, SignalsError, Sink, SinkId,
    SinkState,
};
use store::Store;
use testkit::{Database, TestDir};

use crate::{HOST, ONE, meaning, open};

testkit::on_each_database! {
    a_file_gets_every_artifact_once_and_in_order,
    a_filter_decides_what_a_sink_gets,
    a_file_that_is_moved_away_is_begun_anew,
    a_full_file_and_a_past_day_make_way_for_a_new_file,
    a_file_of_somebody_else_is_left_alone,
    two_workers_never_deliver_to_one_sink_at_once,
    a_replay_brings_everything_again_and_fences_whoever_delivers,
    a_worker_follows_the_log_by_itself,
    a_name_is_taken_once_and_a_filter_must_be_a_question,
    fault_05_killed_after_the_log_committed_delivers_what_was_committed,
    fault_06_killed_after_writing_before_the_answer_repairs_the_torn_line,
    fault_07_killed_after_the_answer_before_the_place_moves_repeats_one_batch,
    fault_10_a_full_disk_of_a_sink_loses_nothing_and_stops_no_other,
    fault_11_a_damaged_block_stops_a_sink_and_says_so,
    fault_12_a_sink_that_is_down_for_six_hours_gets_everything_afterwards,
    fault_12_a_slow_sink_delays_no_other,
    fault_12_poison_stands_alone_and_the_rest_goes_on,
    fault_12_a_sink_too_far_behind_is_detached_and_says_so,
    random_crashes_lose_nothing_and_repeat_no_more_than_a_batch_each,
}

const ORG: OrgId = OrgId::DEFAULT;

fn at_start() -> Virtual {
    Virtual::new(Timestamp::from_seconds(1_795_000_000), 7)
}

/// Logs so many new records, a hundred to a page.
fn log(store: &Store, world: &World, from: usize, count: usize) {
    let numbers: Vec<usize> = (from..from + count).collect();
    for numbers in numbers.chunks(100) {
        let (numbers, now) = (numbers.to_vec(), world.now());
        let logged = store.write_blocking(move |tx| {
            let raw: Vec<String> = numbers
                .iter()
                .map(|number| {
                    format!("{{\"id\":\"{number}\",\n \"name\":\"pc-{number}\",\"even\":{}}}", number % 2 == 0)
                })
                .collect();
            let entries = numbers.iter().zip(&raw).map(|(number, raw)| Entry {
                native_id: number.to_string().into(),
                op: Op::Create,
                version: 1,
                updated_at: Some(now),
                meaning_hash: meaning(&number.to_string()),
                raw: raw.as_bytes(),
            });
            let page = Page {
                org: ORG,
                integration: ONE,
                console_host: HOST,
                stream: "agents",
                now,
                entries: entries.collect(),
            };
            signals::record(tx, &page)
        });
        logged.unwrap();
    }
}

fn new_sink(name: &str, settings: &Settings) -> NewSink {
    NewSink {
        name: name.to_owned(),
        kind: signals::ndjson::KIND.to_owned(),
        settings: settings.to_json(),
        filter: String::new(),
        lag_bytes_max: None,
        after: 0,
    }
}

fn file(dir: &TestDir) -> Settings {
    Settings { path: dir.join("artifacts.ndjson"), ..Settings::default() }
}

fn add(store: &Store, world: &World, new: NewSink) -> SinkId {
    let now = world.now();
    store.write_blocking(move |tx| signals::add_sink(tx, ORG, &new, now)).unwrap()
}

fn sink(store: &Store, id: SinkId) -> Sink {
    let sinks = store.read_blocking(signals::all_sinks).unwrap();
    sinks.into_iter().find(|sink| sink.id == id).unwrap()
}

async fn deliver(store: &Store, world: &World, id: SinkId) -> Delivered {
    signals::deliver(store, world, ORG, id).await.unwrap()
}

/// The numbers in a file, line by line; every line must be whole.
fn seqs(path: &Path) -> Vec<i64> {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "the last line is whole");
    let seq = |line: &str| {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["record"]["id"], line["native_id"]);
        line["seq"].as_i64().unwrap()
    };
    text.lines().map(seq).collect()
}

/// What a receiver of a test does with the next batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Does {
    Take,
    /// It takes nothing, and says so.
    Fail,
    /// It takes the batch, and the process dies before it hears so.
    TakeAndDie,
    /// It never answers.
    Hang,
}

/// A receiver that notes what it got, and does as it is told.
#[derive(Clone)]
struct Oracle {
    got: Arc<Mutex<Vec<i64>>>,
    does: Arc<Mutex<Does>>,
    poison: Arc<BTreeSet<i64>>,
}

impl Oracle {
    fn new() -> Oracle {
        Oracle { got: Arc::default(), does: Arc::new(Mutex::new(Does::Take)), poison: Arc::default() }
    }

    fn does(&self, does: Does) {
        *self.does.lock().unwrap() = does;
    }

    fn got(&self) -> Vec<i64> {
        self.got.lock().unwrap().clone()
    }
}

impl Receiver for Oracle {
    async fn deliver(&mut self, lines: &[Line], _: &str) -> Result<String, Refusal> {
        let does = *self.does.lock().unwrap();
        if does == Does::Fail {
            return Err(Refusal::Unavailable("it is down".to_owned()));
        }
        if does == Does::Hang {
            std::future::pending::<()>().await;
        }
        if let Some(line) = lines.iter().find(|line| self.poison.contains(&line.seq)) {
            return Err(Refusal::Refused(format!("413: too large: {}", line.seq)));
        }
        self.got.lock().unwrap().extend(lines.iter().map(|line| line.seq));
        if does == Does::TakeAndDie {
            std::future::pending::<()>().await;
        }
        Ok("{}".to_owned())
    }
}

/// How long a dead process's hold on a sink lasts, and a little.
const LEASE: Duration = Duration::from_secs(61);

/// Delivers until the process dies, and waits until another may have the sink.
async fn until_it_dies(store: &Store, world: &World, id: SinkId, receiver: &mut impl Receiver) {
    let run = signals::deliver_with(store, world, ORG, id, receiver);
    assert!(world.timeout(Duration::from_secs(5), run).await.is_err(), "it dies on the way");
    world.sleep(LEASE).await;
}

fn a_file_gets_every_artifact_once_and_in_order(database: &Database) {
    let (store, dir, world) = (open(database), TestDir::new(), at_start());
    let handle = world.world();
    world.run(async {
        log(&store, &handle, 0, 1200);
        let id = add(&store, &handle, new_sink("siem", &file(&dir)));
        let did = deliver(&store, &handle, id).await;
        assert_eq!((did.delivered, did.retry_after), (1200, None));
        assert_eq!(deliver(&store, &handle, id).await.delivered, 0);
        log(&store, &handle, 1200, 3);
        assert_eq!(sink(&store, id).behind, 3);
        assert!(sink(&store, id).is_due(handle.now()));
        assert_eq!(deliver(&store, &handle, id).await.delivered, 3);
        let is = sink(&store, id);
        assert_eq!((is.state, is.behind, is.delivered, is.attempts), (SinkState::Ready, 0, 1203, 0));
        assert!(!is.is_due(handle.now()));
    });
    assert_eq!(seqs(&dir.join("artifacts.ndjson")), (1..=1203).collect::<Vec<i64>>());
    let line = std::fs::read_to_string(dir.join("artifacts.ndjson")).unwrap();
    let line: serde_json::Value = serde_json::from_str(line.lines().next().unwrap()).unwrap();
    let first = store.read_blocking(|tx| signals::read(tx, ORG, 1)).unwrap().unwrap();
    assert_eq!(line["id"], first.id.to_string());
    assert_eq!((&line["stream"], &line["op"]), (&"agents".into(), &"create".into()));
}

fn a_filter_decides_what_a_sink_gets(database: &Database) {
    let (store, dir, world) = (open(database), TestDir::new(), at_start());
    let handle = world.world();
    world.run(async {
        log(&store, &handle, 0, 600);
        let filters = [
            ("even", "@s1.even:true and stream:agents", 300),
            ("words", "text:\"pc 77\"", 1),
            ("none", "op:delete or console:nowhere", 0),
            ("some", "seq:>590 and not version:>1", 10),
        ];
        for (name, filter, count) in filters {
            let settings = Settings { path: dir.join(name), ..Settings::default() };
            let id = add(&store, &handle, NewSink { filter: filter.to_owned(), ..new_sink(name, &settings) });
            let did = deliver(&store, &handle, id).await;
            assert_eq!((did.delivered, did.left_out), (count, 600 - count), "{name}");
            assert_eq!(sink(&store, id).behind, 0);
        }
    });
    assert_eq!(seqs(&dir.join("words")), [78]);
    assert!(!dir.join("none").exists());
}

fn a_file_that_is_moved_away_is_begun_anew(database: &Database) {
    let (store, dir, world) = (open(database), TestDir::new(), at_start());
    let handle = world.world();
    world.run(async {
        log(&store, &handle, 0, 10);
        let id = add(&store, &handle, new_sink("siem", &file(&dir)));
        deliver(&store, &handle, id).await;
        std::fs::rename(dir.join("artifacts.ndjson"), dir.join("old")).unwrap();
        log(&store, &handle, 10, 5);
        deliver(&store, &handle, id).await;
    });
    assert_eq!(seqs(&dir.join("old")).len(), 10);
    assert_eq!(seqs(&dir.join("artifacts.ndjson")), (11..=15).collect::<Vec<i64>>());
}

fn a_full_file_and_a_past_day_make_way_for_a_new_file(database: &Database) {
    let (store, dir, world) = (open(database), TestDir::new(), at_start());
    let handle = world.world();
    let settings = Settings { rotate_bytes: Some(400_000), rotate_daily: true, ..file(&dir) };
    world.run(async {
        let id = add(&store, &handle, new_sink("siem", &settings));
        log(&store, &handle, 0, 1500);
        deliver(&store, &handle, id).await;
        handle.sleep(Duration::from_secs(86_400)).await;
        log(&store, &handle, 1500, 5);
        deliver(&store, &handle, id).await;
    });
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let names: Vec<String> =
        files.iter().map(|path| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    assert_eq!(
        names,
        ["artifacts.2026-11-18.000000001000.ndjson", "artifacts.2026-11-18.000000001500.ndjson", "artifacts.ndjson"]
    );
    let all: Vec<i64> = files.iter().flat_map(|path| seqs(path)).collect();
    assert_eq!(all, (1..=1505).collect::<Vec<i64>>());
    assert!(files.iter().all(|path| std::fs::metadata(path).unwrap().len() <= 400_000));
}

fn a_file_of_somebody_else_is_left_alone(database: &Database) {
    let (store, dir, world) = (open(database), TestDir::new(), at_start());
    let handle = world.world();
    let path = dir.write("artifacts.ndjson", "the only copy of my thesis");
    let settings = file(&dir);
    assert!(settings.check().unwrap_err().contains("did not write"));
    world.run(async {
        log(&store, &handle, 0, 3);
        let id = add(&store, &handle, new_sink("siem", &settings));
        let did = deliver(&store, &handle, id).await;
        assert!(did.delivered == 0 && did.retry_after.is_some());
        let is = sink(&store, id);
        assert_eq!((is.state, is.behind), (SinkState::Waiting, 3));
        assert!(is.detail.contains("move it away"), "{}", is.detail);
    });
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "the only copy of my thesis");
    let whole = Settings { path: dir.write("lines", "{\"a\":1}\n"), ..Settings::default() };
    assert!(whole.check().unwrap_err().contains("did not write"));
    let folder = Settings { path: dir.path().to_owned(), ..Settings::default() };
    assert!(folder.check().unwrap_err().contains("is a folder"));
    let nowhere = Settings { path: dir.join("no/such/folder"), ..Settings::default() };
    assert!(nowhere.check().unwrap_err().contains("is not there"));
    let fresh = Settings { path: dir.join("fresh"), ..Settings::default() };
    assert_eq!((fresh.check(), fresh.check()), (Ok(()), Ok(())));
}

fn two_workers_never_deliver_to_one_sink_at_once(database: &Database) {
    let (store, world) = (open(database), at_start());
    let handle = world.world();
    world.run(async {
        log(&store, &handle, 0, 10);
        let id = add(&store, &handle, new_sink("siem", &Settings::default()));
        let (mut one, mut two) = (Oracle::new(), Oracle::new());
        one.does(Does::Hang);
        let (slow, work) = (store.clone(), handle.clone());
        let mut hanging = one.clone();
        let first = handle.spawn(async move { signals::deliver_with(&slow, &work, ORG, id, &mut hanging).await });
        handle.sleep(Duration::from_secs(1)).await;
        let did = signals::deliver_with(&store, &handle, ORG, id, &mut two).await.unwrap();
        assert_eq!((did, two.got()), (Delivered::default(), Vec::new()));
        // Its worker died: after the lease another one takes over.
        drop(first);
        handle.sleep(LEASE).await;
        one = two.clone();
        assert_eq!(signals::deliver_with(&store, &handle, ORG, id, &mut one).await.unwrap().delivered, 10);
    });
}

fn a_replay_brings_everything_again_and_fences_whoever_delivers(database: &Database) {
    let (store, world) = (open(database), at_start());
    let handle = world.world();
    world.run(async {
        log(&store, &handle, 0, 10);
        let id = add(&store, &handle, new_sink("siem", &Settings::default()));
        let mut oracle = Oracle::new();
        signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
        // While the batch is under way, the operator begins again: the place of that batch is not stored.
        log(&store, &handle, 10, 1);
        let mut meddling = Meddling { inner: oracle.clone(), store: store.clone(), id, now: handle.now() };
        let did = signals::deliver_with(&store, &handle, ORG, id, &mut meddling).await.unwrap();
        assert_eq!(did.delivered, 0);
        assert_eq!((sink(&store, id).is.after, sink(&store, id).state), (4, SinkState::Ready));
        signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
        let expected: Vec<i64> = (1..=11).chain(5..=11).collect();
        assert_eq!(oracle.got(), expected);
    });
}

/// Moves the sink while it takes a batch.
struct Meddling {
    inner: Oracle,
    store: Store,
    id: SinkId,
    now: Timestamp,
}

impl Receiver for Meddling {
    async fn deliver(&mut self, lines: &[Line], place: &str) -> Result<String, Refusal> {
        let (id, now) = (self.id, self.now);
        self.store.write_blocking(move |tx| signals::replay(tx, ORG, id, 4, now)).unwrap();
        self.inner.deliver(lines, place).await
    }
}

fn a_worker_follows_the_log_by_itself(database: &Database) {
    let (store, dir, world) = (open(database), TestDir::new(), at_start());
    let handle = world.world();
    let count = |tx: &mut store::Tx<'_>| signals::unindexed_count(tx, ORG);
    world.run(async {
        let follows = handle.spawn(signals::follow(store.clone(), handle.clone()));
        let mut paths = Vec::new();
        for name in ["one", "two"] {
            let settings = Settings { path: dir.join(name), ..Settings::default() };
            add(&store, &handle, new_sink(name, &settings));
            paths.push(settings.path);
        }
        let foreign = Settings { path: dir.write("three", "no line of ours"), ..Settings::default() };
        let dead = add(&store, &handle, new_sink("three", &foreign));
        for round in 1..=3 {
            log(&store, &handle, (round - 1) * 20, 20);
            handle.sleep(Duration::from_secs(10)).await;
            for path in &paths {
                assert_eq!(seqs(path).len(), round * 20);
            }
            assert_eq!(store.read_blocking(count).unwrap(), 0);
        }
        assert!(sink(&store, dead).attempts > 2);
        drop(follows);
        log(&store, &handle, 60, 1);
        handle.sleep(Duration::from_secs(100)).await;
        assert_eq!(seqs(&paths[0]).len(), 60, "nobody follows any more");
    });
}

fn a_name_is_taken_once_and_a_filter_must_be_a_question(database: &Database) {
    let store = open(database);
    let now = Timestamp::from_seconds(1);
    let try_add = |new: NewSink| store.write_blocking(move |tx| signals::add_sink(tx, ORG, &new, now));
    let new = new_sink("siem", &Settings::default());
    let id = try_add(new.clone()).unwrap();
    assert!(matches!(try_add(new.clone()), Err(SignalsError::SinkExists(_))));
    let wrong = NewSink { name: "two".to_owned(), filter: "strem:agents".to_owned(), ..new.clone() };
    assert!(matches!(try_add(wrong), Err(SignalsError::Filter(_))));
    assert_eq!(signals::check_filter("STREAM:threat  and mimikatz", now).unwrap(), "stream:threat and mimikatz");
    let here = Settings { path: "/var/a.ndjson".into(), ..Settings::default() };
    let there = try_add(new_sink("here", &here)).unwrap();
    assert!(matches!(try_add(new_sink("too", &here)), Err(SignalsError::SinkTarget(name)) if name == "here"));
    store.write_blocking(move |tx| signals::remove_sink(tx, ORG, there)).unwrap();
    store.write_blocking(move |tx| signals::remove_sink(tx, ORG, id)).unwrap();
    assert_eq!(store.read_blocking(|tx| signals::sinks(tx, ORG)).unwrap(), []);
    try_add(new).unwrap();
    assert!(store.read_blocking(|tx| signals::sink_named(tx, ORG, "siem")).unwrap().is_some());
    assert!(store.read_blocking(|tx| signals::sink_named(tx, OrgId(2), "siem")).unwrap().is_none());
}

fn fault_05_killed_after_the_log_committed_delivers_what_was_committed(database: &Database) {
    let (dir, world) = (TestDir::new(), at_start());
    let handle = world.world();
    let store = open(database);
    let id = add(&store, &handle, new_sink("siem", &file(&dir)));
    log(&store, &handle, 0, 250);
    // The process ends here, with nobody told.
    drop(store);
    let store = open(database);
    world.run(async { assert_eq!(deliver(&store, &handle, id).await.delivered, 250) });
    assert_eq!(seqs(&dir.join("artifacts.ndjson")), (1..=250).collect::<Vec<i64>>());
}

/// A file whose process dies while it writes: some bytes of the batch are there, and no answer.
struct Dying {
    path: PathBuf,
    bytes: usize,
}

impl Receiver for Dying {
    async fn deliver(&mut self, lines: &[Line], _: &str) -> Result<String, Refusal> {
        let all: Vec<u8> = lines.iter().flat_map(|line| [line.json.as_slice(), b"\n"].concat()).collect();
        // It begins as every delivery does: with whole lines.
        let mut file = std::fs::read(&self.path).unwrap_or_default();
        file.truncate(file.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1));
        file.extend_from_slice(&all[..self.bytes.min(all.len())]);
        std::fs::write(&self.path, file).unwrap();
        std::future::pending().await
    }
}

fn fault_06_killed_after_writing_before_the_answer_repairs_the_torn_line(database: &Database) {
    let (store, dir, world) = (open(database), TestDir::new(), at_start());
    let handle = world.world();
    let path = dir.join("artifacts.ndjson");
    world.run(async {
        log(&store, &handle, 0, 40);
        let id = add(&store, &handle, new_sink("siem", &file(&dir)));
        let mut delivered = 40;
        deliver(&store, &handle, id).await;
        for bytes in [0, 1, 5, 300, 2000, 100_000] {
            log(&store, &handle, delivered, 20);
            delivered += 20;
            until_it_dies(&store, &handle, id, &mut Dying { path: path.clone(), bytes }).await;
            let whole = std::fs::read(&path).unwrap().iter().filter(|byte| **byte == b'\n').count();
            deliver(&store, &handle, id).await;
            let found = seqs(&path);
            assert_eq!(found.len(), whole + 20, "the torn line is gone, the whole ones are not");
        }
        let found = seqs(&path);
        let different: BTreeSet<i64> = found.iter().copied().collect();
        assert_eq!(different, (1..=i64::try_from(delivered).unwrap()).collect());
        assert!(found.len() <= delivered + 6 * BATCH_ARTIFACTS);
    });
}

fn fault_07_killed_after_the_answer_before_the_place_moves_repeats_one_batch(database: &Database) {
    let (store, world) = (open(database), at_start());
    let handle = world.world();
    world.run(async {
        log(&store, &handle, 0, 1300);
        let id = add(&store, &handle, new_sink("siem", &Settings::default()));
        let mut oracle = Oracle::new();
        oracle.does(Does::TakeAndDie);
        until_it_dies(&store, &handle, id, &mut oracle).await;
        assert_eq!(sink(&store, id).is.after, 0, "the place has not moved");
        oracle.does(Does::Take);
        signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
        let batch = i64::try_from(BATCH_ARTIFACTS).unwrap();
        assert_eq!(oracle.got(), (1..=batch).chain(1..=1300).collect::<Vec<i64>>());
    });
}

fn fault_10_a_full_disk_of_a_sink_loses_nothing_and_stops_no_other(database: &Database) {
    let (store, dir, world) = (open(database), TestDir::new(), at_start());
    let handle = world.world();
    let path = dir.join("artifacts.ndjson");
    world.run(async {
        log(&store, &handle, 0, 1200);
        let full = add(&store, &handle, new_sink("full", &file(&dir)));
        let other = add(&store, &handle, new_sink("other", &Settings::default()));
        let room = Arc::new(AtomicU64::new(200_000));
        let mut receiver = NdjsonFile::new(file(&dir), &handle).with_room(room.clone());
        let did = signals::deliver_with(&store, &handle, ORG, full, &mut receiver).await.unwrap();
        assert_eq!(did.delivered, 500, "one batch had room");
        assert!(did.retry_after.is_some());
        let is = sink(&store, full);
        assert_eq!((is.state, is.behind, is.attempts), (SinkState::Waiting, 700, 1));
        assert_eq!(is.detail, format!("the disk that holds {} is full", path.display()));
        assert_eq!(seqs(&path).len(), 500, "what was half written was taken back");

        let mut oracle = Oracle::new();
        let did = signals::deliver_with(&store, &handle, ORG, other, &mut oracle).await.unwrap();
        assert_eq!(did.delivered, 1200);

        // Too early: it waits. Later, with room again, it goes on by itself.
        let early = signals::deliver_with(&store, &handle, ORG, full, &mut receiver).await.unwrap();
        assert_eq!(early.delivered, 0);
        room.store(u64::MAX, Ordering::SeqCst);
        handle.sleep(Duration::from_secs(2)).await;
        let did = signals::deliver_with(&store, &handle, ORG, full, &mut receiver).await.unwrap();
        assert_eq!(did.delivered, 700);
        let is = sink(&store, full);
        assert_eq!((is.state, is.detail.as_str(), is.attempts), (SinkState::Ready, "", 0));
    });
    assert_eq!(seqs(&path), (1..=1200).collect::<Vec<i64>>());
}

fn fault_11_a_damaged_block_stops_a_sink_and_says_so(database: &Database) {
    let (store, world) = (open(database), at_start());
    let handle = world.world();
    world.run(async {
        log(&store, &handle, 0, 900);
        let damage = "UPDATE signals_block SET bytes = (SELECT b.bytes FROM signals_block b WHERE b.block_id = 1)
            WHERE block_id = 601";
        store.write_blocking(move |tx| tx.execute(damage, &[])).unwrap();
        let lie = "UPDATE signals_block SET size = size + 1 WHERE block_id = 601";
        store.write_blocking(move |tx| tx.execute(lie, &[])).unwrap();
        let id = add(&store, &handle, new_sink("siem", &Settings::default()));
        let mut oracle = Oracle::new();
        let did = signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
        assert!(did.trouble.is_some_and(|trouble| trouble.contains("block 601 of the log cannot be read")));
        let is = sink(&store, id);
        assert_eq!((is.state, is.is.after), (SinkState::Waiting, 500), "nothing behind it is delivered in its place");
        assert_eq!(oracle.got(), (1..=500).collect::<Vec<i64>>());
    });
}

fn fault_12_a_sink_that_is_down_for_six_hours_gets_everything_afterwards(database: &Database) {
    let (store, world) = (open(database), at_start());
    let handle = world.world();
    world.run(async {
        let id = add(&store, &handle, new_sink("siem", &Settings::default()));
        let mut oracle = Oracle::new();
        oracle.does(Does::Fail);
        let end = handle.now().plus_seconds(6 * 3600);
        let (mut logged, mut tries) = (0, 0);
        while handle.now() < end {
            log(&store, &handle, logged, 5);
            logged += 5;
            let did = signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
            tries += usize::from(did.retry_after.is_some());
            assert!(did.retry_after.is_none_or(|wait| wait <= Duration::from_secs(300)));
            handle.sleep(did.retry_after.unwrap_or(Duration::from_secs(30))).await;
        }
        assert!((72..200).contains(&tries), "it is asked again, and ever more seldom: {tries} times");
        let is = sink(&store, id);
        assert_eq!((is.state, is.detail.as_str()), (SinkState::Waiting, "it is down"));
        assert_eq!(is.since.micros() / 60_000_000, (end.micros() - 6 * 3_600_000_000) / 60_000_000, "since it began");
        oracle.does(Does::Take);
        handle.sleep(Duration::from_secs(300)).await;
        signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
        assert_eq!(oracle.got(), (1..=i64::try_from(logged).unwrap()).collect::<Vec<i64>>());
        assert_eq!(sink(&store, id).state, SinkState::Ready);
    });
}

fn fault_12_a_slow_sink_delays_no_other(database: &Database) {
    let (store, world) = (open(database), at_start());
    let handle = world.world();
    world.run(async {
        log(&store, &handle, 0, 300);
        let slow = add(&store, &handle, new_sink("slow", &Settings::default()));
        let quick = add(&store, &handle, new_sink("quick", &Settings::default()));
        let (mut hangs, mut oracle) = (Oracle::new(), Oracle::new());
        hangs.does(Does::Hang);
        let (its_store, its_world) = (store.clone(), handle.clone());
        let task =
            handle.spawn(async move { signals::deliver_with(&its_store, &its_world, ORG, slow, &mut hangs).await });
        handle.sleep(Duration::from_secs(1)).await;
        log(&store, &handle, 300, 300);
        let before = handle.now();
        let did = signals::deliver_with(&store, &handle, ORG, quick, &mut oracle).await.unwrap();
        assert_eq!((did.delivered, oracle.got().len()), (600, 600));
        assert!(handle.now().micros() - before.micros() < 1_000_000, "nobody waits for the slow one");
        assert_eq!(sink(&store, slow).behind, 600);
        drop(task);
    });
}

fn fault_12_poison_stands_alone_and_the_rest_goes_on(database: &Database) {
    let (store, world) = (open(database), at_start());
    let handle = world.world();
    world.run(async {
        log(&store, &handle, 0, 700);
        let id = add(&store, &handle, new_sink("siem", &Settings::default()));
        let poison: BTreeSet<i64> = [1, 77, 78, 499, 500, 501, 700].into();
        let mut oracle = Oracle { poison: Arc::new(poison.clone()), ..Oracle::new() };
        let did = signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
        assert_eq!((did.delivered, did.dead, did.retry_after), (693, 7, None));
        assert_eq!(oracle.got(), (1..=700).filter(|seq| !poison.contains(seq)).collect::<Vec<i64>>());
        let letters = store.read_blocking(move |tx| signals::dead_letters(tx, ORG, id, 100)).unwrap();
        assert_eq!(letters.iter().map(|letter| letter.seq).collect::<BTreeSet<i64>>(), poison);
        assert_eq!(letters[0].reason, "413: too large: 700");
        let is = sink(&store, id);
        assert_eq!((is.state, is.dead, is.behind), (SinkState::Ready, 7, 0));
    });
}

fn fault_12_a_sink_too_far_behind_is_detached_and_says_so(database: &Database) {
    let (store, world) = (open(database), at_start());
    let handle = world.world();
    world.run(async {
        let new = NewSink { lag_bytes_max: Some(1000), ..new_sink("siem", &Settings::default()) };
        let id = add(&store, &handle, new);
        let mut oracle = Oracle::new();
        oracle.does(Does::Fail);
        log(&store, &handle, 0, 20);
        signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
        assert_eq!(sink(&store, id).state, SinkState::Waiting, "a little may wait");
        log(&store, &handle, 20, 500);
        handle.sleep(Duration::from_secs(10)).await;
        let did = signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
        assert_eq!(did.retry_after, None);
        let is = sink(&store, id);
        assert_eq!(is.state, SinkState::Detached);
        assert!(is.detail.contains("--max-lag allows 1000") && is.detail.contains("it is down"), "{}", is.detail);
        // It stays so until its operator says otherwise, and then it goes on where it was.
        oracle.does(Does::Take);
        handle.sleep(Duration::from_secs(1000)).await;
        assert!(!sink(&store, id).is_due(handle.now()));
        signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
        assert_eq!(oracle.got(), Vec::<i64>::new());
        let now = handle.now();
        store.write_blocking(move |tx| signals::replay(tx, ORG, id, 0, now)).unwrap();
        signals::deliver_with(&store, &handle, ORG, id, &mut oracle).await.unwrap();
        assert_eq!(oracle.got().len(), 520);
    });
}

/// Lives of a sink, each with crashes at random places between writing, answering and moving.
fn random_crashes_lose_nothing_and_repeat_no_more_than_a_batch_each(database: &Database) {
    let store = open(database);
    let lives: u64 = if database.is_postgres() { 3 } else { 12 };
    let mut logged = 0;
    for seed in 0..lives {
        let world = Virtual::new(Timestamp::from_seconds(1_795_000_000 + 100_000 * seed.cast_signed()), seed);
        let handle = world.world();
        let (dir, mut random) = (TestDir::new(), Random::seeded(seed));
        let path = dir.join("artifacts.ndjson");
        let new = NewSink { after: i64::try_from(logged).unwrap(), ..new_sink(&format!("life {seed}"), &file(&dir)) };
        let id = add(&store, &handle, new);
        let begun = logged;
        let mut crashes = 0;
        world.run(async {
            for _ in 0..8 {
                let more = usize::try_from(random.below(700)).unwrap();
                log(&store, &handle, logged, more);
                logged += more;
                if sink(&store, id).behind == 0 {
                    continue;
                }
                match random.below(4) {
                    0 => drop(deliver(&store, &handle, id).await),
                    1 => {
                        let bytes = usize::try_from(random.below(120_000)).unwrap();
                        until_it_dies(&store, &handle, id, &mut Dying { path: path.clone(), bytes }).await;
                        crashes += 1;
                    }
                    2 => {
                        let inner = NdjsonFile::new(file(&dir), &handle);
                        let batches = random.below(2);
                        if sink(&store, id).behind > batches * BATCH_ARTIFACTS as u64 {
                            until_it_dies(&store, &handle, id, &mut Forgetful { inner, batches }).await;
                            crashes += 1;
                        }
                    }
                    _ => {
                        let room = Arc::new(AtomicU64::new(random.below(150_000)));
                        let mut receiver = NdjsonFile::new(file(&dir), &handle).with_room(room);
                        signals::deliver_with(&store, &handle, ORG, id, &mut receiver).await.unwrap();
                        handle.sleep(Duration::from_secs(300)).await;
                    }
                }
            }
            deliver(&store, &handle, id).await;
        });
        let (first, last) = (i64::try_from(begun).unwrap() + 1, i64::try_from(logged).unwrap());
        let found = if path.exists() { seqs(&path) } else { Vec::new() };
        let different: BTreeSet<i64> = found.iter().copied().collect();
        assert_eq!(different, (first..=last).collect(), "seed {seed}: nothing lost, nothing invented");
        assert!(found.len() <= different.len() + crashes * BATCH_ARTIFACTS, "seed {seed}: {crashes} crashes");
        let back = found.windows(2).filter(|pair| pair[1] != pair[0] + 1).count();
        assert!(back <= crashes, "seed {seed}: in order, except for what comes again after a crash");
    }
}

/// A file whose process dies after the batch is safe, and before the place moves.
struct Forgetful {
    inner: NdjsonFile,
    batches: u64,
}

impl Receiver for Forgetful {
    async fn deliver(&mut self, lines: &[Line], place: &str) -> Result<String, Refusal> {
        let place = self.inner.deliver(lines, place).await?;
        if self.batches == 0 {
            std::future::pending::<()>().await;
        }
        self.batches -= 1;
        Ok(place)
    }
}
