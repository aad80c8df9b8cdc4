//! What was asked in the past is answered again, and what changed is told.

use std::sync::Arc;

use inventory::history::{self, Tell};
use inventory::{Ask, AskError, Want, ask, ask_as_of};
use kernel::{AssetId, Random, RecordId, Timestamp};
use store::Store;
use testkit::Database;

use crate::source::{Agent, Source, one_int, one_text};

testkit::on_each_database! {
    what_was_answered_then_is_answered_as_of_then,
    a_retired_record_was_there_before_and_one_that_is_back_was_not,
    what_keeps_no_history_is_refused_by_name,
    asking_about_the_past_writes_nothing,
    an_asset_tells_what_changed_when_and_by_which_record,
    history_is_forgotten_by_age_and_says_so,
}

const DAY: i64 = 86_400;

fn open(database: &Database) -> Store {
    database.open(&crate::source::TABLES)
}

struct Unpark(std::thread::Thread);

impl std::task::Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

pub fn wait<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let waker = Arc::new(Unpark(std::thread::current())).into();
    loop {
        match future.as_mut().poll(&mut std::task::Context::from_waker(&waker)) {
            std::task::Poll::Ready(done) => return done,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}

/// What is asked at each moment: lists, counts, groups, scopes.
fn questions(now: Timestamp) -> Vec<Ask> {
    let assets = |text: &str| Ask { limit: 100, sort: Some("name".to_owned()), ..Ask::new("assets", text, now) };
    let fields =
        |ask: Ask, names: &[&str]| Ask { fields: names.iter().map(|name| (*name).to_owned()).collect(), ..ask };
    let all = ["name", "os", "infected", "address", "mac", "tag_count", "has_public", "removed", "first_seen"];
    vec![
        fields(assets(""), &all),
        fields(assets("os:=\"windows 11\" or tag:owner"), &["name", "os", "tag_count"]),
        fields(assets("tag:(key:owner value:ops)"), &["name"]),
        fields(assets("address:10.0.0.0/8 and not infected:t"), &["name", "address"]),
        fields(assets("name:=beta"), &["id", "name"]),
        Ask { want: Want::Count, ..assets("has_public:f") },
        Ask { want: Want::Count, ..assets("removed:t") },
        Ask { group_by: vec!["os".to_owned()], sort: None, ..assets("") },
    ]
}

fn what_was_answered_then_is_answered_as_of_then(database: &Database) {
    const IDS: [&str; 12] = ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12"];
    const TAGS: [&[(&str, &str)]; 4] =
        [&[], &[("owner", "Ops")], &[("owner", "Ops, or not"), ("tier", "")], &[("a", "b c")]];
    const ADDRESSES: [&[&str]; 4] = [&["10.1.2.3"], &["10.0.0.7", "fe80::7"], &[], &["81.2.69.144", "10.1.2.3"]];
    let store = open(database);
    for seed in 0..3 {
        let mut random = Random::seeded(seed);
        let mut pick = move |bound: usize| usize::try_from(random.below(bound as u64)).unwrap();
        let mut source = Source::agents(&store).later(seed.cast_signed() * 100 * DAY);
        source.integration = 1 + seed.cast_signed();
        let mut known: Vec<RecordId> = Vec::new();
        let mut told = Vec::new();
        for _ in 0..7 {
            source = source.later(DAY);
            let chosen: Vec<&str> = IDS.into_iter().filter(|_| pick(3) == 0).collect();
            let page: Vec<Agent> = chosen
                .into_iter()
                .map(|id| Agent {
                    name: ["", "Beta", "Straße"][pick(3)],
                    os: ["Windows 10", "Windows 11", "Windows 11"][pick(3)],
                    infected: pick(4) == 0,
                    tags: TAGS[pick(4)],
                    addresses: ADDRESSES[pick(4)],
                    last_seen: source.now.micros() / 1_000_000,
                    ..Agent::new(id)
                })
                .collect();
            known.extend(source.apply(&page).iter().map(|outcome| outcome.record));
            let gone: Vec<RecordId> = known.iter().copied().filter(|_| pick(9) == 0).collect();
            source.retire(&gone);
            let answers: Vec<_> =
                questions(source.now).iter().map(|one| wait(ask(&store, source.org, one)).unwrap()).collect();
            told.push((source.now, answers));
        }
        let now = source.later(DAY).now;
        for (at, answers) in told {
            for (question, then) in questions(now).iter().zip(answers) {
                let again = wait(ask_as_of(&store, source.org, question, at)).unwrap();
                let shown = format!("{:?} {} as of {at}", question.want, question.text);
                assert_eq!(again.table, then.table, "{shown}");
                assert_eq!(again.total, then.total, "{shown}");
            }
        }
    }
}

fn a_retired_record_was_there_before_and_one_that_is_back_was_not(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let record = source.apply(&[Agent::new("7"), Agent::new("8")])[0].record;
    let (gone, back) = (source.later(DAY), source.later(2 * DAY));
    gone.retire(&[record]);
    back.apply(&[Agent { os: "Windows 11", ..Agent::new("7") }]);
    let removed = |at: Timestamp| {
        let question = Ask { want: Want::Count, ..Ask::new("assets", "removed:t", back.now) };
        wait(ask_as_of(&store, source.org, &question, at)).unwrap().total
    };
    assert_eq!([source.now, gone.now, back.now].map(removed), [Some(0), Some(1), Some(0)]);
}

fn what_keeps_no_history_is_refused_by_name(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    source.apply(&[Agent::new("7")]);
    let now = source.later(DAY).now;
    let refuse = |ask: Ask, at: Timestamp| match wait(ask_as_of(&store, source.org, &ask, at)) {
        Err(AskError::Refused(refused)) => refused.problems.iter().map(|problem| problem.message.clone()).collect(),
        Err(error) => error.to_string(),
        Ok(answer) => format!("answered {answer:?}"),
    };
    let assets = |text: &str| Ask::new("assets", text, now);
    let volatile = "last_seen keeps no history: it cannot be asked as of a moment in the past.";
    assert_eq!(refuse(assets("last_seen:<7d"), source.now), volatile);
    assert!(refuse(assets("@sentinelone.dev.uuid:1"), source.now).contains("raw attributes keep no history"));
    let fields = Ask { fields: vec!["last_seen".to_owned()], ..assets("") };
    assert!(refuse(fields, source.now).starts_with("last_seen keeps no history"));
    let sorted = Ask { sort: Some("-last_seen".to_owned()), ..assets("") };
    assert!(refuse(sorted, source.now).starts_with("-last_seen keeps no history"));
    assert!(refuse(Ask::new("activities", "", now), source.now).contains("never different later"));
    assert!(refuse(assets(""), now.plus_seconds(1)).ends_with("is in the future"));
    let answer = wait(ask_as_of(&store, source.org, &assets(""), source.now)).unwrap();
    assert!(!answer.table.columns.contains(&"last_seen".to_owned()));
    assert!(answer.warnings[0].message.contains("last_seen"), "{:?}", answer.warnings);
}

fn asking_about_the_past_writes_nothing(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let record = source.apply(&[Agent::new("7")])[0].record;
    source
        .later(DAY)
        .apply(&[Agent { os: "Windows 11", tags: &[("owner", "Ops")], ..Agent::new("7") }, Agent::new("8")]);
    source.later(2 * DAY).retire(&[record]);
    let before = crate::source::dump(&store);
    let question = Ask::new("assets", "os:windows", source.later(3 * DAY).now);
    let answer = wait(ask_as_of(&store, source.org, &question, source.now)).unwrap();
    assert_eq!(answer.table.rows.len(), 1);
    assert_eq!(crate::source::dump(&store), before);
}

fn an_asset_tells_what_changed_when_and_by_which_record(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    let record = source.apply(&[Agent::new("7"), Agent::new("8")])[0].record;
    let later = source.later(DAY);
    later.apply(&[
        Agent { os: "Windows 11", name: "Beta", ..Agent::new("7") },
        Agent { os: "Windows 8", ..Agent::new("8") },
    ]);
    source.later(2 * DAY).retire(&[record]);
    let asset = AssetId(one_int(&store, "SELECT asset_id FROM inventory_asset WHERE name = 'Beta'"));
    let tell = |tell: Tell| {
        let told = store.write_blocking(move |tx| history::asset(tx, source.org, asset, &tell));
        let (_, changes) = told.unwrap().unwrap();
        changes
    };
    let changes = tell(Tell::default());
    let shown: Vec<String> = changes
        .iter()
        .map(|one| format!("{} {:?} -> {:?}", one.field, one.before.as_deref(), one.after.as_deref()))
        .collect();
    assert_eq!(
        shown,
        [
            r#"edr_live Some("true") -> Some("false")"#,
            r#"edr Some("SentinelOne") -> None"#,
            r#"removed Some("false") -> Some("true")"#,
            r#"names Some("PC-7") -> Some("Beta")"#,
            r#"os Some("Windows 10") -> Some("Windows 11")"#,
            r#"name Some("PC-7") -> Some("Beta")"#,
            r#"record None -> Some("6 attributes")"#,
        ]
    );
    assert_eq!((changes[4].at, changes[4].record, changes[4].native_id.as_str()), (later.now, record, "7"));
    assert_eq!(changes[4].stream, "agents");
    assert_eq!(tell(Tell { since: Some(source.later(2 * DAY).now), field: None, ..Tell::default() }).len(), 3);
    assert_eq!(tell(Tell { since: None, field: Some("name".to_owned()), ..Tell::default() }).len(), 2);
    let nobody = store.write_blocking(move |tx| history::asset(tx, source.org, AssetId(9_999_999), &Tell::default()));
    assert_eq!(nobody.unwrap(), None);
}

fn history_is_forgotten_by_age_and_says_so(database: &Database) {
    let store = open(database);
    let source = Source::agents(&store);
    source.apply(&[Agent::new("7")]);
    source.later(DAY).apply(&[Agent { os: "Windows 11", ..Agent::new("7") }]);
    source.later(20 * DAY).apply(&[Agent { os: "Windows 12", ..Agent::new("7") }]);
    let (org, now) = (source.org, source.later(30 * DAY).now);
    let forget = move |store: &Store| store.write_blocking(move |tx| history::forget(tx, org, now)).unwrap();
    assert_eq!(forget(&store), 0, "for ever is the default");
    store.write_blocking(move |tx| history::keep(tx, org, Some(15))).unwrap();
    assert_eq!(forget(&store), 1);
    assert_eq!(forget(&store), 0);
    assert_eq!(one_text(&store, "SELECT after FROM inventory_change"), "Windows 12");
    let count = |at: Timestamp| {
        let question = Ask { want: Want::Count, ..Ask::new("assets", "os:=\"windows 11\"", now) };
        wait(ask_as_of(&store, org, &question, at))
    };
    assert_eq!(count(source.later(10 * DAY).now).unwrap().total, Some(1));
    let error = count(source.now).unwrap_err().to_string();
    assert!(error.starts_with("history is complete since"), "{error}");
}
