//! What a client can hold a simulated console to.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod client;
mod collections;
mod network;
mod trouble;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use client::{Answer, all, get, ids};
use sentinelone_sim::{Bearer, Config, Fault, FaultPlan, Level, Modules, Scope, World, tokens};
use serde_json::{Value, json};

/// 2026-11-20T12:00:00Z.
const NOW: i64 = 1_795_176_000_000_000;
const DAY: i64 = 86_400_000_000;

/// Every list with what asks for all of it.
const LISTS: [(&str, &str); 8] = [
    ("/accounts", ""),
    ("/sites", ""),
    ("/groups", ""),
    ("/users", ""),
    ("/service-users", ""),
    ("/agents", "isDecommissioned=true,false&isUninstalled=true,false"),
    ("/threats", ""),
    ("/activities", "includeHidden=true"),
];

fn small() -> World {
    World::new(Config::frozen(7, 120, NOW))
}

/// A console whose clock a test moves.
fn moving(endpoints: usize) -> (World, Arc<AtomicI64>) {
    let hand = Arc::new(AtomicI64::new(NOW));
    let clock = hand.clone();
    (World::new(Config::new(7, endpoints, Arc::new(move || clock.load(Ordering::SeqCst)))), hand)
}

fn sweep(world: &World, token: &str) -> Vec<Answer> {
    LISTS.iter().flat_map(|(path, query)| client::pages(world, token, path, &format!("limit=100&{query}"))).collect()
}

#[test]
fn the_same_seed_makes_the_same_bytes_and_another_seed_others() {
    let bodies = |seed| -> Vec<_> {
        let world = World::new(Config::frozen(seed, 120, NOW));
        sweep(&world, tokens::GLOBAL).into_iter().map(|a| a.body).collect()
    };
    assert_eq!(bodies(7), bodies(7));
    assert_ne!(bodies(7), bodies(8));
}

#[test]
fn a_frozen_clock_gives_byte_identical_answers() {
    let world = small();
    let first: Vec<_> = sweep(&world, tokens::GLOBAL).into_iter().map(|a| a.body).collect();
    let again: Vec<_> = sweep(&world, tokens::GLOBAL).into_iter().map(|a| a.body).collect();
    assert_eq!(first, again);
}

#[test]
fn the_console_moves_on_with_its_clock_however_often_it_is_asked() {
    let (asked_once, hand) = moving(120);
    hand.store(NOW + DAY, Ordering::SeqCst);
    let (asked_often, other) = moving(120);
    for hour in 1..=24 {
        other.store(NOW + hour * DAY / 24, Ordering::SeqCst);
        get(&asked_often, tokens::GLOBAL, "/agents", "limit=1");
    }
    let bodies = |world: &World| -> Vec<_> { sweep(world, tokens::GLOBAL).into_iter().map(|a| a.body).collect() };
    assert_eq!(bodies(&asked_once), bodies(&asked_often));
    let before = small().truth(tokens::GLOBAL);
    let after = asked_once.truth(tokens::GLOBAL);
    assert!(after.activities > before.activities, "a day leaves lines in the diary");
    assert!(after.threats >= before.threats);
}

#[test]
fn paging_is_complete_and_free_of_duplicates() {
    let world = small();
    for (path, query) in LISTS {
        let whole = ids(&all(&world, tokens::GLOBAL, path, &format!("limit=1000&{query}")));
        let by_seven = ids(&all(&world, tokens::GLOBAL, path, &format!("limit=7&{query}")));
        assert!(!whole.is_empty(), "{path}");
        assert_eq!(whole, by_seven, "{path}");
        let distinct: BTreeSet<_> = whole.iter().collect();
        assert_eq!(distinct.len(), whole.len(), "{path}");
        let total = get(&world, tokens::GLOBAL, path, &format!("countOnly=true&{query}")).json();
        assert_eq!(total["pagination"]["totalItems"], json!(whole.len()), "{path}");
        let rows = if path == "/sites" { &total["data"]["sites"] } else { &total["data"] };
        assert_eq!(rows, &json!([]), "{path}");
    }
}

#[test]
fn every_order_pages_completely_in_both_directions() {
    let world = small();
    let cases = [
        ("/agents", "updatedAt"),
        ("/agents", "computerName"),
        ("/agents", "externalId"),
        ("/threats", "updatedAt"),
        ("/threats", "classification"),
        ("/activities", "createdAt"),
        ("/activities", "activityType"),
        ("/groups", "rank"),
        ("/users", "apiTokenExpiresAt"),
    ];
    for (path, sort) in cases {
        let ask =
            |order: &str| ids(&all(&world, tokens::GLOBAL, path, &format!("limit=50&sortBy={sort}&sortOrder={order}")));
        let (up, mut down) = (ask("asc"), ask("desc"));
        down.reverse();
        assert_eq!(up, down, "{path} by {sort}");
    }
}

#[test]
fn a_keyset_cursor_survives_rows_that_move_while_they_are_paged() {
    let (world, hand) = moving(60);
    let query = "limit=10&sortBy=updatedAt&sortOrder=asc&isDecommissioned=true,false&isUninstalled=true,false";
    let before: BTreeSet<String> = world.agent_ids().into_iter().collect();
    let first = get(&world, tokens::GLOBAL, "/agents", query);
    hand.fetch_add(1_000_000, Ordering::SeqCst);
    let moved = ids(&first.records("/agents"))[3].clone();
    assert!(world.patch_agent(&moved, &json!({"externalId": "moved"})));
    let mut seen = ids(&first.records("/agents"));
    let mut cursor = first.cursor();
    while let Some(next) = cursor {
        let page = get(&world, tokens::GLOBAL, "/agents", &format!("{query}&cursor={}", client::encode(&next)));
        seen.extend(ids(&page.records("/agents")));
        cursor = page.cursor();
    }
    assert_eq!(seen.iter().filter(|id| **id == moved).count(), 2, "a row that moves up is seen twice");
    let seen: BTreeSet<String> = seen.into_iter().collect();
    assert!(before.is_subset(&seen), "and none is lost");
}

#[test]
fn a_cursor_is_bound_to_its_order_and_its_filters() {
    let world = small();
    let cursor = client::encode(&get(&world, tokens::GLOBAL, "/agents", "limit=5").cursor().unwrap());
    assert_eq!(get(&world, tokens::GLOBAL, "/agents", &format!("limit=3&cursor={cursor}")).status, 200);
    for query in ["sortBy=updatedAt&", "isActive=true&", "siteIds=225494730938493804&"] {
        let answer = get(&world, tokens::GLOBAL, "/agents", &format!("{query}limit=5&cursor={cursor}"));
        assert_eq!(answer.status, 400, "{query}");
        assert_eq!(answer.json()["errors"][0]["detail"], "Invalid cursor value received");
    }
    assert_eq!(get(&world, tokens::GLOBAL, "/threats", &format!("cursor={cursor}")).status, 400);
    assert_eq!(get(&world, tokens::GLOBAL, "/agents", "cursor=bm9wZQ==").status, 400);
}

#[test]
fn errors_have_the_words_and_shapes_of_a_console() {
    let mut config = Config::frozen(7, 40, NOW);
    config.modules = Modules::NONE;
    let world = World::new(config);
    let cases = [
        (tokens::GLOBAL, "/agents", "limit=0"),
        (tokens::GLOBAL, "/agents", "limit=1001"),
        (tokens::GLOBAL, "/agents", "agentIds=1"),
        (tokens::GLOBAL, "/threats", "analystVerdicts=maybe"),
        (tokens::GLOBAL, "/agents", "cursor=x"),
        (tokens::GLOBAL, "/tags", ""),
        (tokens::GLOBAL, "/nothing-here", ""),
        (tokens::GLOBAL, "/cnapp/anything", ""),
        (tokens::GLOBAL, "/sites/225494730938493804", ""),
        (tokens::GLOBAL, "/threats/225494730938493804/timeline", ""),
        (tokens::GLOBAL, "/application-management/risks", ""),
        (tokens::GLOBAL, "/cloud-detection/alerts", ""),
        (tokens::GLOBAL, "/ranger/table-view", ""),
        (tokens::SITE, "/accounts", ""),
        (tokens::EXPIRED, "/agents", ""),
        ("not-a-token", "/agents", ""),
    ];
    let said: Vec<String> = cases
        .iter()
        .map(|(token, path, query)| {
            let answer = get(&world, token, path, query);
            format!("{path}?{query}\n{} {} {}", answer.status, answer.content_type, answer.text().trim_end())
        })
        .collect();
    insta::assert_snapshot!(said.join("\n\n"));
}

#[test]
fn every_scheme_of_the_authorization_header_is_taken() {
    let world = small();
    for scheme in ["ApiToken", "APIToken", "apitoken", "Token", "Bearer"] {
        assert_eq!(client::send(&world, "GET", &format!("{scheme} {}", tokens::SITE), "/user", "", b"").status, 200);
    }
    assert_eq!(client::send(&world, "GET", &format!("Basic {}", tokens::SITE), "/user", "", b"").status, 401);
    assert_eq!(client::send(&world, "GET", "", "/system/status", "", b"").status, 200);
}

#[test]
fn a_token_sees_its_scope_and_nothing_else() {
    let world = World::new(Config::frozen(7, 200, NOW));
    let accounts = world.account_ids();
    let mut agents_of_all_accounts = 0;
    for account in &accounts {
        let token = world.issue(Scope::Accounts(vec![account.clone()]), Bearer::ServiceUser, NOW + DAY);
        for (path, query) in LISTS {
            let rows = all(&world, &token, path, &format!("limit=1000&{query}"));
            if path == "/agents" {
                agents_of_all_accounts += rows.len();
            }
            for row in rows {
                let owner = match path {
                    "/accounts" => &row["id"],
                    "/threats" => &row["agentRealtimeInfo"]["accountId"],
                    "/groups" | "/users" | "/service-users" => continue,
                    _ => &row["accountId"],
                };
                assert_eq!(owner, &json!(account), "{path}");
            }
        }
    }
    assert_eq!(agents_of_all_accounts, world.agent_ids().len());
    let user = get(&world, tokens::SITE, "/user", "").json();
    assert_eq!(user["data"]["scope"], "site");
    let site = user["data"]["scopeRoles"][0]["id"].clone();
    for path in ["/agents", "/activities"] {
        let rows = all(&world, tokens::SITE, path, "limit=1000");
        assert!(!rows.is_empty() && rows.iter().all(|row| row["siteId"] == site), "{path}");
    }
    // A filter only narrows: another account's site yields nothing.
    let foreign = all(&world, tokens::GLOBAL, "/sites", "limit=1000")
        .into_iter()
        .find(|row| row["accountId"] == json!(accounts[1]))
        .unwrap();
    let query = format!("limit=1000&siteIds={}", foreign["id"].as_str().unwrap());
    assert!(all(&world, tokens::ACCOUNT, "/agents", &query).is_empty());
    assert!(!all(&world, tokens::GLOBAL, "/agents", &query).is_empty());
}

#[test]
fn tokens_expire_are_revoked_and_rotate() {
    let (world, hand) = moving(40);
    let ends = NOW + 3_600_000_000;
    let token = world.issue(Scope::Tenant, Bearer::User, ends);
    assert_eq!(get(&world, &token, "/user", "").status, 200);
    hand.store(ends, Ordering::SeqCst);
    assert_eq!(get(&world, &token, "/user", "").status, 401);
    let next = world.rotate(tokens::ACCOUNT).unwrap();
    assert_eq!(get(&world, tokens::ACCOUNT, "/user", "").status, 401);
    assert_eq!(get(&world, &next, "/user", "").status, 200);
    assert!(world.revoke(&next));
    assert_eq!(get(&world, &next, "/user", "").status, 401);
    let body = json!({"data": {"apiToken": tokens::SERVICE}}).to_string();
    let answer = client::send(
        &world,
        "POST",
        &format!("ApiToken {}", tokens::SERVICE),
        "/users/api-token-details",
        "",
        body.as_bytes(),
    );
    let expires = answer.json()["data"]["expiresAt"].as_str().unwrap().to_owned();
    assert!(expires.ends_with('Z') && !expires.contains('.'), "{expires}");
    assert_eq!(world.journal().forbidden, Vec::<String>::new());
}

#[test]
fn a_request_that_a_read_only_client_must_not_make_is_journalled() {
    let world = small();
    let header = format!("ApiToken {}", tokens::GLOBAL);
    for (method, path) in [
        ("POST", "/agents/actions/disconnect"),
        ("PUT", "/tenant/policy"),
        ("DELETE", "/sites/1"),
        ("GET", "/agents/passphrases"),
        ("POST", "/users/generate-api-token"),
    ] {
        assert!(client::send(&world, method, &header, path, "", b"{}").status >= 400);
    }
    let mutation = br#"{"query": "mutation { x }"}"#;
    client::send(&world, "POST", &header, "/unifiedalerts/graphql", "", mutation);
    let journal = world.journal();
    assert_eq!(journal.forbidden.len(), 6, "{:?}", journal.forbidden);
    assert_eq!(journal.total, 6);
}

#[test]
fn the_count_of_activities_stops_at_its_cap_and_paging_does_not() {
    let mut config = Config::frozen(7, 60, NOW);
    config.activities_cap = 100;
    let world = World::new(config);
    let page = get(&world, tokens::GLOBAL, "/activities", "limit=10").json();
    assert_eq!(page["pagination"]["totalItems"], 100);
    let rows = all(&world, tokens::GLOBAL, "/activities", "limit=1000");
    assert!(rows.len() > 100);
    assert_eq!(rows.len() as u64, world.truth(tokens::GLOBAL).activities);
    let skipped = get(&world, tokens::GLOBAL, "/activities", "limit=10&skipCount=true").json();
    assert!(skipped["pagination"].get("totalItems").is_none());
}

#[test]
fn slices_of_time_add_up_to_the_whole() {
    let world = small();
    let total = world.truth(tokens::GLOBAL).activities_with_hidden;
    let start = NOW / 1000 - 1000 * 86_400_000;
    let mut sum = 0;
    for slice in 0..20 {
        let from = start + slice * 50 * 86_400_000;
        let to = from + 50 * 86_400_000 - 1;
        let query = format!("countOnly=true&includeHidden=true&createdAt__between={from}-{to}");
        sum += get(&world, tokens::GLOBAL, "/activities", &query).json()["pagination"]["totalItems"].as_u64().unwrap();
    }
    // The last instant of the history may lie on the end of the last slice.
    let rest = format!("countOnly=true&includeHidden=true&createdAt__gte={}", "2026-11-20T12:00:00Z");
    sum += get(&world, tokens::GLOBAL, "/activities", &rest).json()["pagination"]["totalItems"].as_u64().unwrap();
    assert_eq!(sum, total);
}

/// Reads everything a token sees and computes the truth again, from the API's answers only.
#[test]
fn the_truth_agrees_with_a_plain_reading_of_the_api() {
    let world = World::new(Config::frozen(11, 250, NOW));
    for token in [tokens::GLOBAL, tokens::ACCOUNT, tokens::SITE, tokens::SERVICE] {
        let truth = world.truth(token);
        let agents = all(&world, token, "/agents", "limit=500&isDecommissioned=true,false&isUninstalled=true,false");
        assert_eq!(agents.len() as u64, truth.agents);
        let mut unprotected = Vec::new();
        let mut detect = Vec::new();
        let mut by_os: BTreeMap<String, u64> = BTreeMap::new();
        for agent in &agents {
            let text = |key: &str| agent[key].as_str().unwrap_or("").to_owned();
            let flag = |key: &str| agent[key].as_bool().unwrap();
            *by_os.entry(text("osType")).or_default() += 1;
            let absent = flag("isDecommissioned") || flag("isUninstalled");
            let windows = text("osType").starts_with("windows") || text("osName").to_lowercase().contains("windows");
            if windows && text("machineType") != "server" && absent {
                unprotected.push(text("id"));
            }
            if text("mitigationMode") == "detect" {
                detect.push(text("id"));
            }
        }
        assert_eq!(unprotected, truth.unprotected_workstations);
        assert!(!unprotected.is_empty(), "the headline question has an answer for every token");
        assert_eq!(detect, truth.detect_mode);
        assert!(!detect.is_empty());
        assert_eq!(by_os, truth.agents_by_os);
        let default = get(&world, token, "/agents", "countOnly=true").json();
        assert_eq!(default["pagination"]["totalItems"], json!(truth.agents_present));
        let count = get(&world, token, "/agents/count", "isDecommissioned=true,false&isUninstalled=true,false").json();
        assert_eq!(count["data"]["total"], json!(truth.agents));

        let threats = all(&world, token, "/threats", "limit=500");
        assert_eq!(threats.len() as u64, truth.threats);
        let mut names: BTreeMap<String, u64> = BTreeMap::new();
        for threat in &threats {
            *names.entry(threat["threatInfo"]["threatName"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!(names, truth.busiest_threats.iter().cloned().collect());
        assert!(truth.busiest_threats.windows(2).all(|w| w[0].1 >= w[1].1));
        let unresolved = threats.iter().filter(|t| t["threatInfo"]["incidentStatus"] == "unresolved").count();
        assert_eq!(unresolved as u64, truth.threats_unresolved);

        let activities = all(&world, token, "/activities", "limit=1000&includeHidden=true");
        assert_eq!(activities.len() as u64, truth.activities_with_hidden);
        let mut kinds: BTreeMap<i64, u64> = BTreeMap::new();
        for row in &activities {
            *kinds.entry(row["activityType"].as_i64().unwrap()).or_default() += 1;
        }
        assert_eq!(kinds, truth.activities_by_type);
        assert_eq!(all(&world, token, "/sites", "limit=1000").len() as u64, truth.sites);
        let groups = all(&world, token, "/groups", "limit=1000");
        assert_eq!(groups.len() as u64, truth.groups);
        let own = groups.iter().filter(|g| g["inherits"] == json!(false)).count();
        assert_eq!(own as u64, truth.groups_not_inheriting);
        assert_eq!(all(&world, token, "/users", "limit=1000").len() as u64, truth.users);
        assert_eq!(all(&world, token, "/service-users", "limit=1000").len() as u64, truth.service_users);
    }
}

#[test]
fn activities_agree_with_what_happened() {
    let world = World::new(Config::frozen(5, 300, NOW));
    let truth = world.truth(tokens::GLOBAL);
    let of = |kind: i64| truth.activities_by_type.get(&kind).copied().unwrap_or(0);
    assert_eq!(of(47), truth.decommissioned);
    assert_eq!(of(51), truth.uninstalled);
    // Two more agents were enrolled once and deleted later; their threats are left.
    assert_eq!(of(17), truth.agents + 2);
    assert_eq!(of(18) + of(19) + of(4003), truth.threats);
    let agents: BTreeMap<String, Value> =
        all(&world, tokens::GLOBAL, "/agents", "limit=1000&isDecommissioned=true,false&isUninstalled=true,false")
            .into_iter()
            .map(|a| (a["id"].as_str().unwrap().to_owned(), a))
            .collect();
    for row in all(&world, tokens::GLOBAL, "/activities", "limit=1000&activityTypes=17") {
        if let Some(agent) = agents.get(row["agentId"].as_str().unwrap()) {
            assert_eq!(row["createdAt"], agent["createdAt"]);
            assert_eq!(row["data"]["computerName"], agent["computerName"]);
        }
    }
    for threat in all(&world, tokens::GLOBAL, "/threats", "limit=1000").iter().take(20) {
        let id = threat["id"].as_str().unwrap();
        let timeline = all(&world, tokens::GLOBAL, &format!("/threats/{id}/timeline"), "limit=1000");
        let kinds: Vec<i64> = timeline.iter().map(|r| r["activityType"].as_i64().unwrap()).collect();
        assert!(matches!(kinds[0], 18 | 19 | 4003), "{kinds:?}");
        let mitigated = threat["threatInfo"]["mitigationStatus"] == "mitigated";
        assert!(!mitigated || kinds.contains(&4008), "{kinds:?}");
        let notes = all(&world, tokens::GLOBAL, &format!("/threats/{id}/notes"), "limit=1000");
        assert_eq!(notes.len(), kinds.iter().filter(|k| **k == 4020).count());
        let rows = all(&world, tokens::GLOBAL, "/activities", &format!("limit=1000&threatIds={id}"));
        assert_eq!(ids(&rows), ids(&timeline));
    }
}

#[test]
fn an_agents_mode_is_that_of_the_policy_in_force() {
    let world = World::new(Config::frozen(5, 400, NOW));
    let mut modes: BTreeMap<String, String> = BTreeMap::new();
    for group in all(&world, tokens::GLOBAL, "/groups", "limit=1000") {
        let id = group["id"].as_str().unwrap().to_owned();
        let policy = get(&world, tokens::GLOBAL, &format!("/groups/{id}/policy"), "").json();
        assert_eq!(policy["data"]["inheritedFrom"].is_null(), group["inherits"] == json!(false));
        modes.insert(id, policy["data"]["mitigationMode"].as_str().unwrap().to_owned());
    }
    let agents = all(&world, tokens::GLOBAL, "/agents", "limit=1000");
    let agree = agents.iter().filter(|a| a["mitigationMode"] == json!(modes[a["groupId"].as_str().unwrap()])).count();
    assert!(agree * 100 > agents.len() * 95, "{agree} of {}", agents.len());
    // A change of policy reaches the agents.
    let site = world.site_ids()[0].clone();
    assert!(world.patch_policy(&Level::Site(site.clone()), &json!({"mitigationMode": "detect"})));
    let own = get(&world, tokens::GLOBAL, &format!("/sites/{site}/policy"), "").json();
    assert_eq!(own["data"]["mitigationMode"], "detect");
    assert!(own["data"]["inheritedFrom"].is_null());
    assert!(world.truth(tokens::GLOBAL).detect_mode.len() > agents.len() / 50);
}

#[test]
fn changes_made_by_a_test_show_in_the_answers() {
    let (world, hand) = moving(60);
    hand.fetch_add(1_000_000, Ordering::SeqCst);
    let everything = "limit=1000&isDecommissioned=true,false&isUninstalled=true,false";
    let one = |id: &str| {
        let query = format!("ids={id}&isDecommissioned=true,false&isUninstalled=true,false");
        all(&world, tokens::GLOBAL, "/agents", &query).into_iter().next()
    };
    let group = world.group_ids()[0].clone();
    let added = world.add_agent(&group).unwrap();
    assert_eq!(one(&added).unwrap()["groupId"], json!(group));
    assert!(world.patch_agent(&added, &json!({"osType": "beos", "tags": null})));
    assert_eq!(one(&added).unwrap()["osType"], "beos");
    assert_eq!(world.truth(tokens::GLOBAL).agents_by_os["beos"], 1);
    let elsewhere = world.group_ids().last().unwrap().clone();
    assert!(world.move_agent(&added, &elsewhere));
    assert_eq!(one(&added).unwrap()["groupId"], json!(elsewhere));
    assert!(world.decommission(&added));
    assert_eq!(one(&added).unwrap()["isDecommissioned"], true);
    assert!(world.remove_agent(&added));
    assert!(one(&added).is_none());
    assert!(!world.remove_agent(&added));

    let agent = world.agent_ids()[0].clone();
    let threat = world.add_threat(&agent).unwrap();
    assert!(world.patch_threat(&threat, &json!({"analystVerdict": "true_positive"})));
    let row = all(&world, tokens::GLOBAL, "/threats", &format!("ids={threat}")).remove(0);
    assert_eq!(row["threatInfo"]["analystVerdict"], "true_positive");
    assert!(world.remove_threat(&threat));
    assert!(all(&world, tokens::GLOBAL, "/threats", &format!("ids={threat}")).is_empty());

    let late = world.add_late_activity(DAY);
    let row = all(&world, tokens::GLOBAL, "/activities", &format!("ids={late}")).remove(0);
    assert!(row["createdAt"].as_str().unwrap().starts_with("2026-11-19T12:00:01"));
    let rows = all(&world, tokens::GLOBAL, "/activities", "limit=1000&sortBy=createdAt");
    let times: Vec<&str> = rows.iter().map(|r| r["createdAt"].as_str().unwrap()).collect();
    assert!(times.is_sorted());

    let sites = world.site_ids();
    let account = world.account_ids()[1].clone();
    assert!(world.move_site(&sites[0], &account));
    let moved = all(&world, tokens::GLOBAL, "/agents", &format!("{everything}&siteIds={}", sites[0]));
    assert!(!moved.is_empty() && moved.iter().all(|a| a["accountId"] == json!(account)));
    let before = world.truth(tokens::GLOBAL);
    assert!(world.remove_site(&sites[0]));
    let after = world.truth(tokens::GLOBAL);
    assert_eq!(after.agents + moved.len() as u64, before.agents);
    assert_eq!(after.sites + 1, before.sites);
    assert_eq!(all(&world, tokens::GLOBAL, "/sites", "states=deleted").len(), 1);
}

#[test]
fn filters_narrow_and_those_that_nothing_acts_on_are_told() {
    let world = World::new(Config::frozen(7, 200, NOW));
    let count = |query: &str| all(&world, tokens::GLOBAL, "/agents", &format!("limit=1000&{query}")).len();
    let whole = count("");
    assert_eq!(count("osTypes=windows,windows_legacy,macos,linux"), whole);
    assert_eq!(count("osTypesNin=windows") + count("osTypes=windows"), whole);
    assert!(count("computerName__contains=lt-") > 0);
    assert!(count("machineTypes=server") < whole);
    assert_eq!(count("isActive=true") + count("isActive=false"), whole);
    let one = all(&world, tokens::GLOBAL, "/agents", "limit=1").remove(0);
    assert_eq!(count(&format!("uuids={}", one["uuid"].as_str().unwrap())), 1);
    assert_eq!(count("agentVersion__gt=22.0.0.0") + count("agentVersion__lte=22.0.0.0"), whole);
    assert!(world.journal().unheeded.is_empty());
    count("rsoLevel=none");
    assert_eq!(world.journal().unheeded, ["/agents rsoLevel"]);
    let threats = |query: &str| all(&world, tokens::GLOBAL, "/threats", &format!("limit=1000&{query}")).len();
    assert_eq!(threats("incidentStatuses=unresolved") + threats("incidentStatusesNin=unresolved"), threats(""));
}

#[test]
fn transient_faults_repeat_from_their_seed_and_leave_the_console_unchanged() {
    let run = |plan: FaultPlan| {
        let world = small();
        world.set_faults(plan);
        let answers: Vec<String> = (0..200)
            .map(|_| match client::try_get(&world, tokens::GLOBAL, "/agents", "limit=2") {
                Ok(answer) => format!("{} {}", answer.status, answer.content_type),
                Err(error) => error.to_string().replace(|c: char| c.is_ascii_digit(), ""),
            })
            .collect();
        world.set_faults(FaultPlan::none());
        let body = get(&world, tokens::GLOBAL, "/agents", "limit=2").body;
        (answers, world.journal().faults, body)
    };
    let plan = || FaultPlan::random(3, 60, &Fault::TRANSIENT);
    let (answers, faults, body) = run(plan());
    assert_eq!((answers.clone(), faults.clone(), body.clone()), run(plan()));
    assert_ne!(faults, run(FaultPlan::random(4, 60, &Fault::TRANSIENT)).1);
    assert_eq!(body, get(&small(), tokens::GLOBAL, "/agents", "limit=2").body);
    let kinds: BTreeSet<&str> = faults.iter().map(|(_, name)| name.as_str()).collect();
    assert_eq!(kinds.len(), Fault::TRANSIENT.len(), "{kinds:?}");
    let distinct: BTreeSet<&String> = answers.iter().collect();
    insta::assert_snapshot!(distinct.into_iter().cloned().collect::<Vec<_>>().join("\n"));
}

#[test]
fn faults_of_lists_do_what_they_are_named_for() {
    let world = small();
    let first = get(&world, tokens::GLOBAL, "/agents", "limit=5");
    let cursor = first.cursor().unwrap();
    let second_query = format!("limit=5&cursor={}", client::encode(&cursor));
    let second = get(&world, tokens::GLOBAL, "/agents", &second_query);
    let play = |fault: Fault, query: &str| {
        world.set_faults(FaultPlan::once(fault, 1, "/agents"));
        get(&world, tokens::GLOBAL, "/agents", query)
    };
    let again = |answer: &Answer| {
        let cursor = client::encode(&answer.cursor().unwrap());
        get(&world, tokens::GLOBAL, "/agents", &format!("limit=5&cursor={cursor}"))
    };
    assert_eq!(play(Fault::RepeatCursor, &second_query).cursor(), Some(cursor));
    let empty = play(Fault::EmptyPage, &second_query);
    assert!(empty.records("/agents").is_empty());
    assert_eq!(ids(&again(&empty).records("/agents")), ids(&second.records("/agents")), "nothing is lost");
    get(&world, tokens::GLOBAL, "/agents", "limit=5");
    let duplicate = play(Fault::DuplicatePage, &second_query);
    assert_eq!(ids(&duplicate.records("/agents")), ids(&first.records("/agents")));
    assert_eq!(ids(&again(&duplicate).records("/agents")), ids(&second.records("/agents")));
    assert!(play(Fault::MissingPagination, "limit=5").json().get("pagination").is_none());
    assert!(play(Fault::NullData, "limit=5").json()["data"].is_null());
    let mut reversed = ids(&play(Fault::Nonmonotone, "limit=5").records("/agents"));
    reversed.reverse();
    assert_eq!(reversed, ids(&first.records("/agents")));
    assert_eq!(play(Fault::Cursor400, &second_query).status, 400);
    let sites = all(&world, tokens::ACCOUNT, "/sites", "limit=1000").len();
    world.set_faults(FaultPlan::once(Fault::ScopeCut, 1, "/sites"));
    assert_eq!(all(&world, tokens::ACCOUNT, "/sites", "limit=1000").len(), sites, "the request itself sees all");
    assert_eq!(all(&world, tokens::ACCOUNT, "/sites", "limit=1000").len(), sites - 1);
    world.set_faults(FaultPlan::once(Fault::Revoke, 1, "/user"));
    assert_eq!(get(&world, tokens::ACCOUNT, "/user", "").status, 200);
    assert_eq!(get(&world, tokens::ACCOUNT, "/user", "").status, 401);
}

#[test]
fn the_vendors_rates_are_enforced_when_asked_for() {
    let hand = Arc::new(AtomicI64::new(NOW));
    let clock = hand.clone();
    let mut config = Config::new(7, 40, Arc::new(move || clock.load(Ordering::SeqCst)));
    config.rate_limits = true;
    let world = World::new(config);
    let statuses: Vec<u16> = (0..7).map(|_| get(&world, tokens::GLOBAL, "/user", "").status).collect();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429, 429]);
    hand.fetch_add(1_000_000, Ordering::SeqCst);
    assert_eq!(get(&world, tokens::GLOBAL, "/user", "").status, 200);
    assert_eq!(get(&world, tokens::GLOBAL, "/agents", "").status, 200, "other paths have their own");
}

#[test]
fn the_oddities_of_real_consoles_are_there() {
    let world = World::new(Config::frozen(7, 800, NOW));
    let agents =
        all(&world, tokens::GLOBAL, "/agents", "limit=1000&isDecommissioned=true,false&isUninstalled=true,false");
    let any = |test: &dyn Fn(&Value) -> bool| agents.iter().any(test);
    assert!(any(&|a| a["machineType"] == "thin client"), "an enum value that no list has");
    assert!(any(&|a| a["serialNumber"].is_null()) && any(&|a| a["serialNumber"] == ""));
    assert!(any(&|a| a.get("tags").is_none()), "an older console");
    assert!(any(&|a| a.get("liveUpdateState").is_some()), "a field from the future");
    assert!(any(&|a| a["isUpToDate"].is_string()), "a type that changed");
    assert!(any(&|a| a["missingPermissions"][0] == "user-action-needed-bluetooth-per"));
    assert!(agents.iter().all(|a| a["groupIp"].as_str().unwrap().ends_with(".x")));
    assert!(any(&|a| !a["licenseKey"].as_str().unwrap().is_empty()), "a secret in an ordinary answer");
    let threats = all(&world, tokens::GLOBAL, "/threats", "limit=1000");
    assert!(threats.iter().any(|t| t["agentDetectionInfo"]["agentIpV4"].as_str().is_some_and(|ip| ip.contains(','))));
    assert!(
        threats.iter().any(|t| t["agentDetectionInfo"]["agentUuid"].is_null()),
        "a threat whose agent is forgotten"
    );
    assert!(threats.iter().any(|t| t["threatInfo"]["publisherName"] == "M&amp;S &lt;Tools&gt; LTD"));
    let backwards = |row: &Value| row["updatedAt"].as_str() < row["createdAt"].as_str();
    assert!(threats.iter().any(|t| backwards(&t["threatInfo"])));
    let known: BTreeSet<&str> = agents.iter().map(|a| a["id"].as_str().unwrap()).collect();
    let orphans = threats.iter().filter(|t| !known.contains(t["agentRealtimeInfo"]["agentId"].as_str().unwrap()));
    assert_eq!(orphans.count(), 2);
    let activities = all(&world, tokens::GLOBAL, "/activities", "limit=1000");
    assert!(activities.iter().any(backwards));
    let big = |row: &Value| row["data"]["ruleid"].as_u64().is_some_and(|id| id > 1 << 53);
    assert!(activities.iter().any(big), "an id as a number beyond what a double holds");
    let mut config = Config::frozen(7, 300, NOW);
    config.oddities = false;
    let plain = World::new(config);
    let agents = all(&plain, tokens::GLOBAL, "/agents", "limit=1000");
    assert!(agents.iter().all(|a| a["machineType"] != "thin client" && a["isUpToDate"].is_boolean()));
}

#[test]
fn the_http_front_serves_keeps_alive_compresses_and_breaks_on_request() {
    client::over_http(&small());
}
