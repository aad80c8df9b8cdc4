//! What programs change: settings and saved queries, and that nobody overwrites what they have not seen.

use kernel::OrgId;
use testkit::Database;

use crate::world::{MACHINES, Reply, World};

testkit::on_each_database! {
    settings_are_read_and_changed_by_who_may,
    a_saved_query_is_asked_set_and_renamed,
}

/// Sends JSON, as a page's script or a program with the cookie of a person does.
fn send(world: &World, method: &str, path: &str, cookie: &str, more: &[(&str, &str)], body: &str) -> Reply {
    let origin = format!("http://{}", world.address);
    let mut headers = vec![("cookie", cookie), ("content-type", "application/json"), ("origin", origin.as_str())];
    headers.extend_from_slice(more);
    world.send(method, path, &headers, body)
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
