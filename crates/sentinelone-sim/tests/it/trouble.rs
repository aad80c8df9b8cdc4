//! What a console does to a client: faults, changes under its feet, tokens that lose their rights.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sentinelone::TransportError;
use sentinelone_sim::{Bearer, Fault, FaultPlan, Rate, Rule, Scope, World, tokens};
use serde_json::{Value, json};

use crate::client::{self, Answer, all, encode, get, ids, try_get};
use crate::{DAY, NOW, moving, small};

const SECOND: i64 = 1_000_000;
const HOUR: i64 = 3600 * SECOND;

fn play(world: &World, fault: Fault, path: &str, query: &str) -> Answer {
    world.set_faults(FaultPlan::once(fault, 1, path));
    let answer = get(world, tokens::GLOBAL, path, query);
    world.set_faults(FaultPlan::none());
    answer
}

#[test]
fn every_fault_has_a_name_that_reads_back_and_none_is_named_twice() {
    let names: BTreeSet<&str> = Fault::ALL.iter().map(|fault| fault.name()).collect();
    assert_eq!(names.len(), Fault::ALL.len());
    assert!(Fault::ALL.iter().all(|fault| fault.name().parse::<Fault>() == Ok(*fault)));
}

#[test]
fn a_client_that_tries_again_finds_the_console_unchanged_after_every_fault_that_does_not_last() {
    let world = small();
    let query = "limit=20&sortBy=id";
    let before = get(&world, tokens::GLOBAL, "/agents", query).body;
    for fault in Fault::ALL {
        if fault.lasts() {
            continue;
        }
        world.set_faults(FaultPlan::once(fault, 1, "/agents"));
        let met = try_get(&world, tokens::GLOBAL, "/agents", query);
        world.set_faults(FaultPlan::none());
        let applies = !fault.is_of_cursors()
            && !matches!(fault, Fault::GraphqlErrors | Fault::GzipBomb | Fault::CursorEmptyText | Fault::CursorAbsent);
        let visible = !matches!(fault, Fault::DateAhead | Fault::DateBehind | Fault::DateMissing | Fault::DateGarbage);
        if applies && visible {
            assert!(met.is_err() || met.is_ok_and(|answer| answer.body != before || answer.status != 200), "{fault}");
        }
        assert_eq!(get(&world, tokens::GLOBAL, "/agents", query).body, before, "{fault}");
    }
}

#[test]
fn faults_of_bytes_do_what_they_are_named_for() {
    let world = small();
    let query = "limit=5";
    let good = get(&world, tokens::GLOBAL, "/agents", query).json();
    let cut = play(&world, Fault::CutJson, "/agents", query);
    assert!(cut.status == 200 && serde_json::from_slice::<Value>(&cut.body).is_err());
    assert!(std::str::from_utf8(&play(&world, Fault::InvalidUtf8, "/agents", query).body).is_err());
    assert!(play(&world, Fault::NotANumber, "/agents", query).text().contains("\"ratio\":NaN,"));
    let twice = play(&world, Fault::DuplicateKeys, "/agents", query);
    assert_eq!(twice.text().matches("\"repeated\":").count(), 2);
    assert_eq!(twice.json()["data"][0]["createdAt"], good["data"][0]["createdAt"], "the last one is true");
    assert_eq!(play(&world, Fault::NulText, "/agents", query).json()["data"][0]["text"], "a\u{0}b");
    assert!(play(&world, Fault::LoneSurrogate, "/agents", query).text().contains("\\ud83d alone"));
    assert!(play(&world, Fault::Deep, "/agents", query).text().contains(&"[".repeat(10_000)));
    assert!(play(&world, Fault::LargeRecord, "/agents", query).body.len() > 9 << 20);
    assert!(play(&world, Fault::HugePage, "/agents", query).body.len() > 65 << 20);
    let strange = play(&world, Fault::StrangeRecord, "/agents", query).json();
    assert_eq!(strange["data"].as_array().unwrap().len(), 8);
    let drift = play(&world, Fault::NewField, "/agents", query).json();
    assert!(drift["data"].as_array().unwrap().iter().all(|row| row["postureScore"]["value"] == 7));
    assert_eq!(play(&world, Fault::NewEnum, "/agents", query).json()["data"][0]["osType"], "unheard_of");
    let numbers = play(&world, Fault::TypeChange, "/agents", query).json();
    assert!(
        numbers["data"].as_array().unwrap().iter().all(|row| row["id"].is_u64() || row["id"].is_i64()),
        "{numbers}"
    );
    assert!(play(&world, Fault::MissingTime, "/agents", query).json()["data"][0].get("updatedAt").is_none());
    let ahead = play(&world, Fault::FutureRecord, "/agents", query).json();
    assert!(ahead["data"][0]["updatedAt"].as_str().unwrap().starts_with("2026-11-22T12:00:00"));
    let lost = play(&world, Fault::LostRecord, "/agents", query).json();
    assert_eq!(lost["data"].as_array().unwrap().as_slice(), &good["data"].as_array().unwrap()[..4]);
    let one_more = good["pagination"]["totalItems"].as_u64().unwrap() + 1;
    assert_eq!(play(&world, Fault::TotalTooHigh, "/agents", query).json()["pagination"]["totalItems"], json!(one_more));
    let sites = play(&world, Fault::StrangeRecord, "/sites", query).json();
    assert!(sites["data"]["sites"].as_array().unwrap().iter().any(|row| *row == 17));
}

#[test]
fn the_last_page_can_end_in_three_ways_and_a_cursor_can_come_encoded() {
    let world = small();
    let last = "limit=1000&isDecommissioned=true,false&isUninstalled=true,false";
    assert!(get(&world, tokens::GLOBAL, "/agents", last).json()["pagination"]["nextCursor"].is_null());
    assert_eq!(play(&world, Fault::CursorEmptyText, "/agents", last).json()["pagination"]["nextCursor"], "");
    let absent = play(&world, Fault::CursorAbsent, "/agents", last).json();
    assert!(absent["pagination"].get("nextCursor").is_none() && absent["pagination"]["totalItems"].is_u64());
    let plain = get(&world, tokens::GLOBAL, "/agents", "limit=5").cursor().unwrap();
    let encoded = play(&world, Fault::CursorEncoded, "/agents", "limit=5").cursor().unwrap();
    assert_eq!(encoded, plain.replace('=', "%3D").replace('+', "%2B"));
    // For ever the same page, and each time another cursor.
    world.set_faults(FaultPlan::of(0, vec![Rule::always(Fault::EndlessPage).on("/agents")]));
    let (mut cursors, mut pages) = (BTreeSet::new(), BTreeSet::new());
    let mut query = "limit=5".to_owned();
    for _ in 0..6 {
        let page = get(&world, tokens::GLOBAL, "/agents", &query);
        let cursor = page.cursor().unwrap();
        pages.insert(ids(&page.records("/agents")));
        query = format!("limit=5&cursor={}", encode(&cursor));
        cursors.insert(cursor);
    }
    assert_eq!((pages.len(), cursors.len()), (1, 6));
}

#[test]
fn errors_and_waits_come_in_all_their_forms() {
    let world = small();
    let status = |fault| play(&world, fault, "/agents", "").status;
    for (fault, expected) in [
        (Fault::Html429Date, 429),
        (Fault::Html429Absurd, 429),
        (Fault::Html503, 503),
        (Fault::Html503After, 503),
        (Fault::Json401, 401),
        (Fault::Json403, 403),
        (Fault::Json501, 501),
        (Fault::Errors200, 200),
    ] {
        assert_eq!(status(fault), expected, "{fault}");
    }
    assert_eq!(play(&world, Fault::Errors200, "/agents", "").json()["errors"][0]["code"], 5_000_010);
    world.set_faults(FaultPlan::of(0, vec![Rule::always(Fault::GraphqlErrors)]));
    let body = br#"{"query": "query Alerts { alerts(first: 1) { totalCount } }"}"#;
    let header = format!("Bearer {}", tokens::GLOBAL);
    let answer = client::send(&world, "POST", &header, "/unifiedalerts/graphql", "", body);
    assert!(
        answer.status == 200 && answer.json()["data"].is_null() && answer.json()["errors"][0]["message"].is_string()
    );
    assert_eq!(get(&world, tokens::GLOBAL, "/agents", "").status, 200, "no other path asks in GraphQL");
    world.set_faults(FaultPlan::once(Fault::SlowHead, 1, "/agents"));
    let error = try_get(&world, tokens::GLOBAL, "/agents", "").err().unwrap();
    assert!(matches!(error, TransportError::ReadTimeout { .. }), "{error}");
    world.set_faults(FaultPlan::once(Fault::SlowBody, 1, "/agents"));
    let error = try_get(&world, tokens::GLOBAL, "/agents", "").err().unwrap();
    assert!(matches!(error, TransportError::TooSlow { .. }), "{error}");
    let mut received = BTreeSet::new();
    for seed in 0..20 {
        world.set_faults(FaultPlan::of(seed, vec![Rule::always(Fault::ResetLate)]));
        match try_get(&world, tokens::GLOBAL, "/agents", "limit=100") {
            Err(TransportError::Interrupted { received: bytes }) => received.insert(bytes),
            other => panic!("{:?}", other.map(|answer| answer.status)),
        };
    }
    assert!(received.len() > 10, "{received:?}");
}

#[test]
fn a_bomb_is_small_and_unpacks_to_very_much() {
    let world = small();
    world.set_faults(FaultPlan::of(0, vec![Rule::always(Fault::GzipBomb)]));
    assert_eq!(get(&world, tokens::GLOBAL, "/agents", "limit=1").status, 200, "nobody asked for gzip");
    let (packed, unpacked) = client::over_http_packed(&world, 80 << 20);
    assert!(packed < 4 << 20, "{packed}");
    assert_eq!(unpacked, 80 << 20, "it goes on for as long as it is read");
}

#[test]
fn rules_have_paths_spans_and_hours() {
    let (world, hand) = moving(40);
    let ask = |path: &str| get(&world, tokens::GLOBAL, path, "limit=1").status;
    let rule = Rule::always(Fault::Json403).on("/application-management/*");
    world.set_faults(FaultPlan::of(0, vec![rule]));
    assert_eq!((ask("/application-management/risks"), ask("/application-management/inventory")), (403, 403));
    assert_eq!((ask("/agents"), ask("/installed-applications")), (200, 200));
    let rule = Rule::always(Fault::Html503).on("/agents").at(Rate::Span { first: 2, times: 3 });
    world.set_faults(FaultPlan::of(0, vec![rule]));
    let statuses: Vec<u16> = (0..6).map(|_| ask("/agents")).collect();
    assert_eq!(statuses, [200, 503, 503, 503, 200, 200]);
    let storm = Rule::always(Fault::Html429).between(NOW + HOUR, NOW + 2 * HOUR);
    world.set_faults(FaultPlan::of(0, vec![storm]));
    assert_eq!(ask("/agents"), 200);
    hand.store(NOW + HOUR, Ordering::SeqCst);
    assert_eq!(ask("/agents"), 429);
    hand.store(NOW + 2 * HOUR, Ordering::SeqCst);
    assert_eq!(ask("/agents"), 200);
}

#[test]
fn the_journal_tells_how_fast_a_client_asked() {
    let (world, hand) = moving(40);
    for second in 0..10 {
        hand.store(NOW + second * SECOND, Ordering::SeqCst);
        for _ in 0..=second {
            get(&world, tokens::GLOBAL, "/agents", "limit=1");
        }
        get(&world, tokens::GLOBAL, "/threats/1/notes", "");
    }
    let journal = world.journal();
    assert_eq!(journal.busiest(Some("/agents"), Duration::from_secs(1)), 10);
    assert_eq!(journal.busiest(Some("/agents"), Duration::from_secs(2)), 19);
    assert_eq!(journal.busiest(None, Duration::from_secs(1)), 11);
    assert_eq!(journal.busiest_between(Some("/agents"), Duration::from_secs(1), NOW, NOW + 3 * SECOND), 3);
    assert_eq!(journal.asked_between(Some("/threats/{id}/notes"), NOW, NOW + DAY), 10);
    assert_eq!(journal.per_minute()[&("/agents", NOW)], 55);
    assert!(journal.log.iter().filter(|asked| asked.family.starts_with("/threats")).all(|asked| asked.status == 404));
}

#[test]
fn a_tokens_scope_narrows_and_widens_its_end_moves_and_it_comes_back() {
    let (world, hand) = moving(80);
    let sites = world.site_ids();
    let whole = all(&world, tokens::ACCOUNT, "/agents", "limit=1000").len();
    let first =
        get(&world, tokens::SITE, "/user", "").json()["data"]["scopeRoles"][0]["id"].as_str().unwrap().to_owned();
    assert!(sites.contains(&first));
    assert!(world.set_scope(tokens::ACCOUNT, Scope::Sites(vec![first])));
    let narrow = all(&world, tokens::ACCOUNT, "/agents", "limit=1000").len();
    assert!(narrow < whole);
    assert_eq!(get(&world, tokens::ACCOUNT, "/accounts", "").status, 403);
    assert_eq!(get(&world, tokens::ACCOUNT, "/user", "").json()["data"]["scope"], "site");
    assert!(world.set_scope(tokens::ACCOUNT, Scope::Accounts(vec![world.account_ids()[0].clone()])));
    assert_eq!(all(&world, tokens::ACCOUNT, "/agents", "limit=1000").len(), whole);
    assert!(world.set_expiry(tokens::ACCOUNT, NOW + HOUR));
    let ends = get(&world, tokens::ACCOUNT, "/user", "").json()["data"]["apiToken"]["expiresAt"].clone();
    assert_eq!(ends, "2026-11-20T13:00:00Z");
    hand.store(NOW + HOUR, Ordering::SeqCst);
    assert_eq!(get(&world, tokens::ACCOUNT, "/user", "").status, 401);
    assert!(world.renew(tokens::ACCOUNT));
    assert_eq!(get(&world, tokens::ACCOUNT, "/user", "").status, 200);
    assert!(world.revoke(tokens::ACCOUNT) && world.renew(tokens::ACCOUNT));
    assert_eq!(get(&world, tokens::ACCOUNT, "/user", "").status, 200);
    world.set_faults(FaultPlan::once(Fault::RoleCut, 1, "/groups"));
    assert_eq!(get(&world, tokens::ACCOUNT, "/groups", "").status, 200, "the request itself is still answered");
    assert_eq!(get(&world, tokens::ACCOUNT, "/groups", "").status, 403);
    assert_eq!(get(&world, tokens::ACCOUNT, "/agents", "").status, 200);
    assert!(!world.deny("not-a-token", &["/agents"]));
}

#[test]
fn people_groups_tags_notes_and_alerts_come_change_and_go() {
    let (world, hand) = moving(60);
    hand.fetch_add(SECOND, Ordering::SeqCst);
    let before = world.truth(tokens::GLOBAL);
    let account = world.account_ids()[0].clone();
    let user = world.add_user(Scope::Accounts(vec![account]), Bearer::User).unwrap();
    let service = world.add_user(Scope::Tenant, Bearer::ServiceUser).unwrap();
    let now = world.truth(tokens::GLOBAL);
    assert_eq!((now.users, now.service_users), (before.users + 1, before.service_users + 1));
    assert_eq!(world.truth(tokens::ACCOUNT).service_users, world.truth(tokens::SERVICE).service_users);
    assert!(world.patch_user(&user, &json!({"twoFaEnabled": false, "fullName": "Renamed"})));
    assert_eq!(get(&world, tokens::GLOBAL, &format!("/users/{user}"), "").json()["data"]["fullName"], "Renamed");
    assert!(world.remove_user(&user) && world.remove_user(&service) && !world.remove_user(&user));
    assert_eq!(get(&world, tokens::GLOBAL, &format!("/users/{user}"), "").status, 404);
    assert_eq!(world.truth(tokens::GLOBAL).users, before.users);

    let groups = all(&world, tokens::GLOBAL, "/groups", "limit=1000");
    let group = groups.iter().find(|g| g["isDefault"] == false && g["totalAgents"].as_u64() > Some(0)).unwrap();
    let id = group["id"].as_str().unwrap();
    assert!(world.remove_group(id) && !world.remove_group(id));
    assert_eq!(world.truth(tokens::GLOBAL).groups, before.groups - 1);
    assert_eq!(world.truth(tokens::GLOBAL).agents, before.agents, "its agents moved");
    assert_eq!(get(&world, tokens::GLOBAL, &format!("/groups/{id}/policy"), "").status, 404);

    let agent = world.agent_ids()[5].clone();
    let tag = world.add_tag("Owner", "Research");
    assert!(world.tag_agent(&agent, &tag));
    let row = all(
        &world,
        tokens::GLOBAL,
        "/agents",
        &format!("ids={agent}&isDecommissioned=true,false&isUninstalled=true,false"),
    )
    .remove(0);
    assert!(row["tags"]["sentinelone"].as_array().unwrap().iter().any(|known| known["id"] == json!(tag)));
    let tags = all(&world, tokens::GLOBAL, "/agents/tags", "includeEndpointCounters=true&limit=100");
    assert_eq!(tags.iter().find(|row| row["id"] == json!(tag)).unwrap()["totalEndpoints"], 1);
    assert!(world.remove_tag(&tag) && !world.remove_tag(&tag));

    let threat = world.add_threat(&agent).unwrap();
    let updated = |world: &World| {
        all(world, tokens::GLOBAL, "/threats", &format!("ids={threat}")).remove(0)["threatInfo"]["updatedAt"].clone()
    };
    let at = updated(&world);
    hand.fetch_add(HOUR, Ordering::SeqCst);
    let lines = all(&world, tokens::GLOBAL, &format!("/threats/{threat}/timeline"), "limit=100").len();
    let note = world.add_note(&threat).unwrap();
    let path = format!("/threats/{threat}/notes");
    assert!(ids(&all(&world, tokens::GLOBAL, &path, "limit=100")).contains(&note));
    assert!(world.edit_note(&threat));
    let edited =
        all(&world, tokens::GLOBAL, &path, "limit=100").into_iter().find(|row| row["id"] == json!(note)).unwrap();
    assert!(edited["edited"] == true && edited["text"].as_str().unwrap().ends_with("(changed)"));
    assert!(world.add_timeline_event(&threat));
    assert!(all(&world, tokens::GLOBAL, &format!("/threats/{threat}/timeline"), "limit=100").len() >= lines + 3);
    assert!(world.remove_note(&threat));
    assert!(!ids(&all(&world, tokens::GLOBAL, &path, "limit=100")).contains(&note));
    assert!(updated(&world) == at || world.truth(tokens::GLOBAL).threats > before.threats);

    let alert = world.add_alert(&agent).unwrap();
    assert_eq!(world.truth(tokens::GLOBAL).alerts, world.alert_ids().len() as u64);
    assert!(world.patch_alert(&alert, &json!({"analystVerdict": "True positive"})));
    let rows = all(&world, tokens::GLOBAL, "/cloud-detection/alerts", &format!("ids={alert}"));
    assert_eq!(rows[0]["alertInfo"]["analystVerdict"], "True positive");
    assert_eq!(rows[0]["agentRealtimeInfo"]["id"], json!(agent));
    let told = all(&world, tokens::GLOBAL, "/activities", "limit=1000&activityTypes=3608&sortBy=createdAt");
    let named = |row: &Value| row["data"]["alertid"].as_str().map_or(row["data"]["alertid"].to_string(), str::to_owned);
    assert!(told.iter().any(|row| named(row) == alert), "the activity that announces it names it");
    assert!(world.remove_alert(&alert) && !world.remove_alert(&alert));
}

#[test]
fn what_changes_quietly_or_is_seen_late_is_there_all_the_same() {
    let (world, hand) = moving(60);
    let everything = "isDecommissioned=true,false&isUninstalled=true,false";
    let agent = world.update_together(5)[2].clone();
    let one = || all(&world, tokens::GLOBAL, "/agents", &format!("ids={agent}&{everything}")).remove(0);
    let before = one();
    hand.fetch_add(HOUR, Ordering::SeqCst);
    assert!(world.patch_agent_quietly(&agent, &json!({"externalId": "changed in the dark"})));
    let after = one();
    assert_eq!(after["externalId"], "changed in the dark");
    assert_eq!(after["updatedAt"], before["updatedAt"]);
    assert!(world.remove_agent(&agent) && world.restore_agent(&agent) && !world.restore_agent(&agent));
    assert_eq!(one()["id"], json!(agent));

    let same = world.update_together(30);
    let rows = all(&world, tokens::GLOBAL, "/agents", &format!("limit=7&sortBy=updatedAt&{everything}"));
    let of = |row: &&Value| same.contains(&row["id"].as_str().unwrap().to_owned());
    let times: BTreeSet<&str> = rows.iter().filter(of).map(|row| row["updatedAt"].as_str().unwrap()).collect();
    assert_eq!((times.len(), rows.iter().filter(of).count()), (1, 30));
    let at = NOW + 2 * HOUR;
    hand.store(at, Ordering::SeqCst);
    let together = world.add_activities_at(at, 25);
    let query = "limit=10&includeHidden=true&createdAt__gte=2026-11-20T14%3A00%3A00Z";
    let rows = ids(&all(&world, tokens::GLOBAL, "/activities", query));
    assert!(together.iter().all(|id| rows.contains(id)));

    world.show_late(1000, 8 * 60 * SECOND);
    let late = world.add_activities_at(at, 1).remove(0);
    let count = |id: &str| all(&world, tokens::GLOBAL, "/activities", &format!("ids={id}")).len();
    assert_eq!(count(&late), 0);
    let unseen = world.truth(tokens::GLOBAL).activities;
    hand.store(at + 8 * 60 * SECOND, Ordering::SeqCst);
    assert_eq!(count(&late), 1);
    assert!(world.truth(tokens::GLOBAL).activities > unseen);

    let date = |world: &World| {
        let uri = "https://console.example/web/api/v2.1/system/status";
        let request = http::Request::builder().uri(uri).body(bytes::Bytes::new()).unwrap();
        client::headers(world, request)["date"].to_str().unwrap().to_owned()
    };
    world.set_skew(10 * 60 * SECOND);
    assert_eq!(date(&world), "Fri, 20 Nov 2026 14:18:00 GMT");
    world.set_skew(-10 * 60 * SECOND);
    assert_eq!(date(&world), "Fri, 20 Nov 2026 14:18:00 GMT", "time does not go back");
}

#[test]
fn records_change_while_they_are_paged_and_none_is_lost_by_an_ascending_reader() {
    let (world, hand) = moving(80);
    let query = "limit=9&sortBy=updatedAt&sortOrder=asc&isDecommissioned=true,false&isUninstalled=true,false";
    world.set_faults(FaultPlan::of(3, vec![Rule::always(Fault::Churn).on("/agents")]));
    let mut seen = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..200 {
        hand.fetch_add(SECOND, Ordering::SeqCst);
        let more = cursor.as_ref().map_or(String::new(), |cursor| format!("&cursor={}", encode(cursor)));
        let page = get(&world, tokens::GLOBAL, "/agents", &format!("{query}{more}"));
        seen.extend(ids(&page.records("/agents")));
        cursor = page.cursor();
        if cursor.is_none() {
            break;
        }
    }
    let distinct: BTreeSet<&String> = seen.iter().collect();
    assert!(seen.len() > distinct.len(), "some are seen twice");
    assert_eq!(distinct.len(), world.agent_ids().len());
}
