//! What a client can hold the collections to that are made from an index.

use std::collections::{BTreeMap, BTreeSet};

use sentinelone_sim::{Config, Modules, World, tokens};
use serde_json::{Value, json};

use crate::client::{self, all, encode, get, ids};
use crate::{DAY, NOW, moving};

/// Every collection that is made from an index, with what asks for all of it, and where a record's id is.
const COLLECTIONS: [(&str, &str, &str); 12] = [
    ("/installed-applications", "agentIsDecommissioned=true,false", "/id"),
    ("/installed-applications/cves", "", "/id"),
    ("/application-management/risks", "includeRemovals=true", "/id"),
    ("/application-management/inventory", "", "/applicationName"),
    ("/cloud-detection/alerts", "", "/alertInfo/alertId"),
    ("/cloud-detection/rules", "isLegacy=false", "/id"),
    ("/rbac/roles", "", "/id"),
    ("/agents/tags", "", "/id"),
    ("/exclusions", "", "/id"),
    ("/restrictions", "", "/id"),
    ("/ranger/table-view", "", "/id"),
    ("/xdr/assets", "", "/id"),
];

fn pointed(rows: &[Value], pointer: &str) -> Vec<String> {
    rows.iter().map(|row| row.pointer(pointer).and_then(Value::as_str).unwrap().to_owned()).collect()
}

fn total(world: &World, token: &str, path: &str, query: &str) -> u64 {
    let page = get(world, token, path, &format!("countOnly=true&{query}")).json();
    assert_eq!(page["data"], json!([]), "{path}");
    page["pagination"]["totalItems"].as_u64().unwrap()
}

fn world() -> World {
    World::new(Config::frozen(7, 150, NOW))
}

#[test]
fn paging_by_cursor_returns_each_record_of_every_collection_once() {
    let world = world();
    for (path, query, pointer) in COLLECTIONS {
        let whole = pointed(&all(&world, tokens::GLOBAL, path, &format!("limit=1000&{query}")), pointer);
        assert!(whole.len() > 3, "{path}: {}", whole.len());
        for limit in [1 + whole.len() / 9, 137] {
            let pages = all(&world, tokens::GLOBAL, path, &format!("limit={limit}&{query}"));
            assert_eq!(pointed(&pages, pointer), whole, "{path} by {limit}");
        }
        if path != "/application-management/inventory" {
            let distinct: BTreeSet<_> = whole.iter().collect();
            assert_eq!(distinct.len(), whole.len(), "{path}");
        }
        assert_eq!(total(&world, tokens::GLOBAL, path, query), whole.len() as u64, "{path}");
        let skipped = all(&world, tokens::GLOBAL, path, &format!("limit=1000&skip=2&{query}"));
        assert_eq!(pointed(&skipped, pointer), whole[2..], "{path}");
    }
}

#[test]
fn every_other_order_pages_completely_in_both_directions() {
    let world = World::new(Config::frozen(7, 40, NOW));
    let cases = [
        ("/installed-applications", "name", "/id"),
        ("/installed-applications", "installedAt", "/id"),
        ("/application-management/risks", "cveId", "/id"),
        ("/application-management/risks", "id", "/id"),
        ("/cloud-detection/alerts", "alertInfoCreatedAt", "/alertInfo/alertId"),
        ("/cloud-detection/alerts", "ruleInfoName", "/alertInfo/alertId"),
        ("/exclusions", "updatedAt", "/id"),
        ("/xdr/assets", "name", "/id"),
        ("/ranger/table-view", "lastSeen", "/id"),
        ("/application-management/inventory", "endpointsCount", "/applicationName"),
    ];
    for (path, sort, pointer) in cases {
        let ask = |order: &str| {
            let query = format!("limit=30&sortBy={sort}&sortOrder={order}");
            pointed(&all(&world, tokens::GLOBAL, path, &query), pointer)
        };
        let (up, mut down) = (ask("asc"), ask("desc"));
        down.reverse();
        assert!(!up.is_empty());
        assert_eq!(up, down, "{path} by {sort}");
    }
}

/// One record of each collection, so that a change of any of them is seen.
#[test]
fn a_record_of_every_collection_looks_as_ever() {
    let world = world();
    let mut shown = String::new();
    for (path, query, _) in COLLECTIONS {
        let rows = all(&world, tokens::GLOBAL, path, &format!("limit=1000&{query}"));
        let row = &rows[rows.len() / 3];
        shown.push_str(&format!("{path} ({} records)\n{}\n", rows.len(), serde_json::to_string_pretty(row).unwrap()));
    }
    for row in unified(&world, tokens::GLOBAL, &json!({"first": 3})).0.iter().take(1) {
        shown.push_str(&format!("unified alerts\n{}\n", serde_json::to_string_pretty(row).unwrap()));
    }
    insta::assert_snapshot!(shown);
}

/// Counts from the API's answers alone what the truth says it knows.
#[test]
fn the_truth_of_every_collection_agrees_with_a_plain_reading() {
    let world = World::new(Config::frozen(11, 160, NOW));
    for token in [tokens::GLOBAL, tokens::ACCOUNT, tokens::SITE, tokens::SERVICE] {
        let truth = world.truth(token);
        let count = |path: &str, query: &str| all(&world, token, path, &format!("limit=700&{query}")).len() as u64;
        assert_eq!(count("/installed-applications", ""), truth.applications);
        let both = count("/installed-applications", "agentIsDecommissioned=true,false");
        assert_eq!(both, truth.applications_with_decommissioned);
        let risks = all(&world, token, "/application-management/risks", "limit=1000&includeRemovals=true");
        let (removed, open): (Vec<&Value>, Vec<&Value>) = risks.iter().partition(|risk| risk["status"] == "Removed");
        assert_eq!((open.len() as u64, removed.len() as u64), (truth.risks, truth.risks_removed));
        assert_eq!(count("/application-management/risks", ""), truth.risks);
        let mut severities: BTreeMap<String, u64> = BTreeMap::new();
        for risk in &open {
            *severities.entry(risk["severity"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!(severities, truth.risks_by_severity);
        let known: BTreeSet<String> = ids(&all(&world, token, "/agents", "limit=1000")).into_iter().collect();
        let unmapped = open.iter().filter(|risk| risk["endpointId"].as_str().is_none_or(|id| !known.contains(id)));
        assert_eq!(unmapped.count() as u64, truth.risks_unmapped);
        let titles = all(&world, token, "/application-management/inventory", "limit=1000");
        assert_eq!(titles.len() as u64, truth.application_titles);
        let endpoints: u64 = titles.iter().map(|title| title["endpointsCount"].as_u64().unwrap()).sum();
        assert_eq!(endpoints, truth.application_endpoints);
        assert_eq!(count("/cloud-detection/alerts", ""), truth.alerts);
        assert_eq!(count("/cloud-detection/rules", "isLegacy=false"), truth.rules);
        assert_eq!(count("/rbac/roles", ""), truth.roles);
        assert_eq!(count("/agents/tags", ""), truth.tags);
        assert_eq!(count("/exclusions", ""), truth.exclusions);
        assert_eq!(count("/restrictions", ""), truth.restrictions);
        assert_eq!(count("/ranger/table-view", ""), truth.devices);
        assert_eq!(count("/xdr/assets", ""), truth.assets);
        assert_eq!(unified(&world, token, &json!({"first": 50})).0.len() as u64, truth.unified_alerts);
        let (mut timeline, mut notes) = (0, 0);
        for id in ids(&all(&world, token, "/threats", "limit=1000")) {
            timeline += count(&format!("/threats/{id}/timeline"), "");
            notes += count(&format!("/threats/{id}/notes"), "");
        }
        assert_eq!((timeline, notes), (truth.timeline, truth.notes));
        let types = get(&world, token, "/activities/types", "").json();
        assert_eq!(types["data"].as_array().unwrap().len() as u64, truth.activity_types);
    }
    let truth = world.truth(tokens::GLOBAL);
    assert!(truth.applications > 2000 && truth.risks > 500 && truth.risks_removed > 20, "{truth:?}");
    assert!(truth.risks_unmapped > 0 && truth.alerts > 5);
}

#[test]
fn three_generations_of_software_tell_the_same() {
    let world = World::new(Config::frozen(5, 60, NOW));
    let unescape = |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    type Row = (String, String, String, String);
    let mut bulk: Vec<Row> = Vec::new();
    for row in all(&world, tokens::GLOBAL, "/installed-applications", "limit=1000") {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        bulk.push((text("agentId"), text("publisher"), text("name"), text("version")));
    }
    let mut by_title: Vec<Row> = Vec::new();
    for title in all(&world, tokens::GLOBAL, "/application-management/inventory", "limit=1000") {
        let text = |key: &str| title[key].as_str().unwrap();
        let escape = |text: &str| text.bytes().map(|b| format!("%{b:02X}")).collect::<String>();
        let (name, vendor) = (text("applicationName"), text("applicationVendor"));
        let query = format!("limit=50&applicationName={}&applicationVendor={}", escape(name), escape(vendor));
        let rows = all(&world, tokens::GLOBAL, "/application-management/inventory/endpoints", &query);
        assert_eq!(rows.len() as u64, title["endpointsCount"].as_u64().unwrap(), "{name}");
        let versions: BTreeSet<&str> = rows.iter().map(|row| row["version"].as_str().unwrap()).collect();
        assert_eq!(versions.len() as u64, title["applicationVersionsCount"].as_u64().unwrap(), "{name}");
        for row in rows {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            by_title.push((text("endpointId"), unescape(vendor), unescape(name), text("version")));
        }
    }
    let mut by_agent: Vec<Row> = Vec::new();
    for agent in ids(&all(&world, tokens::GLOBAL, "/agents", "limit=1000")) {
        let answer = get(&world, tokens::GLOBAL, "/agents/applications", &format!("ids={agent}")).json();
        for row in answer["data"].as_array().unwrap() {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            by_agent.push((agent.clone(), text("publisher"), text("name"), text("version")));
        }
        let installed: BTreeSet<_> = world.installed(&agent).into_iter().map(|app| (app.name, app.version)).collect();
        let told: BTreeSet<_> =
            by_agent.iter().filter(|row| row.0 == agent).map(|r| (r.2.clone(), r.3.clone())).collect();
        assert_eq!(installed, told);
    }
    for rows in [&mut bulk, &mut by_title, &mut by_agent] {
        rows.sort();
    }
    assert_eq!(bulk, by_agent);
    assert_eq!(bulk, by_title);
    assert!(bulk.iter().any(|row| row.1.contains('<')), "a vendor that is escaped elsewhere");
    assert!(bulk.iter().any(|row| row.1.is_empty()), "a product of nobody");
}

#[test]
fn an_upgrade_removes_the_risks_of_the_old_version_and_tells_when_it_is_asked() {
    let (world, hand) = moving(60);
    let products = world.products();
    let weak = products.iter().find(|p| !p.vendor.is_empty() && p.vulnerabilities.len() > 2).unwrap();
    let present = ids(&all(&world, tokens::GLOBAL, "/agents", "limit=100"));
    let agent = present.iter().find(|id| world.installed(id).iter().all(|app| app.name != weak.name)).unwrap().clone();
    let since = "riskUpdatedDate__gte=2026-11-20T12%3A00%3A00Z";
    let risks = |query: &str| {
        let rows = all(&world, tokens::GLOBAL, "/application-management/risks", &format!("limit=1000&{query}"));
        rows.into_iter().filter(|row| row["endpointId"] == json!(agent)).collect::<Vec<_>>()
    };
    assert_eq!(risks(since).len(), 0, "nothing changed yet");
    let before = world.truth(tokens::GLOBAL);
    hand.fetch_add(60_000_000, std::sync::atomic::Ordering::SeqCst);
    assert!(world.install(&agent, &weak.vendor, &weak.name, &weak.versions[0]));
    let found = risks(since);
    assert_eq!(found.len(), weak.vulnerabilities.len());
    assert!(found.iter().all(|row| row["status"] == "Detected" && row["daysDetected"] == 0));
    let after = world.truth(tokens::GLOBAL);
    assert_eq!(after.risks, before.risks + found.len() as u64);
    assert_eq!(after.applications, before.applications + 1);
    hand.fetch_add(60_000_000, std::sync::atomic::Ordering::SeqCst);
    assert!(world.upgrade(&agent, &weak.name));
    assert_eq!(risks(since).len(), 0, "without being asked, removals are silent");
    let told = risks(&format!("{since}&includeRemovals=true"));
    assert_eq!(pointed(&told, "/id"), pointed(&found, "/id"));
    assert!(told.iter().all(|row| row["status"] == "Removed"));
    assert!(!world.upgrade(&agent, &weak.name), "it is the newest");
    assert_eq!(world.truth(tokens::GLOBAL).risks, before.risks);
    assert_eq!(world.truth(tokens::GLOBAL).risks_removed, before.risks_removed + found.len() as u64);
    assert!(world.uninstall_application(&agent, &weak.name));
    assert!(!world.uninstall_application(&agent, &weak.name));
    let count = world.installed(&agent).len();
    assert!(world.install(&agent, "Nobody <in> particular", "Own & only", "1.0"));
    assert!(world.installed(&agent).iter().any(|app| app.name == "Own & only"));
    assert_eq!(world.installed(&agent).len(), count + 1);
    let titles = all(&world, tokens::GLOBAL, "/application-management/inventory", "limit=1000&name__contains=own");
    assert_eq!(titles[0]["applicationName"], "Own &amp; only");
    assert_eq!(titles[0]["applicationVendor"], "Nobody &lt;in&gt; particular");
    let risk = risks("")[0].clone();
    let id = risk["id"].as_str().unwrap();
    assert!(world.patch_risk(id, &json!({"severity": "CATASTROPHIC"})));
    let changed = risks(since);
    assert_eq!(pointed(&changed, "/id"), [id]);
    assert_eq!(changed[0]["severity"], "CATASTROPHIC");
    assert_eq!(world.truth(tokens::GLOBAL).risks_by_severity["CATASTROPHIC"], 1);
}

#[test]
fn as_days_pass_software_is_brought_up_to_date_and_nothing_is_counted_twice() {
    let (world, hand) = moving(80);
    let before = world.truth(tokens::GLOBAL);
    hand.fetch_add(3 * DAY, std::sync::atomic::Ordering::SeqCst);
    let after = world.truth(tokens::GLOBAL);
    assert!(after.risks_removed > before.risks_removed);
    let rows = all(&world, tokens::GLOBAL, "/application-management/risks", "limit=300&includeRemovals=true");
    assert_eq!(rows.len() as u64, after.risks + after.risks_removed);
    let distinct: BTreeSet<String> = pointed(&rows, "/id").into_iter().collect();
    assert_eq!(distinct.len(), rows.len());
    let changed = "riskUpdatedDate__gte=2026-11-20T12%3A00%3A00Z&includeRemovals=true";
    let delta = total(&world, tokens::GLOBAL, "/application-management/risks", changed);
    assert!(delta > 0 && delta < rows.len() as u64 / 2, "{delta} of {}", rows.len());
}

#[test]
fn hundreds_of_thousands_of_applications_answer_from_an_index() {
    let mut config = Config::frozen(7, 20_000, NOW);
    config.applications_per_agent = 20;
    config.activities = Some(10);
    let world = World::new(config);
    let page = get(&world, tokens::GLOBAL, "/installed-applications", "limit=1000").json();
    let total = page["pagination"]["totalItems"].as_u64().unwrap();
    assert_eq!(total, world.truth(tokens::GLOBAL).applications);
    assert!((330_000..450_000).contains(&total), "{total}");
    // A cursor far into the list costs no more than the first.
    let rows = page["data"].as_array().unwrap();
    assert_eq!(rows.len(), 1000);
    assert!(rows.windows(2).all(|pair| pair[0]["id"].as_str() < pair[1]["id"].as_str()));
}

/// All unified alerts by the one question, and how many there are.
pub(crate) fn unified(world: &World, token: &str, variables: &Value) -> (Vec<Value>, u64) {
    let mut rows = Vec::new();
    let mut variables = variables.clone();
    loop {
        let answer = ask(world, token, &variables);
        let alerts = &answer["data"]["alerts"];
        rows.extend(alerts["edges"].as_array().unwrap().iter().map(|edge| edge["node"].clone()));
        if alerts["pageInfo"]["hasNextPage"] != json!(true) {
            return (rows, alerts["totalCount"].as_u64().unwrap());
        }
        variables["after"] = alerts["pageInfo"]["endCursor"].clone();
    }
}

fn ask(world: &World, token: &str, variables: &Value) -> Value {
    let body =
        json!({"query": "query Alerts($first: Int) { alerts(first: $first) { totalCount } }", "variables": variables});
    let header = format!("Bearer {token}");
    client::send(world, "POST", &header, "/unifiedalerts/graphql", "", body.to_string().as_bytes()).json()
}

#[test]
fn unified_alerts_page_filter_and_join_what_other_lists_have() {
    let world = World::new(Config::frozen(7, 200, NOW));
    let sort = json!({"by": "updatedAt", "order": "ASC"});
    let (rows, count) = unified(&world, tokens::GLOBAL, &json!({"first": 7, "sort": sort}));
    assert_eq!(rows.len() as u64, count);
    let (whole, _) = unified(&world, tokens::GLOBAL, &json!({"first": 1000, "sort": sort}));
    assert_eq!(ids(&rows), ids(&whole));
    let distinct: BTreeSet<String> = ids(&rows).into_iter().collect();
    assert_eq!(distinct.len(), rows.len());
    assert!(distinct.iter().all(|id| id.len() == 36 && &id[14..15] == "7"));
    let times: Vec<&str> = rows.iter().map(|row| row["updatedAt"].as_str().unwrap()).collect();
    assert!(times.is_sorted());
    let external: BTreeSet<&str> = rows.iter().map(|row| row["externalId"].as_str().unwrap()).collect();
    for id in world.threat_ids().iter().chain(&world.alert_ids()) {
        assert!(external.contains(id.as_str()), "{id}");
    }
    let middle = rows.len() / 2;
    let at = whole[middle]["updatedAt"].as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let filter = |from: i64, until: i64| {
        json!({"first": 100, "sort": sort, "filters": [{"fieldId": "updatedAt", "dateTimeRange":
            {"start": from, "startInclusive": true, "end": until, "endInclusive": true}}]})
    };
    let (before, _) = unified(&world, tokens::GLOBAL, &filter(0, at - 1));
    let (from, _) = unified(&world, tokens::GLOBAL, &filter(at, i64::MAX / 4));
    assert_eq!(before.len() + from.len(), rows.len());
    let refused = ask(&world, tokens::GLOBAL, &json!({"after": "nonsense"}));
    assert!(refused["data"].is_null() && refused["errors"][0]["message"] == "Invalid cursor");
    // A cursor is bound to its filters.
    let cursor =
        ask(&world, tokens::GLOBAL, &json!({"first": 2, "sort": sort}))["data"]["alerts"]["pageInfo"]["endCursor"]
            .clone();
    assert!(ask(&world, tokens::GLOBAL, &json!({"first": 2, "after": cursor}))["data"].is_null());
    let mut config = Config::frozen(7, 20, NOW);
    config.modules = Modules::NONE;
    let bare = World::new(config);
    assert!(ask(&bare, tokens::GLOBAL, &json!({}))["errors"][0]["detail"].as_str().unwrap().contains("Unified Alerts"));
}

#[test]
fn modules_and_roles_refuse_by_path() {
    let mut config = Config::frozen(7, 30, NOW);
    config.modules.installed_applications = false;
    config.modules.xdr = false;
    let world = World::new(config);
    assert_eq!(get(&world, tokens::GLOBAL, "/installed-applications", "").status, 403);
    assert_eq!(get(&world, tokens::GLOBAL, "/xdr/assets", "").status, 403);
    assert_eq!(get(&world, tokens::GLOBAL, "/application-management/risks", "").status, 200);
    assert!(world.deny(tokens::GLOBAL, &["/application-management", "/users"]));
    for (path, status) in [
        ("/application-management/risks", 403),
        ("/application-management/inventory", 403),
        ("/users", 403),
        ("/user", 200),
        ("/agents", 200),
    ] {
        assert_eq!(get(&world, tokens::GLOBAL, path, "").status, status, "{path}");
    }
    assert_eq!(get(&world, tokens::ACCOUNT, "/users", "").status, 200, "another token's role is its own");
    assert!(world.permit(tokens::GLOBAL));
    assert_eq!(get(&world, tokens::GLOBAL, "/users", "").status, 200);
    let narrow = format!("accountIds={}", encode(&world.account_ids()[0]));
    assert!(total(&world, tokens::GLOBAL, "/application-management/risks", &narrow) > 0);
}

#[test]
fn rules_that_are_scheduled_stay_out_unless_they_are_asked_for() {
    let world = world();
    let plain = all(&world, tokens::GLOBAL, "/cloud-detection/rules", "limit=100");
    let every = all(&world, tokens::GLOBAL, "/cloud-detection/rules", "limit=100&isLegacy=false");
    assert!(plain.len() < every.len());
    assert!(plain.iter().all(|rule| rule["queryType"] != "scheduled"));
    let words = ["Unresolved", "In progress", "Resolved"];
    let filters = ["UNRESOLVED", "IN_PROGRESS", "RESOLVED"];
    let mut sum = 0;
    for (word, filter) in words.iter().zip(filters) {
        let rows =
            all(&world, tokens::GLOBAL, "/cloud-detection/alerts", &format!("limit=100&incidentStatus={filter}"));
        assert!(rows.iter().all(|row| row["alertInfo"]["incidentStatus"] == *word), "{filter}");
        sum += rows.len();
    }
    assert_eq!(sum as u64, world.truth(tokens::GLOBAL).alerts);
}

#[test]
fn an_order_that_is_kept_from_page_to_page_follows_every_change() {
    let (world, hand) = moving(600);
    let query = "isDecommissioned=true,false&isUninstalled=true,false&sortBy=updatedAt";
    let read =
        |order: &str| ids(&all(&world, tokens::GLOBAL, "/agents", &format!("limit=70&{query}&sortOrder={order}")));
    let (up, mut down) = (read("asc"), read("desc"));
    down.reverse();
    assert_eq!(up, down);
    let distinct: BTreeSet<&String> = up.iter().collect();
    assert_eq!(distinct.len(), world.agent_ids().len());
    hand.fetch_add(1_000_000, std::sync::atomic::Ordering::SeqCst);
    assert!(world.patch_agent(&up[17], &json!({"externalId": "moved"})));
    let after = read("asc");
    assert_eq!(after.last(), Some(&up[17]));
    assert!(world.remove_agent(&up[17]));
    assert_eq!(read("asc").len(), up.len() - 1);
}

#[test]
fn what_is_kept_of_rendered_agents_has_a_bound_and_changes_no_answer() {
    let read = |bytes_max: usize| {
        let mut config = Config::frozen(7, 80, NOW);
        config.bodies_bytes_max = bytes_max;
        let world = World::new(config);
        let pages = || client::pages(&world, tokens::GLOBAL, "/agents", "limit=30").into_iter().map(|page| page.body);
        let first: Vec<_> = pages().collect();
        assert_eq!(first, pages().collect::<Vec<_>>());
        first
    };
    assert_eq!(read(0), read(512 << 20));
    assert_eq!(read(20_000), read(512 << 20));
}
