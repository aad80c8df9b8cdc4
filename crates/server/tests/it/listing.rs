//! Every list of the interface is walked by its key, entry by entry, and comes to the same as read at once.

use access::Role;
use kernel::OrgId;
use serde_json::Value;
use server::{Kind, Route, routes};
use testkit::Database;

use crate::world::{Reply, World};

testkit::on_each_database! {
    every_list_is_the_same_entry_by_entry_as_at_once,
    a_parameter_that_nothing_reads_is_refused,
}

/// Entries that a walk meets at most, before it is said not to end.
const STEPS_MAX: usize = 400;

fn send(world: &World, method: &str, path: &str, cookie: &str, body: &str) -> Reply {
    let origin = format!("http://{}", world.address);
    let headers = [("cookie", cookie), ("content-type", "application/json"), ("origin", origin.as_str())];
    let reply = world.send(method, path, &headers, body);
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    reply
}

/// At least two of everything that a list holds.
fn furnish(world: &World, cookie: &str) {
    for name in ["one", "two", "three"] {
        let post = |path: &str, body: &str| send(world, "POST", &format!("/api/v1{path}"), cookie, body);
        post("/credentials", &format!(r#"{{"name":"{name}","kind":"snmp_community","secret":"{name}"}}"#));
        post("/fields", &format!(r#"{{"key":"{name}"}}"#));
        post("/owner-rules", &format!(r#"{{"owner":"{name}","when":"name:{name}"}}"#));
        post("/queries", &format!(r#"{{"name":"{name}","text":"name:{name}"}}"#));
        post("/tokens", &format!(r#"{{"name":"{name}","role":"viewer","days":3}}"#));
        post("/links", &format!(r#"{{"recipient":"{name}","host":"{name}.sentinelone.net"}}"#));
        post("/explorers", &format!(r#"{{"name":"{name}"}}"#));
        let scan = format!(r#"{{"name":"{name}","targets":"192.168.7.0/28"}}"#);
        post("/scans", &scan);
        let login = world.person(name, &[(OrgId::DEFAULT, Role::Viewer)]);
        let ada = kernel::PersonId(1);
        world.write(move |tx| access::create_org(tx, &format!("Org {name}"), ada, "ada", crate::world::START));
        assert_ne!(login, ada);
    }
}

/// A list's address: it reads, is of the interface, and has nothing that varies.
fn may_be_a_list(route: &&Route) -> bool {
    route.method == "GET" && route.kind == Kind::Api && !route.path.contains('{')
}

fn every_list_is_the_same_entry_by_entry_as_at_once(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    furnish(&world, &cookie);
    let get = |path: &str| world.get(path, &cookie);
    let of_first = |list: &str, below: &str| {
        let first = get(&format!("/api/v1/{list}?limit=1")).json()["items"][0].clone();
        let id = first.get("id").or(first.get("name")).and_then(Value::as_str).unwrap_or_default().to_owned();
        format!("/api/v1/{list}/{id}/{below}")
    };
    let mut lists: Vec<String> = routes().iter().filter(may_be_a_list).map(|route| route.path.to_string()).collect();
    lists.push(of_first("scans", "runs"));
    lists.push("/api/v1/queries/one/rows".to_owned());
    lists.push(of_first("integrations", "left-out"));
    let (mut walked, mut with_two) = (Vec::new(), 0);
    for list in &lists {
        let whole = get(&format!("{list}?limit=1000"));
        let Some(all) =
            serde_json::from_str::<Value>(&whole.body).ok().and_then(|all| all["items"].as_array().cloned())
        else {
            continue;
        };
        assert_eq!(whole.status, 200, "{list}: {}", whole.body);
        assert_eq!(whole.json().get("next"), Some(&Value::Null), "{list} ends, and says so");
        for wrong in ["0", "1001", "x"] {
            assert_eq!(get(&format!("{list}?limit={wrong}")).status, 422, "{list}?limit={wrong}");
        }
        // The audit trail is the one list that is read both ways: the newest first, or on from where a program stands.
        let on = if list == "/api/v1/audit" { "before" } else { "after" };
        let (mut found, mut after) = (Vec::new(), String::new());
        for _ in 0..STEPS_MAX {
            let page = get(&format!("{list}{}", server::address("", &[("limit", "1"), (on, &after)])));
            assert_eq!(page.status, 200, "{list} after {after}: {}", page.body);
            let page = page.json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= 1, "{list} after {after}");
            found.extend(items.iter().cloned());
            match &page["next"] {
                Value::Null => break,
                Value::String(next) => after.clone_from(next),
                next => after = next.to_string(),
            }
        }
        assert_eq!(found, all, "{list}");
        with_two += usize::from(all.len() > 1);
        walked.push(list.as_str());
    }
    assert!(
        walked.len() >= 22 && with_two >= 13,
        "{} lists were walked, {with_two} of more than one: {walked:?}",
        walked.len()
    );
}

fn a_parameter_that_nothing_reads_is_refused(database: &Database) {
    let world = World::new(database);
    let cookie = world.cookie("ada", OrgId::DEFAULT);
    let mut asked = 0;
    for route in routes().iter().filter(may_be_a_list) {
        let reply = world.get(&format!("{}?limti=1", route.path), &cookie);
        assert_eq!(reply.status, 422, "{}: {}", route.path, reply.body);
        let told = reply.json();
        assert!(told["detail"].as_str().unwrap().starts_with("There is no parameter \"limti\" here."), "{told}");
        asked += 1;
    }
    assert!(asked > 20, "{asked} routes");
}
