//! Saved queries and explanations of single rows, on both databases.

use inventory::ask::{Part, Why};
use inventory::saved::{remove_saved, save_query, saved_queries, saved_query, set_saved};
use inventory::{Ask, AskError, NewSaved, SavedError, Want};
use store::Store;
use testkit::Database;

use crate::world::{self, NOW, ORG};

testkit::on_each_database! {
    every_shipped_query_runs,
    a_saved_query_is_kept_run_set_and_removed,
    a_saved_query_is_checked_before_it_is_kept,
    what_saved_queries_ask_is_part_of_a_pages_cursor,
    a_row_is_in_the_answer_exactly_if_every_part_that_has_to_hold_does,
    the_element_that_comes_nearest_is_shown,
}

const AGENTS: usize = 40;
const WHO: &str = "sam";

fn opened(database: &Database) -> Store {
    let store = database.open(&[access::SLICE, signals::SLICE, inventory::SLICE]);
    world::fill(&store, AGENTS, 7);
    store
}

fn count(store: &Store, inventory: &str, text: &str) -> u64 {
    let ask = Ask { want: Want::Count, ..Ask::new(inventory, text, NOW) };
    let answer = store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask));
    answer.unwrap_or_else(|error| panic!("{text}: {error:?}")).total.unwrap()
}

fn new(name: &str, inventory: &str, text: &str) -> NewSaved {
    NewSaved {
        name: name.to_owned(),
        inventory: inventory.to_owned(),
        text: text.to_owned(),
        prose: "what it is for".to_owned(),
        replace: false,
    }
}

fn save(store: &Store, new: NewSaved) -> Result<(), SavedError> {
    store.write_blocking(move |tx| save_query(tx, ORG, &new, WHO, NOW))
}

fn given(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn text_of(store: &Store, name: &'static str, pairs: &[(&str, &str)]) -> Result<String, SavedError> {
    let values = given(pairs);
    store.read_blocking(move |tx| saved_query(tx, ORG, name)?.filled(&values, NOW))
}

fn every_shipped_query_runs(database: &Database) {
    let store = opened(database);
    let all = store.read_blocking(|tx| saved_queries(tx, ORG)).unwrap();
    assert_eq!(all.len(), 7);
    for saved in all {
        let needed: Vec<(String, String)> = (saved.parameters.iter())
            .filter(|parameter| parameter.default.is_none())
            .map(|parameter| (parameter.name.clone(), "7-zip, chrome".to_owned()))
            .collect();
        let text = saved.filled(&needed, NOW).unwrap();
        count(&store, &saved.inventory, &text);
        assert!(!saved.prose.is_empty());
    }
    let guarded = count(&store, "assets", "saved:sentinelone-protected");
    assert_eq!(guarded, count(&store, "assets", "edr.name:SentinelOne"));
    assert!(guarded > 0);
    // Who lacks any of two lacks the one or the other.
    let lacks = |list: &str| {
        count(&store, "assets", &text_of(&store, "missing-required-software", &[("required", list)]).unwrap())
    };
    let both = "has:edr.name and not (product:7-zip and product:chrome)";
    assert_eq!(lacks("7-zip, chrome"), count(&store, "assets", both));
    assert!(lacks("7-zip") <= lacks("7-zip, chrome"));
    assert_eq!(lacks("no such program"), guarded);
}

fn a_saved_query_is_kept_run_set_and_removed(database: &Database) {
    let store = opened(database);
    save(&store, new("silent", "asset", "last_seen:>{age=30d} and os:{os:text}")).unwrap();
    let saved = store.read_blocking(|tx| saved_query(tx, ORG, "@Silent")).unwrap();
    assert_eq!((saved.inventory.as_str(), saved.made_by.as_deref()), ("assets", Some(WHO)));
    assert_eq!(saved.parameters.len(), 2);
    assert_eq!(text_of(&store, "silent", &[("os", "mac")]).unwrap(), "last_seen:>30d and os:\"mac\"");
    let missing = text_of(&store, "silent", &[]).unwrap_err().to_string();
    assert_eq!(missing, "the parameter os needs a value: os=berlin");

    let set = |pairs: &[(&str, &str)]| {
        let values = given(pairs);
        store.write_blocking(move |tx| set_saved(tx, ORG, "silent", &values, WHO, NOW))
    };
    set(&[("os", "windows"), ("age", "7d")]).unwrap();
    assert_eq!(text_of(&store, "silent", &[("age", "1d")]).unwrap(), "last_seen:>1d and os:\"windows\"");
    assert_eq!(
        count(&store, "assets", "saved:silent"),
        count(&store, "assets", "last_seen:>7d and os:windows"),
        "what is set holds where it is used as a term"
    );
    assert!(matches!(set(&[("age", "soon")]), Err(SavedError::Fill(_))));
    assert!(matches!(set(&[("agee", "1d")]), Err(SavedError::Fill(_))));
    set(&[("age", "")]).unwrap();
    assert_eq!(text_of(&store, "silent", &[]).unwrap(), "last_seen:>30d and os:\"windows\"");

    assert!(matches!(save(&store, new("silent", "assets", "os:mac")), Err(SavedError::Taken(_))));
    save(&store, NewSaved { replace: true, ..new("silent", "assets", "os:{os}") }).unwrap();
    assert_eq!(text_of(&store, "silent", &[]).unwrap(), "os:\"windows\"", "what is set stays where it still fits");

    let remove = |name: &'static str| store.write_blocking(move |tx| remove_saved(tx, ORG, name, WHO, NOW));
    remove("silent").unwrap();
    assert!(matches!(remove("silent"), Err(SavedError::Unknown { .. })));

    // Of a shipped one only what was set can be removed.
    assert!(matches!(remove("stale-agents"), Err(SavedError::Shipped(_))));
    let values = given(&[("age", "3d")]);
    store.write_blocking(move |tx| set_saved(tx, ORG, "stale-agents", &values, WHO, NOW)).unwrap();
    assert!(text_of(&store, "stale-agents", &[]).unwrap().ends_with("last_seen:>3d"));
    assert!(matches!(save(&store, new("stale-agents", "assets", "os:mac")), Err(SavedError::Shipped(_))));
    remove("stale-agents").unwrap();
    assert!(text_of(&store, "stale-agents", &[]).unwrap().ends_with("last_seen:>14d"));

    let trail = store.read_blocking(|tx| access::audit_trail(tx, ORG, 0, 100)).unwrap();
    let said: Vec<&str> =
        trail.iter().map(|entry| entry.what.as_str()).filter(|what| what.starts_with("saved")).collect();
    assert_eq!(
        said,
        ["saved.add", "saved.set", "saved.set", "saved.replace", "saved.remove", "saved.set", "saved.remove"]
    );
    assert!(trail.iter().all(|entry| entry.who == WHO));
}

fn a_saved_query_is_checked_before_it_is_kept(database: &Database) {
    let store = opened(database);
    let refused = |name: &str, inventory: &str, text: &str| save(&store, new(name, inventory, text)).unwrap_err();
    assert!(matches!(refused("Old Ones", "assets", "os:mac"), SavedError::Name(_)));
    assert!(matches!(refused("old", "nothing", "os:mac"), SavedError::Inventory(_)));
    assert!(matches!(refused("old", "assets", "colour:red"), SavedError::Refused(_)));
    assert!(matches!(refused("old", "assets", "os:{a:int}"), SavedError::Refused(_)));
    assert!(matches!(refused("old", "assets", "saved:old or os:mac"), SavedError::Refused(_)), "it names itself");
    let error = refused("old", "assets", "saved:stale-agent");
    assert!(matches!(&error, SavedError::Refused(refused) if refused.problems[0].message.contains("stale-agents")));
    // A word that is not given yet may be any.
    save(&store, new("old", "assets", "type:{type} and saved:stale-agents")).unwrap();
    let unknown = store.read_blocking(|tx| saved_query(tx, ORG, "olds")).unwrap_err().to_string();
    assert_eq!(unknown, "there is no saved query olds; did you mean old?");
}

fn what_saved_queries_ask_is_part_of_a_pages_cursor(database: &Database) {
    let store = opened(database);
    save(&store, new("mine", "assets", "has:os")).unwrap();
    let page = |after: Option<String>| {
        let ask = Ask { limit: 3, after, ..Ask::new("assets", "saved:mine", NOW) };
        store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask))
    };
    let next = page(None).unwrap().next;
    page(next.clone()).unwrap();
    save(&store, NewSaved { replace: true, ..new("mine", "assets", "os:windows") }).unwrap();
    assert!(matches!(page(next), Err(AskError::Argument { argument: "--after", .. })));
}

fn explained(store: &Store, inventory: &str, text: &str, row: &str) -> Result<Why, AskError> {
    let (ask, row) = (Ask::new(inventory, text, NOW), row.to_owned());
    store.read_blocking(move |tx| inventory::why(tx, ORG, &ask, &row))
}

fn names(store: &Store, inventory: &str, text: &str) -> Vec<String> {
    let fields = vec!["id".to_owned()];
    let ask = Ask { fields, limit: 1000, ..Ask::new(inventory, text, NOW) };
    let table = store.read_blocking(move |tx| inventory::ask_in(tx, ORG, &ask)).unwrap().table;
    let id = |row: Vec<kernel::Cell>| match &row[0] {
        kernel::Cell::Text(id) => id.clone(),
        other => panic!("{other:?} is no id"),
    };
    table.rows.into_iter().map(id).collect()
}

fn a_row_is_in_the_answer_exactly_if_every_part_that_has_to_hold_does(database: &Database) {
    let store = opened(database);
    let texts = [
        "os:windows and not type:server and not edr.name:SentinelOne",
        "not (infected:t or os:windows) and software:(product:7-zip version:<100)",
        "@sentinelone.dev.osType:windows or count(address):>1",
        "saved:stale-agents and lap",
        "tag:(key:=owner) or interface:(address:10.0.0.0/8)",
        "",
    ];
    for text in texts {
        let hits = names(&store, "assets", text);
        for id in names(&store, "assets", "") {
            let why = explained(&store, "assets", text, &id).unwrap();
            assert_eq!(why.holds, hits.contains(&id), "{text} {id}");
            assert_eq!(why.id, id);
            if let Some(whole) = why.parts.first() {
                assert_eq!(whole.holds, why.holds, "{text} {id}: the whole is the first part");
            }
            let terms = why.parts.iter().filter(|part| !part.text.contains(" and ") && !part.text.contains(" or "));
            assert!(terms.clone().all(|part| !part.has.is_empty()), "{text}: {:?}", why.parts);
        }
    }
    let unknown = explained(&store, "assets", "", "no-such-machine").unwrap_err();
    assert!(matches!(&unknown, AskError::Argument { argument: "--asset", .. }), "{unknown:?}");
    let finding = names(&store, "findings", "").remove(0);
    assert!(explained(&store, "findings", "", &finding).unwrap().holds);
}

fn the_element_that_comes_nearest_is_shown(database: &Database) {
    let store = opened(database);
    let id = names(&store, "assets", "software:7-zip").remove(0);
    let why = explained(&store, "assets", "software:(product:7-zip version:>9999)", &id).unwrap();
    assert!(!why.holds);
    let [Part { has, nearest, .. }] = why.parts.as_slice() else { panic!("{:?}", why.parts) };
    assert!(has[0].contains("the nearest is"), "{has:?}");
    let said: Vec<(bool, &str)> = nearest.iter().skip(1).map(|part| (part.holds, part.text.as_str())).collect();
    assert_eq!(said, [(true, "product:7-zip"), (false, "version:>9999")]);
    assert!(nearest[2].has[0].starts_with("version is"), "{:?}", nearest[2]);
}
