//! What programs change: settings and saved queries, and that nobody overwrites what they have not seen.

use std::sync::Arc;

use access::Role;
use kernel::{OrgId, PersonId, Secret};
use sentinelone::Transport;
use testkit::Database;

use crate::world::{MACHINES, Reply, START, World, mail};

testkit::on_each_database! {
    settings_are_read_and_changed_by_who_may,
    a_saved_query_is_asked_set_and_renamed,
    whoever_changes_what_another_changed_is_told,
    what_pages_do_to_people_and_organizations_programs_do_too,
    fields_of_assets_and_a_credentials_name_are_set_by_programs_too,
    what_the_page_of_an_account_does_programs_with_a_session_do_too,
    every_console_is_read_and_removals_are_accepted_by_programs_too,
    a_connector_on_trial_is_enrolled_and_allowed_by_programs_too,
}

/// Sends JSON, as a page's script or a program with the cookie of a person does.
fn send(world: &World, method: &str, path: &str, cookie: &str, more: &[(&str, &str)], body: &str) -> Reply {
    let origin = format!("http://{}", world.address);
    let mut headers = vec![("cookie", cookie), ("content-type", "application/json"), ("origin", origin.as_str())];
    headers.extend_from_slice(more);
    world.send(method, path, &headers, body)
}

/// A token of the first person's that may do whatever tokens may.
fn bearer(world: &World) -> String {
    let new = access::NewApiToken {
        name: "a program".to_owned(),
        role: Role::Admin,
        reach: access::Reach::Write,
        expires_at: START.plus_seconds(3600),
    };
    let fresh = kernel::Random::secret_bytes();
    let made = world.write(move |tx| access::create_api_token(tx, OrgId::DEFAULT, PersonId(1), &new, &fresh, START));
    format!("Bearer {}", made.0.expose())
}

fn settings_are_read_and_changed_by_who_may(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let first = world.get("/api/v1/settings", &cookie);
    assert_eq!(first.json()["keep_log_days"], serde_json::Value::Null, "{}", first.body);
    let tag = first.header("etag").to_owned();
    let path = "/api/v1/settings";
    let changed = send(
        &world,
        "PATCH",
        path,
        &cookie,
        &[("if-match", &tag)],
        r#"{"keep_log_days":90,"support_contact":"Ann, 4711"}"#,
    );
    assert_eq!(changed.status, 200, "{}", changed.body);
    let now = changed.json();
    assert_eq!((now["keep_log_days"].as_u64(), now["support_contact"].as_str()), (Some(90), Some("Ann, 4711")));
    // Who read it before that does not undo it unseen.
    let stale = send(&world, "PATCH", path, &cookie, &[("if-match", &tag)], r#"{"keep_log_days":1}"#);
    assert_eq!((stale.status, stale.header("content-type")), (412, "application/problem+json"), "{}", stale.body);
    let for_ever = send(&world, "PATCH", path, &cookie, &[], r#"{"keep_log_days":0}"#).json();
    assert_eq!(
        (&for_ever["keep_log_days"], &for_ever["support_contact"]),
        (&serde_json::Value::Null, &now["support_contact"])
    );
    let wrong = send(&world, "PATCH", path, &cookie, &[], r#"{"keep_history_days":99999}"#);
    assert_eq!((wrong.status, wrong.json()["mistakes"][0]["field"].as_str()), (422, Some("keep_history_days")));
    // What holds for all organizations is for who manages the installation.
    let private = r#"{"consoles_may_be_private":true}"#;
    assert_eq!(send(&world, "PATCH", path, &cookie, &[], private).json()["consoles_may_be_private"], true);
    let ben = world.cookie("ben", OrgId(2));
    assert_eq!(send(&world, "PATCH", path, &ben, &[], private).status, 403);
    let alone = send(&world, "PATCH", path, &cookie, &[], r#"{"admins_need_second_factor":true}"#);
    assert_eq!(alone.status, 422, "who has none would lock themselves out: {}", alone.body);
    assert_eq!(send(&world, "PATCH", path, &cookie, &[], r#"{"colour":"red"}"#).status, 422);
    let trail = world.get("/api/v1/audit?limit=50", &cookie).body;
    assert!(trail.contains("setting.keep") && trail.contains("log 90 days"), "{trail}");
    // The other organization has its own.
    let other = world.cookie("ben", OrgId(2));
    assert_eq!(send(&world, "PATCH", path, &cookie, &[], r#"{"keep_log_days":30}"#).json()["keep_log_days"], 30);
    assert_eq!(world.get(path, &other).json()["keep_log_days"], serde_json::Value::Null);
}

fn a_saved_query_is_asked_set_and_renamed(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let new = r#"{"name":"by-system","text":"os:{system=windows}","prose":"Machines by system."}"#;
    let saved = send(&world, "POST", "/api/v1/queries", &cookie, &[], new);
    assert_eq!(saved.status, 200, "{}", saved.body);
    let rows = |path: &str| world.get(path, &cookie).json()["items"].as_array().map_or(0, Vec::len);
    assert_eq!(rows("/api/v1/queries/by-system/rows?limit=1000"), MACHINES / 2);
    assert_eq!(rows("/api/v1/queries/by-system/rows?values=system%3Dnothing"), 0);
    let page = world.get("/api/v1/queries/by-system/rows?limit=7&fields=serial", &cookie).json();
    assert_eq!(page["items"].as_array().map(Vec::len), Some(7));
    let next = server::address(
        "/api/v1/queries/by-system/rows",
        &[("limit", "1000"), ("after", page["next"].as_str().unwrap())],
    );
    assert_eq!(rows(&next), MACHINES / 2 - 7);
    assert_eq!(world.get("/api/v1/queries/by-system/rows?values=system", &cookie).status, 422);
    assert_eq!(world.get("/api/v1/queries/by-system/rows?values=colour%3Dred", &cookie).status, 422);

    let tag = world.get("/api/v1/queries/by-system", &cookie).header("etag").to_owned();
    let path = "/api/v1/queries/by-system";
    let changed =
        send(&world, "PATCH", path, &cookie, &[("if-match", &tag)], r#"{"name":"by-os","values":{"system":"debian"}}"#);
    assert_eq!((changed.status, changed.json()["name"].as_str()), (200, Some("by-os")), "{}", changed.body);
    assert_eq!(rows("/api/v1/queries/by-os/rows?limit=1000"), MACHINES / 2);
    assert_eq!(world.get(path, &cookie).status, 404);
    let stale = send(&world, "PATCH", "/api/v1/queries/by-os", &cookie, &[("if-match", &tag)], r#"{"name":"mine"}"#);
    assert_eq!(stale.status, 412, "{}", stale.body);
    assert_eq!(world.get("/api/v1/queries/none/rows", &cookie).status, 404);
}

/// A request that changes something: its method, path and body.
type Change<'a> = (&'a str, &'a str, &'a str);

fn whoever_changes_what_another_changed_is_told(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let vera = world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let save = r#"{"name":"key","kind":"snmp_community","secret":"one","untried":true}"#;
    let saved = send(&world, "POST", "/api/v1/credentials", &cookie, &[], save);
    assert_eq!(saved.status, 200, "{}", saved.body);
    let credential = format!("/api/v1/credentials/{}", saved.json()["id"].as_str().unwrap());
    let list = world.get("/api/v1/integrations", &cookie).json();
    let integration = format!("/api/v1/integrations/{}", list["items"][0]["id"].as_str().unwrap());
    let confirmed = format!("{integration}?confirm={}-list", crate::world::CANARY);
    let (person, sharing) = (format!("/api/v1/people/{vera}"), format!("{credential}/sharing"));
    let rotate = format!("{credential}/rotate");
    let changes: [(&str, [Change; 3]); 3] = [
        (
            &person,
            [
                ("PATCH", &person, r#"{"role":"operator"}"#),
                ("PATCH", &person, r#"{"role":"auditor"}"#),
                ("DELETE", &person, ""),
            ],
        ),
        (
            &credential,
            [
                ("POST", &rotate, r#"{"secret":"two"}"#),
                ("PUT", &sharing, r#"{"organizations":[]}"#),
                ("DELETE", &credential, ""),
            ],
        ),
        (
            &integration,
            [
                ("PATCH", &integration, r#"{"name":"cmdb"}"#),
                ("PATCH", &integration, r#"{"site":"Elsewhere"}"#),
                ("DELETE", &confirmed, ""),
            ],
        ),
    ];
    for (thing, [first, second, third]) in changes {
        let tag = world.get(thing, &cookie).header("etag").to_owned();
        let known: [(&str, &str); 1] = [("if-match", &tag)];
        let sent =
            |(method, path, body): Change, more: &[(&str, &str)]| send(&world, method, path, &cookie, more, body);
        let done = sent(first, &known);
        assert_eq!(done.status, 200, "{thing}: {}", done.body);
        // What somebody else read before that is not done over it, neither changed nor removed.
        for other in [second, third] {
            let stale = sent(other, &known);
            assert_eq!((stale.status, stale.header("content-type")), (412, "application/problem+json"), "{other:?}");
            assert!(stale.json()["help"].as_str().unwrap().contains("Read it again"), "{}", stale.body);
        }
        // The answer to a change carries the tag with which the next one is made.
        let now = done.header("etag").to_owned();
        assert_ne!(now, tag, "{thing}");
        let again = sent(second, &[("if-match", &now)]);
        assert_eq!(again.status, 200, "{second:?}: {}", again.body);
    }
    // Who signs in meanwhile has changed nothing that another could overwrite.
    let tag = world.get(&person, &cookie).header("etag").to_owned();
    world.clock.set(START.plus_seconds(60));
    world.cookie("vera", OrgId::DEFAULT);
    let seen = send(&world, "GET", &person, &cookie, &[("if-none-match", &tag)], "");
    assert_eq!(seen.status, 200, "the sign-in is news");
    assert_eq!(send(&world, "PATCH", &person, &cookie, &[("if-match", &tag)], r#"{"role":"viewer"}"#).status, 200);
}

fn what_pages_do_to_people_and_organizations_programs_do_too(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let vera = world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let hers = world.cookie("vera", OrgId::DEFAULT);
    let at = |below: &str| format!("/api/v1/people/{vera}{below}");
    let linked = send(&world, "POST", &at("/link"), &cookie, &[], "");
    assert!(linked.json()["link"].as_str().unwrap().contains("/invitation?token="), "{}", linked.body);
    assert_eq!(linked.header("cache-control"), "no-store");
    assert_eq!(world.get("/account", &hers).status, 200);
    assert_eq!(send(&world, "POST", &at("/sign-out"), &cookie, &[], "").status, 200);
    assert_eq!(world.get("/account", &hers).status, 303, "every session of hers has ended");
    assert_eq!(send(&world, "DELETE", &at("/second-factor"), &cookie, &[], "").json()["second_factor"], false);
    // Whoever stole a token does not become a person by it.
    world.write(move |tx| {
        let hash = access::hash_password(&Secret::new("purple whale eats 9".to_owned()), &[7; access::SALT_BYTES]);
        access::set_password(tx, vera, &hash, None, "ada", START)
    });
    let bearer = bearer(&world);
    let by_token = |method: &str, path: &str| world.send(method, path, &[("authorization", &bearer)], "").status;
    assert_eq!(by_token("POST", &at("/link")), 403);
    assert_eq!(by_token("DELETE", &at("/second-factor")), 403);
    assert_eq!(by_token("POST", &at("/sign-out")), 200);
    let made = send(&world, "POST", "/api/v1/organizations", &cookie, &[], r#"{"name":"Acme Labs"}"#).json();
    assert_eq!((made["name"].as_str(), made["role"].as_str()), (Some("Acme Labs"), Some("admin")));
    let other = format!("/api/v1/organizations/{}", made["id"].as_str().unwrap());
    assert_eq!(send(&world, "PATCH", &other, &cookie, &[], r#"{"name":"Labs"}"#).status, 404, "not looked at");
    let own = format!("/api/v1/organizations/{}", OrgId::DEFAULT);
    let renamed = send(&world, "PATCH", &own, &cookie, &[], r#"{"name":"Acme Head"}"#);
    assert_eq!(renamed.json()["name"], "Acme Head", "{}", renamed.body);
    assert!(world.get("/api/v1/organizations", &cookie).body.contains("Acme Head"));
}

fn fields_of_assets_and_a_credentials_name_are_set_by_programs_too(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let asset = world.get("/api/v1/assets?limit=1", &cookie).json()["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(send(&world, "POST", "/api/v1/fields", &cookie, &[], r#"{"key":"room"}"#).status, 200);
    let put = |value: &str| {
        let body = format!(r#"{{"assets":["{asset}"],"field":"room","value":{value}}}"#);
        let set = send(&world, "POST", "/api/v1/assets/field", &cookie, &[], &body);
        assert_eq!((set.status, set.json()["assets"].as_u64()), (200, Some(1)), "{}", set.body);
        world.get("/api/v1/assets/count?q=field.room:cellar", &cookie).json()["count"].as_u64()
    };
    assert_eq!((put(r#""cellar""#), put("null")), (Some(1), Some(0)));
    let save = r#"{"name":"key","kind":"snmp_community","secret":"one"}"#;
    let saved = send(&world, "POST", "/api/v1/credentials", &cookie, &[], save);
    let path = format!("/api/v1/credentials/{}", saved.json()["id"].as_str().unwrap());
    let tag = [("if-match", saved.header("etag"))];
    assert_eq!(send(&world, "PATCH", &path, &cookie, &tag, r#"{"name":"door"}"#).json()["name"], "door");
    assert_eq!(send(&world, "PATCH", &path, &cookie, &tag, r#"{"name":"gate"}"#).status, 412);
    let nowhere =
        send(&world, "PUT", &format!("{path}/reference"), &cookie, &[], r#"{"reference":"env:MUSTER_SECRET_NONE"}"#);
    assert_eq!(nowhere.status, 422, "{}", nowhere.body);
}

fn what_the_page_of_an_account_does_programs_with_a_session_do_too(database: &Database) {
    const OLD: &str = "seven green lamps at noon";
    const NEW: &str = "nine red lamps at midnight";
    let world = World::new(database);
    world.write(|tx| {
        let hash = access::hash_password(&Secret::new(OLD.to_owned()), &[3; access::SALT_BYTES]);
        access::set_password(tx, PersonId(1), &hash, None, "ada", START)
    });
    let (ada, elsewhere, third) =
        (world.cookie("ada", OrgId::DEFAULT), world.cookie("ada", OrgId::DEFAULT), world.cookie("ada", OrgId::DEFAULT));
    let sent = |method: &str, path: &str, body: &str| send(&world, method, &format!("/api/v1{path}"), &ada, &[], body);
    let own = world.get("/api/v1/account", &ada).json();
    assert_eq!((own["login"].as_str(), own["has_password"].as_bool()), (Some(&*mail("ada")), Some(true)));
    let wrong = |reply: Reply| {
        assert_eq!(reply.status, 422, "{}", reply.body);
        reply.json()["mistakes"][0]["field"].as_str().unwrap_or_default().to_owned()
    };
    assert_eq!(sent("PATCH", "/account", r#"{"name":" Ada L. "}"#).json()["name"], "Ada L.");
    assert_eq!(wrong(sent("PATCH", "/account", r#"{"name":" "}"#)), "name");
    assert_eq!(sent("PATCH", "/account", r#"{"login":"x"}"#).status, 422);
    // Sessions: which is which, one, and all others.
    let sessions = || world.get("/api/v1/account/sessions", &ada).json()["items"].as_array().unwrap().clone();
    let all = sessions();
    assert_eq!(all.iter().map(|one| one["own"].as_bool().unwrap()).filter(|own| *own).count(), 1, "{all:?}");
    assert_eq!(all.len(), 3);
    let before = |cookie: &str| world.get("/api/v1/me", cookie).status;
    let other = all.iter().find(|one| one["own"] == false).unwrap()["id"].as_str().unwrap();
    assert_eq!(sent("DELETE", &format!("/account/sessions/{other}"), "").status, 200);
    assert_eq!(sent("DELETE", &format!("/account/sessions/{other}"), "").status, 404, "it is gone");
    assert_eq!((sessions().len(), before(&ada)), (2, 200));
    assert_eq!(sent("DELETE", "/account/sessions", "").status, 200);
    assert_eq!((before(&ada), before(&elsewhere), before(&third)), (200, 401, 401));
    // The password, which is proved first.
    let change = |current: &str, new: &str| {
        sent("PUT", "/account/password", &format!(r#"{{"current":"{current}","password":"{new}"}}"#))
    };
    assert_eq!(
        (wrong(change("not it", NEW)), wrong(change(OLD, "short"))),
        ("current".to_owned(), "password".to_owned())
    );
    let again = world.cookie("ada", OrgId::DEFAULT);
    assert_eq!(change(OLD, NEW).status, 200);
    assert_eq!((before(&ada), before(&again)), (200, 401), "everywhere else she is signed out");
    assert_eq!(wrong(change(OLD, OLD)), "current");
    assert_eq!(sent("DELETE", "/account/provider", "").json()["linked"], false);
    // Whoever stole a token reads, and becomes nobody by it.
    let bearer = bearer(&world);
    let by_token = |method: &str, path: &str| {
        world.send(method, &format!("/api/v1/account{path}"), &[("authorization", &bearer)], "{}").status
    };
    assert_eq!((by_token("GET", ""), by_token("GET", "/sessions")), (200, 200));
    let one = format!("/sessions/{other}");
    for (method, path) in
        [("PATCH", ""), ("PUT", "/password"), ("DELETE", "/provider"), ("DELETE", "/sessions"), ("DELETE", &one)]
    {
        assert_eq!(by_token(method, path), 403, "{method} {path}");
    }
    let trail = world.get("/api/v1/audit?limit=100", &ada).body;
    for done in ["person.rename", "session.end", "session.end_all", "person.password"] {
        assert!(trail.contains(done), "{done}: {trail}");
    }
}

fn every_console_is_read_and_removals_are_accepted_by_programs_too(database: &Database) {
    let config = sentinelone_sim::Config::new(7, 12, Arc::new(|| START.micros()));
    let sim = sentinelone_sim::World::new(config);
    let world = World::asking(database, Transport::InProcess(sim.service()));
    world.person("ada", &[(OrgId::DEFAULT, Role::Admin)]);
    world.person("oleg", &[(OrgId::DEFAULT, Role::Operator)]);
    world.person("vera", &[(OrgId::DEFAULT, Role::Viewer)]);
    let [ada, oleg, vera] = ["ada", "oleg", "vera"].map(|login| world.cookie(login, OrgId::DEFAULT));
    let ask = |cookie: &str, path: &str, body: &str| send(&world, "POST", &format!("/api/v1{path}"), cookie, &[], body);
    assert_eq!(ask(&ada, "/integrations/sync", "").status, 409, "there is nothing to read");
    let home = crate::integrations::connect(&world, &ada);
    let id = home.rsplit('/').next().unwrap();
    assert_eq!(ask(&oleg, "/integrations/sync", "").json()["tasks"], serde_json::json!([id]));
    assert_eq!(ask(&vera, "/integrations/sync", "").status, 403);
    let accept = r#"{"streams":["agents"],"accept_removals":true}"#;
    assert_eq!(ask(&vera, &format!("{home}/sync"), accept).status, 403);
    assert_eq!(ask(&oleg, &format!("{home}/sync"), accept).json()["task"], id);
    assert_eq!(ask(&ada, &format!("{home}/sync"), r#"{"streams":["agnts"]}"#).status, 409);
    let trail = world.get("/api/v1/audit?limit=100", &ada).body;
    assert!(trail.contains("integration.accept-removals") && trail.contains("integration.sync"), "{trail}");
    // One that is paused is not read with the others.
    assert_eq!(
        send(&world, "PATCH", &format!("/api/v1{home}"), &ada, &[], r#"{"options":{"enabled":false}}"#).status,
        200
    );
    assert_eq!(ask(&ada, &format!("{home}/sync"), "").status, 409);
}

fn a_connector_on_trial_is_enrolled_and_allowed_by_programs_too(database: &Database) {
    let world = World::new(database);
    world.person("oleg", &[(OrgId::DEFAULT, Role::Operator)]);
    let [ada, oleg] = ["ada", "oleg"].map(|login| world.cookie(login, OrgId::DEFAULT));
    let ask = |cookie: &str, path: &str| send(&world, "POST", &format!("/api/v1/connectors{path}"), cookie, &[], "");
    let all = world.get("/api/v1/connectors", &oleg).json();
    let of = |word: &str| all["items"].as_array().unwrap().iter().find(|one| one["connector"] == word).unwrap().clone();
    assert_eq!((&of("sentinelone")["kind"], &of("csv")["kind"]), (&"connect".into(), &"file".into()));
    assert_eq!((&of("snmp")["kind"], &of("snmp")["enrolled"]), (&"trial".into(), &serde_json::Value::Null));
    assert_eq!(ask(&ada, "/snmp/allow").status, 409, "nobody asks for it");
    let enrolled = ask(&oleg, "/snmp/enrol");
    assert_eq!(enrolled.json()["enrolled"]["by"], mail("oleg"), "{}", enrolled.body);
    assert_eq!(ask(&oleg, "/snmp/allow").status, 403);
    assert_eq!(ask(&ada, "/snmp/allow").json()["allowed"]["by"], mail("ada"));
    assert_eq!((ask(&ada, "/csv/enrol").status, ask(&ada, "/abacus/enrol").status), (409, 404));
    let other = world.get("/api/v1/connectors", &world.cookie("ben", OrgId(2)));
    assert!(!other.body.contains(&mail("oleg")), "{}", other.body);
    let trail = world.get("/api/v1/audit?limit=100", &ada).body;
    assert!(trail.contains("connector.enrol") && trail.contains("connector.allow"), "{trail}");
}
